//! What the ways of `recipes/timeouts` cost a use: work that suspends once, and is in time.

use std::convert::Infallible;
use std::time::Duration;

use bench::{Row, asyncio, measure, print_ratios};
use timeouts::abort::{TaskEnd, abort_and_wait};
use timeouts::cancel_and_confirm::{CancelOutcome, CancellableTask};
use timeouts::deadline::Deadline;
use timeouts::reschedule::Timeout;
use timeouts::shield::shield;
use timeouts::time_limit::time_limit;
use timeouts::timeout_and_wait::{LateValue, TimeLimits, timeout_and_wait};
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const ITEMS: usize = 10_000;
const ROUNDS: usize = 21;
const LIMIT: Duration = Duration::from_secs(60);

async fn work() -> Result<u32, Infallible> {
    yield_now().await;
    Ok(1)
}

fn measured<F: Future<Output = ()>>(runtime: &Runtime, name: &str, once: impl Fn() -> F) -> Row {
    measure(name, ITEMS, ROUNDS, || {
        runtime.block_on(async {
            for _ in 0..ITEMS {
                once().await;
            }
        });
    })
}

fn main() -> anyhow::Result<()> {
    // One thread on each side: the comparison is of overhead, not of cores.
    let runtime = Builder::new_current_thread().enable_time().build()?;
    let (program, tasks) = (CancellationToken::new(), TaskTracker::new());
    let limits = TimeLimits { time: Some(LIMIT), grace: Some(LIMIT), late_value: LateValue::Discard };
    let deadline = runtime.block_on(async { Deadline::after("all", Some(LIMIT)) });
    let mut rows = vec![
        measured(&runtime, "tokio::time::timeout", async || {
            assert_eq!(timeout(LIMIT, work()).await, Ok(Ok(1)))
        }),
        measured(&runtime, "no limit at all", async || assert_eq!(work().await, Ok(1))),
        measured(&runtime, "time_limit", async || assert_eq!(time_limit(Some(LIMIT), work()).await, Ok(1))),
        measured(&runtime, "time_limit(None)", async || assert_eq!(time_limit(None, work()).await, Ok(1))),
        measured(&runtime, "Deadline::run", async || assert_eq!(deadline.run(work()).await, Ok(Ok(1)))),
        measured(&runtime, "reschedule::Timeout", async || {
            assert_eq!(Timeout::after(LIMIT).run(work()).await, Ok(Ok(1)));
        }),
        measured(&runtime, "a spawned task", async || assert!(tokio::spawn(work()).await.is_ok())),
        measured(&runtime, "abort_and_wait", async || {
            assert_eq!(abort_and_wait(tokio::spawn(work())).await, TaskEnd::Aborted);
        }),
        measured(&runtime, "shield", async || assert_eq!(shield(&tasks, work(), |_| {}).await, Ok(1))),
        measured(&runtime, "timeout_and_wait", async || {
            let work = |_stop| async { work().await.map(Some) };
            assert_eq!(timeout_and_wait(&program, limits, work).await, Ok(1));
        }),
        measured(&runtime, "cancel_and_confirm::Task", async || {
            let task: CancellableTask<_, _, ()> =
                CancellableTask::spawn(None, |_stop| async { work().await.map(Some) });
            assert_eq!(task.wait().await, CancelOutcome::Finished(1));
        }),
    ];
    rows.extend(asyncio("timeouts.py", &[ITEMS, ROUNDS])?);
    print_ratios("timeouts", &rows);
    Ok(())
}
