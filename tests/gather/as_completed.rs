//! Lessons of the pattern `as_completed`.

use futures::FutureExt;
use gather::as_completed::as_completed;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{alive_tasks, ms};
use crate::work::ABC;
use crate::work::{load, try_load};

/// asyncio: `as_completed` yields in the order of completion.
#[tokio::test(start_paused = true)]
async fn results_arrive_in_the_order_of_completion() {
    let mut tasks: JoinSet<_> = ABC.map(load).into_iter().collect();
    let start = Instant::now();
    let mut arrived = Vec::new();
    let all = as_completed(&mut tasks, start + ms(1_000), |result| {
        arrived.push((result.unwrap().1, start.elapsed()));
    });
    assert_eq!(all.await, Ok(()));
    assert_eq!(arrived, [("b", ms(100)), ("c", ms(200)), ("a", ms(300))]);
}

/// asyncio: after the timeout, earlier results were delivered, the next await raises, and the tasks still run.
#[tokio::test(start_paused = true)]
async fn after_the_deadline_the_rest_runs_on_in_the_set() {
    let mut tasks: JoinSet<_> = ABC.map(load).into_iter().collect();
    let start = Instant::now();
    let mut arrived = Vec::new();
    let in_time = as_completed(&mut tasks, start + ms(250), |result| arrived.push(result.unwrap().1)).await;
    assert!(in_time.is_err());
    assert_eq!((arrived.as_slice(), start.elapsed(), alive_tasks()), (["b", "c"].as_slice(), ms(250), 1));
    assert_eq!(tasks.join_all().await, ["a"]);
}

/// The hazard: a timeout on each item starts anew with every result, so it is no limit for all of them.
#[tokio::test(start_paused = true)]
async fn but_a_timeout_for_each_item_never_ends_the_whole() {
    let mut tasks: JoinSet<_> = ABC.map(load).into_iter().collect();
    let start = Instant::now();
    while let Ok(Some(_)) = timeout(ms(150), tasks.join_next()).await {}
    assert_eq!((start.elapsed(), tasks.len()), (ms(300), 0));
}

/// asyncio (3.13): the loop yields the original tasks. Tokio: it yields their ids.
#[tokio::test(start_paused = true)]
async fn the_id_tells_whose_result_it_is_also_after_a_panic_or_an_abort() {
    let mut tasks = JoinSet::new();
    let ids = [("aborted", 1_000), ("panics", 100), ("a", 200)].map(|input| {
        let task = tasks.spawn(try_load(input));
        if input.0 == "aborted" {
            task.abort();
        }
        task.id()
    });
    let mut arrived = Vec::new();
    let all = as_completed(&mut tasks, Instant::now() + ms(1_000), |result| {
        arrived.push(match result {
            Ok((id, _)) => (id, "value"),
            Err(error) if error.is_panic() => (error.id(), "panic"),
            Err(error) => (error.id(), "aborted"),
        });
    });
    assert_eq!(all.await, Ok(()));
    assert_eq!(arrived, [(ids[0], "aborted"), (ids[1], "panic"), (ids[2], "value")]);
}

/// asyncio and Tokio: results that are ready are delivered first, then the deadline counts.
#[tokio::test(start_paused = true)]
async fn a_deadline_in_the_past_still_delivers_what_is_done() {
    let mut tasks: JoinSet<_> = ABC.map(load).into_iter().collect();
    sleep(ms(150)).await;
    let mut arrived = Vec::new();
    let in_time =
        as_completed(&mut tasks, Instant::now() - ms(50), |result| arrived.push(result.unwrap().1)).await;
    assert!(in_time.is_err());
    assert_eq!(arrived, ["b"]);
}

/// asyncio: the timeout of `as_completed` wins a tie. Tokio: here too, because its timer was set first.
#[tokio::test(start_paused = true)]
async fn a_task_that_finishes_in_the_instant_of_the_deadline_is_too_late() {
    let mut tasks: JoinSet<_> = ABC.map(load).into_iter().collect();
    let deadline = Instant::now() + ms(100);
    assert!(as_completed(&mut tasks, deadline, |_| panic!("none is done in time")).await.is_err());
    assert_eq!(tasks.join_all().await, ["b", "c", "a"]);
}

/// asyncio: `as_completed` of nothing yields nothing. Tokio: an empty set ends at once, whatever the deadline.
#[tokio::test]
async fn of_nothing_it_ends_at_once() {
    let mut tasks = JoinSet::<()>::new();
    let all = as_completed(&mut tasks, Instant::now(), |_| panic!("there are none")).now_or_never();
    assert_eq!(all, Some(Ok(())));
}
