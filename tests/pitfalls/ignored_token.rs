//! Lessons of the pattern `ignored_token`.

use pitfalls::ignored_token::{broken, fixed};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::support::{ends, ms};
use crate::work::ignored_token::handle;
use crate::work::{FOR_EVER, Visits};

/// asyncio: a cancellation interrupts the wait. Tokio: a token is a flag, and a wait for something else ignores it.
#[tokio::test(start_paused = true)]
async fn but_a_worker_that_waits_does_not_look_at_its_token() {
    let (queue, mut jobs) = mpsc::channel::<()>(1);
    let stop = CancellationToken::new();
    let stopping = async {
        sleep(ms(150)).await;
        stop.cancel();
    };
    let worker = async { tokio::join!(broken(&mut jobs, &stop, |()| handle(Visits::default())), stopping) };
    assert!(timeout(FOR_EVER, worker).await.is_err());
    drop(queue);
}

/// asyncio: `task.cancel()` interrupts `queue.get()`. Tokio: `run_until_cancelled` drops the `recv`.
#[tokio::test(start_paused = true)]
async fn a_token_ends_the_wait_at_once() {
    let (_queue, mut jobs) = mpsc::channel::<()>(1);
    let (stop, start) = (CancellationToken::new(), Instant::now());
    let stopping = async {
        sleep(ms(150)).await;
        stop.cancel();
    };
    tokio::join!(ends(fixed(&mut jobs, &stop, |()| handle(Visits::default()))), stopping);
    assert_eq!(start.elapsed(), ms(150));
}

/// asyncio: `task.cancel()` interrupts the job too. Here: the token races only with `recv`, so the job is finished.
#[tokio::test(start_paused = true)]
async fn the_job_under_way_is_done_and_the_others_stay_in_the_queue() {
    let (queue, mut jobs) = mpsc::channel(3);
    for () in [(); 3] {
        queue.send(()).await.unwrap();
    }
    let (stop, handled, start) = (CancellationToken::new(), Visits::default(), Instant::now());
    let stopping = async {
        sleep(ms(150)).await;
        stop.cancel();
    };
    tokio::join!(ends(fixed(&mut jobs, &stop, |()| handle(handled.clone()))), stopping);
    assert_eq!((handled.came(), jobs.len(), start.elapsed()), (2, 1, ms(200)));
}

/// If the token is already cancelled, it takes no job, even from a queue that is never empty.
#[tokio::test(start_paused = true)]
async fn after_the_stop_nothing_is_taken_from_a_queue_that_is_full() {
    let (queue, mut jobs) = mpsc::channel(3);
    for () in [(); 3] {
        queue.send(()).await.unwrap();
    }
    let stop = CancellationToken::new();
    let cancel = async |()| stop.cancel();
    ends(fixed(&mut jobs, &stop, cancel)).await;
    assert_eq!(jobs.len(), 2);
    ends(fixed(&mut jobs, &stop, cancel)).await;
    assert_eq!(jobs.len(), 2);
}

/// The trap beside it: with the token around the whole loop, the stop comes in the middle of a job.
#[tokio::test(start_paused = true)]
async fn but_around_the_whole_loop_the_token_cuts_a_job_in_two() {
    let (queue, mut jobs) = mpsc::channel(1);
    queue.send(()).await.unwrap();
    let (stop, handled) = (CancellationToken::new(), Visits::default());
    let stopping = async {
        sleep(ms(50)).await;
        stop.cancel();
    };
    let never = CancellationToken::new();
    let worker = stop.run_until_cancelled(fixed(&mut jobs, &never, |()| handle(handled.clone())));
    assert_eq!((tokio::join!(worker, stopping).0, handled.came()), (None, 0));
    assert_eq!(jobs.len(), 0, "and it is in the queue no more");
}

/// asyncio 3.13: after `shutdown`, an empty queue's `get` raises `QueueShutDown`. Tokio: `None`.
#[tokio::test(start_paused = true)]
async fn a_closed_queue_ends_it_after_the_last_job() {
    let (queue, mut jobs) = mpsc::channel(10_000);
    for () in [(); 10_000] {
        queue.send(()).await.unwrap();
    }
    drop(queue);
    let handled = Visits::default();
    ends(fixed(&mut jobs, &CancellationToken::new(), async |()| handled.enter())).await;
    assert_eq!(handled.came(), 10_000);
}
