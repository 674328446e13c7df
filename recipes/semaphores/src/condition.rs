// SPDX-License-Identifier: 0BSD
//! Releases a lock, waits until another task has changed the guarded value, and takes the lock again: `asyncio.Condition`.
//!
//! ```sh
//! cargo add tokio --features sync
//! ```
//!
//! ```
//! use semaphores::condition::Condition;
//! use tokio::sync::Mutex;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let (jobs, not_empty) = (Mutex::new(Vec::new()), Condition::new());
//!     let worker = async {
//!         let guard = jobs.lock().await;
//!         not_empty.wait_for(guard, |jobs| !jobs.is_empty()).await.pop()
//!     };
//!     let producer = async {
//!         jobs.lock().await.push("resize");
//!         not_empty.notify(1);
//!     };
//!     let (job, ()) = tokio::join!(worker, producer);
//!     assert_eq!(job, Some("resize"));
//! }
//! ```
//!
//! A [`Condition`] belongs to a [`tokio::sync::Mutex`], as std's `Condvar` belongs to std's. One lock may have several
//! conditions, for example "not empty" and "not full". [`Condition::wait`] takes the guard and returns one: a task without
//! the lock cannot wait.
//!
//! A notification needs no guard. The state is inside the lock, so the task that changed it has had the lock. A waiter joins
//! the queue before it releases the lock. A destructor can notify too, although it cannot wait for a lock.
//!
//! `tokio::sync::watch` and its `wait_for` are enough if one task changes a value and others wait for a certain value.
//!
//! # Cancel safety
//!
//! A dropped wait holds no lock; asyncio takes the lock again first. If the wait was not notified yet, it is forgotten. If
//! it was notified and does not have the lock again, the notification goes to the next task that waited when it came.
//!
//! # Differences from asyncio
//!
//! - In asyncio `wait` without the lock raises `RuntimeError`. Here it does not compile: `wait` takes the guard (lesson
//!   `a_wait_lets_go_of_the_lock_and_has_it_again`).
//! - In asyncio `notify` without the lock raises `RuntimeError`. Here it needs no lock (lesson
//!   `a_notification_after_the_lock_is_let_go_is_not_lost`).
//! - A notification without a waiter is dropped, as in asyncio (lesson `a_notification_for_nobody_is_not_kept`).
//!   `Notify::notify_one` would keep a permit.
//! - Up to Python 3.12, if a notified waiter is cancelled while it takes the lock again, the notification is lost. Here, as
//!   since 3.13, the next gets it (lesson
//!   `one_who_is_cancelled_while_it_takes_the_lock_again_passes_the_notification_on`).

use std::collections::BTreeMap;
use std::iter;
use std::mem;
use std::sync::PoisonError;

use tokio::sync::MutexGuard;
use tokio::sync::oneshot;

/// The waiters for a change of a value under a lock.
#[derive(Debug, Default)]
pub struct Condition {
    line: std::sync::Mutex<Line>,
}

#[derive(Debug, Default)]
struct Line {
    /// The number of the next waiter.
    next: u64,
    /// Waiters that are not notified, FIFO.
    waiting: BTreeMap<u64, oneshot::Sender<()>>,
    /// Waiters that are notified and do not have the lock again, each with the value of `next` when its notification came.
    notified: BTreeMap<u64, u64>,
}

impl Condition {
    /// Makes a condition without waiters. It may be a `static`.
    pub const fn new() -> Self {
        let line = Line { next: 0, waiting: BTreeMap::new(), notified: BTreeMap::new() };
        Self { line: std::sync::Mutex::new(line) }
    }

    /// Releases the lock, waits for a notification, and takes the lock again.
    ///
    /// Other tasks may have had the lock in between, so check the state again, or use [`wait_for`](Self::wait_for).
    pub async fn wait<'a, T: ?Sized>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        let lock = MutexGuard::mutex(&guard);
        let (place, notified) = self.join_line();
        // Released only after the waiter has joined the queue, so that it misses no change from here on.
        drop(guard);
        // Never an error, because a sender stays in the line until it has sent.
        let _notified = notified.await;
        let guard = lock.lock().await;
        place.leave();
        guard
    }

    /// Waits until `predicate` holds. The predicate is called under the lock: now, and after each notification. It holds when
    /// this returns.
    pub async fn wait_for<'a, T: ?Sized>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut predicate: impl FnMut(&mut T) -> bool,
    ) -> MutexGuard<'a, T> {
        while !predicate(&mut guard) {
            guard = self.wait(guard).await;
        }
        guard
    }

    /// Notifies up to `count` waiters, FIFO. Without a waiter it does nothing, now or later.
    ///
    /// If waiters wait for different things, use [`notify_all`](Self::notify_all): `notify` could wake one that cannot use it.
    pub fn notify(&self, count: usize) {
        let notified: Vec<_> = {
            let mut line = self.line();
            let before = line.next;
            iter::from_fn(|| line.notify_first(before)).take(count).collect()
        };
        notified.into_iter().for_each(wake);
    }

    /// Notifies all waiters.
    pub fn notify_all(&self) {
        self.notify(usize::MAX);
    }

    fn join_line(&self) -> (Place<'_>, oneshot::Receiver<()>) {
        let (waker, notified) = oneshot::channel();
        let mut line = self.line();
        let number = line.next;
        line.next += 1;
        line.waiting.insert(number, waker);
        (Place { condition: self, number }, notified)
    }

    /// Never held over an await, nor while a waiter is woken. No code under it panics halfway.
    fn line(&self) -> std::sync::MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    /// Notifies the first waiter, if it came `before`.
    fn notify_first(&mut self, before: u64) -> Option<oneshot::Sender<()>> {
        let first = self.waiting.first_entry().filter(|first| *first.key() < before)?;
        let (number, waker) = first.remove_entry();
        self.notified.insert(number, before);
        Some(waker)
    }
}

fn wake(waiter: oneshot::Sender<()>) {
    // Fails if the waiter is dropped by now. Then the drop of its `Place` notifies the next.
    let _gone = waiter.send(());
}

/// The position of a waiter in the queue, until it has the lock again.
struct Place<'a> {
    condition: &'a Condition,
    number: u64,
}

impl Place<'_> {
    /// Removes a waiter that has the lock again: its notification has arrived.
    fn leave(self) {
        self.condition.line().notified.remove(&self.number);
        // The drop would treat it as a cancelled waiter.
        mem::forget(self);
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let (_forgotten, next) = {
            let mut line = self.condition.line();
            let forgotten = line.waiting.remove(&self.number);
            let next = line.notified.remove(&self.number).and_then(|before| line.notify_first(before));
            (forgotten, next)
        };
        next.into_iter().for_each(wake);
    }
}
