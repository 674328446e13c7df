//! Does what `demo.py` does, with the patterns of this recipe.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use futures::future::{join_all, try_join_all};
use rayon::ThreadPoolBuilder;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::{info, instrument};

use crate::blocking::Blocking;
use crate::cpu::{Stop, compute};
use crate::thread_pool::{Queued, ThreadPool};
use crate::threads::Threads;

#[cfg(unix)]
pub use processes::serve;

const ONE: NonZeroUsize = NonZeroUsize::MIN;
const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();
const THREE: NonZeroUsize = NonZeroUsize::new(3).unwrap();

/// Shows every pattern of the recipe, one after the other.
///
/// # Errors
///
/// If a thread or a process cannot be started.
pub async fn run() -> anyhow::Result<()> {
    blocking_reads().await?;
    queries_on_their_own_threads().await?;
    one_thread_with_a_connection().await?;
    sums_on_every_core().await?;
    search_without_an_end(&ThreadPoolBuilder::new().num_threads(1).build()?).await?;
    #[cfg(unix)]
    processes::run().await?;
    Ok(())
}

/// Counts how many calls run at once.
#[derive(Default)]
struct Gauge {
    inside: AtomicUsize,
    peak: AtomicUsize,
}

impl Gauge {
    fn count<T>(&self, work: impl FnOnce() -> T) -> T {
        self.peak.fetch_max(self.inside.fetch_add(1, SeqCst) + 1, SeqCst);
        let value = work();
        self.inside.fetch_sub(1, SeqCst);
        value
    }
}

/// Simulates a blocking call.
#[instrument(skip(gauge), ret)]
#[expect(clippy::disallowed_methods, reason = "a call that blocks, on a thread for that")]
fn read(report: &str, gauge: &Gauge) -> String {
    gauge.count(|| thread::sleep(Duration::from_millis(50)));
    format!("<{report}>")
}

fn yes_or_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

async fn blocking_reads() -> anyhow::Result<()> {
    info!("run_in_executor: five blocking reads, three at a time");
    let (reads, gauge) = (Blocking::at_most(THREE), Arc::new(Gauge::default()));
    let reports = try_join_all((1..=5).map(|number| {
        let gauge = gauge.clone();
        reads.run(move || read(&format!("report-{number}"), &gauge))
    }));
    info!("  {}", reports.await?.join(" "));
    info!("  more than three at once: {}", yes_or_no(gauge.peak.load(SeqCst) > 3));
    Ok(())
}

/// Simulates a query with a blocking driver.
#[instrument(ret)]
fn select(row: u32) -> String {
    format!("<row-{row}>")
}

async fn queries_on_their_own_threads() -> anyhow::Result<()> {
    info!("ThreadPoolExecutor: three queries on threads of their own");
    let threads = Threads::new(TWO, "database")?;
    let rows = [1, 2, 3].map(|row| threads.submit(move || select(row)));
    info!("  {}", try_join_all(rows).await?.join(" "));
    threads.finish().await;
    info!("  the threads are gone");
    Ok(())
}

#[instrument(ret)]
fn square(number: u32) -> u32 {
    number * number
}

/// Signals that it has begun, and waits until it may end.
#[instrument(skip(begun, end), ret)]
fn query(begun: oneshot::Sender<()>, end: mpsc::Receiver<()>) {
    let (_said, _ended) = (begun.send(()), end.recv());
}

async fn one_thread_with_a_connection() -> anyhow::Result<()> {
    info!("ThreadPoolExecutor: one thread, with a name and an initializer");
    let pool = ThreadPool::with_initializer(ONE, "database", || {
        info!("  {} has connected", thread::current().name().unwrap_or_default());
        anyhow::Ok(())
    });
    let squares = try_join_all(pool.map([1, 2, 3], square)?).await?;
    info!("  squares: {squares:?}");

    let ((begun, has_begun), (end, may_end)) = (oneshot::channel(), mpsc::channel());
    let running = pool.submit(move || query(begun, may_end))?;
    has_begun.await?;
    let waiting = pool.map([4, 5, 6], square)?;
    info!("  cancel of the job that runs: {}", yes_or_no(running.cancel()));
    info!("  cancel of a job that waits: {}", yes_or_no(waiting[0].cancel()));
    pool.close(Queued::Cancel);
    end.send(())?;
    running.await?;
    let (done, cancelled): (Vec<_>, Vec<_>) = join_all(waiting).await.into_iter().partition(Result::is_ok);
    info!("  shutdown: of the three that waited, {} done, {} cancelled", done.len(), cancelled.len());
    Ok(())
}

#[instrument(ret)]
fn sum_of_primes(below: u64) -> u64 {
    let is_prime = |number: &u64| (2..).take_while(|d| d * d <= *number).all(|d| number % d != 0);
    (2..below).filter(is_prime).sum()
}

async fn sums_on_every_core() -> anyhow::Result<()> {
    info!("computing: four sums of primes, on all cores");
    let pool = ThreadPoolBuilder::new().build()?;
    let limits = [10_000, 20_000, 30_000, 40_000];
    let sums = try_join_all(limits.map(|limit| compute(&pool, move |_| sum_of_primes(limit)))).await?;
    for (limit, sum) in limits.iter().zip(sums) {
        info!("  below {limit}: {sum}");
    }
    Ok(())
}

/// Searches a chunk at a time, until `stop` is set.
#[instrument(skip_all, ret)]
fn search(stop: &Stop, begun: oneshot::Sender<()>, stopped: oneshot::Sender<()>) {
    let _said = begun.send(());
    while !stop.is_set() {
        (2..10_000).sum::<u64>();
    }
    let _said = stopped.send(());
}

/// Lets a search without an end run for 50 ms, counted from its beginning, because a thread of the pool may start late.
///
/// # Errors
///
/// If the search cannot begin.
pub async fn search_without_an_end(pool: &rayon::ThreadPool) -> anyhow::Result<()> {
    info!("computing: a search without an end, for 50 ms");
    let ((begun, has_begun), (stopped, has_stopped)) = (oneshot::channel(), oneshot::channel());
    let mut search = Box::pin(compute(pool, |stop| search(stop, begun, stopped)));
    tokio::select! {
        ended = &mut search => ended?,
        begun = has_begun => begun?,
    }
    if timeout(Duration::from_millis(50), search).await.is_err() {
        info!("  it takes too long");
    }
    has_stopped.await?;
    info!("  it has stopped between two chunks");
    Ok(())
}

/// The jobs that crash. The channel to their workers is a Unix socket.
#[cfg(unix)]
mod processes {
    use std::collections::BTreeSet;
    use std::process;

    use anyhow::{Context, bail, ensure};
    use futures::future::try_join_all;
    use serde::{Deserialize, Serialize};
    use tokio::process::Command;
    use tracing::{info, instrument};

    use super::ONE;
    use crate::one_process;
    use crate::process_pool::{self, JobError, OnCrash, Options, ProcessPool, Queued};

    pub(super) async fn run() -> anyhow::Result<()> {
        jobs_that_crash().await?;
        a_process_for_each_job().await
    }

    /// The jobs that a worker can do.
    #[derive(Debug, Serialize, Deserialize)]
    enum Job {
        SquareRoot(i64),
        Exit,
        ProcessId,
    }

    /// Makes this process a worker, or lets it do its one job, if it was started for that. Call it first in `main`.
    pub fn serve() {
        one_process::serve(work);
        process_pool::serve(|| anyhow::Ok(work));
    }

    fn work(job: Job) -> anyhow::Result<u32> {
        match job {
            Job::SquareRoot(number) => {
                ensure!(number >= 0, "{number} has no root");
                Ok(number.isqrt().try_into()?)
            }
            Job::Exit => process::exit(3),
            Job::ProcessId => Ok(process::id()),
        }
    }

    #[instrument(skip(pool), ret, err)]
    async fn run_in(pool: &ProcessPool<Job, u32>, job: Job) -> Result<u32, JobError> {
        pool.run(job).await
    }

    fn this_program() -> anyhow::Result<Command> {
        Ok(Command::new(std::env::current_exe().context("where is this program?")?))
    }

    async fn jobs_that_crash() -> anyhow::Result<()> {
        info!("ProcessPoolExecutor: a crash takes a process along, and not the program");
        let options = Options { max_workers: ONE, on_crash: OnCrash::BreakPool, ..Options::default() };
        let mut pool = ProcessPool::new(this_program()?, options.clone())?;
        for job in [Job::SquareRoot(144), Job::SquareRoot(-1), Job::Exit, Job::SquareRoot(169)] {
            let name = format!("{job:?}");
            match run_in(&pool, job).await {
                Ok(root) => info!("  {name}: {root}"),
                Err(JobError::Failed(error)) => info!("  {name}: error: {error}"),
                Err(JobError::Crashed(_) | JobError::Broken(_)) => info!("  {name}: the pool is broken"),
                Err(error) => bail!(error),
            }
        }
        pool.shutdown(Queued::Finish).await;
        pool = ProcessPool::new(this_program()?, options)?;
        info!("  a new pool: {}", run_in(&pool, Job::SquareRoot(169)).await?);
        pool.shutdown(Queued::Finish).await;
        Ok(())
    }

    #[instrument(ret, err)]
    async fn run_alone(job: Job) -> anyhow::Result<u32> {
        Ok(one_process::run(this_program()?, &job).await?)
    }

    async fn a_process_for_each_job() -> anyhow::Result<()> {
        info!("ProcessPoolExecutor(max_tasks_per_child=1): three jobs");
        let jobs = [(); 3].map(|()| run_alone(Job::ProcessId));
        let processes: BTreeSet<_> = try_join_all(jobs).await?.into_iter().collect();
        info!("  in {} processes", processes.len());
        Ok(())
    }
}
