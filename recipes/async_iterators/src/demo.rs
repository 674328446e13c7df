//! Does what `demo.py` does, with the patterns of this recipe.

use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::time::Duration;

use anyhow::bail;
use futures::{StreamExt, stream};
use tokio::time::sleep;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, Span, info, instrument};

use crate::by_hand::Countdown;
use crate::closable::{Closable, closable};
use crate::consume;
use crate::pages::{Page, items, pages};
use crate::prefetch::prefetch;
use crate::two_way::two_way;

const ONE: NonZeroUsize = NonZeroUsize::new(1).unwrap();
const THREE: NonZeroUsize = NonZeroUsize::new(3).unwrap();

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Shows the patterns of the recipe, one after the other.
///
/// # Errors
///
/// If a download or a cursor fails.
pub async fn run() -> anyhow::Result<()> {
    let clean_ups = TaskTracker::new();
    by_hand().await;
    read_ahead().await;
    in_order().await?;
    out_of_order().await?;
    closed(&clean_ups).await?;
    forgotten(&clean_ups).await?;
    talk().await;
    // Waits for the clean-ups after a break: here one cursor, which is closed by now.
    clean_ups.close();
    clean_ups.wait().await;
    Ok(())
}

#[instrument(ret)]
async fn by_hand() {
    info!("by hand: a countdown, 50 ms a number");
    let mut numbers = pin!(Countdown::new(3, ms(50)));
    while let Some(number) = numbers.next().await {
        info!("  {number}");
    }
}

/// Simulates a request: takes 300 ms. There are two pages, and a link to a third.
#[instrument(ret, err)]
async fn fetch(page: u32) -> anyhow::Result<Page<String, u32>> {
    sleep(ms(300)).await;
    if page == 3 {
        bail!("page {page} not found");
    }
    let items = [2 * page - 1, 2 * page].map(|row| format!("row {row}")).into();
    Ok(Page { items, next: Some(page + 1) })
}

#[instrument(skip(time), ret)]
async fn handle(item: &str, time: Duration) {
    sleep(time).await;
}

#[instrument(ret)]
async fn read_ahead() {
    info!("pages: a page takes 300 ms, handling a row 120 ms, and the third page is missing");
    // A span belongs to the task that entered it; another task fetches the pages.
    let section = Span::current();
    let pages = pages(1, move |page| fetch(page).instrument(section.clone()));
    let mut rows = pin!(items(prefetch(pages, ONE)));
    while let Some(row) = rows.next().await {
        match row {
            Ok(row) => {
                handle(&row, ms(120)).await;
                info!("  {row}");
            }
            Err(error) => info!("  error: {error}"),
        }
    }
}

const FILES: [(&str, u64); 6] =
    [("file-1", 450), ("file-2", 100), ("file-3", 200), ("file-4", 200), ("file-5", 300), ("file-6", 300)];

#[instrument(skip(millis), ret, err)]
async fn download((file, millis): (&'static str, u64)) -> anyhow::Result<&'static str> {
    sleep(ms(millis)).await;
    Ok(file)
}

#[instrument(ret, err)]
async fn in_order() -> anyhow::Result<()> {
    info!("in order: six files, three at a time; the first takes longest");
    let files = consume::in_order(stream::iter(FILES), THREE, |file| download(file).in_current_span());
    let mut files = pin!(files);
    while let Some(name) = files.next().await {
        info!("  {}", name?);
    }
    Ok(())
}

#[instrument(ret, err)]
async fn out_of_order() -> anyhow::Result<()> {
    info!("out of order: the same files, each when it is there");
    let files = consume::out_of_order(stream::iter(FILES), THREE, |file| download(file).in_current_span());
    let mut files = pin!(files);
    while let Some(name) = files.next().await {
        info!("  {}", name?);
    }
    Ok(())
}

#[instrument(ret)]
async fn read(table: &str, number: u32) -> String {
    sleep(ms(50)).await;
    format!("{table} {number}")
}

#[instrument(ret)]
async fn close_cursor(table: &str) {
    sleep(ms(200)).await;
    info!("  {table}: the cursor is closed");
}

fn cursor(clean_ups: &TaskTracker, table: &'static str) -> Closable<String, Infallible> {
    closable(
        clean_ups,
        table,
        |table, rows| {
            Box::pin(async move {
                for number in 1.. {
                    rows.give(read(table, number).await).await;
                }
                Ok(())
            })
        },
        async |table| {
            close_cursor(table).await;
            Ok(())
        },
    )
}

#[instrument(skip_all, ret, err)]
async fn closed(clean_ups: &TaskTracker) -> anyhow::Result<()> {
    info!("break, and aclose: the clean-up is waited for");
    let mut orders = cursor(clean_ups, "orders");
    while let Some(row) = orders.next().await {
        let row = row?;
        info!("  {row}");
        if row == "orders 2" {
            break;
        }
    }
    orders.close().await?;
    info!("  the loop is left");
    Ok(())
}

#[instrument(skip_all, ret, err)]
async fn forgotten(clean_ups: &TaskTracker) -> anyhow::Result<()> {
    info!("break, and no aclose: the clean-up goes on by itself");
    let mut letters = cursor(clean_ups, "letters");
    while let Some(row) = letters.next().await {
        let row = row?;
        info!("  {row}");
        if row == "letters 2" {
            break;
        }
    }
    drop(letters);
    info!("  the loop is left");
    Ok(())
}

#[instrument(ret)]
async fn weigh(value: f64) -> f64 {
    sleep(ms(150)).await;
    value
}

#[instrument(ret)]
async fn talk() {
    info!("asend: a value in, the average of all so far out");
    let mut averages = two_way(async |mut value, mut caller| {
        let (mut total, mut count) = (0.0, 0.0);
        loop {
            total += weigh(value).await;
            count += 1.0;
            value = caller.give(total / count).await;
        }
    });
    for value in [10.0, 20.0, 60.0] {
        if let Some(average) = averages.send(value).await {
            info!("  {value} in, {average:.0} out");
        }
    }
}
