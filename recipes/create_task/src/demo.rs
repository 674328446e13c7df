//! Does what `demo.py` does, with the patterns of this recipe.

use std::fmt::Debug;
use std::time::Duration;

use tokio::task::JoinError;
use tokio::time::sleep;
use tracing::info;

use crate::context::inherit;
use crate::done_callback::Announced;
use crate::named::{Names, State};
use crate::owner::{Outbox, Refreshed};
use crate::spawn::collect;

tokio::task_local! {
    static REQUEST: &'static str;
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The page is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} not found")]
pub struct NotFound(String);

/// Simulates a request: takes its time, and fails for a page that is missing.
#[tracing::instrument(skip(millis), ret, err)]
async fn fetch(page: impl Into<String> + Debug, millis: u64) -> Result<String, NotFound> {
    sleep(ms(millis)).await;
    let page = page.into();
    if page == "missing" { Err(NotFound(page)) } else { Ok(format!("<{page}>")) }
}

/// Shows every pattern of the recipe, one after the other.
///
/// # Errors
///
/// If a task fails that should not.
pub async fn run() -> anyhow::Result<()> {
    spawn_work_collect().await;
    name_and_state().await;
    owners().await;
    context().await?;
    done_callbacks().await?;
    Ok(())
}

async fn spawn_work_collect() {
    info!("create_task: home takes 600 ms, missing 100 ms, help 200 ms");
    let tasks = [("home", 600), ("missing", 100), ("help", 200)]
        .map(|(page, millis)| tokio::spawn(fetch(page, millis)));
    info!("  the parent goes on with its own work");
    sleep(ms(400)).await;
    let done = tasks.iter().filter(|task| task.is_finished()).count();
    info!("  the parent is done, and so are {done} of its {} tasks", tasks.len());
    for task in tasks {
        match collect(task).await {
            Ok(page) => info!("  {page}"),
            Err(failure) => info!("  error: {failure}"),
        }
    }
}

async fn name_and_state() {
    info!("names: the indexer takes 500 ms, the mailer 100 ms");
    let names = Names::default();
    let mut indexer = names.spawn("indexer", fetch("index", 500));
    let mut mailer = names.spawn("mailer", fetch("mail", 100));
    info!("  running: {}", names.running().join(", "));
    sleep(ms(300)).await;
    info!("  running: {}", names.running().join(", "));
    indexer.abort();
    info!("  {} is {}: it was asked to end a moment ago", indexer.name(), describe(indexer.state()));
    for task in [&mut indexer, &mut mailer] {
        let _seen_in_the_state = task.result().await;
    }
    for task in [&mut indexer, &mut mailer] {
        info!("  {} is {}", task.name(), describe(task.state()));
    }
}

fn describe(state: State) -> &'static str {
    match state {
        State::Running => "running",
        State::Finished => "finished",
        State::Panicked => "panicked",
        State::Cancelled => "cancelled",
    }
}

async fn owners() {
    info!("owners: a value keeps itself fresh, an outbox sends two letters");
    let mut version = 0;
    let prices = Refreshed::new("<version-0>".to_owned(), ms(200), move || {
        version += 1;
        let page = format!("version-{version}");
        async { fetch(page, 100).await.unwrap_or_else(|error| error.to_string()) }
    });
    let outbox = Outbox::default();
    for (letter, millis) in [("letter-1", 200), ("letter-2", 700)] {
        outbox.send(async move {
            if let Err(error) = fetch(letter, millis).await {
                info!("  a letter is lost: {error}");
            }
        });
    }
    sleep(ms(580)).await;
    info!("  the value is {}", prices.get());
    drop(prices);
    info!("  the value is dropped, and its task ends");
    outbox.close().await;
    info!("  the outbox is closed: both letters are sent");
}

async fn context() -> anyhow::Result<()> {
    info!("context: the child gets a copy");
    REQUEST
        .scope("request-1", async {
            tokio::spawn(inherit(&REQUEST, what_the_child_sees())).await??;
            info!("  the parent still has {}", REQUEST.get());
            Ok(())
        })
        .await
}

async fn what_the_child_sees() -> Result<(), NotFound> {
    let seen = REQUEST.get();
    // A task-local has no setter: its scope is put around a future.
    REQUEST
        .scope("request-1/child", async {
            fetch("context", 100).await?;
            info!("  the child has seen {seen} and now has {}", REQUEST.get());
            Ok(())
        })
        .await
}

async fn done_callbacks() -> anyhow::Result<()> {
    info!("done callbacks: two for a value, one for a cancelled task");
    let task = Announced::new(tokio::spawn(fetch("news", 100)));
    task.add_done_callback(|outcome| info!("  first callback: {}", tell(outcome)));
    task.add_done_callback(|outcome| info!("  second callback: {}", tell(outcome)));
    task.join().await??;
    let slow = Announced::new(tokio::spawn(fetch("home", 300)));
    slow.add_done_callback(|outcome| info!("  callback: {}", tell(outcome)));
    sleep(ms(100)).await;
    slow.abort();
    let _told_by_the_callback = slow.join().await;
    Ok(())
}

fn tell(outcome: &Result<Result<String, NotFound>, JoinError>) -> String {
    match outcome {
        Ok(Ok(page)) => page.clone(),
        Ok(Err(error)) => error.to_string(),
        Err(error) if error.is_panic() => "panicked".to_owned(),
        Err(_aborted) => "cancelled".to_owned(),
    }
}
