//! The classics, in the order of Python's guides.

use std::io;
use std::num::NonZeroUsize;
use std::panic::AssertUnwindSafe;
use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use futures::FutureExt;
use tokio::io::{AsyncReadExt, DuplexStream, duplex};
use tokio::runtime::{self, Handle};
use tokio::sync::{mpsc, oneshot};
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;
use tracing::{Instrument, Span, instrument};

use super::Caught::{ByDefault, ByNothing, Configured};
use super::{Gauge, Group, Pitfall, Stage, ms, within_a_second, work};
use crate::cancelled_halfway::{self, Accounts};
use crate::forgotten_await::{self, Outbox};
use crate::{
    blocking_sleep, cpu_on_the_runtime, forgotten_task_done, global_runtime, nested_runtime,
    resource_not_closed, swallowed_error, tasks_without_limit,
};

pub(super) const GROUP: Group = Group {
    title: "The classics",
    pitfalls: &[
        pitfall!(forgotten_await, "a call without an await does nothing", ByDefault(&["unused_must_use"])),
        pitfall!(cpu_on_the_runtime, "computing keeps its thread from all others", ByNothing),
        pitfall!(
            blocking_sleep,
            "a blocking sleep stops all tasks",
            Configured(&["clippy::disallowed_methods"])
        ),
        pitfall!(cancelled_halfway, "what follows an await may never run", ByNothing),
        pitfall!(tasks_without_limit, "a task for every item, at once", ByNothing),
        pitfall!(resource_not_closed, "an error returns before the close", ByNothing),
        pitfall!(
            nested_runtime,
            "a runtime inside of a runtime",
            Configured(&["clippy::disallowed_methods"])
        ),
        pitfall!(
            swallowed_error,
            "an error in the background is lost",
            Configured(&["clippy::unused_result_ok"])
        ),
        pitfall!(forgotten_task_done, "join waits for a job that has failed", ByNothing),
        pitfall!(
            global_runtime,
            "a runtime in a static has no owner",
            Configured(&["clippy::disallowed_methods"])
        ),
    ],
};

async fn forgotten_await(stage: Stage) -> anyhow::Result<()> {
    let (none, both) = (Outbox::default(), Outbox::default());
    stage
        .broken(async {
            forgotten_await::broken(&none, &["Ann", "Bob"]).await;
            Ok(format!("{} of 2 greetings sent", none.sent().len()))
        })
        .await?;
    stage
        .fixed(async {
            forgotten_await::fixed(&both, &["Ann", "Bob"]).await;
            Ok(format!("{} of 2 greetings sent", both.sent().len()))
        })
        .await
}

async fn cpu_on_the_runtime(stage: Stage) -> anyhow::Result<()> {
    /// Returns a task, and a computation that runs until that task had a turn, for at most `patience`.
    fn other(patience: Duration) -> (AbortOnDropHandle<()>, impl FnOnce() -> &'static str + Send + 'static) {
        let (turn, turns) = sync_channel(1);
        let task = tokio::spawn(async move { turn.try_send(()).unwrap_or_default() });
        let compute = move || match turns.recv_timeout(patience) {
            Ok(()) => "the others had their turn",
            Err(_) => "the others had no turn",
        };
        (AbortOnDropHandle::new(task), compute)
    }
    stage
        .broken(async {
            let (_other, compute) = other(ms(10));
            Ok(cpu_on_the_runtime::broken(compute).await.to_owned())
        })
        .await?;
    stage
        .fixed(async {
            let (_other, compute) = other(Duration::from_secs(10));
            Ok(cpu_on_the_runtime::fixed(compute).await?.to_owned())
        })
        .await
}

async fn blocking_sleep(stage: Stage) -> anyhow::Result<()> {
    /// Returns a heart that beats every 30 ms, and a question whose third answer is yes.
    async fn heart() -> (AbortOnDropHandle<()>, Gauge, impl FnMut() -> bool) {
        let beats = Gauge::default();
        let beating = tokio::spawn({
            let beats = beats.clone();
            async move {
                loop {
                    sleep(ms(30)).await;
                    beats.enter();
                }
            }
        });
        // The heart must reach its sleep before anything blocks.
        yield_now().await;
        let mut answers = [false, false].into_iter();
        (AbortOnDropHandle::new(beating), beats, move || answers.next().unwrap_or(true))
    }
    stage
        .broken(async {
            let (_beating, beats, is_ready) = heart().await;
            let asked = blocking_sleep::broken(is_ready, ms(50)).await;
            Ok(format!("{} heart-beats while it asked {asked} times", beats.now()))
        })
        .await?;
    stage
        .fixed(async {
            let (_beating, beats, is_ready) = heart().await;
            let asked = blocking_sleep::fixed(is_ready, ms(50)).await;
            Ok(format!("{} heart-beats while it asked {asked} times", beats.now()))
        })
        .await
}

async fn cancelled_halfway(stage: Stage) -> anyhow::Result<()> {
    async fn approval() {
        work("approval", 200).await;
    }
    fn sum(accounts: &Mutex<Accounts>) -> u64 {
        let held = accounts.lock().unwrap_or_else(PoisonError::into_inner);
        held.from + held.to
    }
    let [lost, kept] = [(); 2].map(|()| Mutex::new(Accounts { from: 100, to: 0 }));
    stage
        .broken(async {
            let _too_late = timeout(ms(100), cancelled_halfway::broken(&lost, 30, approval())).await;
            Ok(format!("100 before the timeout, {} after it", sum(&lost)))
        })
        .await?;
    stage
        .fixed(async {
            let _too_late = timeout(ms(100), cancelled_halfway::fixed(&kept, 30, approval())).await;
            Ok(format!("100 before the timeout, {} after it", sum(&kept)))
        })
        .await
}

async fn tasks_without_limit(stage: Stage) -> anyhow::Result<()> {
    const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();
    async fn handle(item: &'static str, at_work: Gauge) {
        at_work.enter();
        work(item, 100).await;
        at_work.leave();
    }
    let items = ["a", "b", "c"];
    stage
        .broken(async {
            let at_work = Gauge::default();
            tasks_without_limit::broken(items, |item| handle(item, at_work.clone()).in_current_span()).await;
            Ok(format!("{} of 3 items at a time", at_work.most()))
        })
        .await?;
    stage
        .fixed(async {
            let at_work = Gauge::default();
            tasks_without_limit::fixed(items, TWO, |item| handle(item, at_work.clone()).in_current_span())
                .await;
            Ok(format!("{} of 3 items at a time", at_work.most()))
        })
        .await
}

async fn resource_not_closed(stage: Stage) -> anyhow::Result<()> {
    /// Returns a file, a reader of its content, and two rows before an error.
    fn file() -> (DuplexStream, DuplexStream, mpsc::Receiver<io::Result<String>>) {
        let (rows_in, rows) = mpsc::channel(3);
        for row in [Ok("one\n".to_owned()), Ok("two\n".to_owned()), Err(io::Error::other("no third"))] {
            // The queue has a slot for all three.
            let _sent = rows_in.try_send(row);
        }
        let (file, disk) = duplex(1_024);
        (file, disk, rows)
    }
    async fn outcome(written: io::Result<()>, mut disk: DuplexStream) -> anyhow::Result<String> {
        let mut content = String::new();
        disk.read_to_string(&mut content).await?;
        let error = written.err().context("the third row is an error")?;
        Ok(format!("{} of 2 rows in the file, {error}", content.lines().count()))
    }
    stage
        .broken(async {
            let (file, disk, rows) = file();
            let written = resource_not_closed::broken(file, rows).await;
            outcome(written, disk).await
        })
        .await?;
    stage
        .fixed(async {
            let (file, disk, rows) = file();
            let written = resource_not_closed::fixed(file, rows).await;
            outcome(written, disk).await
        })
        .await
}

async fn nested_runtime(stage: Stage) -> anyhow::Result<()> {
    async fn price((_article, price): (&str, u32)) -> u32 {
        work(price, 100).await
    }
    let articles = [("tea", 3), ("coffee", 4)];
    stage
        .broken(async {
            let sum = AssertUnwindSafe(nested_runtime::broken(articles, price)).catch_unwind().await;
            Ok(sum.map_or_else(|_panic| "refused: one is running".to_owned(), |sum| format!("{sum} in all")))
        })
        .await?;
    stage.fixed(async { Ok(format!("{} in all", nested_runtime::fixed(articles, price).await)) }).await
}

async fn swallowed_error(stage: Stage) -> anyhow::Result<()> {
    #[instrument(ret, err)]
    async fn save() -> Result<(), &'static str> {
        sleep(ms(100)).await;
        Err("disk full")
    }
    stage
        .broken(async {
            let saving = swallowed_error::broken(save().in_current_span());
            saving.await?;
            Ok("heard of nothing".to_owned())
        })
        .await?;
    stage
        .fixed(async {
            let (report, reported) = oneshot::channel();
            let saving = swallowed_error::fixed(save().in_current_span(), |error| {
                report.send(error).unwrap_or_default()
            });
            saving.await?;
            Ok(format!("heard of: {}", reported.await?))
        })
        .await
}

async fn forgotten_task_done(stage: Stage) -> anyhow::Result<()> {
    #[instrument(ret, err)]
    async fn handle(job: &'static str) -> Result<(), &'static str> {
        sleep(ms(100)).await;
        if job == "bad" { Err("bad job") } else { Ok(()) }
    }
    let jobs = || [vec!["bad", "good"]];
    let handle_here = || {
        let here = Span::current();
        move |job| handle(job).instrument(here.clone())
    };
    stage
        .broken(async {
            let all = forgotten_task_done::broken(jobs(), handle_here(), drop, || {});
            Ok(within_a_second(all, "join has returned", "join has not returned after a second").await)
        })
        .await?;
    stage
        .fixed(async {
            let all = forgotten_task_done::fixed(jobs(), handle_here(), drop, || {});
            Ok(within_a_second(all, "join has returned", "join has not returned after a second").await)
        })
        .await
}

async fn global_runtime(stage: Stage) -> anyhow::Result<()> {
    async fn here() -> runtime::Id {
        Handle::current().id()
    }
    let mine = here().await;
    let whose = |id| if id == mine { "on the caller's runtime" } else { "on a runtime of its own" };
    stage.broken(async { Ok(whose(global_runtime::broken(here()).await?).to_owned()) }).await?;
    stage
        .fixed(async { Ok(whose(global_runtime::fixed(&Handle::current(), here()).await?).to_owned()) })
        .await
}
