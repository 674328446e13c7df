// SPDX-License-Identifier: 0BSD
//! Lets other tasks run during a long computation, as an occasional `await asyncio.sleep(0)` does.
//!
//! ```sh
//! cargo add tokio --features rt
//! ```
//!
//! ```
//! use std::num::NonZeroUsize;
//!
//! use async_await::yielding::search;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let every_thousand = const { NonZeroUsize::new(1_000).unwrap() };
//!     let log = (0..5_000).map(|number| if number % 2_500 == 7 { "error: disk full" } else { "ok" });
//!     let other = tokio::spawn(async { "it ran meanwhile" });
//!
//!     let found = search(log, "error", every_thousand).await;
//!     assert_eq!(found, [7, 2_507]);
//!     assert!(other.is_finished());
//! }
//! ```
//!
//! A task keeps its thread until an `.await` suspends it. A task that only computes has to add such points itself.
//! `tokio::time::sleep(Duration::ZERO)` is not such a point: it waits for the timer's next millisecond. A paused clock
//! is always at a whole millisecond: there it does not wait at all, and no other task gets a turn.
//!
//! Without this file: a `tokio::task::yield_now().await` in your own loop is enough. The task still computes on a thread of
//! the runtime. If a computation takes longer than other tasks can wait, move it to a thread of its own:
//! `tokio::task::spawn_blocking`, or rayon.
//!
//! # Cancel safety
//!
//! The future can be dropped where it yields, and nowhere else. If it never yields, a timeout around it cannot end it.
//! Dropping it loses the numbers found so far.
//!
//! # Differences from asyncio
//!
//! - `sleep(0)` takes no time. `sleep(Duration::ZERO)` waits for the next millisecond (lesson
//!   `and_waits_a_millisecond_on_one_that_runs`).
//! - Tasks that yield resume in the same order. Tokio promises no order (lesson
//!   `yield_now_gives_every_ready_task_a_turn`).
//! - An `await` of something that is ready never suspends. Here it does after 128 operations in one turn (lesson
//!   `an_await_of_what_is_ready_suspends_when_the_budget_is_used_up`).

use std::num::NonZeroUsize;

use tokio::task::coop::consume_budget;
use tokio::task::yield_now;

/// Returns the numbers of the lines that contain `word`, counted from 0. Other tasks get a turn after every `at_a_time`
/// lines.
///
/// Choose `at_a_time` so that one turn is much shorter than the time that other tasks may wait.
pub async fn search<'a>(
    lines: impl IntoIterator<Item = &'a str>,
    word: &str,
    at_a_time: NonZeroUsize,
) -> Vec<usize> {
    let mut found = Vec::new();
    for (number, line) in lines.into_iter().enumerate() {
        if line.contains(word) {
            found.push(number);
        }
        if (number + 1) % at_a_time == 0 {
            yield_now().await;
        }
    }
    found
}

/// Searches as [`search`] does, and lets the runtime decide when to yield.
///
/// Tokio gives a task a budget of 128 operations a turn: messages received, permits taken, lines counted here.
/// When the budget is used up, the next operation yields. So a task that computes and communicates yields as often as
/// one that only communicates.
pub async fn search_on_budget<'a>(lines: impl IntoIterator<Item = &'a str>, word: &str) -> Vec<usize> {
    let mut found = Vec::new();
    for (number, line) in lines.into_iter().enumerate() {
        if line.contains(word) {
            found.push(number);
        }
        consume_budget().await;
    }
    found
}
