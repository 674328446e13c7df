//! Lessons of the pattern `load`, on real time.

use std::sync::mpsc;

use diagnosing::load::{Load, Meter, Worker};
use tokio::runtime::Builder;
use tokio::task::yield_now;

use crate::real_time::soon_on_a_thread;
use crate::support::ms;
use crate::work::four_workers;

fn stalled(load: &Load) -> usize {
    load.workers.iter().filter(|worker| **worker == Worker::Stalled).count()
}

/// asyncio's debug mode reports a slow callback when it is over. Tokio counts it as busy only then; until then it is stalled.
#[test]
fn a_worker_in_one_long_poll_stands() {
    soon_on_a_thread(|| {
        let runtime = four_workers();
        let mut meter = Meter::new(runtime.handle());
        let ((begun, has_begun), (release, released)) = (mpsc::channel(), mpsc::channel::<()>());
        let blocks = runtime.spawn(async move {
            begun.send(()).unwrap();
            // It blocks until the sender is dropped.
            released.recv().is_err()
        });
        has_begun.recv().unwrap();
        meter.read();
        assert_eq!(meter.read().tasks, 1);
        while stalled(&meter.read()) != 1 {}
        drop(release);
        assert!(runtime.block_on(blocks).unwrap());
        while stalled(&meter.read()) != 0 {}
    });
}

/// The share is of the time between two looks, and counts polls alone.
#[test]
#[expect(clippy::disallowed_methods, reason = "it has to take its time")]
fn work_that_is_over_counts_as_busy() {
    soon_on_a_thread(|| {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let start = std::time::Instant::now();
        let mut meter = Meter::new(runtime.handle());
        runtime.block_on(async {
            tokio::spawn(async { std::thread::sleep(ms(50)) });
            tokio::time::sleep(ms(10)).await;
        });
        let Worker::Busy(share) = meter.read().workers[0] else { panic!("it has slept") };
        let least = ms(50).as_secs_f64() / start.elapsed().as_secs_f64();
        assert!(share >= least && share <= 1.0, "{share}, and at least {least}");
        // What was before the last look counts no more: it sleeps for a part of this time at least.
        runtime.block_on(async { tokio::time::sleep(ms(1)).await });
        let Worker::Busy(share) = meter.read().workers[0] else { panic!("it has slept") };
        assert!(share < 1.0, "{share}");
    });
}

/// What comes from outside waits in the queue of all. A runtime of one thread that no thread runs is stalled.
#[test]
fn a_runtime_that_no_thread_runs_stands() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let mut meter = Meter::new(runtime.handle());
    for _ in 0..3 {
        runtime.spawn(async {});
    }
    let load = meter.read();
    assert_eq!((load.tasks, load.queue, &load.workers[..]), (3, 3, &[Worker::Stalled][..]));
    assert_eq!(load.to_string(), "3 tasks, 3 in the queue; workers: one poll takes all of the time");
    runtime.block_on(async {
        for _ in 0..3 {
            yield_now().await;
        }
    });
    let load = meter.read();
    assert_eq!((load.tasks, load.queue), (0, 0));
}

/// The trap of many threads: the task that was spawned or woken last is the next one of its worker, and no other worker takes
/// it. With asyncio all tasks would wait; here one does, and most cores are idle.
#[test]
fn but_a_task_spawned_by_one_that_blocks_waits_too() {
    soon_on_a_thread(|| {
        let runtime = four_workers();
        let speaks = runtime.spawn(async {
            let (heard, has_heard) = mpsc::channel();
            let listens = tokio::spawn(async move { heard.send(()).is_ok() });
            let is_late = has_heard.recv_timeout(ms(200)).is_err();
            (is_late, listens.await.unwrap())
        });
        assert_eq!(runtime.block_on(speaks).unwrap(), (true, true), "it runs when the speaker waits");
    });
}
