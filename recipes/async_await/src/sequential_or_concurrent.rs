// SPDX-License-Identifier: 0BSD
//! Makes several calls for one result: one after the other, all at once, or each as early as its inputs allow. asyncio
//! has one `await` after another, and `gather`.
//!
//! ```sh
//! cargo add tokio --features macros
//! ```
//!
//! ```
//! use std::time::Duration;
//!
//! use async_await::sequential_or_concurrent::{at_once, with_a_dependency};
//! use tokio::time::sleep;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let fetch = async |path: String| {
//!         sleep(Duration::from_millis(1)).await; // a request
//!         anyhow::Ok(path)
//!     };
//!     let page = at_once("ada", fetch).await?; // 1 ms for three calls
//!     assert_eq!(page.orders, "/users/ada/orders");
//!     let (delivery, offers) = with_a_dependency("ada", fetch).await?;
//!     assert!(delivery.ends_with("/delivery") && offers == "/offers");
//!     Ok(())
//! }
//! ```
//!
//! `join!` and `try_join!` poll their futures in turn on the caller's task: waiting overlaps, computing does not. They
//! take a fixed number of futures, which may have different types. For a list, take `futures::future::join_all`.
//!
//! A `tokio::try_join!` in your own function is enough if no other caller needs it.
//!
//! # Cancel safety
//!
//! Dropping any of these futures drops every call that has begun; the other calls never begin.
//!
//! # Errors
//!
//! [`one_after_the_other`] returns the first error and makes no further call. [`at_once`] and [`with_a_dependency`]
//! return the first error in time and drop the other calls where they are. [`every_outcome`] waits for all.

use tokio::{join, try_join};

/// The parts of a user's page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The user's profile.
    pub profile: String,
    /// The user's orders.
    pub orders: String,
    /// The offers, which are the same for all users.
    pub offers: String,
}

/// Makes three calls, each when the one before it has ended. The time is the sum of theirs.
///
/// Use it for calls that must happen in this order. These calls need not, so [`at_once`] is the better form.
pub async fn one_after_the_other<E>(
    user: &str,
    fetch: impl AsyncFn(String) -> Result<String, E>,
) -> Result<Page, E> {
    let profile = fetch(format!("/users/{user}")).await?;
    let orders = fetch(format!("/users/{user}/orders")).await?;
    let offers = fetch("/offers".to_owned()).await?;
    Ok(Page { profile, orders, offers })
}

/// Makes the same three calls at once. The time is that of the longest.
pub async fn at_once<E>(user: &str, fetch: impl AsyncFn(String) -> Result<String, E>) -> Result<Page, E> {
    let (profile, orders, offers) = try_join!(
        fetch(format!("/users/{user}")),
        fetch(format!("/users/{user}/orders")),
        fetch("/offers".to_owned()),
    )?;
    Ok(Page { profile, orders, offers })
}

/// Returns where the last order is, and the offers. The delivery call needs the order first; the offers need neither.
///
/// An `async` block makes one future of the two calls that belong together.
pub async fn with_a_dependency<E>(
    user: &str,
    fetch: impl AsyncFn(String) -> Result<String, E>,
) -> Result<(String, String), E> {
    let delivery = async {
        let order = fetch(format!("/users/{user}/orders/last")).await?;
        fetch(format!("/orders/{order}/delivery")).await
    };
    try_join!(delivery, fetch("/offers".to_owned()))
}

/// Makes the three calls at once and waits for all of them, so that a page can show what there is.
pub async fn every_outcome<E>(
    user: &str,
    fetch: impl AsyncFn(String) -> Result<String, E>,
) -> [Result<String, E>; 3] {
    join!(
        fetch(format!("/users/{user}")),
        fetch(format!("/users/{user}/orders")),
        fetch("/offers".to_owned()),
    )
    .into()
}
