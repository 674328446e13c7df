//! Lessons of the pattern `cancel_on_drop`.

use std::time::Duration;

use futures::FutureExt;
use task_groups::cancel_on_drop::cancel_on_drop;
use task_groups::task_group::{TaskGroup, task_group_under};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::support::{Log, ms, panics};
use crate::work::cancel_on_drop::all_over;
use crate::work::panic_of;

/// Waits for its cancellation, cleans up for 50 ms, and logs that.
async fn cleans_up(log: Log, cancelled: CancellationToken) -> &'static str {
    cancelled.cancelled().await;
    log.at("told");
    sleep(ms(50)).await;
    log.at("cleaned up");
    "cleaned up"
}

/// asyncio: `await task` gives its value. Tokio: so does this, and the token is left alone.
#[tokio::test(start_paused = true)]
async fn work_that_is_awaited_gives_its_value() {
    let tracker = TaskTracker::new();
    let result = cancel_on_drop(&tracker, |token| async move {
        sleep(ms(100)).await;
        token
    });
    let token = result.await.unwrap();
    assert!(!token.is_cancelled(), "what the work has started with it may go on");
    assert!(tracker.is_empty());
}

/// asyncio: a timeout around a group waits for its clean-up. Tokio: it fires on time; the tracker waits.
#[tokio::test(start_paused = true)]
async fn a_timeout_cancels_it_and_the_tracker_waits() {
    let (log, tracker) = (Log::default(), TaskTracker::new());
    let work = cancel_on_drop(&tracker, |token| cleans_up(log.clone(), token));
    assert!(timeout(ms(100), work).await.is_err());
    log.at("too late");
    all_over(&tracker).await;
    log.at("over");
    assert_eq!(log.take(), ["100 too late", "100 told", "150 cleaned up", "150 over"]);
}

/// The hazard: without it, a future is dropped at its await, and no code after the await runs.
#[tokio::test(start_paused = true)]
async fn but_a_timeout_around_the_work_itself_cuts_it_off() {
    let (log, token) = (Log::default(), CancellationToken::new());
    assert!(timeout(ms(100), cleans_up(log.clone(), token.clone())).await.is_err());
    token.cancel();
    sleep(ms(100)).await;
    assert!(log.take().is_empty());
}

/// A task group in it is cancelled by the token, and waits for its children.
#[tokio::test(start_paused = true)]
async fn a_task_group_in_it_waits_for_its_children() {
    let (log, tracker) = (Log::default(), TaskTracker::new());
    let owner = cancel_on_drop(&tracker, |token| {
        let log = log.clone();
        async move {
            task_group_under(&token, async |group: TaskGroup<()>| {
                group.spawn_with_grace(Duration::MAX, |cancelled| cleans_up(log, cancelled).map(|_| Ok(())));
                Ok(())
            })
            .await
        }
    });
    assert!(timeout(ms(100), owner).await.is_err());
    all_over(&tracker).await;
    log.at("over");
    assert_eq!(log.take(), ["100 told", "150 cleaned up", "150 over"]);
}

/// asyncio: a second cancellation reaches the block while it waits. Tokio: the owner is dropped, so none can come.
#[tokio::test(start_paused = true)]
async fn an_owner_that_is_aborted_twice_does_not_cut_it_short() {
    let (log, tracker) = (Log::default(), TaskTracker::new());
    let owner = tokio::spawn({
        let (log, tracker) = (log.clone(), tracker.clone());
        async move { cancel_on_drop(&tracker, |token| cleans_up(log, token)).await.is_ok() }
    });
    for _ in 0..2 {
        sleep(ms(20)).await;
        owner.abort();
    }
    assert!(owner.await.unwrap_err().is_cancelled());
    all_over(&tracker).await;
    assert_eq!(log.take(), [" 20 told", " 70 cleaned up"]);
}

/// Work that does not check its token runs to its end, and the tracker waits for it.
#[tokio::test(start_paused = true)]
async fn but_work_that_ignores_its_token_runs_on() {
    let (log, tracker) = (Log::default(), TaskTracker::new());
    let work = cancel_on_drop(&tracker, |_| {
        let log = log.clone();
        async move {
            sleep(ms(500)).await;
            log.at("done");
        }
    });
    assert!(timeout(ms(100), work).await.is_err());
    all_over(&tracker).await;
    assert_eq!(log.take(), ["500 done"]);
}

/// asyncio: the await raises the exception of the work. Here: a panic of the work is an error.
#[tokio::test(start_paused = true)]
async fn a_panic_of_the_work_is_an_error() {
    let tracker = TaskTracker::new();
    let result = cancel_on_drop(&tracker, |_| async { panics::<()>("work") }).await;
    assert!(result.unwrap_err().is_panic());
    assert!(tracker.is_empty());
    // A panic of the function that makes the work goes on in the caller, because there is no task yet.
    let made = cancel_on_drop(&tracker, |_| panics::<std::future::Ready<()>>("no work"));
    assert_eq!(panic_of(made).await, "no work");
    assert!(tracker.is_empty());
}
