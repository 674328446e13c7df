//! Each pattern inside a spawned task.

use futures::future::pending;
use tokio::time::Instant;

use crate::support::ms;
use crate::work::{Broken, load};

/// A caller may itself be a task: each pattern's future is `Send` when what it runs is.
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
        let deadline = Instant::now() + ms(100);
        let judge = |_: &Broken| error_handling::retry::Verdict::Again;
        let pauses = backon::ExponentialBuilder::new();
        let retried = error_handling::retry::retry(pauses, deadline, judge, |_, _| {}, || load("a", 10));
        assert_eq!(retried.await, Ok("a"));
        let read = async { Ok("7".to_owned()) };
        assert_eq!(error_handling::context::settings("n", read, str::parse::<u32>).await.unwrap(), 7);
        assert_eq!(error_handling::context::or_backup(async { Ok(1) }, pending()).await.unwrap(), 1);
    });
    all.await.unwrap();
}
