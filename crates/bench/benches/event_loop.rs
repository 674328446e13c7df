//! What the patterns of `recipes/event_loop` cost, and the jobs of `recipes/graceful_shutdown`: callbacks, timers that are
//! cancelled, work from another thread, jobs that are accounted for, and polls that are timed, as in `recipes/diagnosing`.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use bench::{asyncio, measure, print_ratios};
use diagnosing::slow_polls::report_slow_polls;
use event_loop::callbacks::Callbacks;
use event_loop::from_a_thread::{submit, wait};
use futures::stream;
use graceful_shutdown::shutdown::{Grace, Jobs, serve};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::{JoinSet, yield_now};
use tokio::time::sleep;
use tokio_util::time::DelayQueue;

const ITEMS: usize = 100_000;
const ROUND_TRIPS: usize = 10_000;
const ROUNDS: usize = 5;
const MINUTE: Duration = Duration::from_secs(60);

/// A thing to do once for each item, and the check that it was.
#[derive(Clone, Default)]
struct Done(Arc<AtomicUsize>);

impl Done {
    fn one(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    fn assert_all(&self) {
        assert_eq!(self.0.load(Relaxed), ITEMS);
    }
}

fn spawned(runtime: &Runtime) {
    let done = Done::default();
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for _ in 0..ITEMS {
            let done = done.clone();
            tasks.spawn(async move { done.one() });
        }
        while tasks.join_next().await.is_some() {}
    });
    done.assert_all();
}

fn called_soon(runtime: &Runtime) {
    let (done, callbacks) = (Done::default(), Callbacks::new());
    for _ in 0..ITEMS {
        let done = done.clone();
        let _scheduled = callbacks.call_soon(move || done.one());
    }
    callbacks.stop();
    let _ran = runtime.block_on(callbacks.run(|_| {}));
    done.assert_all();
}

fn as_jobs(runtime: &Runtime) {
    let done = Done::default();
    let grace = Grace { to_finish: MINUTE, to_clean_up: MINUTE };
    let intake = |jobs: Jobs<std::convert::Infallible>| {
        for _ in 0..ITEMS {
            let done = done.clone();
            let _started = jobs.start("job", |_| async move {
                done.one();
                Ok(())
            });
        }
        std::future::ready(())
    };
    let summary = runtime.block_on(serve(stream::pending::<()>(), grace, intake, |_, _| {}));
    assert_eq!(summary.finished, ITEMS);
    done.assert_all();
}

/// Deadlines in no order, as those of connections are.
fn delay(item: usize) -> Duration {
    MINUTE + Duration::from_micros((item * 7_919 % ITEMS) as u64 * 10)
}

fn sleeping_tasks(runtime: &Runtime) {
    runtime.block_on(async {
        let tasks: Vec<_> =
            (0..ITEMS).map(|item| tokio::spawn(async move { sleep(delay(item)).await })).collect();
        yield_now().await;
        for task in tasks {
            task.abort();
            let _aborted = task.await;
        }
    });
}

fn delay_queue(runtime: &Runtime) {
    runtime.block_on(async {
        let mut queue = DelayQueue::with_capacity(ITEMS);
        let keys: Vec<_> = (0..ITEMS).map(|item| queue.insert(item, delay(item))).collect();
        for key in &keys {
            black_box(queue.remove(key));
        }
    });
}

fn called_later(runtime: &Runtime) {
    runtime.block_on(async {
        let callbacks = Callbacks::new();
        let scheduled: Vec<_> = (0..ITEMS).map(|item| callbacks.call_later(delay(item), || {})).collect();
        for scheduled in scheduled.into_iter().flatten() {
            assert!(scheduled.cancel());
        }
    });
}

/// Runs `thread` on a thread of its own while the runtime runs here.
fn while_it_runs(runtime: &Runtime, thread: impl FnOnce() + Send + 'static) {
    let (end, ended) = oneshot::channel();
    let thread = thread::spawn(move || {
        thread();
        let _ended = end.send(());
    });
    let _ended = runtime.block_on(ended);
    let _joined = thread.join();
}

fn submitted(runtime: &Runtime) {
    let handle = runtime.handle().clone();
    while_it_runs(runtime, move || {
        for item in 0..ROUND_TRIPS {
            assert_eq!(wait(submit(&handle, async move { item })).ok(), Some(item));
        }
    });
}

fn blocked_on(runtime: &Runtime) {
    let handle = runtime.handle().clone();
    while_it_runs(runtime, move || {
        for item in 0..ROUND_TRIPS {
            assert_eq!(handle.block_on(handle.spawn(async move { item })).ok(), Some(item));
        }
    });
}

async fn polls() {
    for _ in 0..ITEMS {
        yield_now().await;
    }
}

fn main() -> anyhow::Result<()> {
    let one = Builder::new_current_thread().enable_time().build()?;

    let mut rows = vec![
        measure("tokio::spawn in a JoinSet", ITEMS, ROUNDS, || spawned(&one)),
        measure("Callbacks::call_soon", ITEMS, ROUNDS, || called_soon(&one)),
        measure("Jobs::start", ITEMS, ROUNDS, || as_jobs(&one)),
    ];
    let mut asyncio = asyncio("event_loop.py", &[ITEMS, ROUND_TRIPS, ROUNDS])?.into_iter();
    rows.extend(asyncio.by_ref().take(2));
    print_ratios("something to do soon", &rows);

    let mut rows = vec![
        measure("tokio::spawn with a sleep, and abort", ITEMS, ROUNDS, || sleeping_tasks(&one)),
        measure("DelayQueue, insert and remove", ITEMS, ROUNDS, || delay_queue(&one)),
        measure("Callbacks::call_later, and cancel", ITEMS, ROUNDS, || called_later(&one)),
    ];
    rows.extend(asyncio.by_ref().take(1));
    print_ratios("a timer that is cancelled", &rows);

    let mut rows = vec![
        measure("Handle::spawn, and Handle::block_on", ROUND_TRIPS, ROUNDS, || blocked_on(&one)),
        measure("submit, and wait", ROUND_TRIPS, ROUNDS, || submitted(&one)),
    ];
    rows.extend(asyncio);
    print_ratios("work from another thread, there and back", &rows);

    let rows = [
        measure("a poll", ITEMS, ROUNDS, || one.block_on(polls())),
        measure("a poll that is timed", ITEMS, ROUNDS, || {
            one.block_on(report_slow_polls(MINUTE, |_| {}, polls()));
        }),
    ];
    print_ratios("a poll of a task that yields", &rows);
    Ok(())
}
