//! Does what `demo.py` does, with the patterns of this recipe.

use std::time::Duration;

use backon::ExponentialBuilder;
use futures::future::join_all;
use tokio::sync::oneshot;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::background::reported;
use crate::circuit_breaker::{BreakerLimits, CircuitBreaker};
use crate::context::{lines, settings};
use crate::error_group::ErrorGroup;
use crate::one_task::{LoadError, page_or};
use crate::outcome::{TaskOutcome, every_outcome};
use crate::retry::{Policy, Verdict, retry_outcome};
use crate::supervise::{Panicked, Restart, Supervisor, WorkerEnd};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Pauses that double from 125 ms. They are whole milliseconds and binary fractions of a second, so they are exact.
const PAUSES: ExponentialBuilder =
    ExponentialBuilder::new().with_min_delay(ms(125)).with_max_delay(ms(1_000)).without_max_times();

/// The error of the workers and of a payment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Broken(&'static str);

/// Simulates a request: takes its time, and ends as the name of the page says.
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
/// If something fails that should not.
pub async fn run() -> anyhow::Result<()> {
    one_task().await?;
    outcomes().await;
    groups().await?;
    background().await?;
    supervision().await?;
    retries().await;
    breaker().await?;
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
    let tasks = [("home", 50), ("missing", 50), ("buggy", 50), ("slow", 60_000)]
        .map(|(page, millis)| (page, tokio::spawn(fetch(page, millis))));
    let slow = tasks[3].1.abort_handle();
    let outcomes = every_outcome(tasks);
    sleep(ms(100)).await;
    slow.abort();
    let outcomes = outcomes.await;
    for (page, outcome) in &outcomes {
        match outcome {
            TaskOutcome::Value(value) => info!("  {page}: {value}"),
            TaskOutcome::Error(error) => info!("  {page}: error: {error}"),
            TaskOutcome::Panicked(text) => info!("  {page}: bug: {text}"),
            TaskOutcome::Cancelled => info!("  {page}: cancelled"),
        }
    }
    let failed = outcomes.iter().filter(|(_, outcome)| outcome.is_failure()).count();
    info!("  {failed} of {} failed; one was cancelled", outcomes.len());
}

async fn groups() -> anyhow::Result<()> {
    info!("a group: missing pages are counted, and what is left is handed on");
    let fetched = join_all([fetch("home", 50), fetch("missing", 100), fetch("missing", 100)]).await;
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

async fn background() -> anyhow::Result<()> {
    info!("a background task: it fails, and no task awaits it");
    let (sender, heard) = oneshot::channel();
    let report = |failure| {
        info!("  reported: {failure}");
        let _no_receiver = sender.send(());
    };
    tokio::spawn(reported(fetch("missing", 100), report));
    Ok(heard.await?)
}

/// A worker whose connection is lost again and again, and which has a bug.
#[tracing::instrument(ret, err)]
async fn feed(run: u32) -> anyhow::Result<()> {
    sleep(ms(50)).await;
    match run {
        2 => panic!("no handler"),
        _ => Err(Broken("connection lost").into()),
    }
}

/// A worker that fails once, and then gets its work done.
#[tracing::instrument(ret, err)]
async fn mail(run: u32) -> anyhow::Result<()> {
    sleep(ms(50)).await;
    match run {
        1 => Err(Broken("server busy").into()),
        _ => Ok(()),
    }
}

/// A worker without failures, which cleans up when its token is cancelled.
#[tracing::instrument(skip(stop), ret, err)]
async fn metrics(stop: CancellationToken) -> anyhow::Result<()> {
    stop.cancelled().await;
    sleep(ms(50)).await;
    Ok(())
}

async fn supervision() -> anyhow::Result<()> {
    info!("supervised: mail recovers, feed may fail three times in a minute");
    let mut supervisor = Supervisor::new(|name, failure, pause: Option<Duration>| {
        let bug = failure.downcast_ref::<Panicked>();
        let failure = bug.map_or_else(|| failure.to_string(), |Panicked(text)| format!("bug: {text}"));
        match pause {
            Some(pause) => info!("  {name}: {failure}; again in {} ms", pause.as_millis()),
            None => info!("  {name}: {failure}; too often"),
        }
    });
    let restart =
        Restart { pauses: PAUSES, healthy: Duration::MAX, failures: 3, window: Duration::from_secs(60) };
    supervisor.start("metrics", None, metrics)?;
    let (mut mails, mut feeds) = (0, 0);
    supervisor.start("mail", Some(restart.clone()), move |_stop| {
        mails += 1;
        mail(mails)
    })?;
    tell(supervisor.next_end().await);
    supervisor.start("feed", Some(restart), move |_stop| {
        feeds += 1;
        feed(feeds)
    })?;
    tell(supervisor.next_end().await);
    for end in supervisor.shutdown(ms(500)).await {
        tell(Some(end));
    }
    Ok(())
}

fn tell(end: Option<(String, WorkerEnd)>) {
    match end {
        Some((name, WorkerEnd::Finished)) => info!("  {name} has finished"),
        Some((name, WorkerEnd::Failed(_))) => info!("  {name} is given up"),
        Some((name, WorkerEnd::Cancelled)) => info!("  {name} is cancelled"),
        None => {}
    }
}

/// Why an order failed.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// It may work at another time.
    #[error("busy")]
    Busy,
    /// It will not work.
    #[error("no such article")]
    NoSuchArticle,
    /// A task that the order needs was aborted or panicked.
    #[error("stock check cancelled")]
    Task(#[from] tokio::task::JoinError),
}

/// Simulates a call of a service that is busy for two attempts.
#[tracing::instrument(ret, err)]
async fn order(article: &'static str, attempt: u32) -> Result<&'static str, OrderError> {
    if article == "tea" {
        let stock = tokio::spawn(std::future::pending::<()>());
        stock.abort();
        stock.await?;
    }
    sleep(ms(50)).await;
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

/// Simulates a payment.
#[tracing::instrument(ret, err)]
async fn pay(amount: u32, works: bool) -> Result<&'static str, Broken> {
    sleep(ms(50)).await;
    if works { Ok("paid") } else { Err(Broken("out of order")) }
}

async fn breaker() -> anyhow::Result<()> {
    info!("circuit breaker: two failures open it for 500 ms, then one call is a trial");
    let limits = BreakerLimits { failures: 2, open_for: ms(500), ..BreakerLimits::default() };
    let breaker = CircuitBreaker::new(limits);
    for amount in [1, 2] {
        let answer = breaker.call(|| pay(amount, false), Result::is_err).await?;
        if let Err(error) = answer {
            info!("  {amount}: {error}");
        }
    }
    if let Err(open) = breaker.call(|| pay(3, true), Result::is_err).await {
        info!("  3: refused");
        sleep(open.retry_in).await;
    }
    let answers =
        join_all([4, 5, 6].map(|amount| breaker.call(move || pay(amount, true), Result::is_err))).await;
    for (amount, answer) in [4, 5, 6].into_iter().zip(answers) {
        match answer {
            Ok(paid) => info!("  {amount}: {}", paid?),
            Err(_open) => info!("  {amount}: refused"),
        }
    }
    let answer = breaker.call(|| pay(7, true), Result::is_err).await??;
    info!("  7: {answer}");
    Ok(())
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
