//! The Rust half of the chapter's pairs: each function has the name, and asserts the same, as the one in `pairs.py`.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::support::{Count, ms};

/// Simulates a request.
async fn fetch(path: impl Into<String>) -> anyhow::Result<String> {
    let path = path.into();
    sleep(ms(100)).await;
    Ok(format!("<{path}>"))
}

/// asyncio: `await`, and an exception goes up. Tokio: `.await`, and `?` passes an error on.
#[tokio::test(start_paused = true)]
async fn call_and_wait_for_the_answer() -> anyhow::Result<()> {
    let user = fetch("/user").await?;
    let orders = fetch(format!("/orders{}", user.len())).await?; // begins when the user is there

    assert_eq!(orders, "</orders7>");
    Ok(())
}

/// asyncio: `gather` makes tasks. Tokio: `try_join!` polls both on this task.
#[tokio::test(start_paused = true)]
async fn several_calls_at_once() -> anyhow::Result<()> {
    let start = Instant::now();
    let (orders, offers) = tokio::try_join!(fetch("/orders"), fetch("/offers"))?;

    assert_eq!((orders.as_str(), offers.as_str()), ("</orders>", "</offers>"));
    assert_eq!(start.elapsed(), ms(100));
    Ok(())
}

/// asyncio: a coroutine object does nothing before it is awaited. Tokio: neither does a future.
#[tokio::test(start_paused = true)]
async fn make_now_run_later() -> anyhow::Result<()> {
    let later = fetch("/news"); // nothing has begun
    tokio::time::sleep(Duration::from_secs(1)).await;
    let news = later.await?; // now it runs

    assert_eq!(news, "</news>");
    Ok(())
}

/// asyncio: `sleep(0)`. Tokio: `yield_now`.
#[tokio::test(start_paused = true)]
async fn a_turn_for_the_others() -> anyhow::Result<()> {
    let other = tokio::spawn(tokio::task::yield_now());
    for number in 0..3_000 {
        if number % 1_000 == 999 {
            tokio::task::yield_now().await;
        }
    }

    assert!(other.is_finished());
    Ok(())
}

/// asyncio: a `Task` can be awaited again. Tokio: a `SharedTask` can.
#[tokio::test(start_paused = true)]
async fn one_result_many_readers() -> anyhow::Result<()> {
    use async_await::many_readers::spawn_shared;

    let rate = spawn_shared(async { fetch("/rate").await.ok() });
    let first = rate.clone().await?;
    let again = rate.await?;

    assert_eq!((first.as_deref(), again.as_deref()), (Some("</rate>"), Some("</rate>")));
    Ok(())
}

/// asyncio: a dictionary of tasks. Here: the same with a time to live, and without its errors.
#[tokio::test(start_paused = true)]
async fn one_call_per_key() -> anyhow::Result<()> {
    use async_await::single_flight::LoadingCache;
    let asked = Count::default();
    let ask = async |key| {
        asked.add();
        fetch(key).await.map_err(|error| error.to_string())
    };

    let rates = LoadingCache::new(Duration::from_secs(60));
    let get = async |key| rates.get(key, ask(key)).await;
    let (one, other) = tokio::join!(get("usd"), get("usd"));

    assert_eq!((one.as_deref(), other.as_deref(), asked.get()), (Ok("<usd>"), Ok("<usd>"), 1));
    Ok(())
}

/// asyncio: any function that returns an awaitable. Rust: `AsyncFnMut`, which may use what it borrows.
#[tokio::test(start_paused = true)]
async fn a_function_that_takes_an_async_function() -> anyhow::Result<()> {
    async fn twice(mut ask: impl AsyncFnMut() -> usize) -> [usize; 2] {
        [ask().await, ask().await]
    }

    let mut answers = Vec::new();
    let ask = async || {
        answers.push(fetch("/rate").await);
        answers.len()
    };

    assert_eq!(twice(ask).await, [1, 2]);
    Ok(())
}
