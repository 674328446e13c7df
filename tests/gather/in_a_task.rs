//! Each pattern inside a spawned task.

use std::num::NonZeroUsize;

use tokio::time::Instant;

use crate::support::ms;
use crate::work::{load, try_load};

/// A caller may itself be a task: each pattern's future is `Send` if the work is.
#[tokio::test(start_paused = true)]
async fn every_pattern_can_run_inside_a_spawned_task() {
    const TWO: [(&str, u64); 2] = [("a", 20), ("b", 10)];
    let all = tokio::spawn(async {
        assert_eq!(gather::in_order::in_order(TWO, load).await, ["a", "b"]);
        assert_eq!(gather::every_outcome::every_outcome(TWO, try_load).await, [Ok("a"), Ok("b")]);
        assert_eq!(gather::fail_fast::or_drop_the_rest(TWO, try_load).await, Ok(vec!["a", "b"]));
        assert_eq!(gather::fail_fast::or_let_the_rest_run(TWO, try_load).await, Ok(vec!["a", "b"]));
        assert_eq!(gather::parallel_in_order::parallel_in_order(TWO, load).await.len(), 2);
        assert_eq!(gather::first_success::first_success(TWO.map(try_load), ms(5)).await, Ok((1, "b")));

        let (mut left, mut right) = (Box::pin(load(TWO[0])), Box::pin(load(TWO[1])));
        let first = gather::first_completed::first_completed(&mut left, &mut right).await;
        assert_eq!(first, gather::first_completed::First::Right("b"));
        gather::first_completed::each_as_it_comes(left, load(TWO[1]), |_| {}).await;

        let mut results = gather::bounded_in_order::bounded_in_order(TWO, NonZeroUsize::MIN, try_load);
        assert_eq!(results.next().await, Some(Ok("a")));

        let mut tasks = TWO.map(|input| gather::wait::MaybeDone::from(tokio::spawn(try_load(input))));
        let waited =
            gather::wait::wait(&mut tasks, gather::wait::ReturnWhen::AllCompleted, None).await.unwrap();
        assert_eq!(waited.done, [0, 1]);

        let mut tasks: tokio::task::JoinSet<_> = TWO.map(load).into_iter().collect();
        let deadline = Instant::now() + ms(100);
        assert_eq!(gather::as_completed::as_completed(&mut tasks, deadline, |_| {}).await, Ok(()));
    });
    all.await.unwrap();
}
