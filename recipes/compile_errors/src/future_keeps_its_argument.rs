// SPDX-License-Identifier: 0BSD
//! A returned future counts as a borrower of every argument.
//!
//! ```text
//! error[E0597]: `name` does not live long enough
//! ```
//!
//! It needs no crate.
//!
//! # What it means
//!
//! From edition 2024 on, a returned `impl Future` borrows every reference that the function got, used or not. An
//! `async fn` has always done so.
//!
//! # What to do
//!
//! State what the future captures: `+ use<>` captures nothing, `+ use<'a>` captures the lifetime `'a`.
//!
//! # Second best
//!
//! Pass the argument by value. Take it when the future needs the argument itself.

fn load(name: &str) -> impl Future<Output = usize> + use<> {
    let length = name.len();
    async move { length }
}

/// The future borrows nothing.
pub async fn fixed() -> usize {
    let work = {
        let name = String::from("home");
        load(&name)
    };
    work.await
}

async fn load_own(name: String) -> usize {
    name.len()
}

/// The future owns its argument.
pub async fn second_best() -> usize {
    let work = {
        let name = String::from("home");
        load_own(name)
    };
    work.await
}
