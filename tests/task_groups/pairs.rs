//! The Rust half of the chapter's pairs: each function has the name, and asserts the same, as the one in `pairs.py`.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::time::Duration;

use task_groups::task_group::{TaskGroup, task_group, task_group_under};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::support::ms;

/// The notes of a pair. Each pair has its own.
type Notes = Mutex<Vec<String>>;

/// Takes 10 ms, and fails for a page that is missing.
async fn fetch(page: &'static str) -> anyhow::Result<String> {
    sleep(ms(10)).await;
    anyhow::ensure!(page != "missing", page);
    Ok(format!("<{page}>"))
}

/// asyncio: `TaskGroup`. Tokio: `try_join!` for a fixed number, a `JoinSet` for a list.
#[tokio::test(start_paused = true)]
async fn values_after_the_block() -> anyhow::Result<()> {
    let (home, news) = tokio::try_join!(fetch("home"), fetch("news"))?; // futures, on this task
    let tasks = tokio::task::JoinSet::from_iter(["home", "news"].map(fetch)); // tasks, on all cores
    let pages = task_groups::join_set::try_join_all(tasks).await?; // in the order of completion

    assert_eq!([home, news], ["<home>", "<news>"]);
    assert_eq!(HashSet::from_iter(pages), HashSet::from(["<home>", "<news>"].map(str::to_owned)));
    Ok(())
}

/// asyncio: `except*`. Tokio: `GroupError`, which has every error.
#[tokio::test(start_paused = true)]
async fn the_first_failure_ends_the_others() {
    static LOG: Notes = Notes::new(Vec::new());
    let mut missing: Vec<anyhow::Error> = Vec::new();
    let upload = |name, cancelled| upload(&LOG, name, cancelled);

    let group = task_group(async |group| {
        group.spawn_with_grace(Duration::MAX, move |cancelled| upload("photos", cancelled));
        group.spawn(fetch("missing"));
        sleep(Duration::from_secs(60)).await; // is dropped
        Ok(())
    });
    if let Err(errors) = group.await {
        missing.extend(errors.into_errors()); // photos are rolled back by now
    }

    assert_eq!(*LOG.lock().unwrap(), ["photos rolled back"]);
    assert_eq!(missing.iter().map(ToString::to_string).collect::<Vec<_>>(), ["missing"]);
}

/// asyncio: `finally`, with awaits. Tokio: a token, and a grace period.
#[tokio::test(start_paused = true)]
async fn clean_up_with_awaits() -> anyhow::Result<()> {
    static LOG: Notes = Notes::new(Vec::new());
    async fn roll_back(name: &str) {
        sleep(ms(10)).await;
        LOG.lock().unwrap().push(format!("{name} rolled back"));
    }

    async fn upload(name: &str, cancelled: CancellationToken) -> anyhow::Result<()> {
        let sent = cancelled.run_until_cancelled(sleep(Duration::from_secs(60))).await;
        if sent.is_none() {
            roll_back(name).await;
        }
        Ok(())
    }

    task_group(async |group| {
        let child = group.spawn_with_grace(Duration::MAX, |cancelled| upload("photos", cancelled));
        sleep(ms(10)).await;
        child.cancel();
        Ok(())
    })
    .await?;

    assert_eq!(*LOG.lock().unwrap(), ["photos rolled back"]);
    Ok(())
}

/// asyncio: `timeout` around the block. Tokio: a timer that cancels the token of the group.
#[tokio::test(start_paused = true)]
async fn a_timeout_that_waits_for_the_children() -> anyhow::Result<()> {
    static LOG: Notes = Notes::new(Vec::new());
    let mut is_late = false;
    let upload = |name, cancelled| upload(&LOG, name, cancelled);

    let body = async |group: TaskGroup<anyhow::Error>| {
        group.spawn_with_grace(Duration::MAX, move |cancelled| upload("photos", cancelled));
        Ok(())
    };

    let stop = CancellationToken::new();
    let mut group = std::pin::pin!(task_group_under(&stop, body));
    if tokio::time::timeout(Duration::from_millis(50), &mut group).await.is_err() {
        stop.cancel();
        is_late = group.await?.is_none(); // photos are rolled back by now
    }

    assert!(is_late);
    assert_eq!(*LOG.lock().unwrap(), ["photos rolled back"]);
    Ok(())
}

/// asyncio: tasks that use the variables around them. Tokio: futures of one task.
#[tokio::test(start_paused = true)]
async fn children_that_borrow() -> anyhow::Result<()> {
    let site = HashMap::from([("home", vec!["news", "help"]), ("news", vec!["home", "sport"])]);

    let links = async |page| {
        sleep(Duration::from_millis(10)).await;
        anyhow::Ok(site.get(page).cloned().unwrap_or_default()) // no Arc, no move
    };
    let found = task_groups::borrow::reachable("home", links).await?;

    assert_eq!(found, HashSet::from(["home", "news", "help", "sport"]));
    Ok(())
}

/// Takes a minute. When it is cancelled, it rolls back.
async fn upload(log: &'static Notes, name: &'static str, cancelled: CancellationToken) -> anyhow::Result<()> {
    if cancelled.run_until_cancelled(sleep(Duration::from_secs(60))).await.is_none() {
        sleep(ms(10)).await;
        log.lock().unwrap().push(format!("{name} rolled back"));
    }
    Ok(())
}
