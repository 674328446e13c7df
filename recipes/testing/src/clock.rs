// SPDX-License-Identifier: 0BSD
//! A clock for the date and time that follows the runtime's clock in a test, as a replacement for freezegun.
//!
//! ```sh
//! cargo add tokio --features time
//! ```
//!
//! ```
//! use std::time::{Duration, SystemTime};
//!
//! use testing::clock::Clock;
//!
//! #[tokio::main(flavor = "current_thread", start_paused = true)] // or tokio::test
//! async fn main() {
//!     let new_year = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
//!     let clock = Clock::starting_at(new_year);
//!     tokio::time::sleep(Duration::from_secs(3600)).await;
//!     assert_eq!(clock.now(), new_year + Duration::from_secs(3600));
//! }
//! ```
//!
//! `tokio::time::Instant` is enough for time that passes: limits, pauses, ages. Paused time does not change
//! `SystemTime::now()`, and no Rust crate replaces it, so the code under test takes a [`Clock`]. Make a date type such as
//! chrono's or jiff's from the `SystemTime`.
//!
//! # Differences from asyncio
//!
//! freezegun replaces the clock of a whole process, and a frozen clock stops `asyncio.sleep`. Here each test has its own clock,
//! and a sleep moves it on.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// A source of the date and time. A program takes [`Clock::System`], a test [`Clock::Virtual`].
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    /// The system's clock.
    System,
    /// The clock of a test, which moves with the runtime's clock.
    Virtual {
        /// The date and time at its start.
        start: SystemTime,
        /// The instant of its start.
        since: Instant,
    },
}

impl Clock {
    /// Makes a clock that begins at `start` and follows the runtime's clock, paused or not.
    pub fn starting_at(start: SystemTime) -> Self {
        Self::Virtual { start, since: Instant::now() }
    }

    /// Returns the date and time. Beyond the last date that the system can hold, returns `start`.
    pub fn now(&self) -> SystemTime {
        match self {
            Self::System => SystemTime::now(),
            Self::Virtual { start, since } => start.checked_add(since.elapsed()).unwrap_or(*start),
        }
    }

    /// Returns the time since `earlier`; zero if `earlier` is in the future.
    pub fn since(&self, earlier: SystemTime) -> Duration {
        self.now().duration_since(earlier).unwrap_or_default()
    }
}
