// SPDX-License-Identifier: 0BSD
//! Calls one asynchronous function after another and passes their errors on: `async def` and `await`.
//!
//! ```sh
//! cargo add thiserror
//! ```
//!
//! ```
//! use async_await::call_and_await::{BalanceError, balance};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let fetch = async |path: String| match path.as_str() {
//!         "/users/ada/account" => Ok("17".to_owned()),
//!         "/accounts/17/balance" => Ok("250".to_owned()),
//!         _ => Err("404 Not Found"),
//!     };
//!     assert_eq!(balance("ada", fetch).await, Ok(250));
//!     assert_eq!(balance("bob", fetch).await, Err(BalanceError::Fetch("404 Not Found")));
//! }
//! ```
//!
//! A function is suspended at an `.await` and nowhere else. A `?` after it returns an error to the caller at once, as
//! an exception would: the lines below do not run.
//!
//! `?` with `anyhow::Result` is enough if no caller matches on the error.
//!
//! # Cancel safety
//!
//! Dropping the future at either `.await` drops the call it waits for. These calls only read, so nothing is lost. A
//! function that has already taken something (a message, a payment) must keep it where a drop cannot reach it.
//!
//! # Errors
//!
//! [`BalanceError`] has one variant for a failed call, which a caller may repeat, and one for an answer that is no
//! number.
//!
//! # Differences from asyncio
//!
//! - A second `await` of a coroutine raises `RuntimeError`. `.await` takes the future, so a second one does not compile
//!   (E0382). A second `.await` by reference panics (lesson `a_future_awaited_again_by_reference_panics`).

use std::num::ParseIntError;

/// Why there is no balance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BalanceError<E> {
    /// A call failed with this error.
    #[error("{0}")]
    Fetch(E),
    /// The answer is not a number.
    #[error("the balance is not a number: {0}")]
    NotANumber(#[from] ParseIntError),
}

/// Returns the balance of a user's account. `fetch` takes a path and returns the text at that path.
///
/// The second call needs the answer of the first, so the calls cannot run at once.
pub async fn balance<E>(
    user: &str,
    fetch: impl AsyncFn(String) -> Result<String, E>,
) -> Result<i64, BalanceError<E>> {
    let account = fetch(format!("/users/{user}/account")).await.map_err(BalanceError::Fetch)?;
    let balance = fetch(format!("/accounts/{account}/balance")).await.map_err(BalanceError::Fetch)?;
    Ok(balance.parse()?)
}
