//! Lessons of the pattern `forgotten_task_done`.

use std::cell::RefCell;
use std::sync::{Arc, Mutex};

use pitfalls::forgotten_task_done::{broken, fixed};
use tokio::time::{Instant, timeout};

use crate::support::{alive_tasks, ms};
use crate::work::forgotten_task_done::handle;
use crate::work::{FOR_EVER, Visits};

/// asyncio: `join` waits for one `task_done` per `put`. Tokio has no `join`, and a count kept by hand has the same trap.
#[tokio::test(start_paused = true)]
async fn but_after_a_job_that_has_failed_join_waits_for_ever() {
    let batches = Visits::default();
    let all = broken([vec!["good", "bad", "good"]], handle, drop, || batches.enter());
    assert!(timeout(FOR_EVER, all).await.is_err());
    assert_eq!(batches.came(), 0);
}

/// asyncio and Tokio: while every job succeeds, the missing `task_done` does not show.
#[tokio::test(start_paused = true)]
async fn without_a_failure_it_returns() {
    let batches = Visits::default();
    broken([vec!["good", "good"]], handle, drop, || batches.enter()).await;
    assert_eq!(batches.came(), 1);
}

/// asyncio: `task_done` belongs in a `finally`. Here: the job carries a token, and every way out drops it.
#[tokio::test(start_paused = true)]
async fn a_value_that_travels_with_the_job_counts_it_however_it_ends() {
    let (start, done, reports) = (Instant::now(), RefCell::new(Vec::new()), Arc::new(Mutex::default()));
    let report = {
        let reports = Arc::clone(&reports);
        move |error| Mutex::<Vec<_>>::lock(&reports).unwrap().push(error)
    };
    let batches = [vec!["good", "bad", "good"], vec![], vec!["bad"]];
    fixed(batches, handle, report, || done.borrow_mut().push(start.elapsed())).await;
    assert_eq!(*done.borrow(), [ms(300), ms(300), ms(400)], "each batch when all of it is done");
    assert_eq!(*reports.lock().unwrap(), ["bad job", "bad job"]);
}

/// asyncio: a worker that dies before `task_done` leaves `join` waiting forever. Here: its panic resumes.
#[tokio::test(start_paused = true)]
async fn a_panic_goes_on_in_the_caller_and_its_batch_is_not_done() {
    let batches = Visits::default();
    let inside = batches.clone();
    let caller = tokio::spawn(async move {
        fixed([vec!["good"], vec!["panics", "good"]], handle, drop, || inside.enter()).await;
    });
    assert!(timeout(FOR_EVER, caller).await.unwrap().unwrap_err().is_panic());
    assert_eq!((batches.came(), alive_tasks()), (1, 0));
}

/// asyncio: `put` on a full queue waits forever without a worker. Tokio: `send` fails without a receiver.
#[tokio::test(start_paused = true)]
async fn the_queue_of_a_worker_that_panicked_is_not_filled_for_ever() {
    let caller = tokio::spawn(fixed([vec!["panics"; 1_000]], handle, drop, || {}));
    assert!(timeout(FOR_EVER, caller).await.unwrap().unwrap_err().is_panic());
}

/// A batch of a thousand meets a queue of sixteen slots: backpressure, and no deadlock.
#[tokio::test(start_paused = true)]
async fn ten_thousand_jobs_pass_through_sixteen_places() {
    let handled = Visits::default();
    let handling = handled.clone();
    let quick = move |_job: usize| {
        handling.enter();
        async { Ok::<_, &str>(()) }
    };
    let batches = (0..10).map(|_| (0..1_000).collect());
    fixed(batches, quick, drop, || {}).await;
    assert_eq!(handled.came(), 10_000);
}
