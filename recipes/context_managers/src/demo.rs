//! Does what `demo.py` does, with the patterns of this recipe.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{bail, ensure};
use futures::FutureExt;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;
use tracing::{Instrument, Span, info, info_span, instrument};

use crate::drain::{drain, run_and_drain};
use crate::exit_stack::ExitStack;
use crate::scope::{ScopeError, with};
use crate::transaction::{Database, Pool};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The life of a resource, as a lane of the timeline: from its opening to its drop.
struct Lane(Span);

impl Drop for Lane {
    fn drop(&mut self) {
        self.0.in_scope(|| info!("return" = "closed"));
    }
}

/// Simulates a connection to a database.
struct Connection {
    name: &'static str,
    lane: Lane,
}

impl Connection {
    async fn open(name: &'static str) -> anyhow::Result<Self> {
        let lane = Lane(info_span!("connection", name));
        connect().instrument(lane.0.clone()).await;
        info!("  {name}: connected");
        Ok(Self { name, lane })
    }

    async fn query(&self, table: &str, millis: u64) -> anyhow::Result<String> {
        query(table, millis).instrument(self.lane.0.clone()).await
    }

    async fn close(self) {
        close().instrument(self.lane.0.clone()).await;
        info!("  {}: closed", self.name);
    }
}

#[instrument(ret)]
async fn connect() {
    sleep(ms(100)).await;
}

#[instrument(skip(millis), ret, err)]
async fn query(table: &str, millis: u64) -> anyhow::Result<String> {
    sleep(ms(millis)).await;
    ensure!(table != "missing", "no table {table}");
    Ok(format!("{table}: 3 rows"))
}

#[instrument(ret)]
async fn close() {
    sleep(ms(50)).await;
}

/// A context manager is a function that takes the body.
async fn connected<T: Send + 'static>(
    cleanups: &TaskTracker,
    name: &'static str,
    body: impl AsyncFnOnce(&mut Connection) -> anyhow::Result<T>,
) -> Result<T, ScopeError<anyhow::Error>> {
    let body = async |connection: &mut Connection, _: &TaskTracker| body(connection).await;
    with(cleanups, Connection::open(name), body, |connection, _| connection.close().map(Ok).boxed()).await
}

/// Shows every pattern of the recipe, one after the other.
///
/// # Errors
///
/// If something fails that should not.
pub async fn run() -> anyhow::Result<()> {
    let (finished, drained) = run_and_drain(ms(1_000), async |cleanups| {
        enter_body_exit(cleanups).await?;
        the_body_fails(cleanups).await;
        cancelled_twice(cleanups).await;
        exit_stack(cleanups).await?;
        transactions(cleanups).await?;

        let mut background = JoinSet::new();
        background.spawn(journal(cleanups.clone()));
        sleep(ms(100)).await;
        info!("the end of main: {} task is left", background.len());
        // The drop of a `JoinSet` aborts its tasks.
        anyhow::Ok(())
    })
    .await;
    drained?;
    finished
}

async fn enter_body_exit(cleanups: &TaskTracker) -> anyhow::Result<()> {
    info!("async with: connect, query, close");
    let orders =
        connected(cleanups, "shop", async |connection| connection.query("orders", 200).await).await?;
    info!("  {orders}");
    Ok(())
}

async fn the_body_fails(cleanups: &TaskTracker) {
    info!("async with: the body fails");
    let rows = connected(cleanups, "shop", async |connection| connection.query("missing", 100).await);
    match rows.await {
        Ok(rows) => info!("  {rows}"),
        Err(error) => info!("  error: {error}"),
    }
}

async fn cancelled_twice(cleanups: &TaskTracker) {
    info!("async with: cancelled in the body, and again during the clean-up");
    let task = tokio::spawn({
        let cleanups = cleanups.clone();
        async move {
            connected(&cleanups, "shop", async |connection| {
                info!("  {}", connection.query("history", 500).await?);
                Ok(())
            })
            .await
        }
    });
    sleep(ms(250)).await;
    task.abort();
    info!("  cancelled");
    sleep(ms(20)).await;
    task.abort();
    info!("  cancelled again");
    sleep(ms(180)).await;
    info!("  the caller has gone on meanwhile");
}

/// Simulates a file on a slow disk.
struct File {
    name: &'static str,
    lane: Lane,
}

impl File {
    async fn open(name: &'static str) -> anyhow::Result<Arc<Self>> {
        let lane = Lane(info_span!("file", name));
        sleep(ms(50)).instrument(lane.0.clone()).await;
        Ok(Arc::new(Self { name, lane }))
    }

    async fn close(self: Arc<Self>) -> anyhow::Result<()> {
        flush(self.name).instrument(self.lane.0.clone()).await?;
        info!("  {}: closed", self.name);
        Ok(())
    }
}

#[instrument(skip_all, ret, err)]
async fn flush(name: &str) -> anyhow::Result<()> {
    sleep(ms(50)).await;
    ensure!(name != "b.txt", "{name}: disk full");
    Ok(())
}

#[instrument(ret, err)]
async fn copy() -> anyhow::Result<()> {
    sleep(ms(100)).await;
    bail!("nothing to copy")
}

async fn exit_stack(cleanups: &TaskTracker) -> anyhow::Result<()> {
    info!("AsyncExitStack: three files, and two errors");
    let mut stack = ExitStack::new(cleanups);
    for name in ["a.txt", "b.txt", "c.txt"] {
        stack.enter(File::open(name), File::close).await?;
    }
    if let Err(failures) = stack.close(copy().await).await {
        let failures: Vec<_> = failures.iter().map(ToString::to_string).collect();
        info!("  errors: {}", failures.join("; "));
    }
    Ok(())
}

/// Simulates a database: it counts its connections.
struct Accounts(AtomicUsize);

/// A connection of the database.
struct Account {
    number: usize,
    lane: Lane,
}

impl Database for Accounts {
    type Connection = Account;
    type Error = anyhow::Error;

    async fn connect(&self) -> anyhow::Result<Account> {
        let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Account { number, lane: Lane(info_span!("connection", number)) })
    }

    async fn begin(&self, on: &mut Account) -> anyhow::Result<()> {
        begin().instrument(on.lane.0.clone()).await;
        Ok(())
    }

    async fn commit(&self, on: &mut Account) -> anyhow::Result<()> {
        commit().instrument(on.lane.0.clone()).await;
        info!("  connection {}: committed", on.number);
        Ok(())
    }

    async fn rollback(&self, on: &mut Account) -> anyhow::Result<()> {
        rollback().instrument(on.lane.0.clone()).await;
        info!("  connection {}: rolled back", on.number);
        Ok(())
    }
}

#[instrument(ret)]
async fn begin() {
    sleep(ms(30)).await;
}

#[instrument(ret)]
async fn commit() {
    sleep(ms(50)).await;
}

#[instrument(ret)]
async fn rollback() {
    sleep(ms(50)).await;
}

#[instrument(ret)]
async fn payment() -> anyhow::Result<&'static str> {
    sleep(ms(200)).await;
    Ok("paid")
}

#[instrument(ret, err)]
async fn refund() -> anyhow::Result<&'static str> {
    sleep(ms(100)).await;
    bail!("no such payment")
}

#[instrument(ret)]
async fn audit() -> anyhow::Result<&'static str> {
    sleep(ms(500)).await;
    Ok("all is well")
}

async fn transactions(cleanups: &TaskTracker) -> anyhow::Result<()> {
    info!("a pool of two connections: three transactions");
    let pool = Pool::new(Accounts(AtomicUsize::new(0)), const { NonZeroUsize::new(2).unwrap() }, cleanups);
    let (payment, refund, audit) = tokio::join!(
        pool.transaction(async |on| payment().instrument(on.lane.0.clone()).await),
        pool.transaction(async |on| refund().instrument(on.lane.0.clone()).await),
        timeout(ms(450), pool.transaction(async |on| audit().instrument(on.lane.0.clone()).await)),
    );
    // The timeout did not wait for the rollback, so this line does.
    drain(cleanups, ms(1_000)).await?;
    for outcome in [payment, refund, audit.unwrap_or_else(|_elapsed| Err(anyhow::anyhow!("timed out")))] {
        match outcome {
            Ok(value) => info!("  {value}"),
            Err(error) => info!("  {error}"),
        }
    }
    info!("  {} connections are back in the pool", pool.idle());
    Ok(())
}

/// Runs until it is cancelled.
async fn journal(cleanups: TaskTracker) -> Result<(), ScopeError<anyhow::Error>> {
    let body = async |_: &mut (), _: &TaskTracker| write_entries().map(Ok).await;
    with(&cleanups, async { Ok(()) }, body, |(), _| write_journal().map(Ok).boxed()).await
}

#[instrument(ret)]
async fn write_entries() {
    sleep(Duration::from_secs(3_600)).await;
}

#[instrument(ret)]
async fn write_journal() {
    sleep(ms(100)).await;
    info!("  the journal is written");
}
