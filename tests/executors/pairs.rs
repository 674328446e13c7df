//! The Rust half of the chapter's pairs: each function has the name, and asserts the same, as the one in `pairs.py`.

use std::sync::LazyLock;

use rayon::prelude::*;

use crate::support::{Gauge, ONE, TWO};
use crate::work::{Gate, held};

/// Simulates a blocking call.
fn read(name: &str) -> String {
    format!("<{name}>")
}

/// asyncio: an executor of three threads. Tokio: three permits, each held by a call until it ends.
#[tokio::test]
async fn three_blocking_calls_at_a_time() -> anyhow::Result<()> {
    static GAUGE: LazyLock<Gauge> = LazyLock::new(Gauge::default);
    fn read(name: &str) -> String {
        let _inside = GAUGE.enter();
        format!("<{name}>")
    }

    let three = std::sync::Arc::new(tokio::sync::Semaphore::new(3));
    let reads = ["a", "b", "c", "d", "e"].map(async |name| {
        let permit = three.clone().acquire_owned().await?;
        let call = tokio::task::spawn_blocking(move || {
            let _permit = permit; // held until the call ends
            read(name)
        });
        anyhow::Ok(call.await?)
    });
    let pages = futures::future::try_join_all(reads).await?;

    assert_eq!(pages, ["<a>", "<b>", "<c>", "<d>", "<e>"]);
    assert!(GAUGE.peak() <= 3);
    Ok(())
}

/// asyncio: a pool, which the end of `with` shuts down. Tokio: `finish` does it.
#[tokio::test]
async fn threads_of_their_own() -> anyhow::Result<()> {
    use executors::threads::Threads;

    let database = Threads::new(TWO, "database")?;
    let row = database.submit(|| read("row")); // queued at once
    let found = row.await?;
    database.finish().await; // each thread is gone

    assert_eq!(found, "<row>");
    Ok(())
}

/// asyncio: `BrokenProcessPool`. Here: an error of that one job.
#[cfg(unix)]
#[tokio::test]
async fn a_job_in_a_process() -> anyhow::Result<()> {
    use executors::one_process::{JobError, run};
    let this_program = crate::work::process_pool::worker("the program of the chapter");
    const CRASH: u64 = 0;

    let root = match run::<u64, u64>(this_program, &CRASH).await {
        Ok(root) => Some(root),
        Err(JobError::Crashed(_status)) => None,
        Err(error) => return Err(error.into()),
    };

    assert_eq!(root, None);
    Ok(())
}

/// asyncio: processes, because threads take turns. Tokio: the threads of rayon compute at the same time.
#[tokio::test]
async fn compute_on_every_core() -> anyhow::Result<()> {
    use executors::cpu::compute;

    let cores = rayon::ThreadPoolBuilder::new().build()?;
    let sum = compute(&cores, |_stop| (0..1_000).into_par_iter().sum::<u64>());
    let total = sum.await?;

    assert_eq!(total, 499_500);
    Ok(())
}

/// asyncio: `Future.cancel` returns whether it was in time. Here: so does the pattern's `cancel`.
#[tokio::test]
async fn cancel_what_is_queued() -> anyhow::Result<()> {
    use executors::thread_pool::{Queued, ThreadPool};
    let (begun, end) = (Gate::default(), Gate::default());
    let pool = ThreadPool::new(ONE, "reader");
    let running = pool.submit(held(&begun, &end))?;
    begun.passed().await;

    let queued = pool.submit(|| read("never"))?;
    let cancelled = queued.cancel(); // true: it has not begun
    pool.close(Queued::Cancel);

    end.open();
    running.await?;
    assert!(cancelled);
    Ok(())
}

/// asyncio: the function is sent to a worker by its name. Here: only data is sent, and `serve` has the function.
#[cfg(unix)]
#[tokio::test]
async fn workers_that_stay() -> anyhow::Result<()> {
    use executors::process_pool::{Options, ProcessPool, Queued};
    let this_program = crate::work::process_pool::worker("the program of the chapter");

    let two = Options { max_workers: TWO, ..Options::default() };
    let pool = ProcessPool::<u64, u64>::new(this_program, two)?;
    let roots = [144, 169].map(|square| pool.run(square));
    let roots = futures::future::try_join_all(roots).await?;
    pool.shutdown(Queued::Finish).await;

    assert_eq!(roots, [12, 13]);
    Ok(())
}
