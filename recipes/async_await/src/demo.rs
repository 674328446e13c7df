//! Does what `demo.py` does, with the patterns of this recipe.

use std::num::NonZeroUsize;
use std::time::Duration;

use tokio::time::sleep;
use tokio::{join, try_join};
use tracing::info;

use crate::async_closures::poll_until;
use crate::call_and_await::balance;
use crate::laziness::first_ok;
use crate::many_readers::spawn_shared;
use crate::sequential_or_concurrent::{Page, at_once, one_after_the_other};
use crate::single_flight::LoadingCache;
use crate::yielding::search;

/// The simulated server: each path, the milliseconds it takes, and its answer.
const ANSWERS: [(&str, u64, &str); 8] = [
    ("/users/ada/account", 100, "7"),
    ("/accounts/7/balance", 100, "250"),
    ("/users/ada", 300, "Ada"),
    ("/users/ada/orders", 300, "2 orders"),
    ("/offers", 300, "3 offers"),
    ("/replica/news", 100, "the news"),
    ("/origin/news", 100, "the news"),
    ("/rate", 100, "1.08"),
];

/// The path is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} not found")]
pub struct NotFound(String);

/// Simulates a request: takes its time, and fails for a path that the server does not have.
#[tracing::instrument(ret, err)]
async fn fetch(path: String) -> Result<String, NotFound> {
    info!("  GET {path}");
    let answer = ANSWERS.iter().find(|(known, ..)| *known == path);
    sleep(Duration::from_millis(answer.map_or(100, |(_, millis, _)| *millis))).await;
    answer.map(|(.., text)| (*text).to_owned()).ok_or(NotFound(path))
}

/// Shows every pattern of the recipe, one after the other.
///
/// # Errors
///
/// If the server does not find a path that it has.
pub async fn run() -> anyhow::Result<()> {
    call_and_await().await?;
    three_calls().await?;
    laziness().await;
    one_result_for_many().await?;
    one_call_per_key().await?;
    asked_until_ready().await?;
    yielding().await;
    Ok(())
}

async fn call_and_await() -> anyhow::Result<()> {
    info!("await: the second call needs the answer of the first");
    let balance = balance("ada", fetch).await?;
    info!("  balance: {balance}");
    Ok(())
}

async fn three_calls() -> anyhow::Result<()> {
    info!("one after the other: three calls of 300 ms each");
    let Page { profile, orders, offers } = one_after_the_other("ada", fetch).await?;
    info!("  {profile}, {orders}, {offers}");
    info!("at once: the same three calls");
    let Page { profile, orders, offers } = at_once("ada", fetch).await?;
    info!("  {profile}, {orders}, {offers}");
    Ok(())
}

async fn laziness() {
    info!("laziness: three attempts are made, and none has begun");
    let attempts = ["/cache/news", "/replica/news", "/origin/news"].map(|path| fetch(path.to_owned()));
    info!("  now they are awaited, until one succeeds");
    match first_ok(attempts).await {
        Ok(news) => info!("  {news}; the third never ran"),
        Err(errors) => info!("  all {} failed", errors.len()),
    }
}

async fn one_result_for_many() -> anyhow::Result<()> {
    info!("one result for many: three readers, one call");
    let rate = spawn_shared(fetch("/rate".to_owned()));
    let (a, b, c) = join!(rate.clone(), rate.clone(), rate);
    info!("  {} {} {}", a??, b??, c??);
    Ok(())
}

async fn one_call_per_key() -> anyhow::Result<()> {
    info!("one call per key: three callers, one call; its result is kept for a minute");
    let rates = LoadingCache::new(Duration::from_secs(60));
    let rate = async || rates.get("usd", fetch("/rate".to_owned())).await;
    let (a, b, c) = try_join!(rate(), rate(), rate())?;
    info!("  {a} {b} {c}");
    info!("  {}, without a call", rate().await?);
    rates.remove(&"usd");
    info!("  {}, after it was removed", rate().await?);
    Ok(())
}

async fn asked_until_ready() -> anyhow::Result<()> {
    info!("an async function as an argument: asked until there is an answer");
    let mut asked = 0;
    let answer = poll_until(Duration::from_millis(100), async || -> anyhow::Result<_> {
        asked += 1;
        info!("  is it ready?");
        Ok((asked == 3).then_some("yes"))
    });
    let answer = answer.await?;
    info!("  {answer}");
    Ok(())
}

async fn yielding() {
    info!("yielding: another task waits for its turn while 3000 lines are searched");
    let lines: Vec<_> = (0..3_000).map(|number| format!("line {number}")).collect();
    for at_a_time in [3_001, 1_000].into_iter().filter_map(NonZeroUsize::new) {
        let other = tokio::spawn(async {});
        let found = search(lines.iter().map(String::as_str), "99", at_a_time).await;
        let turn = if other.is_finished() { "has had its turn" } else { "still waits" };
        info!("  {at_a_time} lines at a time: {} found, the other task {turn}", found.len());
    }
}
