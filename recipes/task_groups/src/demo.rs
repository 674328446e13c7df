//! The same program as `demo.py`, with the patterns of this recipe.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, ensure};
use futures::channel::mpsc;
use futures::{FutureExt, SinkExt, StreamExt};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, instrument};

use crate::borrow::reachable;
use crate::cancel_on_drop::cancel_on_drop;
use crate::join_set::try_join_all;
use crate::task_group::{GroupError, NoValue, TaskGroup, task_group, task_group_under};

type Errors = GroupError<anyhow::Error>;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[derive(Debug, thiserror::Error)]
#[error("{0} not found")]
struct NotFound(String);

/// Imitates a request: takes its time, and fails for a missing page.
#[instrument(skip(millis), ret, err)]
async fn fetch(page: &str, millis: u64) -> anyhow::Result<String> {
    sleep(ms(millis)).await;
    ensure!(!page.starts_with("missing"), NotFound(page.to_owned()));
    Ok(format!("<{page}>"))
}

/// Imitates a clean-up that waits for a server.
#[instrument(skip(fails), ret, err)]
async fn roll_back(name: &str, fails: bool) -> anyhow::Result<()> {
    sleep(ms(50)).await;
    ensure!(!fails, "{name} not rolled back");
    info!("  {name} rolled back");
    Ok(())
}

/// Imitates a long upload. It rolls back when it is cancelled.
#[instrument(skip(cancelled, fails), ret, err)]
async fn upload(name: &str, fails: bool, cancelled: CancellationToken) -> anyhow::Result<()> {
    if cancelled.run_until_cancelled(sleep(ms(1_000))).await.is_none() {
        roll_back(name, fails).await?;
    }
    Ok(())
}

/// A child that sees its cancellation, and may take as long as it needs.
fn spawn_upload(group: &TaskGroup<anyhow::Error>, name: &'static str, fails: bool) {
    group.spawn_with_grace(Duration::MAX, move |cancelled| upload(name, fails, cancelled));
}

/// Shows every pattern of the recipe, one after the other.
///
/// # Errors
///
/// If something fails that should not.
pub async fn run() -> anyhow::Result<()> {
    values().await?;
    children_add_children().await?;
    first_failure().await;
    all_errors().await;
    nested().await;
    cancelled_from_outside().await?;
    too_late().await;
    cancelled_alone().await?;
    a_list().await;
    borrowed().await
}

async fn values() -> anyhow::Result<()> {
    info!("TaskGroup: three pages, and their values after the block");
    let pages = task_group(async |group| {
        let pages = [("home", 300), ("news", 100), ("help", 200)];
        anyhow::Ok(pages.map(|(page, millis)| group.spawn(fetch(page, millis))))
    })
    .await?;
    let pages = futures::future::try_join_all(pages).await?;
    info!("  {}", pages.join(" "));
    Ok(())
}

async fn children_add_children() -> anyhow::Result<()> {
    info!("children add children: a page, and those that it links to");
    async fn show(page: &'static str, millis: u64) -> anyhow::Result<()> {
        info!("  {}", fetch(page, millis).await?);
        Ok(())
    }
    async fn follow(group: TaskGroup<anyhow::Error>) -> anyhow::Result<()> {
        show("home", 100).await?;
        for (link, millis) in [("news", 300), ("help", 100)] {
            group.spawn(show(link, millis));
        }
        Ok(())
    }
    task_group(async |group| {
        group.spawn(follow(group.clone()));
        Ok(())
    })
    .await?;
    Ok(())
}

async fn first_failure() {
    info!("one fails: the others and the body are cancelled, all are waited for");
    let group = task_group(async |group| {
        spawn_upload(&group, "photos", false);
        group.spawn(fetch("missing", 100));
        info!("  {}", fetch("home", 1_000).await?);
        Ok(())
    });
    if let Err(errors) = group.await {
        for error in errors.into_errors() {
            info!("  {error}");
        }
    }
}

async fn all_errors() {
    info!("all errors come out together, also those of the clean-up");
    let group = task_group(async |group| {
        spawn_upload(&group, "photos", true);
        group.spawn(fetch("missing", 100));
        Ok(())
    });
    if let Err(errors) = group.await {
        for error in errors.into_errors() {
            match error.downcast::<NotFound>() {
                Ok(not_found) => info!("  a lookup failed: {not_found}"),
                Err(error) => info!("  the server failed: {error}"),
            }
        }
    }
}

async fn nested() {
    info!("nested: the inner group fails, and the outer one with it");
    let group = task_group(async |outer| {
        spawn_upload(&outer, "photos", false);
        outer
            .nested(async |inner| {
                spawn_upload(&inner, "videos", false);
                inner.spawn(fetch("missing", 100));
                anyhow::Ok(())
            })
            .await?;
        Ok(())
    });
    if let Err(errors) = group.await {
        let inner = errors.failures.iter().filter_map(|failure| failure.error.downcast_ref::<Errors>());
        let inner: usize = inner.map(|inner| inner.failures.len()).sum();
        info!("  {} error, which is a group of {inner}", errors.failures.len());
    }
}

async fn cancelled_from_outside() -> anyhow::Result<()> {
    info!("cancelled from outside: the children are waited for");
    let token = CancellationToken::new();
    let group = task_group_under(&token, async |group| {
        spawn_upload(&group, "photos", false);
        fetch("home", 1_000).await
    });
    let (page, ()) = tokio::join!(group, sleep(ms(100)).map(|()| token.cancel()));
    match page? {
        Some(page) => info!("  {page}"),
        None => info!("  cancelled"),
    }
    Ok(())
}

async fn too_late() {
    info!("a timeout around it: the children are waited for");
    let tracker = TaskTracker::new();
    let uploads = cancel_on_drop(&tracker, async |token| {
        let group = task_group_under(&token, async |group| {
            spawn_upload(&group, "photos", false);
            Ok(())
        });
        group.await
    });
    let in_time = timeout(ms(100), uploads).await;
    tracker.close();
    tracker.wait().await;
    if in_time.is_err() {
        info!("  too late");
    }
}

async fn cancelled_alone() -> anyhow::Result<()> {
    info!("one child cancelled: that is no failure");
    let late = task_group(async |group| {
        let (ticked, mut ticks) = mpsc::channel(1);
        let child = group.spawn(tick(ticked));
        for _ in 0..2 {
            info!("  {}", ticks.next().await.context("it ticks on")?);
        }
        child.cancel();
        Ok(group)
    })
    .await?;
    if let Err(NoValue::Refused) = late.spawn(fetch("news", 100)).await {
        info!("  the group is over, and takes no more");
    }
    Ok(())
}

#[instrument(skip(ticked))]
async fn tick(mut ticked: mpsc::Sender<&'static str>) -> anyhow::Result<()> {
    loop {
        sleep(ms(40)).await;
        ticked.send("tick").await?;
    }
}

async fn a_list() {
    info!("a list of coroutines: their values, or the first error");
    for second in ["news", "missing"] {
        let pages = [("home", 100), (second, 200)];
        let tasks: JoinSet<_> = pages.map(|(page, millis)| fetch(page, millis)).into_iter().collect();
        match try_join_all(tasks).await {
            Ok(pages) => info!("  {}", pages.join(" ")),
            Err(error) => info!("  {error}"),
        }
    }
}

async fn borrowed() -> anyhow::Result<()> {
    info!("a local variable, and children that look into it");
    let site = HashMap::from([
        ("home", vec!["news", "help"]),
        ("news", vec!["home", "sport"]),
        ("sport", vec!["news"]),
        ("help", vec![]),
        ("lost", vec!["home"]),
    ]);
    let found = reachable("home", async |page| {
        fetch(page, 100).await?;
        anyhow::Ok(site.get(page).cloned().unwrap_or_default())
    })
    .await?;
    info!("  {} of {} pages are reached from home", found.len(), site.len());
    Ok(())
}
