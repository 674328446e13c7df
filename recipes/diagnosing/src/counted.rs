// SPDX-License-Identifier: 0BSD
//! Counts living values by the line that made them, and reports which have grown: `tracemalloc`, for tasks, connections and
//! jobs.
//!
//! It needs no crate.
//!
//! ```
//! use diagnosing::counted::Counts;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let counts = Counts::default();
//!     let before = counts.alive();
//!     for _ in 0..3 {
//!         let one = counts.one("heartbeat"); // alive until it is dropped
//!         tokio::spawn(async move {
//!             let _one = one;
//!             std::future::pending::<()>().await // a leak: it never ends
//!         });
//!     }
//!     for grown in counts.grown_since(&before) {
//!         println!("{grown}"); // heartbeat: 3 alive, 3 more, made at src/main.rs:8
//!         assert_eq!(grown.more, 3);
//!     }
//! }
//! ```
//!
//! Measure twice, under the same load, and compare. A cache grows once; a leak grows each time.
//!
//! `Handle::metrics().num_alive_tasks()` is enough to see that tasks leak, and `available_permits()` that permits do. They
//! do not say which.
//!
//! A count is not memory: for a queue that grows, count the items. After a peak the allocator may keep memory that the
//! program has freed; then no count has grown.
//!
//! # Cost
//!
//! A lock and a search in a small map, when a value is made and when it is dropped.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts by name and line. Clones share one table.
#[derive(Debug, Clone, Default)]
pub struct Counts(Arc<Mutex<Alive>>);

/// The number of living values, by name and by the line that made them.
pub type Alive = BTreeMap<(&'static str, &'static Location<'static>), usize>;

/// Counts as alive until it is dropped. A task keeps it in its future, a type in a field.
#[derive(Debug)]
#[must_use = "dropped, it counts no more"]
pub struct One {
    counts: Counts,
    key: (&'static str, &'static Location<'static>),
}

/// A kind of value of which there are more than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grown {
    /// The name that [`Counts::one`] was given.
    pub name: &'static str,
    /// The line that called [`Counts::one`].
    pub place: &'static Location<'static>,
    /// The number alive now.
    pub alive: usize,
    /// The number by which it has grown.
    pub more: usize,
}

impl Counts {
    /// Counts one more, of this name and made by the line that calls this.
    #[track_caller]
    pub fn one(&self, name: &'static str) -> One {
        let key = (name, Location::caller());
        *self.lock().entry(key).or_default() += 1;
        One { counts: self.clone(), key }
    }

    /// Returns the present counts. A kind that has no living value any more has the count 0.
    #[must_use]
    pub fn alive(&self) -> Alive {
        self.lock().clone()
    }

    /// Returns the kinds that have grown since `before`, the largest growth first.
    #[must_use]
    pub fn grown_since(&self, before: &Alive) -> Vec<Grown> {
        let now = self.alive();
        let grown = now.iter().filter_map(|(key, &alive)| {
            let more = alive.saturating_sub(before.get(key).copied().unwrap_or_default());
            (more > 0).then_some(Grown { name: key.0, place: key.1, alive, more })
        });
        let mut grown: Vec<_> = grown.collect();
        grown.sort_by_key(|grown| std::cmp::Reverse(grown.more));
        grown
    }

    fn lock(&self) -> MutexGuard<'_, Alive> {
        // No code panics while the lock is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for One {
    fn drop(&mut self) {
        if let Some(alive) = self.counts.lock().get_mut(&self.key) {
            *alive -= 1;
        }
    }
}

impl fmt::Display for Grown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, place, alive, more } = self;
        write!(f, "{name}: {alive} alive, {more} more, made at {}:{}", place.file(), place.line())
    }
}
