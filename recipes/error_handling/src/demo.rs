//! What `demo.py` does, with the patterns of this recipe.

use std::time::Duration;

use backon::ExponentialBuilder;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::background::reported;
use crate::context::{lines, settings};
use crate::error_group::ErrorGroup;
use crate::one_task::{LoadError, page_or};
use crate::outcome::{Outcome, every_outcome};
use crate::retry::{Policy, Verdict, retry_outcome};
use crate::supervise::{End, Panicked, Restart, Supervisor};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Doubling from 125 ms. Thousandths and powers of two: the pauses are exact.
const PAUSES: ExponentialBuilder =
    ExponentialBuilder::new().with_min_delay(ms(125)).with_max_delay(ms(1_000)).without_max_times();

/// What goes wrong here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Broken(&'static str);

/// Stands for a request: takes its time, and ends as the name of the page says.
#[tracing::instrument(skip(millis), ret, err)]
async fn fetch(page: &'static str, millis: u64) -> Result<String, LoadError> {
    sleep(ms(millis)).await;
    match page {
        "missing" => Err(LoadError::NotFound(page.to_owned())),
        "buggy" => panic!("{page} has no index"),
        _ => Ok(format!("<{page}>")),
    }
}

/// Shows every pattern of the recipe, one after the other.
///
/// # Errors
///
/// When something fails that should not.
pub async fn run() -> anyhow::Result<()> {
    one_task().await?;
    outcomes().await;
    groups().await?;
    background().await;
    supervision().await?;
    retries().await;
    contexts().await
}

async fn one_task() -> anyhow::Result<()> {
    info!("one task: a page that is missing has a default");
    let page = page_or("<default>", tokio::spawn(fetch("missing", 100))).await?;
    info!("  {page}");
    Ok(())
}

async fn outcomes() {
    info!("every outcome: a value, an error, a bug and a cancellation");
    let tasks = [("home", 100), ("missing", 200), ("buggy", 250), ("slow", 400)]
        .map(|(page, millis)| (page, tokio::spawn(fetch(page, millis))));
    let slow = tasks[3].1.abort_handle();
    let outcomes = every_outcome(tasks);
    sleep(ms(300)).await;
    slow.abort();
    let outcomes = outcomes.await;
    for (page, outcome) in &outcomes {
        match outcome {
            Outcome::Value(value) => info!("  {page}: {value}"),
            Outcome::Error(error) => info!("  {page}: error: {error}"),
            Outcome::Panicked(text) => info!("  {page}: bug: {text}"),
            Outcome::Cancelled => info!("  {page}: cancelled"),
        }
    }
    let failed = outcomes.iter().filter(|(_, outcome)| outcome.is_failure()).count();
    info!("  {failed} of {} have failed: a cancelled one has not", outcomes.len());
}

async fn groups() -> anyhow::Result<()> {
    info!("a group: missing pages are counted, and what is left is handed on");
    let fetched =
        futures::future::join_all([fetch("home", 50), fetch("missing", 150), fetch("missing", 100)]).await;
    let sport = ErrorGroup::new("sport", [Broken("the score is unknown").into()]);
    let results = fetched.into_iter().map(|result| result.map_err(Into::into));
    let Err(mut group) = ErrorGroup::collect("pages", results.chain([Err(sport.into())])) else {
        anyhow::bail!("two pages are missing");
    };
    info!("  {} errors in all", group.leaves().len());
    for error in group.take::<LoadError>() {
        info!("  taken: {error}");
    }
    if let Err(rest) = group.into_result() {
        for error in rest.leaves() {
            info!("  left: {error}");
        }
    }
    Ok(())
}

async fn background() {
    info!("a background task: it fails, and nobody awaits it");
    tokio::spawn(reported(fetch("missing", 100), |failure| info!("  reported: {failure}")));
    sleep(ms(150)).await;
}

/// A worker whose connection is lost again and again, and which has a bug.
#[tracing::instrument(ret, err)]
async fn feed(run: u32) -> anyhow::Result<()> {
    sleep(ms(200)).await;
    match run {
        2 => panic!("no handler"),
        _ => Err(Broken("connection lost").into()),
    }
}

/// A worker that fails at first, then after a good while, and then gets its work done.
#[tracing::instrument(ret, err)]
async fn mail(run: u32) -> anyhow::Result<()> {
    match run {
        1 => sleep(ms(100)).await,
        2 => sleep(ms(500)).await,
        _ => {
            sleep(ms(300)).await;
            return Ok(());
        }
    }
    Err(Broken("server busy").into())
}

/// A worker that has nothing to complain of, and cleans up when it is told to stop.
#[tracing::instrument(skip(stop), ret, err)]
async fn metrics(stop: CancellationToken) -> anyhow::Result<()> {
    stop.cancelled().await;
    sleep(ms(50)).await;
    Ok(())
}

async fn supervision() -> anyhow::Result<()> {
    info!("supervised: feed may fail four times in a minute, mail too, metrics is well");
    let mut supervisor = Supervisor::new(|name, failure, pause: Option<Duration>| {
        let bug = failure.downcast_ref::<Panicked>();
        let failure = bug.map_or_else(|| failure.to_string(), |Panicked(text)| format!("bug: {text}"));
        match pause {
            Some(pause) => info!("  {name}: {failure}; again in {} ms", pause.as_millis()),
            None => info!("  {name}: {failure}; too often"),
        }
    });
    let restart = Restart { pauses: PAUSES, healthy: ms(400), failures: 4, window: Duration::from_secs(60) };
    let (mut feeds, mut mails) = (0, 0);
    supervisor.start("feed", Some(restart.clone()), move |_stop| {
        feeds += 1;
        feed(feeds)
    })?;
    supervisor.start("mail", Some(restart), move |_stop| {
        mails += 1;
        mail(mails)
    })?;
    supervisor.start("metrics", None, metrics)?;
    while let Some((name, end)) = supervisor.next_end().await {
        info!("  {name} {}", tell(&end));
        if matches!(end, End::Failed(_)) {
            break;
        }
    }
    for (name, end) in supervisor.shutdown(ms(500)).await {
        info!("  {name} {}", tell(&end));
    }
    Ok(())
}

fn tell(end: &End) -> &'static str {
    match end {
        End::Finished => "has finished",
        End::Failed(_) => "is given up",
        End::Cancelled => "is cancelled",
    }
}

/// What an order may come to.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// Another time it may work.
    #[error("busy")]
    Busy,
    /// It will not work.
    #[error("no such article")]
    NoSuchArticle,
    /// A task that it needs has ended.
    #[error("stock check cancelled")]
    Task(#[from] tokio::task::JoinError),
}

/// Stands for a call of a service that is busy for two attempts.
#[tracing::instrument(ret, err)]
async fn order(article: &'static str, attempt: u32) -> Result<&'static str, OrderError> {
    if article == "tea" {
        let stock = tokio::spawn(std::future::pending::<()>());
        stock.abort();
        stock.await?;
    }
    sleep(ms(100)).await;
    match (article, attempt) {
        ("coffee", 3..) => Ok("ordered"),
        ("coffee", _) => Err(OrderError::Busy),
        _ => Err(OrderError::NoSuchArticle),
    }
}

async fn retries() {
    info!("retry: what is busy, and neither what is final nor a cancellation");
    let policy = Policy { pause: ms(125), random: || 1.0, ..Policy::default() };
    for article in ["coffee", "unicorn", "tea"] {
        let mut attempts = 0;
        let attempt = || {
            attempts += 1;
            order(article, attempts)
        };
        let judge = |outcome: &Result<_, OrderError>| match outcome {
            Err(OrderError::Busy) => Verdict::Again,
            _ => Verdict::Final,
        };
        let report = |outcome: &Result<_, OrderError>, pause: Duration| {
            if let Err(error) = outcome {
                info!("  {article}: {error}; again in {} ms", pause.as_millis());
            }
        };
        match retry_outcome(policy, attempt, judge, report).await {
            Ok(done) => info!("  {article}: {done}"),
            Err(error) => info!("  {article}: {error}"),
        }
    }
}

async fn contexts() -> anyhow::Result<()> {
    info!("context: what was being done, and why it failed");
    let Err(error) = settings("timeouts", async { Ok(fetch("forty", 100).await?) }, |text| {
        text.parse::<u32>().map_err(|_| Broken("not a number"))
    })
    .await
    else {
        anyhow::bail!("<forty> is no number");
    };
    for line in lines(&error) {
        info!("  {line}");
    }
    Ok(())
}
