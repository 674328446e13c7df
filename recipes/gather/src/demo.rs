//! Does what `demo.py` does, with the patterns of this recipe.

use std::num::NonZeroUsize;
use std::time::Duration;

use anyhow::ensure;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tracing::{Instrument, info, instrument};

use crate::as_completed::as_completed;
use crate::bounded_in_order::bounded_in_order;
use crate::every_outcome::every_outcome;
use crate::fail_fast;
use crate::first_success::first_success;
use crate::in_order::in_order;
use crate::wait::{MaybeDone, ReturnWhen, wait};

/// A page, and how many milliseconds it takes.
type Page = (&'static str, u64);

const PAGES: [Page; 3] = [("home", 300), ("news", 100), ("help", 200)];
const ONE_IS_MISSING: [Page; 3] = [("home", 300), ("missing", 100), ("help", 200)];

/// Simulates a request: takes its time, and fails for a page that is missing.
#[instrument(skip(millis), ret, err)]
async fn fetch((page, millis): Page) -> anyhow::Result<String> {
    sleep(Duration::from_millis(millis)).await;
    ensure!(!page.starts_with("missing"), "{page} not found");
    Ok(format!("<{page}>"))
}

/// Shows every pattern of the recipe, one after the other.
///
/// # Errors
///
/// If a page that exists is not found.
pub async fn run() -> anyhow::Result<()> {
    results_in_order().await?;
    each_outcome().await;
    first_error().await;
    done_and_pending().await?;
    as_they_come().await?;
    two_at_a_time().await?;
    first_to_succeed().await;
    Ok(())
}

#[instrument(ret, err)]
async fn results_in_order() -> anyhow::Result<()> {
    info!("gather: home takes 300 ms, news 100 ms, help 200 ms");
    let pages: Result<Vec<_>, _> = in_order(PAGES, fetch).await.into_iter().collect();
    info!("  in the order of the arguments: {}", pages?.join(" "));
    Ok(())
}

#[instrument(ret)]
async fn each_outcome() {
    info!("gather(return_exceptions=True): one of three is missing");
    for outcome in every_outcome(ONE_IS_MISSING, fetch).await {
        match outcome {
            Ok(page) => info!("  {page}"),
            Err(failure) => info!("  error: {failure}"),
        }
    }
}

#[instrument(ret)]
async fn first_error() {
    info!("gather: the first error ends the wait");
    if let Err(error) = fail_fast::or_drop_the_rest(ONE_IS_MISSING, fetch).await {
        info!("  error: {error}");
    }
}

#[instrument(ret, err)]
async fn done_and_pending() -> anyhow::Result<()> {
    info!("wait: until the first is done, then for 200 ms, then for all");
    let pages = [("home", 500), ("news", 100), ("help", 200)];
    let mut tasks = pages.map(|page| MaybeDone::from(tokio::spawn(fetch(page).in_current_span())));
    let first = wait(&mut tasks, ReturnWhen::FirstCompleted, None).await?;
    info!("  FIRST_COMPLETED: {} done, {} pending", first.done.len(), first.pending.len());
    let soon = wait(&mut tasks, ReturnWhen::AllCompleted, Some(Duration::from_millis(200))).await?;
    info!("  timeout: {} done, {} pending, and it runs on", soon.done.len(), soon.pending.len());
    let all = wait(&mut tasks, ReturnWhen::AllCompleted, None).await?;
    info!("  ALL_COMPLETED: {} done, {} pending", all.done.len(), all.pending.len());
    Ok(())
}

#[instrument(ret, err)]
async fn as_they_come() -> anyhow::Result<()> {
    info!("as_completed: each one when it is there");
    let mut tasks: JoinSet<_> = PAGES.map(|page| fetch(page).in_current_span()).into_iter().collect();
    let deadline = Instant::now() + Duration::from_secs(1);
    as_completed(&mut tasks, deadline, |result| match result {
        Ok((_, Ok(page))) => info!("  {page}"),
        Ok((_, Err(error))) => info!("  error: {error}"),
        Err(error) => info!("  task failed: {error}"),
    })
    .await?;
    Ok(())
}

#[instrument(ret, err)]
async fn two_at_a_time() -> anyhow::Result<()> {
    info!("gather with a semaphore: six pages, two at a time");
    let pages = ["page-1", "page-2", "page-3", "page-4", "page-5", "page-6"].map(|page| (page, 100));
    let two = const { NonZeroUsize::new(2).unwrap() };
    let mut results = bounded_in_order(pages, two, |page| fetch(page).in_current_span());
    let mut fetched = Vec::new();
    while let Some(page) = results.next().await {
        fetched.push(page?);
    }
    info!("  {}", fetched.join(" "));
    Ok(())
}

#[instrument(ret)]
async fn first_to_succeed() {
    info!("first success: a mirror that fails, a slow one, a quick one");
    let mirrors = [("missing-mirror", 100), ("slow-mirror", 400), ("quick-mirror", 200)];
    match first_success(mirrors.map(fetch), Duration::ZERO).await {
        Ok((_, page)) => info!("  {page}"),
        Err(errors) => info!("  all {} failed", errors.len()),
    }
}
