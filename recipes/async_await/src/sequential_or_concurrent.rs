// SPDX-License-Identifier: 0BSD
//! Several calls for one result: one after the other, all at once, or each as early as its inputs allow.
//! In asyncio: an `await` for each, or `asyncio.gather`.
//!
//! ```sh
//! cargo add tokio --features macros
//! ```
//!
//! `join!` and `try_join!` poll their futures in turn on the task that they stand in: waiting overlaps, computing does
//! not. They take a fixed number of futures, of different types if need be; for a list of them see `join_all`.
//!
//! # Cancel safety
//!
//! Dropping any of these futures drops every call that has begun, and the others never begin.
//!
//! # Errors
//!
//! [`one_after_the_other`] returns the first error and makes no further call. [`at_once`] and [`with_a_dependency`]
//! return the first error in time and drop the other calls where they stand. [`every_outcome`] waits for all.

use tokio::{join, try_join};

/// What a user's page is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Who the user is.
    pub profile: String,
    /// What the user has ordered.
    pub orders: String,
    /// What everybody is offered.
    pub offers: String,
}

/// Makes three calls, each when the one before it has ended. The time is the sum of theirs.
///
/// For calls that must happen in this order. These need not: [`at_once`] is the better form of it.
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

/// Where the last order is, and what is offered. The delivery needs the order first; the offers need neither.
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
