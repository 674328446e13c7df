// SPDX-License-Identifier: 0BSD
//! Limits how many begin per second: in asyncio a loop around `sleep`, or the package `aiolimiter`.
//!
//! ```sh
//! cargo add governor --no-default-features --features std
//! cargo add thiserror
//! cargo add tokio --features sync,time
//! ```
//!
//! ```
//! use std::num::NonZeroU32;
//! use std::time::Duration;
//!
//! use governor::Quota;
//! use semaphores::rate_limit::RateLimit;
//! use tokio::time::Instant;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let per_second = const { NonZeroU32::new(500).unwrap() };
//!     let limit = RateLimit::new(Quota::per_second(per_second).allow_burst(NonZeroU32::MIN))?;
//!     let begin = Instant::now();
//!     for request in 1..=3 {
//!         limit.until_ready().await;
//!         println!("request {request}"); // at 0, 2 and 4 ms
//!     }
//!     assert!(begin.elapsed() >= Duration::from_millis(4));
//!     Ok(())
//! }
//! ```
//!
//! [`governor`] keeps the account, in one atomic number. Its own `until_ready` is enough if order does not matter: it has
//! its own timer and no queue, so the first waiter to wake goes first. Here the clock and the timer are Tokio's, so a
//! paused clock moves them, and waiters are served FIFO.
//!
//! `tokio::time::interval` is enough for one task that paces itself.
//!
//! `Quota::per_second(ten)` lets ten begin at once and then one every 100 ms: nineteen within the first second. With
//! `.allow_burst(NonZeroU32::MIN)` no second sees more than ten. A burst of `n` adds up to `n - 1` to what the period allows.
//!
//! A rate limit does not protect a slow server: requests of ten seconds, ten times a second, are a hundred at once. If both
//! numbers matter, limit both.
//!
//! Tokio's timers count in milliseconds. For more than a thousand a second, allow a burst of the number that comes in a few
//! milliseconds.
//!
//! # Cancel safety
//!
//! A dropped [`RateLimit::until_ready`] has used up no turn, and the next in line moves up.

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
    /// The waiter whose turn is next holds this lock. The others wait for the lock, which is fair.
    turn: Mutex<()>,
}

/// The burst of a quota takes more than a hundred years to come back: the account cannot count that far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a quota that takes more than a hundred years")]
pub struct QuotaTooSlow;

const HUNDRED_YEARS: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 100);

impl RateLimit {
    /// Makes a limit of `quota`: the burst that may come at once, and the time until one more may.
    ///
    /// # Errors
    ///
    /// [`QuotaTooSlow`] if the whole burst takes more than a hundred years to come back.
    pub fn new(quota: Quota) -> Result<Self, QuotaTooSlow> {
        let whole = quota.replenish_interval().checked_mul(quota.burst_size().get());
        whole.filter(|whole| *whole <= HUNDRED_YEARS).ok_or(QuotaTooSlow)?;
        let limiter = RateLimiter::direct_with_clock(quota, TokioClock(Instant::now()));
        Ok(Self { limiter, turn: Mutex::new(()) })
    }

    /// Waits until one more may begin.
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
