//! The Rust half of the chapter's pairs: each function has the name, and asserts the same, as the one in `pairs.py`.

use std::pin::pin;

use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use tokio::time::{Instant, sleep};

use crate::support::{Log, THREE, TWO, ms};

/// asyncio: an async generator, and `async for`. Tokio: `try_stream!`, and `while let`.
#[tokio::test(start_paused = true)]
async fn a_generator_and_a_loop() -> anyhow::Result<()> {
    let mut log = Vec::new();

    let numbers = async_stream::try_stream! {
        for number in 0..3 {
            sleep(ms(10)).await;
            yield number;
        }
    };
    let mut numbers = pin!(numbers);
    while let Some(number) = numbers.next().await {
        let number: anyhow::Result<u32> = number; // `?` in the generator ends it with an error
        log.push(number?);
    }

    assert_eq!(log, [0, 1, 2]);
    Ok(())
}

/// asyncio: a comprehension. Tokio: adapters.
#[tokio::test]
async fn a_comprehension() -> anyhow::Result<()> {
    let numbers = || stream::iter(0..3);
    let is_odd = async |number: u32| number % 2 == 1;

    let tens: Vec<_> =
        numbers().filter_map(async |number| is_odd(number).await.then_some(10 * number)).collect().await;

    assert_eq!(tens, [10]);
    Ok(())
}

/// asyncio: a task fills a queue. Tokio: `prefetch`.
#[tokio::test(start_paused = true)]
async fn the_next_items_while_this_one_is_handled() -> anyhow::Result<()> {
    let start = Instant::now();
    let rows = stream::iter(1..=3).then(async |row: u32| {
        sleep(ms(100)).await;
        row
    });
    let handle = async |_row| sleep(ms(100)).await;

    let mut rows = async_iterators::prefetch::prefetch(rows, TWO); // at most two ahead
    while let Some(row) = rows.next().await {
        handle(row).await;
    }

    assert_eq!(start.elapsed(), ms(400));
    Ok(())
}

/// asyncio: `gather` behind a semaphore. Tokio: `in_order`, which takes an item when there is room.
#[tokio::test(start_paused = true)]
async fn three_at_a_time_in_order() -> anyhow::Result<()> {
    let start = Instant::now();
    let pages = stream::iter(["home", "a", "faq", "news"]);
    async fn fetch(page: &str) -> anyhow::Result<usize> {
        sleep(ms(100)).await;
        Ok(page.len())
    }

    let lengths = async_iterators::consume::in_order(pages, THREE, fetch);
    let lengths: Vec<_> = lengths.try_collect().await?;

    assert_eq!((lengths, start.elapsed()), (vec![4, 1, 3, 4], ms(200)));
    Ok(())
}

/// asyncio: `aclose` runs the `finally`, and waits. Tokio: `close` of `closable`.
#[tokio::test(start_paused = true)]
async fn leave_early_and_wait_for_the_clean_up() -> anyhow::Result<()> {
    use async_iterators::closable::Out;
    let (log, tracker, users) = (Log::default(), tokio_util::task::TaskTracker::new(), vec!["ada", "bob"]);
    let closes = log.clone();
    let close = async move || {
        sleep(ms(10)).await;
        closes.add("closed");
        anyhow::Ok(())
    };
    async fn each(users: &mut Vec<&'static str>, out: &mut Out<&'static str>) -> anyhow::Result<()> {
        for user in users {
            out.give(*user).await; // what `yield` is
        }
        Ok(())
    }

    let mut rows = async_iterators::closable::closable(
        &tracker,
        users, // a connection
        |users, out| each(users, out).boxed(),
        async move |_users| close().await,
    );
    let first = rows.try_next().await?;
    rows.close().await?; // when the clean-up is over

    assert_eq!((first, log.take()), (Some("ada"), vec!["closed".to_owned()]));
    Ok(())
}
