// SPDX-License-Identifier: 0BSD
//! Makes one call per key at a time, shares its result, and keeps it for a time: an async `lru_cache` with a time to
//! live.
//!
//! ```sh
//! cargo add tokio --features rt,sync,time
//! ```
//!
//! ```
//! use std::time::Duration;
//!
//! use async_await::single_flight::LoadingCache;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), String> {
//!     let rates = LoadingCache::new(Duration::from_secs(60));
//!     let ask = async || Ok::<_, String>(1.08); // simulates a request
//!     let (one, other) = tokio::try_join!(rates.get("usd", ask()), rates.get("usd", ask()))?; // one request
//!     assert_eq!((one, other), (1.08, 1.08));
//!     assert_eq!(rates.get("usd", async { Err("down".to_owned()) }).await?, 1.08); // kept: no request
//!     Ok(())
//! }
//! ```
//!
//! Without this file: `tokio::sync::OnceCell` is enough for one value that is loaded once and kept. The crate moka is
//! enough if a bound on the number of entries matters more than keeping errors. Its `try_get_with` shares a load, and
//! its waiters take over too. moka panics at a time to live beyond 1,000 years. There a load that awaits its own key
//! hangs. Its clock is not Tokio's, so tests on paused time do not reach it.
//!
//! A load is a lazy future: if it is not needed, it is dropped and never runs. The time to live counts from the end of
//! the load. Errors are not kept; [`keep_errors`](LoadingCache::keep_errors) spares a service that is down. Later calls
//! remove entries past their time: once in a time to live, at most once a second, and at least once a minute.
//!
//! # Cancel safety
//!
//! If the caller whose load runs is dropped or panics, the first waiter runs its own load instead. A dropped waiter
//! costs the others nothing. Put a time limit into the load and not around `get`: when callers give up in turn, each
//! next load begins anew.
//!
//! A load runs in the task of its caller. A `get` that has begun and is no longer polled, in a `select!` loop or a
//! stream's buffer, holds up the other callers of its key. Spawn the load, `async { tokio::spawn(load).await }`, or
//! poll it to its end.
//!
//! # Errors
//!
//! The load's own error, for all callers that wait for it. An error that cannot be cloned goes into an `Arc`.
//!
//! # Panics
//!
//! A panic of a load reaches only its own caller. A load that awaits its own key panics, also through other keys. If it
//! awaits its key through another task, the cache does not notice, and the load waits forever; so do the loads of two
//! callers that await each other's keys. A value whose destructor panics does so in the call that removes it.
//!
//! `Hash`, `Eq` and the destructor of a key run under the lock: they must not call the cache.
//!
//! # Differences from asyncio
//!
//! - A `Task` in a dictionary is cancelled when one of its callers is, and without a `shield` the others are cancelled
//!   with it. Here the next waiter takes over (lesson `when_the_leader_is_cancelled_a_waiter_takes_over`).
//!   With a `shield` the task runs on without a caller. Here the load stops with its last caller (lesson
//!   `a_load_that_has_lost_its_callers_stops`).
//! - `functools.lru_cache` on an `async def` keeps the coroutine object, which can be awaited once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

/// The shortest and the longest time between two removals. Each removal looks at every entry.
const SWEEP_PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Results of calls, each kept for a time under its key. Share it by reference or in an [`Arc`].
#[derive(Debug)]
pub struct LoadingCache<K, V, E> {
    entries: Mutex<Entries<K, V, E>>,
    values: Duration,
    errors: Duration,
}

#[derive(Debug)]
struct Entries<K, V, E> {
    flights: HashMap<K, Arc<Flight<V, E>>>,
    /// When entries past their time are removed next.
    sweep_at: Instant,
}

/// A call under way, or its outcome. Its callers wait for one cell: if the caller that fills it is dropped, the next
/// one fills it.
type Flight<V, E> = OnceCell<Outcome<V, E>>;

#[derive(Debug)]
struct Outcome<V, E> {
    result: Result<V, E>,
    /// `None`: forever.
    until: Option<Instant>,
}

tokio::task_local! {
    /// The addresses of the flights that this task loads, one within the other.
    static LOADING: Vec<usize>;
}

impl<K: Eq + Hash, V: Clone, E: Clone> LoadingCache<K, V, E> {
    /// Keeps a value for `time_to_live` after its load. Zero shares calls and keeps nothing; `Duration::MAX` is forever.
    pub fn new(time_to_live: Duration) -> Self {
        let entries = Entries { flights: HashMap::new(), sweep_at: Instant::now() };
        Self { entries: Mutex::new(entries), values: time_to_live, errors: Duration::ZERO }
    }

    /// Keeps an error for `time_to_live` as well. Default: zero.
    #[must_use]
    pub fn keep_errors(mut self, time_to_live: Duration) -> Self {
        self.errors = time_to_live;
        self
    }

    /// Returns what is kept under `key`. Otherwise joins the call under way for it, or runs `load`.
    ///
    /// # Errors
    ///
    /// The error of the load.
    ///
    /// # Panics
    ///
    /// If it is called by the load of the same key.
    pub async fn get(&self, key: K, load: impl Future<Output = Result<V, E>>) -> Result<V, E> {
        let flight = self.flight(key);
        let address = Arc::as_ptr(&flight).addr();
        let mut loading = LOADING.try_with(Vec::clone).unwrap_or_default();
        assert!(flight.initialized() || !loading.contains(&address), "a load awaits its own key");
        loading.push(address);
        let load = || async {
            let result = LOADING.scope(loading, load).await;
            let time_to_live = if result.is_ok() { self.values } else { self.errors };
            Outcome { result, until: Instant::now().checked_add(time_to_live) }
        };
        flight.get_or_init(load).await.result.clone()
    }

    /// Forgets what is kept under `key`. A call under way goes on for those who wait for it, and is not kept: the next
    /// caller starts another.
    pub fn remove(&self, key: &K) {
        // Dropped after the lock: a value's destructor is the caller's code.
        let _removed = self.lock().flights.remove_entry(key);
    }

    /// Returns how many keys have an entry: calls under way, kept outcomes, and outcomes past their time that no call
    /// has removed yet.
    pub fn count(&self) -> usize {
        self.lock().flights.len()
    }

    /// Returns the call under way or the kept outcome of `key`, or a new flight if there is neither.
    fn flight(&self, key: K) -> Arc<Flight<V, E>> {
        let now = Instant::now();
        let is_kept = |outcome: &Outcome<V, E>| outcome.until.is_none_or(|until| now < until);
        // Dropped after the lock: a value's destructor is the caller's code.
        let mut unwanted = Vec::new();
        let mut entries = self.lock();
        if entries.sweep_at <= now {
            entries.flights.retain(|_key, flight| {
                let is_wanted = match flight.get() {
                    Some(outcome) => is_kept(outcome),
                    // Its callers may all have been cancelled.
                    None => Arc::strong_count(flight) > 1,
                };
                if !is_wanted {
                    unwanted.push(flight.clone());
                }
                is_wanted
            });
            entries.sweep_at = now + self.values.max(self.errors).clamp(SWEEP_PAUSE.0, SWEEP_PAUSE.1);
        }
        if let Some(flight) = entries.flights.get(&key).filter(|flight| flight.get().is_none_or(is_kept)) {
            return flight.clone();
        }
        let flight = Arc::new(OnceCell::new());
        unwanted.extend(entries.flights.insert(key, flight.clone()));
        flight
    }

    fn lock(&self) -> MutexGuard<'_, Entries<K, V, E>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
