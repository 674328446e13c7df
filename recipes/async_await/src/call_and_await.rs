// SPDX-License-Identifier: 0BSD
//! Call one asynchronous function after another, and pass their errors on: `async def` and `await`.
//!
//! ```sh
//! cargo add thiserror
//! ```
//!
//! Each `.await` is a place where the function may be suspended, and there is no other. A `?` behind it returns the
//! error to the caller at once, as an exception would; what stands below it is not run.
//!
//! # Cancel safety
//!
//! Dropping the future at either `.await` drops the call it waits for. Only reading happens here, so nothing is
//! lost. A function that has taken something by then (a message, a payment) must keep it where a drop cannot reach.
//!
//! # Errors
//!
//! [`BalanceError`] tells a failed call from an answer that makes no sense: a caller may repeat the first.

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

/// The balance of a user's account. `fetch` takes a path and gives the text that is there.
///
/// The second call needs the answer of the first, so here one after the other is the only order there is.
pub async fn balance<E>(
    user: &str,
    fetch: impl AsyncFn(String) -> Result<String, E>,
) -> Result<i64, BalanceError<E>> {
    let account = fetch(format!("/users/{user}/account")).await.map_err(BalanceError::Fetch)?;
    let balance = fetch(format!("/accounts/{account}/balance")).await.map_err(BalanceError::Fetch)?;
    Ok(balance.parse()?)
}
