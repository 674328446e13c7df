//! Each pattern inside a spawned task.

use futures::future::pending;

use crate::support::ms;
use crate::work::{Broken, load};

/// A caller may itself be a task: each pattern's future is `Send` if the work is.
#[tokio::test(start_paused = true)]
async fn every_pattern_can_run_inside_a_spawned_task() {
    let all = tokio::spawn(async {
        let task = tokio::spawn(async { Ok("page".to_owned()) });
        assert_eq!(error_handling::one_task::page_or("", task).await.unwrap(), "page");
        let tasks = [("a", tokio::spawn(load("a", 10)))];
        assert_eq!(error_handling::outcome::every_outcome(tasks).await.len(), 1);
        let done = error_handling::background::reported(load("a", 10), |_| {}).await;
        assert_eq!(done.unwrap(), "a");
        let mut supervisor = error_handling::supervise::Supervisor::new(|_: &str, _: &anyhow::Error, _| {});
        supervisor.start("a", None, |_| async { Ok(()) }).unwrap();
        supervisor.next_end().await.unwrap();
        supervisor.shutdown(ms(10)).await;
        let policy = error_handling::retry::Policy::default();
        let again = |_: &Broken| error_handling::retry::Verdict::Again;
        assert_eq!(error_handling::retry::retry(policy, || load("a", 10), again).await, Ok("a"));
        let limits = error_handling::circuit_breaker::BreakerLimits::default();
        let breaker = error_handling::circuit_breaker::CircuitBreaker::new(limits);
        assert_eq!(breaker.call(|| load("a", 10), Result::is_err).await, Ok(Ok("a")));
        let read = async { Ok("7".to_owned()) };
        assert_eq!(error_handling::context::settings("n", read, str::parse::<u32>).await.unwrap(), 7);
        assert_eq!(error_handling::context::or_backup(async { Ok(1) }, pending()).await.unwrap(), 1);
    });
    all.await.unwrap();
}
