// SPDX-License-Identifier: 0BSD
//! Queues with LIFO order, priorities, `shutdown` and requeue, besides `task_done` and `join`: asyncio's three queues.
//!
//! ```sh
//! cargo add thiserror
//! cargo add tokio --features rt,sync
//! ```
//!
//! ```
//! use std::sync::Arc;
//!
//! use queues::joinable::PriorityQueue;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let jobs = Arc::new(PriorityQueue::unbounded());
//!     jobs.try_put((2, "report"))?;
//!     jobs.try_put((1, "alarm"))?;
//!     let queue = jobs.clone();
//!     let worker = tokio::spawn(async move {
//!         while let Ok(job) = queue.get_guarded().await {
//!             println!("{:?}", *job); // (1, "alarm"), then (2, "report")
//!         } // the guard is dropped here: the job is done
//!     });
//!     jobs.join().await; // both are done
//!     jobs.shutdown(); // no more will come: the worker ends
//!     worker.await?;
//!     Ok(())
//! }
//! ```
//!
//! A channel with the pattern `tracked` is enough, and costs less, for FIFO order with `join`.
//!
//! Share the queue by reference or in an [`Arc`](std::sync::Arc): every method takes `&self`. An item is *unfinished*
//! from its [`put`](JoinableQueue::put) until it is done. After [`get_guarded`](JoinableQueue::get_guarded) it is done
//! when its guard is dropped, also in a panic or an abort. After [`get`](JoinableQueue::get) it is done by
//! [`task_done`](JoinableQueue::task_done).
//!
//! # Cancel safety
//!
//! Every future here may be dropped. A dropped [`get`](JoinableQueue::get) has taken no item. A dropped
//! [`put`](JoinableQueue::put) has put no item in, and drops its own; [`reserve`](JoinableQueue::reserve) waits without
//! it. Waiters are served FIFO, and the next one moves up when one is dropped. A producer whose slot went back to a
//! requeued item waits again, behind the others.
//!
//! Lessons cancel each future at every suspension, and run 500 seeded schedules on four threads.
//! [shuttle](https://docs.rs/shuttle) runs four scenarios on 20,000 schedules each. loom cannot run it: Tokio builds
//! for loom only inside its own workspace.
//!
//! # Panics
//!
//! A panic in the `Ord` of a priority goes on in the caller of `put`. The item is dropped, and the queue is unchanged.
//!
//! An [`Order`], and the `Ord` of a priority, run under the queue's lock. They must not call the queue: that would be a
//! deadlock.
//!
//! # Cost
//!
//! An item costs about 2.1 times as much as on `tokio::sync::mpsc`, and 2.6 times with priorities, guards and `join`
//! included. With four consumers: 2.2 and 2.7. `asyncio.Queue` with `task_done` and `join` costs 10 and 16 times as
//! much, `asyncio.PriorityQueue` 13 and 20.
//!
//! # Differences from asyncio
//!
//! - The bound is a `NonZeroUsize`, and [`unbounded`](JoinableQueue::unbounded) is a function of its own. In asyncio
//!   `maxsize=0` means no bound.
//! - A woken waiter keeps its item. In asyncio `get_nowait` can take the item of a getter that was woken.
//! - `join` returns if no item was unfinished for a moment, as in asyncio. A count in a `watch` would miss that moment.
//! - A worker that dies drops its [`ItemGuard`], so its item is done. In asyncio `join` waits forever.
//! - [`task_done`](JoinableQueue::task_done) is an error for an item that is still queued. asyncio accepts it.
//! - [`requeue`](ItemGuard::requeue) keeps an item unfinished, also while the queue drains. In asyncio an item that is
//!   put back counts as a new one, and `put` fails after `shutdown`.
//! - Only the priority is compared, and equal ones come out FIFO. asyncio compares the rest of the tuple, and equal
//!   ones come out in no order.
//! - A priority without an order does not compile. In asyncio `put` raises `TypeError`, and the item is in the queue.
//! - [`shutdown_now`](JoinableQueue::shutdown_now) returns the queued items. In asyncio `shutdown(immediate=True)` drops
//!   them.
//! - `shutdown` came with Python 3.13; its lessons were compared with that version.

mod orders;

use std::collections::VecDeque;
use std::iter;
use std::mem;
use std::num::NonZeroUsize;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, Semaphore, SemaphorePermit, TryAcquireError};
use tokio::task::coop::consume_budget;

pub use self::orders::Priority;

/// First in, first out: `asyncio.Queue`.
pub type Queue<T> = JoinableQueue<VecDeque<T>>;
/// Last in, first out: `asyncio.LifoQueue`.
pub type LifoQueue<T> = JoinableQueue<Vec<T>>;
/// The smallest priority first: `asyncio.PriorityQueue`. Its items are pairs of a priority and a value.
pub type PriorityQueue<P, T> = JoinableQueue<Priority<P, T>>;

/// The order in which items come out. Its functions run under the queue's lock, so they must not call the queue.
pub trait Order {
    /// The type of the items.
    type Item;
    /// Adds an item. If it panics, it must leave the order unchanged.
    fn push(&mut self, item: Self::Item);
    /// Removes and returns the next item. Returns `None` only if the order is empty. It must not panic.
    fn pop(&mut self) -> Option<Self::Item>;
}

/// The queue is shut down. Holds the item that was not put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the queue is shut down")]
pub struct ShutDown<T = ()>(pub T);

/// Why [`JoinableQueue::try_put`] did not put its item in. Holds the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TryPutError<T> {
    /// The queue has no room.
    #[error("the queue is full")]
    Full(T),
    /// The queue is shut down.
    #[error("the queue is shut down")]
    ShutDown(T),
}

/// Why [`JoinableQueue::try_get`] gave no item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TryGetError {
    /// The queue is empty, or all queued items are promised to waiters.
    #[error("the queue is empty")]
    Empty,
    /// The queue is shut down and empty.
    #[error("the queue is shut down")]
    ShutDown,
}

/// [`JoinableQueue::task_done`] was called more often than items were taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("task_done was called more often than items were taken")]
pub struct TaskDoneError;

/// A queue of any [`Order`]. Its usual names are [`Queue`], [`LifoQueue`] and [`PriorityQueue`].
#[derive(Debug)]
pub struct JoinableQueue<O> {
    state: Mutex<State<O>>,
    /// One permit per queued item that no waiter was promised.
    ready: Semaphore,
    /// One permit per free slot.
    room: Semaphore,
    capacity: Option<NonZeroUsize>,
    /// Notified when the last unfinished item is done.
    idle: Notify,
}

#[derive(Debug)]
struct State<O> {
    items: O,
    queued: usize,
    taken: usize,
    /// How many items were requeued into a full queue. As many slots are free for no other item.
    over: usize,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// No item comes in; queued items can be taken.
    Draining,
    /// No item comes in, and the queue was emptied.
    Stopped,
}

impl<O: Order + Default> JoinableQueue<O> {
    /// Makes a queue with room for `capacity` items.
    pub fn bounded(capacity: NonZeroUsize) -> Self {
        Self::new(Some(capacity))
    }

    /// Makes a queue that is never full. Memory is its only bound.
    pub fn unbounded() -> Self {
        Self::new(None)
    }

    fn new(capacity: Option<NonZeroUsize>) -> Self {
        let room = capacity.map_or(usize::MAX, NonZeroUsize::get);
        Self {
            state: Mutex::new(State {
                items: O::default(),
                queued: 0,
                taken: 0,
                over: 0,
                phase: Phase::Open,
            }),
            ready: Semaphore::new(0),
            // A greater bound would not fit into memory.
            room: Semaphore::new(room.min(Semaphore::MAX_PERMITS)),
            capacity,
            idle: Notify::new(),
        }
    }
}

impl<O: Order> JoinableQueue<O> {
    /// Waits for room and puts `item` in.
    ///
    /// # Errors
    ///
    /// Returns the item if the queue is shut down, before or meanwhile.
    pub async fn put(&self, item: O::Item) -> Result<(), ShutDown<O::Item>> {
        match self.reserve().await {
            Ok(slot) => slot.put(item),
            Err(_) => Err(ShutDown(item)),
        }
    }

    /// Waits for room and keeps it free until the [`Slot`] is used or dropped.
    ///
    /// # Errors
    ///
    /// If the queue is shut down, before or meanwhile.
    pub async fn reserve(&self) -> Result<Slot<'_, O>, ShutDown> {
        loop {
            let room = self.room.acquire().await.map_err(|_closed| ShutDown(()))?;
            if let Some(slot) = self.slot(room) {
                return Ok(slot);
            }
        }
    }

    /// Puts `item` in if there is room now: `put_nowait`.
    ///
    /// # Errors
    ///
    /// Returns the item if there is no room, or if the queue is shut down.
    pub fn try_put(&self, item: O::Item) -> Result<(), TryPutError<O::Item>> {
        loop {
            let room = match self.room.try_acquire() {
                Ok(room) => room,
                Err(TryAcquireError::NoPermits) => return Err(TryPutError::Full(item)),
                Err(TryAcquireError::Closed) => return Err(TryPutError::ShutDown(item)),
            };
            if let Some(slot) = self.slot(room) {
                return slot.put(item).map_err(|ShutDown(item)| TryPutError::ShutDown(item));
            }
        }
    }

    /// Waits for an item and takes it. It stays unfinished until [`task_done`](Self::task_done).
    ///
    /// # Errors
    ///
    /// If the queue is shut down and empty.
    pub async fn get(&self) -> Result<O::Item, ShutDown> {
        // A closed semaphore fails every acquire. The first getter that comes takes a remaining item.
        let ready = self.ready.acquire().await.ok();
        if ready.is_none() {
            // A closed semaphore fails at once, so this lets other tasks run.
            consume_budget().await;
        }
        // Takes after the last await, so that a dropped future loses no item.
        self.take(ready).ok_or(ShutDown(()))
    }

    /// Waits for an item and takes it. It is done when the [`ItemGuard`] is dropped.
    ///
    /// # Errors
    ///
    /// If the queue is shut down and empty.
    pub async fn get_guarded(&self) -> Result<ItemGuard<'_, O>, ShutDown> {
        let item = self.get().await?;
        Ok(ItemGuard { item, taken: Taken(self) })
    }

    /// Takes an item without waiting: `get_nowait`.
    ///
    /// # Errors
    ///
    /// If the queue is empty, or all queued items are promised to waiters.
    pub fn try_get(&self) -> Result<O::Item, TryGetError> {
        let ready = match self.ready.try_acquire() {
            Ok(ready) => Some(ready),
            Err(TryAcquireError::NoPermits) => return Err(TryGetError::Empty),
            Err(TryAcquireError::Closed) => None,
        };
        self.take(ready).ok_or(TryGetError::ShutDown)
    }

    /// Marks one taken item as done.
    ///
    /// # Errors
    ///
    /// If every taken item is done already.
    pub fn task_done(&self) -> Result<(), TaskDoneError> {
        let mut state = self.lock();
        state.taken = state.taken.checked_sub(1).ok_or(TaskDoneError)?;
        self.notify_if_idle(&state);
        Ok(())
    }

    /// Waits until no item is unfinished, now or at a later moment. Items that are put in after that moment do not
    /// delay it.
    pub async fn join(&self) {
        // Made before the check, so that it misses no notification.
        let idle = self.idle.notified();
        if self.lock().is_idle() {
            return;
        }
        // Without a second check: there may be new items by now, and a loop would miss the moment.
        idle.await;
    }

    /// Shuts the queue down: no item comes in, and queued items can still be taken. Wakes all waiters for room, and all waiters
    /// for an item of an empty queue; they get [`ShutDown`].
    ///
    /// [`join`](Self::join) still waits until every item is done.
    pub fn shutdown(&self) {
        let mut state = self.lock();
        if state.phase == Phase::Open {
            state.phase = Phase::Draining;
        }
        self.close();
    }

    /// Shuts the queue down and empties it: `shutdown(immediate=True)`. Returns the queued items in their order.
    ///
    /// [`join`](Self::join) then waits only for taken items that are not done.
    pub fn shutdown_now(&self) -> Vec<O::Item> {
        let mut state = self.lock();
        state.phase = Phase::Stopped;
        self.close();
        let left = iter::from_fn(|| state.items.pop()).collect();
        state.queued = 0;
        self.notify_if_idle(&state);
        left
    }

    /// Returns the number of queued items: `qsize`.
    pub fn len(&self) -> usize {
        self.lock().queued
    }

    /// Returns whether no item is queued.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether no slot is free: each holds an item, is reserved, or is promised to a waiter.
    pub fn is_full(&self) -> bool {
        self.room.available_permits() <= self.lock().over
    }

    /// Returns the largest number of items it holds; `None` if it is never full.
    pub fn capacity(&self) -> Option<NonZeroUsize> {
        self.capacity
    }

    /// Turns a permit into a slot. Returns `None` if an item that was requeued into the full queue has taken the slot.
    fn slot<'a>(&'a self, room: SemaphorePermit<'a>) -> Option<Slot<'a, O>> {
        let mut state = self.lock();
        if state.over == 0 {
            return Some(Slot { queue: self, room });
        }
        state.over -= 1;
        room.forget();
        None
    }

    /// Takes the next item and uses up its permit.
    fn take(&self, ready: Option<SemaphorePermit<'_>>) -> Option<O::Item> {
        let mut state = self.lock();
        let item = state.items.pop()?;
        if let Some(ready) = ready {
            ready.forget();
        }
        state.queued -= 1;
        state.taken += 1;
        match state.over {
            0 => self.room.add_permits(1),
            _ => state.over -= 1,
        }
        Some(item)
    }

    /// Must be called under the lock: a later notification could end a `join` for an item that was put in after it.
    fn notify_if_idle(&self, state: &State<O>) {
        if state.is_idle() {
            self.idle.notify_waiters();
        }
    }

    fn close(&self) {
        self.room.close();
        self.ready.close();
    }
}

impl<O> JoinableQueue<O> {
    /// Never held over an await. A panic inside leaves the state unchanged, see [`Order::push`].
    fn lock(&self) -> MutexGuard<'_, State<O>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<O> State<O> {
    fn is_idle(&self) -> bool {
        self.queued + self.taken == 0
    }
}

/// A free slot of a queue. Dropping it gives the slot to the next waiter.
#[derive(Debug)]
#[must_use = "a slot that is dropped puts nothing in"]
pub struct Slot<'a, O> {
    queue: &'a JoinableQueue<O>,
    room: SemaphorePermit<'a>,
}

impl<O: Order> Slot<'_, O> {
    /// Puts `item` into the slot, without waiting.
    ///
    /// # Errors
    ///
    /// Returns the item if the queue was shut down meanwhile.
    pub fn put(self, item: O::Item) -> Result<(), ShutDown<O::Item>> {
        let mut state = self.queue.lock();
        if state.phase != Phase::Open {
            return Err(ShutDown(item));
        }
        state.items.push(item);
        state.queued += 1;
        self.room.forget();
        self.queue.ready.add_permits(1);
        Ok(())
    }
}

/// A taken item, which is done when this guard is dropped.
#[derive(Debug)]
#[must_use = "the item is done when this is dropped"]
pub struct ItemGuard<'a, O: Order> {
    item: O::Item,
    // Dropped after the item, whose destructor is part of the work.
    taken: Taken<'a, O>,
}

impl<O: Order> ItemGuard<'_, O> {
    /// Puts the item back, in the queue's order; it stays unfinished. It never waits, even if the queue is full: a consumer
    /// that waited for room could wait for itself. A draining queue takes the item too.
    ///
    /// # Errors
    ///
    /// Returns the item if [`JoinableQueue::shutdown_now`] was called. The item is then done.
    pub fn requeue(self) -> Result<(), ShutDown<O::Item>> {
        let Self { item, taken } = self;
        let queue = taken.0;
        let mut state = queue.lock();
        if state.phase == Phase::Stopped {
            return Err(ShutDown(item));
        }
        state.items.push(item);
        state.queued += 1;
        // The count is zero already if `task_done` was called once too often.
        state.taken = state.taken.saturating_sub(1);
        mem::forget(taken);
        match queue.room.try_acquire() {
            Ok(room) => room.forget(),
            Err(_) => state.over += 1,
        }
        queue.ready.add_permits(1);
        Ok(())
    }
}

impl<O: Order> Deref for ItemGuard<'_, O> {
    type Target = O::Item;

    fn deref(&self) -> &O::Item {
        &self.item
    }
}

impl<O: Order> DerefMut for ItemGuard<'_, O> {
    fn deref_mut(&mut self) -> &mut O::Item {
        &mut self.item
    }
}

#[derive(Debug)]
struct Taken<'a, O: Order>(&'a JoinableQueue<O>);

impl<O: Order> Drop for Taken<'_, O> {
    fn drop(&mut self) {
        // Fails if `task_done` was called once too often. A destructor cannot report that.
        let _too_often = self.0.task_done();
    }
}
