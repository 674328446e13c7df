// SPDX-License-Identifier: 0BSD
//! The code after an await may never run. asyncio: a `CancelledError` at an await.
//!
//! No crate is needed.
//!
//! # What you see
//!
//! Once in a thousand times, money leaves one account and does not reach the other. A timeout, a `select!`, an abort or a
//! shutdown has dropped the future between two changes that belong together. A dropped future just ends: there is no
//! error, and nothing like `except` or `finally` runs.
//!
//! # What catches it
//!
//! Nothing. A test can drop a future at each of its awaits, as `cancel_sweep` of this workspace does.
//!
//! # What to do
//!
//! First await all that you need, then make all changes without an await in between. If the changes themselves must wait,
//! let a task make them: a dropped handle does not end it. The recipe `timeouts` has the shield, the recipe
//! `context_managers` a transaction.
//!
//! # Cancel safety
//!
//! Dropping [`fixed`] moves the whole amount or nothing.

use std::sync::{Mutex, PoisonError};

/// The balances of two accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accounts {
    /// The account that pays.
    pub from: u64,
    /// The account that is paid.
    pub to: u64,
}

/// Why nothing was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The account that pays holds less than the amount.
    TooLittle,
    /// The account that is paid holds as much as it can.
    TooMuch,
}

/// Takes the amount from one account, waits for the approval, and adds it to the other.
///
/// # Errors
///
/// If an account cannot pay or be paid.
pub async fn broken(
    accounts: &Mutex<Accounts>,
    amount: u64,
    approval: impl Future<Output = ()>,
) -> Result<(), Refused> {
    change(accounts, |held| held.from.checked_sub(amount).map(|from| held.from = from), Refused::TooLittle)?;
    approval.await;
    change(accounts, |held| held.to.checked_add(amount).map(|to| held.to = to), Refused::TooMuch)
}

/// Waits for the approval, then moves the amount in one step.
///
/// # Errors
///
/// If an account cannot pay or be paid: nothing has changed.
pub async fn fixed(
    accounts: &Mutex<Accounts>,
    amount: u64,
    approval: impl Future<Output = ()>,
) -> Result<(), Refused> {
    approval.await;
    let mut accounts = accounts.lock().unwrap_or_else(PoisonError::into_inner);
    let from = accounts.from.checked_sub(amount).ok_or(Refused::TooLittle)?;
    let to = accounts.to.checked_add(amount).ok_or(Refused::TooMuch)?;
    *accounts = Accounts { from, to };
    Ok(())
}

fn change(
    accounts: &Mutex<Accounts>,
    change: impl FnOnce(&mut Accounts) -> Option<()>,
    refused: Refused,
) -> Result<(), Refused> {
    let mut accounts = accounts.lock().unwrap_or_else(PoisonError::into_inner);
    change(&mut accounts).ok_or(refused)
}
