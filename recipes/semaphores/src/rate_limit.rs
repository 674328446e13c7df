// SPDX-License-Identifier: 0BSD
//! So many a second, and not so many at once: a rate limit. asyncio has none; there it is a loop around `sleep`, or the
//! package `aiolimiter`.
//!
//! ```sh
//! cargo add governor --no-default-features --features std
//! cargo add thiserror
//! cargo add tokio --features sync,time
//! ```
//!
//! [`governor`] keeps the account, in one atomic number. Its own waiting, `until_ready`, has a timer of its own
//! and no line: whoever wakes first goes first. Here the clock and the timer are Tokio's, so a paused clock moves them,
//! and those who wait go in the order in which they came.
//!
//! A slow server is not spared by a rate limit: what takes ten seconds, ten times a second, is a hundred at once. Limit
//! both where both can hurt.
//!
//! Tokio's timers count in milliseconds. For more than a thousand a second, allow a burst of what comes in some of them.
//!
//! # Cancel safety
//!
//! A dropped [`RateLimit::until_ready`] has used nothing up, and makes way for the next.

use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

/// A limit on how often something happens.
#[derive(Debug)]
pub struct RateLimit {
    limiter: RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Nanos>>,
    /// Held by the one who waits for its time. The others wait for the lock, which is fair.
    turn: Mutex<()>,
}

/// The burst of a quota takes more than a hundred years to come back: the account cannot count that far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a quota that takes more than a hundred years")]
pub struct QuotaTooSlow;

const HUNDRED_YEARS: Duration = Duration::from_hours(24 * 365 * 100);

impl RateLimit {
    /// A limit of `quota`, which says how many may come at once, and how long it takes until one more may.
    ///
    /// # Errors
    ///
    /// [`QuotaTooSlow`] if that takes more than a hundred years for as many as may come at once.
    pub fn new(quota: Quota) -> Result<Self, QuotaTooSlow> {
        let whole = quota.replenish_interval().checked_mul(quota.burst_size().get());
        whole.filter(|whole| *whole <= HUNDRED_YEARS).ok_or(QuotaTooSlow)?;
        let limiter = RateLimiter::direct_with_clock(quota, TokioClock(Instant::now()));
        Ok(Self { limiter, turn: Mutex::new(()) })
    }

    /// Waits until it is time for one more.
    pub async fn until_ready(&self) {
        let _turn = self.turn.lock().await;
        while let Err(not_yet) = self.limiter.check() {
            sleep(not_yet.wait_time_from(self.limiter.clock().now())).await;
        }
    }
}

/// Tokio's clock, as the time since the limit was made.
#[derive(Debug)]
struct TokioClock(Instant);

impl Clock for TokioClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.elapsed().into()
    }
}
