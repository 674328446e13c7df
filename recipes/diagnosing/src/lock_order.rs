// SPDX-License-Identifier: 0BSD
//! Finds tasks that take the same locks in opposite orders, even on a run where they do not meet: a deadlock before it
//! happens.
//!
//! ```sh
//! cargo add tokio --features rt,sync
//! ```
//!
//! ```
//! use diagnosing::lock_order::LockOrder;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let order = LockOrder::new(|cycle| eprintln!("{cycle}")); // both lines of each pair of locks
//!     let (ann, bob) = (order.mutex("ann", 100), order.mutex("bob", 100));
//!     {
//!         let (mut from, mut to) = (ann.lock().await, bob.lock().await);
//!         (*from, *to) = (*from - 30, *to + 30);
//!     }
//!     let (_from, _to) = (bob.lock().await, ann.lock().await); // the other way round
//!     assert_eq!(order.reports(), 1);
//! }
//! ```
//!
//! For each requested lock it records which locks the task already holds. If the orders make a circle, it reports before it
//! waits. A lock that a task requests a second time is a circle of one.
//!
//! A `timeout` around `lock()` is enough to end one deadlock that you know. It reports no lines, and a lock that is held for
//! long looks the same.
//!
//! Use it in tests and while you look for the fault, then take `tokio::sync::Mutex` again: the calls are the same. A
//! guard that is passed to another task counts for the task that has locked it. Branches of one `join!` are one task:
//! they may be reported although they cannot block one another. `main` and its `block_on` count as one task per thread.
//!
//! # Cancel safety
//!
//! As `tokio::sync::Mutex::lock`: a dropped future leaves the queue and holds no lock.
//!
//! # Panics
//!
//! A panic in the report goes on in the task that requests the lock.
//!
//! # Cost
//!
//! One more lock per `lock` and per drop of a guard. Each new pair of locks costs a search over the pairs that were seen
//! together: a chain of a thousand locks costs half a million steps.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::sync::{Arc, Mutex as StdMutex, MutexGuard as StdGuard, PoisonError};
use std::thread::{self, ThreadId};

use tokio::sync::{Mutex as TokioMutex, MutexGuard as TokioGuard};
use tokio::task;

/// Watches the order in which its locks are taken. Clones share one record.
#[derive(Clone)]
pub struct LockOrder(Arc<Shared>);

struct Shared {
    state: StdMutex<State>,
    report: Box<dyn Fn(&Cycle) + Send + Sync>,
}

#[derive(Default)]
struct State {
    names: BTreeMap<usize, &'static str>,
    made: usize,
    /// The held locks, and the lines that have taken them.
    held: HashMap<Owner, BTreeMap<u64, (usize, Place)>>,
    /// For each lock, the locks that were requested while it was held.
    after: BTreeMap<usize, BTreeMap<usize, Step>>,
    next: u64,
    reports: usize,
}

type Place = &'static Location<'static>;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Owner {
    Task(task::Id),
    Thread(ThreadId),
}

/// A request for a lock while another lock was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The name of the lock that was held.
    pub held: &'static str,
    /// The line that had taken it.
    pub held_at: &'static Location<'static>,
    /// The name of the requested lock.
    pub wanted: &'static str,
    /// The line that requested it.
    pub wanted_at: &'static Location<'static>,
}

/// Orders that make a circle: tasks that take these steps at once wait for one another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycle {
    /// The step that closes the circle comes first.
    pub steps: Vec<Step>,
}

impl LockOrder {
    /// Calls `report` for each circle, once for each pair of locks that closes one.
    pub fn new(report: impl Fn(&Cycle) + Send + Sync + 'static) -> Self {
        Self(Arc::new(Shared { state: StdMutex::default(), report: Box::new(report) }))
    }

    /// Makes a lock around `value` whose order is watched. The name appears in the report.
    pub fn mutex<T>(&self, name: &'static str, value: T) -> Mutex<T> {
        let mut state = self.state();
        state.made += 1;
        let number = state.made;
        state.names.insert(number, name);
        Mutex { noted: Noted { order: self.clone(), number }, inner: TokioMutex::new(value) }
    }

    /// Returns the number of circles so far.
    #[must_use]
    pub fn reports(&self) -> usize {
        self.state().reports
    }

    fn state(&self) -> StdGuard<'_, State> {
        // No code panics while the lock is held.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records the locks that `owner` holds while it requests another, and reports the circles that this closes.
    fn ask(&self, owner: Owner, wanted: usize, wanted_at: Place) {
        let mut state = self.state();
        let held: Vec<_> = state.held.get(&owner).into_iter().flat_map(BTreeMap::values).copied().collect();
        let mut cycles = Vec::new();
        for (lock, held_at) in held {
            let step = Step { held: state.name(lock), held_at, wanted: state.name(wanted), wanted_at };
            if state.after.get(&lock).is_some_and(|after| after.contains_key(&wanted)) {
                continue;
            }
            if let Some(back) = state.way(wanted, lock) {
                cycles.push(Cycle { steps: [vec![step], back].concat() });
            }
            state.after.entry(lock).or_default().insert(wanted, step);
        }
        state.reports += cycles.len();
        drop(state);
        cycles.iter().for_each(&*self.0.report);
    }
}

impl State {
    fn name(&self, lock: usize) -> &'static str {
        self.names.get(&lock).copied().unwrap_or_default()
    }

    /// Returns the steps from one lock to another.
    fn way(&self, from: usize, to: usize) -> Option<Vec<Step>> {
        // Each lock that is reached, with the one before it. The way is put together once, at the end.
        let mut reached = BTreeMap::from([(from, None)]);
        let mut left = vec![from];
        while let Some(lock) = left.pop() {
            if lock == to {
                let mut steps = Vec::new();
                let mut at = lock;
                while let Some(&Some((before, step))) = reached.get(&at) {
                    steps.push(step);
                    at = before;
                }
                steps.reverse();
                return Some(steps);
            }
            for (&next, &step) in self.after.get(&lock).into_iter().flatten() {
                if let Entry::Vacant(place) = reached.entry(next) {
                    place.insert(Some((lock, step)));
                    left.push(next);
                }
            }
        }
        None
    }
}

/// `tokio::sync::Mutex`, watched.
pub struct Mutex<T> {
    noted: Noted,
    inner: TokioMutex<T>,
}

/// The entry of a lock in the table, until the lock is dropped.
struct Noted {
    order: LockOrder,
    number: usize,
}

impl Drop for Noted {
    fn drop(&mut self) {
        let mut state = self.order.state();
        state.names.remove(&self.number);
        state.after.remove(&self.number);
        for after in state.after.values_mut() {
            after.remove(&self.number);
        }
    }
}

impl<T> Mutex<T> {
    /// Waits for the lock. The report names the line of this call.
    #[track_caller]
    pub fn lock(&self) -> impl Future<Output = MutexGuard<'_, T>> {
        let place = Location::caller();
        async move {
            let owner = task::try_id().map_or_else(|| Owner::Thread(thread::current().id()), Owner::Task);
            let Noted { order, number } = &self.noted;
            order.ask(owner, *number, place);
            let inner = self.inner.lock().await;
            let mut state = order.state();
            state.next += 1;
            let hold = state.next;
            state.held.entry(owner).or_default().insert(hold, (*number, place));
            drop(state);
            MutexGuard { _held: Held { order, owner, hold }, inner }
        }
    }
}

/// Holds the lock until it is dropped.
#[must_use = "dropped at once, it holds nothing"]
pub struct MutexGuard<'a, T> {
    // Dropped before the lock itself, so that the lock is free only once its entry is gone.
    _held: Held<'a>,
    inner: TokioGuard<'a, T>,
}

struct Held<'a> {
    order: &'a LockOrder,
    owner: Owner,
    hold: u64,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut state = self.order.state();
        if let Some(held) = state.held.get_mut(&self.owner) {
            held.remove(&self.hold);
            if held.is_empty() {
                state.held.remove(&self.owner);
            }
        }
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

impl fmt::Debug for LockOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        let pairs: usize = state.after.values().map(BTreeMap::len).sum();
        let mut fields = f.debug_struct("LockOrder");
        fields.field("locks", &state.names.len()).field("pairs", &pairs).field("reports", &state.reports);
        fields.finish_non_exhaustive()
    }
}

impl<T: fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<T: fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, Step { held, held_at, wanted, wanted_at }) in self.steps.iter().enumerate() {
            let between = if number == 0 { "" } else { "; " };
            write!(f, "{between}{held} (held since {}:{})", held_at.file(), held_at.line())?;
            write!(f, " before {wanted} ({}:{})", wanted_at.file(), wanted_at.line())?;
        }
        Ok(())
    }
}
