// SPDX-License-Identifier: 0BSD
//! A queue that knows when its work is done: `asyncio.Queue`, `LifoQueue` and `PriorityQueue`, with `task_done`,
//! `join` and `shutdown`.
//!
//! ```sh
//! cargo add thiserror
//! cargo add tokio --features sync
//! ```
//!
//! Share it by reference or in an [`Arc`](std::sync::Arc): every method takes `&self`. An item is *unfinished* from
//! its [`put`](JoinableQueue::put) until somebody says that it is done, and [`join`](JoinableQueue::join) waits for
//! all of them. [`get_ticket`](JoinableQueue::get_ticket) says so by itself when the ticket is dropped, also in a panic
//! or an abort; after a plain [`get`](JoinableQueue::get) it takes a [`task_done`](JoinableQueue::task_done).
//!
//! Where nobody has to wait for the work, a channel is enough, and costs less.
//!
//! # Cancel safety
//!
//! Every future here may be dropped. A dropped [`get`](JoinableQueue::get) has taken nothing. A dropped
//! [`put`](JoinableQueue::put) has put nothing in, but its item is dropped with it: to keep the item,
//! [`reserve`](JoinableQueue::reserve) first. Those who wait are served in the order in which they came, and one that
//! is dropped makes way for the next.
//!
//! # Panics
//!
//! A panic in the `Ord` of a priority goes on in the caller of `put`. The item is dropped, the queue is as it was.

use std::collections::{BTreeMap, VecDeque};
use std::iter;
use std::mem;
use std::num::NonZeroUsize;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, Semaphore, SemaphorePermit, TryAcquireError};

/// First in, first out: `asyncio.Queue`.
pub type Queue<T> = JoinableQueue<VecDeque<T>>;
/// Last in, first out: `asyncio.LifoQueue`.
pub type LifoQueue<T> = JoinableQueue<Vec<T>>;
/// The smallest priority first: `asyncio.PriorityQueue`. Its items are pairs of a priority and a value.
pub type PriorityQueue<P, T> = JoinableQueue<Priority<P, T>>;

/// The order in which items come out.
pub trait Order {
    /// What is put in and comes out.
    type Item;
    /// Takes an item in. If it panics, it must have left everything as it was.
    fn push(&mut self, item: Self::Item);
    /// The next item; `None` only if there is none. It must not panic.
    fn pop(&mut self) -> Option<Self::Item>;
}

/// The queue is shut down. Holds what was to be put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the queue is shut down")]
pub struct ShutDown<T = ()>(pub T);

/// Why [`JoinableQueue::try_put`] did not put its item in. Holds the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TryPutError<T> {
    /// There is no room.
    #[error("the queue is full")]
    Full(T),
    /// There never will be.
    #[error("the queue is shut down")]
    ShutDown(T),
}

/// Why [`JoinableQueue::try_get`] gave no item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TryGetError {
    /// There is none now.
    #[error("the queue is empty")]
    Empty,
    /// There never will be.
    #[error("the queue is shut down")]
    ShutDown,
}

/// [`JoinableQueue::task_done`] was called more often than items were taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("task_done was called more often than items were taken")]
pub struct DoneTooOften;

/// A queue of any [`Order`]. Its usual names are [`Queue`], [`LifoQueue`] and [`PriorityQueue`].
#[derive(Debug)]
pub struct JoinableQueue<O> {
    state: Mutex<State<O>>,
    /// A permit for each item that is promised to nobody.
    ready: Semaphore,
    /// A permit for each place that is promised to nobody.
    room: Semaphore,
    capacity: Option<NonZeroUsize>,
    /// Told each time that no item is unfinished any more.
    idle: Notify,
}

#[derive(Debug)]
struct State<O> {
    items: O,
    queued: usize,
    taken: usize,
    /// How many items have come back to a queue that was full. As many places do not become free.
    over: usize,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// Nothing new comes in, what is there goes out.
    Draining,
    /// What was there is gone.
    Stopped,
}

impl<O: Order + Default> JoinableQueue<O> {
    /// A queue with room for `capacity` items.
    pub fn bounded(capacity: NonZeroUsize) -> Self {
        Self::new(Some(capacity))
    }

    /// A queue that is never full. Memory is its only bound, so something else must hold the producers back.
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
            // More than would fit into memory, in any case.
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
    /// The item comes back if the queue is shut down, before or meanwhile.
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
        let room = self.room.acquire().await.map_err(|_closed| ShutDown(()))?;
        Ok(Slot { queue: self, room })
    }

    /// Puts `item` in if there is room now: `put_nowait`.
    ///
    /// # Errors
    ///
    /// The item comes back if there is none.
    pub fn try_put(&self, item: O::Item) -> Result<(), TryPutError<O::Item>> {
        match self.room.try_acquire() {
            Ok(room) => {
                Slot { queue: self, room }.put(item).map_err(|ShutDown(item)| TryPutError::ShutDown(item))
            }
            Err(TryAcquireError::NoPermits) => Err(TryPutError::Full(item)),
            Err(TryAcquireError::Closed) => Err(TryPutError::ShutDown(item)),
        }
    }

    /// Waits for an item and takes it. It is unfinished until [`task_done`](Self::task_done) is called for it.
    ///
    /// # Errors
    ///
    /// If the queue is shut down and empty.
    pub async fn get(&self) -> Result<O::Item, ShutDown> {
        // A closed semaphore turns everybody away. What is left then belongs to whoever comes first.
        let ready = self.ready.acquire().await.ok();
        // Nothing is taken before the last await, so nothing is lost in one.
        self.take(ready).ok_or(ShutDown(()))
    }

    /// Waits for an item and takes it. It is done when the [`Ticket`] is dropped.
    ///
    /// # Errors
    ///
    /// If the queue is shut down and empty.
    pub async fn get_ticket(&self) -> Result<Ticket<'_, O>, ShutDown> {
        let item = self.get().await?;
        Ok(Ticket { item, taken: Taken(self) })
    }

    /// Takes an item if one is there now: `get_nowait`.
    ///
    /// # Errors
    ///
    /// If none is there, or all that are there are promised to others who waited for them.
    pub fn try_get(&self) -> Result<O::Item, TryGetError> {
        let ready = match self.ready.try_acquire() {
            Ok(ready) => Some(ready),
            Err(TryAcquireError::NoPermits) => return Err(TryGetError::Empty),
            Err(TryAcquireError::Closed) => None,
        };
        self.take(ready).ok_or(TryGetError::ShutDown)
    }

    /// Says that an item which was taken is done.
    ///
    /// # Errors
    ///
    /// If no item is taken and not done.
    pub fn task_done(&self) -> Result<(), DoneTooOften> {
        let mut state = self.lock();
        state.taken = state.taken.checked_sub(1).ok_or(DoneTooOften)?;
        self.tell_if_idle(&state);
        Ok(())
    }

    /// Waits until no item is unfinished, at this moment or a later one. What is put in after that moment does not
    /// hold it back.
    pub async fn join(&self) {
        // It hears what is told from here on, so before the look.
        let idle = self.idle.notified();
        if self.lock().is_idle() {
            return;
        }
        // Once, and without a second look: by now there may be new items, and a loop would miss the moment.
        idle.await;
    }

    /// Shuts the queue down: nothing more comes in, and what is there can still be taken. Those who wait for room,
    /// or for an item of an empty queue, are told.
    ///
    /// [`join`](Self::join) still waits until everything is done.
    pub fn shutdown(&self) {
        let mut state = self.lock();
        if state.phase == Phase::Open {
            state.phase = Phase::Draining;
        }
        self.turn_away();
    }

    /// Shuts the queue down and empties it: `shutdown(immediate=True)`. Returns what nobody has taken, in its order.
    ///
    /// [`join`](Self::join) then waits for those items only that are taken and not done.
    pub fn shutdown_now(&self) -> Vec<O::Item> {
        let mut state = self.lock();
        state.phase = Phase::Stopped;
        self.turn_away();
        let left = iter::from_fn(|| state.items.pop()).collect();
        state.queued = 0;
        self.tell_if_idle(&state);
        left
    }

    /// The number of items that can be taken: `qsize`.
    pub fn len(&self) -> usize {
        self.lock().queued
    }

    /// Whether there is nothing to take.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether no place is free: each holds an item, is reserved, or is promised to one who waited.
    pub fn is_full(&self) -> bool {
        self.room.available_permits() == 0
    }

    /// How many items it has room for; `None` if it is never full.
    pub fn capacity(&self) -> Option<NonZeroUsize> {
        self.capacity
    }

    /// Takes the next item, for the permit that stands for it.
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

    /// Called under the lock. Told later, it could reach one who joined for an item that was put in after it.
    fn tell_if_idle(&self, state: &State<O>) {
        if state.is_idle() {
            self.idle.notify_waiters();
        }
    }

    fn turn_away(&self) {
        self.room.close();
        self.ready.close();
    }

    /// Never held over an await. A panic inside leaves the state as it was, see [`Order::push`].
    fn lock(&self) -> MutexGuard<'_, State<O>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<O> State<O> {
    fn is_idle(&self) -> bool {
        self.queued + self.taken == 0
    }
}

/// A free place in a queue. Dropping it gives the place to the next who waits.
#[derive(Debug)]
#[must_use = "a slot that is dropped puts nothing in"]
pub struct Slot<'a, O> {
    queue: &'a JoinableQueue<O>,
    room: SemaphorePermit<'a>,
}

impl<O: Order> Slot<'_, O> {
    /// Puts `item` into the place, at once.
    ///
    /// # Errors
    ///
    /// The item comes back if the queue was shut down meanwhile.
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

/// An item that is done when this is dropped, whatever the reason.
#[derive(Debug)]
#[must_use = "the item is done when its ticket is dropped"]
pub struct Ticket<'a, O: Order> {
    item: O::Item,
    // After the item: its destructor is part of the work.
    taken: Taken<'a, O>,
}

impl<O: Order> Ticket<'_, O> {
    /// Puts the item back instead, at its place in the order, be the queue full or not: a consumer that waited for
    /// room could wait for itself. It stays unfinished. A queue that drains takes it as well.
    ///
    /// # Errors
    ///
    /// The item comes back, and is done, if [`JoinableQueue::shutdown_now`] was called.
    pub fn requeue(self) -> Result<(), ShutDown<O::Item>> {
        let Self { item, taken } = self;
        let queue = taken.0;
        let mut state = queue.lock();
        if state.phase == Phase::Stopped {
            return Err(ShutDown(item));
        }
        state.items.push(item);
        state.queued += 1;
        // Zero if a task_done too many has counted it already.
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

impl<O: Order> Deref for Ticket<'_, O> {
    type Target = O::Item;

    fn deref(&self) -> &O::Item {
        &self.item
    }
}

impl<O: Order> DerefMut for Ticket<'_, O> {
    fn deref_mut(&mut self) -> &mut O::Item {
        &mut self.item
    }
}

#[derive(Debug)]
struct Taken<'a, O: Order>(&'a JoinableQueue<O>);

impl<O: Order> Drop for Taken<'_, O> {
    fn drop(&mut self) {
        // Fails if a task_done too many has counted it already: a destructor has nobody to tell.
        let _too_often = self.0.task_done();
    }
}

impl<T> Order for VecDeque<T> {
    type Item = T;

    fn push(&mut self, item: T) {
        self.push_back(item);
    }

    fn pop(&mut self) -> Option<T> {
        self.pop_front()
    }
}

impl<T> Order for Vec<T> {
    type Item = T;

    fn push(&mut self, item: T) {
        self.push(item);
    }

    fn pop(&mut self) -> Option<T> {
        self.pop()
    }
}

/// The smallest priority first; of equal ones, that which was put in first. Values are not compared.
#[derive(Debug)]
pub struct Priority<P, T> {
    /// By priority and number. A map, for a `BinaryHeap` gives the greatest first, and equal ones in no order.
    items: BTreeMap<(P, u64), T>,
    next: u64,
}

impl<P: Ord, T> Default for Priority<P, T> {
    fn default() -> Self {
        Self { items: BTreeMap::new(), next: 0 }
    }
}

impl<P: Ord, T> Order for Priority<P, T> {
    type Item = (P, T);

    fn push(&mut self, (priority, value): (P, T)) {
        self.items.insert((priority, self.next), value);
        self.next += 1;
    }

    fn pop(&mut self) -> Option<(P, T)> {
        self.items.pop_first().map(|((priority, _number), value)| (priority, value))
    }
}
