//! Lessons of the pattern `lock_over_the_work`.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use pitfalls::lock_over_the_work::{broken, fixed};
use tokio::sync::mpsc;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

use crate::support::{limit, ms};
use crate::work::lock_over_the_work::jobs;

async fn ten_ms(_job: usize) {
    sleep(ms(10)).await;
}

/// asyncio: the block of `async with lock` shows how long it holds. Rust: a guard in the head of a `while let` lives through
/// the body.
#[tokio::test(start_paused = true)]
async fn but_nine_jobs_of_ten_ms_take_three_workers_ninety() {
    let start = Instant::now();
    broken(jobs(9), limit(3), ten_ms).await;
    assert_eq!(start.elapsed(), ms(90));
}

/// asyncio: the work follows after the `async with` block. Rust: a `let` drops the guard at its semicolon.
#[tokio::test(start_paused = true)]
async fn with_the_guard_in_a_let_they_take_thirty() {
    let start = Instant::now();
    fixed(jobs(9), limit(3), ten_ms).await;
    assert_eq!(start.elapsed(), ms(30));
}

/// One worker, two, and more workers than cores: each job goes to one of them, and all end with the queue.
#[tokio::test(start_paused = true)]
async fn each_job_is_handled_once_by_any_number_of_workers() {
    for workers in [1, 2, 100] {
        let handled = RefCell::new(Vec::new());
        fixed(jobs(1_000), limit(workers), async |job| {
            sleep(ms(10)).await;
            handled.borrow_mut().push(job);
        })
        .await;
        let mut handled = handled.into_inner();
        handled.sort_unstable();
        assert_eq!(handled, (0..1_000).collect::<Vec<_>>());
    }
    fixed(jobs(0), limit(3), ten_ms).await;
}

/// Twenty rounds with a counter per job: no schedule of four threads loses or doubles one.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_many_threads_each_job_is_handled_once() {
    let mut random = fastrand::Rng::with_seed(3);
    for _round in 0..20 {
        let (queue, jobs) = mpsc::channel(4);
        let handled = Arc::new([const { AtomicUsize::new(0) }; 100]);
        let handling = Arc::clone(&handled);
        let handle = move |job: usize| {
            let handling = Arc::clone(&handling);
            async move {
                tokio::spawn(yield_now()).await.unwrap();
                handling[job].fetch_add(1, SeqCst);
            }
        };
        let workers = tokio::spawn(fixed(jobs, limit(random.usize(1..8)), handle));
        for job in 0..100 {
            queue.send(job).await.unwrap();
            if random.u8(0..4) == 0 {
                yield_now().await;
            }
        }
        drop(queue);
        workers.await.unwrap();
        assert!(handled.iter().all(|times| times.load(SeqCst) == 1));
    }
}
