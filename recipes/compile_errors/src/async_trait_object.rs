// SPDX-License-Identifier: 0BSD
//! A trait with an `async fn` is used as `dyn`.
//!
//! ```text
//! error[E0038]: the trait `Source` is not dyn compatible
//! ```
//!
//! ```sh
//! cargo add futures
//! ```
//!
//! # What it means
//!
//! Each implementation returns a future type of its own, and a `dyn` call needs one type for all.
//!
//! # What to do
//!
//! Return a `BoxFuture` from the method. The crate async-trait writes that for you.
//!
//! # Second best
//!
//! An enum with a variant for each source. Take it when you know all sources: it needs no box, and `async fn` stays.

use futures::future::{BoxFuture, FutureExt};

trait Source {
    fn load(&self) -> BoxFuture<'_, &'static str>;
}

struct Memory;
struct Disk;

impl Source for Memory {
    fn load(&self) -> BoxFuture<'_, &'static str> {
        async { "kept" }.boxed()
    }
}

impl Source for Disk {
    fn load(&self) -> BoxFuture<'_, &'static str> {
        async { "read" }.boxed()
    }
}

/// One type of future for all sources.
pub async fn fixed() -> Vec<&'static str> {
    let sources: Vec<Box<dyn Source>> = vec![Box::new(Memory), Box::new(Disk)];
    let mut loaded = Vec::new();
    for source in sources {
        loaded.push(source.load().await);
    }
    loaded
}

enum AnySource {
    Memory,
    Disk,
}

impl AnySource {
    async fn load(&self) -> &'static str {
        match self {
            Self::Memory => "kept",
            Self::Disk => "read",
        }
    }
}

/// One type for all sources.
pub async fn second_best() -> Vec<&'static str> {
    let mut loaded = Vec::new();
    for source in [AnySource::Memory, AnySource::Disk] {
        loaded.push(source.load().await);
    }
    loaded
}
