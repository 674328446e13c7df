// SPDX-License-Identifier: 0BSD
//! Any await may be the last: the code after it may never run. asyncio: a `CancelledError` at an await.
//!
//! No crate is needed.
//!
//! # What you see
//!
//! Money that has left one account and reached no other, once in a thousand times. A timeout, a `select!`, an abort or
//! a shutdown has dropped the future between two changes that belong together. No error is raised, and no `except` or
//! `finally` runs, for a dropped future just ends.
//!
//! # What catches it
//!
//! Nothing. A test can drop a future at each of its awaits: that is what `cancel_sweep` of this workspace does.
//!
//! # What to do
//!
//! First await all that is needed, then change all at once, without an await in between. If the changes themselves
//! wait, let a task make them: a dropped handle does not end it. The recipe `timeouts` has the shield, the recipe
//! `context_managers` a transaction.
//!
//! # Cancel safety
//!
//! Dropping [`fixed`] moves the whole amount or nothing.

use std::sync::{Mutex, PoisonError};

/// What two accounts hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accounts {
    /// The account that pays.
    pub from: u64,
    /// The account that is paid.
    pub to: u64,
}

/// Why nothing was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferRefused {
    /// The account that pays holds less than the amount.
    TooLittle,
    /// The account that is paid holds as much as it can.
    TooMuch,
}

/// Takes the amount, waits for the approval, and then gives it.
///
/// # Errors
///
/// When an account cannot pay or be paid.
pub async fn broken(
    accounts: &Mutex<Accounts>,
    amount: u64,
    approval: impl Future<Output = ()>,
) -> Result<(), TransferRefused> {
    change(
        accounts,
        |held| held.from.checked_sub(amount).map(|from| held.from = from),
        TransferRefused::TooLittle,
    )?;
    approval.await;
    change(accounts, |held| held.to.checked_add(amount).map(|to| held.to = to), TransferRefused::TooMuch)
}

/// Waits for the approval, then takes the amount and gives it, in one step.
///
/// # Errors
///
/// When an account cannot pay or be paid: nothing has changed.
pub async fn fixed(
    accounts: &Mutex<Accounts>,
    amount: u64,
    approval: impl Future<Output = ()>,
) -> Result<(), TransferRefused> {
    approval.await;
    let mut accounts = accounts.lock().unwrap_or_else(PoisonError::into_inner);
    let from = accounts.from.checked_sub(amount).ok_or(TransferRefused::TooLittle)?;
    let to = accounts.to.checked_add(amount).ok_or(TransferRefused::TooMuch)?;
    *accounts = Accounts { from, to };
    Ok(())
}

fn change(
    accounts: &Mutex<Accounts>,
    change: impl FnOnce(&mut Accounts) -> Option<()>,
    refused: TransferRefused,
) -> Result<(), TransferRefused> {
    let mut accounts = accounts.lock().unwrap_or_else(PoisonError::into_inner);
    change(&mut accounts).ok_or(refused)
}
