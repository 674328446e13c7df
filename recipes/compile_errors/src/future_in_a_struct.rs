// SPDX-License-Identifier: 0BSD
//! A struct has a future as a field.
//!
//! ```text
//! error[E0562]: `impl Trait` is not allowed in field types
//! ```
//!
//! ```sh
//! cargo add futures
//! ```
//!
//! # What it means
//!
//! A field needs a type with a name, and the type of a future has none.
//!
//! # What to do
//!
//! Use `BoxFuture<'static, usize>`: one type for all futures. `Job` is one type, too.
//!
//! # Second best
//!
//! Use a type parameter: `struct Job<Work>`. Take it when each `Job` is used where it was made: it needs no box, but
//! each future makes another type of `Job`.

use futures::future::{BoxFuture, FutureExt};

struct Job {
    name: &'static str,
    work: BoxFuture<'static, usize>,
}

/// Any future fits the box.
pub async fn fixed() -> (&'static str, usize) {
    let job = Job { name: "home", work: async { 4 }.boxed() };
    (job.name, job.work.await)
}

struct JobOf<Work> {
    name: &'static str,
    work: Work,
}

/// The job's type contains the future's type.
pub async fn second_best() -> (&'static str, usize) {
    let job = JobOf { name: "home", work: async { 4 } };
    (job.name, job.work.await)
}
