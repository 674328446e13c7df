//! Scenarios of `recipes/executors/src/thread_pool.rs` for a scheduler that chooses who goes next at each lock, at each
//! condition and at the start of each thread. `tests/interleavings.py` builds them with shuttle in the place of std's
//! locks and threads, and of Tokio.
#![allow(dead_code, reason = "no scenario uses all of a pattern")]

mod thread_pool;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use shuttle::future::{block_on, spawn};
use thread_pool::{JobError, Queued, Refused, Stage, ThreadPool};

/// Shuttle's Tokio has no `SetOnce`.
mod steps {
    use shuttle::sync::Mutex;
    use tokio::sync::Notify;

    /// Not `Copy`, as Tokio's is not.
    pub(crate) struct SetError<T>(T);

    #[derive(Debug)]
    pub(crate) struct SetOnce<T> {
        value: Mutex<Option<T>>,
        told: Notify,
    }

    impl<T> SetOnce<T> {
        pub(crate) fn new() -> Self {
            Self { value: Mutex::new(None), told: Notify::new() }
        }

        pub(crate) fn set(&self, value: T) -> Result<(), SetError<T>> {
            *self.value.lock().unwrap() = Some(value);
            self.told.notify_waiters();
            Ok(())
        }

        pub(crate) async fn wait(&self) {
            let told = self.told.notified();
            if self.value.lock().unwrap().is_none() {
                told.await;
            }
        }
    }
}

const ONE: NonZeroUsize = NonZeroUsize::MIN;
const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();

/// Two who submit and one who shuts down, at any moment: what was taken has run once, what was not has not.
async fn what_is_taken_runs_once(queued: Queued) {
    let pool = Arc::new(ThreadPool::new(TWO, "pool"));
    let submitters = [(); 2].map(|()| {
        let pool = pool.clone();
        spawn(async move {
            for _ in 0..2 {
                let ran = Arc::new(AtomicUsize::new(0));
                let runs = ran.clone();
                let outcome = match pool.submit(move || runs.fetch_add(1, SeqCst)) {
                    Ok(job) => job.await,
                    Err(Refused::ShutDown) => Err(JobError::Cancelled),
                    Err(error) => panic!("{error}"),
                };
                let expected = match outcome {
                    Ok(_) => 1,
                    Err(JobError::Cancelled) => 0,
                    Err(error) => panic!("{error}"),
                };
                assert_eq!(ran.load(SeqCst), expected);
            }
        })
    });
    shuttle::future::yield_now().await;
    pool.shutdown(queued).await.unwrap();
    for submitter in submitters {
        submitter.await.unwrap();
    }
    assert_eq!(pool.queued(), 0);
}

async fn a_shutdown_that_finishes_loses_and_doubles_nothing() {
    what_is_taken_runs_once(Queued::Finish).await;
}

async fn a_shutdown_that_cancels_loses_and_doubles_nothing() {
    what_is_taken_runs_once(Queued::Cancel).await;
}

/// A job is cancelled at any moment: its answer is what has happened.
async fn a_cancel_tells_the_truth() {
    let pool = ThreadPool::new(ONE, "pool");
    let first = pool.submit(|| ()).unwrap();
    let ran = Arc::new(AtomicUsize::new(0));
    let runs = ran.clone();
    let job = pool.submit(move || runs.fetch_add(1, SeqCst)).unwrap();
    shuttle::future::yield_now().await;
    let cancelled = job.cancel();
    assert_eq!(cancelled, job.stage() == Stage::Cancelled);
    let outcome = job.await;
    first.await.unwrap();
    assert_eq!((outcome.is_ok(), ran.load(SeqCst)), if cancelled { (false, 0) } else { (true, 1) });
    pool.shutdown(Queued::Finish).await.unwrap();
}

/// Two who submit one job after the other, to threads that are idle, or about to be: each job is heard of.
async fn an_idle_thread_hears_of_a_job() {
    let pool = Arc::new(ThreadPool::new(TWO, "pool"));
    let submitters = [(); 2].map(|()| {
        let pool = pool.clone();
        spawn(async move {
            for number in 0..3 {
                assert_eq!(pool.submit(move || number).unwrap().await, Ok(number));
            }
        })
    });
    for submitter in submitters {
        submitter.await.unwrap();
    }
    pool.shutdown(Queued::Finish).await.unwrap();
}

/// The initializer fails on the second thread, at any moment: each job has an answer, and the threads end.
async fn a_pool_that_breaks_leaves_nobody_waiting() {
    let started = AtomicUsize::new(0);
    let pool = ThreadPool::with_initializer(TWO, "pool", move || match started.fetch_add(1, SeqCst) {
        0 => Ok(()),
        _ => Err("no second one"),
    });
    for job in [(); 3].map(|()| pool.submit(|| ())) {
        match job {
            Ok(job) => assert!(matches!(job.await, Ok(()) | Err(JobError::Broken(_)))),
            Err(refused) => assert!(matches!(refused, Refused::Broken(_))),
        }
    }
    pool.shutdown(Queued::Finish).await.unwrap();
}

/// Two wait for the end, and a third drops the pool's last job.
async fn all_who_wait_for_the_end_go_on() {
    let pool = Arc::new(ThreadPool::new(TWO, "pool"));
    let jobs = [(); 2].map(|()| pool.submit(|| ()).unwrap());
    let waiting = [Queued::Finish, Queued::Cancel].map(|queued| {
        let pool = pool.clone();
        spawn(async move { pool.shutdown(queued).await.unwrap() })
    });
    drop(jobs);
    for waiting in waiting {
        waiting.await.unwrap();
    }
}

/// Each scenario on a number of random schedules, and on as many with up to three changes of priority.
fn check<F: Future<Output = ()> + 'static>(name: &str, schedules: usize, scenario: fn() -> F) {
    shuttle::check_random(move || block_on(scenario()), schedules);
    shuttle::check_pct(move || block_on(scenario()), schedules, 3);
    println!("{name}: {} schedules", 2 * schedules);
}

fn main() {
    let schedules = std::env::args().nth(1).and_then(|count| count.parse().ok()).expect("a number of schedules");
    let finishes = a_shutdown_that_finishes_loses_and_doubles_nothing;
    check("a_shutdown_that_finishes_loses_and_doubles_nothing", schedules, finishes);
    let cancels = a_shutdown_that_cancels_loses_and_doubles_nothing;
    check("a_shutdown_that_cancels_loses_and_doubles_nothing", schedules, cancels);
    check("a_cancel_tells_the_truth", schedules, a_cancel_tells_the_truth);
    check("an_idle_thread_hears_of_a_job", schedules, an_idle_thread_hears_of_a_job);
    check("a_pool_that_breaks_leaves_nobody_waiting", schedules, a_pool_that_breaks_leaves_nobody_waiting);
    check("all_who_wait_for_the_end_go_on", schedules, all_who_wait_for_the_end_go_on);
}
