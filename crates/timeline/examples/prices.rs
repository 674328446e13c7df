//! Asks four shops for a price, all at once and with a deadline, and draws what happened.
//!
//! ```sh
//! cargo run -p timeline --example prices
//! ```
//!
//! One shop answers quickly, one after some computing, one with an error, and one not in time.

use std::time::Duration;

use timeline::{TextStyle, Timeline};
use tokio::time::{Instant, sleep, timeout};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

#[derive(Debug)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("the shop is closed")
    }
}

/// What a shop charges, in cents.
#[tracing::instrument(skip(delay), ret, err)]
async fn ask(shop: &str, delay: u64) -> Result<u32, Closed> {
    sleep(Duration::from_millis(delay)).await;
    match shop {
        "corner" => Err(Closed),
        "market" => Ok(add_up(80)),
        _ => Ok(999),
    }
}

/// Stands for work that keeps the CPU busy: long work of this kind belongs in `spawn_blocking`.
#[tracing::instrument(skip_all, ret)]
fn add_up(milliseconds: u64) -> u32 {
    let end = Instant::now() + Duration::from_millis(milliseconds);
    let mut items = 0_u32;
    while Instant::now() < end {
        items = items.wrapping_add(1);
    }
    items % 1_000
}

/// The lowest price that is known when the time is up.
#[tracing::instrument(skip_all, ret)]
async fn compare() -> Option<u32> {
    let deadline = Duration::from_millis(400);
    let answers = tokio::join!(
        timeout(deadline, ask("kiosk", 120)),
        timeout(deadline, ask("market", 200)),
        timeout(deadline, ask("corner", 60)),
        timeout(deadline, ask("castle", 5_000)),
    );
    let answers = [answers.0, answers.1, answers.2, answers.3];
    answers.into_iter().flatten().flatten().min()
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let timeline = Timeline::new().returns_reported();
    tracing_subscriber::registry().with(timeline.clone()).init();

    let price = compare().await;

    println!("lowest price: {price:?}\n");
    print!("{}", timeline.recording().text(TextStyle::default()));
}
