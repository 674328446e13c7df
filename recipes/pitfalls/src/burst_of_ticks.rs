// SPDX-License-Identifier: 0BSD
//! A delayed `interval` fires all missed ticks at once. asyncio: no counterpart, a loop with `sleep` is late.
//!
//! ```sh
//! cargo add tokio --features time
//! ```
//!
//! # What you see
//!
//! After a pause (a slow turn, a laptop that was asleep), a burst of requests or log lines comes: one per missed tick.
//! Lesson: `but_after_a_pause_of_ten_ticks_ten_come_at_once`.
//!
//! # What catches it
//!
//! Nothing: `MissedTickBehavior::Burst` is the default.
//!
//! # What to do
//!
//! Choose the behaviour. `Delay` keeps the distance between two ticks. `Skip` keeps the ticks on the grid of the first.
//! `Burst` keeps the number of ticks.
//!
//! # Cancel safety
//!
//! Dropping [`fixed`] drops the turn under way.

use std::num::NonZeroU16;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

/// Does its work a number of times a second, `turns` times in all. After a turn that was too long, ticks come in a burst.
pub async fn broken<F>(times_a_second: NonZeroU16, turns: usize, work: impl Fn(usize) -> F)
where
    F: Future<Output = ()>,
{
    let mut ticks = interval(Duration::from_secs(1) / u32::from(times_a_second.get()));
    for turn in 0..turns {
        ticks.tick().await;
        work(turn).await;
    }
}

/// Does its work at most a number of times a second, `turns` times in all.
pub async fn fixed<F>(times_a_second: NonZeroU16, turns: usize, work: impl Fn(usize) -> F)
where
    F: Future<Output = ()>,
{
    let mut ticks = interval(Duration::from_secs(1) / u32::from(times_a_second.get()));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for turn in 0..turns {
        ticks.tick().await;
        work(turn).await;
    }
}
