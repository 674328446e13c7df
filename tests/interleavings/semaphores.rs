//! Scenarios of the event, the condition and the barrier of `recipes/semaphores` for a scheduler that chooses who goes
//! next at each lock, atomic and notification. `tests/interleavings.py` builds them with shuttle in the place of std's
//! locks and atomics and of Tokio.
#![allow(dead_code, reason = "no scenario uses all of a pattern")]

mod barrier;
mod condition;
mod event;

use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use barrier::{Barrier, BrokenBarrier};
use condition::Condition;
use event::Event;
use shuttle::future::{block_on, spawn, yield_now};

/// What shuttle's Tokio has otherwise, or not at all.
mod steps {
    use std::ops::{Deref, DerefMut};

    /// Shuttle lets a `notify_waiters` follow upon what is before it without a step between them; here it gets one.
    #[derive(Debug)]
    pub(crate) struct Notify(tokio::sync::Notify);

    impl Notify {
        pub(crate) fn new() -> Self {
            Self(tokio::sync::Notify::new())
        }

        pub(crate) fn notified(&self) -> impl Future<Output = ()> {
            self.0.notified()
        }

        pub(crate) fn notify_waiters(&self) {
            shuttle::thread::yield_now();
            self.0.notify_waiters();
        }
    }

    impl Default for Notify {
        fn default() -> Self {
            Self::new()
        }
    }

    /// Its guard knows its lock.
    #[derive(Debug)]
    pub(crate) struct Mutex<T: ?Sized>(tokio::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(tokio::sync::Mutex::new(value))
        }
    }

    impl<T: ?Sized> Mutex<T> {
        pub(crate) async fn lock(&self) -> MutexGuard<'_, T> {
            MutexGuard { lock: self, guard: self.0.lock().await }
        }
    }

    #[derive(Debug)]
    pub(crate) struct MutexGuard<'a, T: ?Sized> {
        lock: &'a Mutex<T>,
        guard: tokio::sync::MutexGuard<'a, T>,
    }

    impl<'a, T: ?Sized> MutexGuard<'a, T> {
        pub(crate) fn mutex(this: &Self) -> &'a Mutex<T> {
            this.lock
        }
    }

    impl<T: ?Sized> Deref for MutexGuard<'_, T> {
        type Target = T;

        fn deref(&self) -> &T {
            &self.guard
        }
    }

    impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            &mut self.guard
        }
    }
}

const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();
const THREE: NonZeroUsize = NonZeroUsize::new(3).unwrap();

/// Whether it is done when it is looked at once.
fn is_done(future: std::pin::Pin<&mut impl Future>) -> bool {
    future.poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

/// Polls it once; an await afterwards goes on from there.
async fn begin(mut future: std::pin::Pin<&mut impl Future>) -> bool {
    std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await
}

/// Three who wait, of whom one is aborted, and one who sets it.
async fn everybody_passes_an_event_that_is_set() {
    let event = Arc::new(Event::new());
    let waits = [(); 3].map(|()| {
        let event = event.clone();
        spawn(async move { event.wait().await })
    });
    let sets = spawn({
        let event = event.clone();
        async move { event.set() }
    });
    yield_now().await;
    waits[0].abort();
    let [first, second, third] = waits;
    let _how_it_ended = first.await;
    second.await.unwrap();
    third.await.unwrap();
    sets.await.unwrap();
}

/// Two who set and clear it: one who waits before that passes, however they meet.
async fn a_pulse_releases_one_who_waits() {
    let event = Arc::new(Event::new());
    let mut waits = pin!(event.wait());
    assert!(!begin(waits.as_mut()).await);
    let pulses = [(); 2].map(|()| {
        let event = event.clone();
        spawn(async move {
            event.set();
            event.clear();
        })
    });
    waits.await;
    for pulse in pulses {
        pulse.await.unwrap();
    }
    assert!(!event.is_set());
}

/// A `set` may still be notifying when another task has seen it and cleared the event.
async fn a_wait_after_a_clear_is_not_released_by_the_set_before_it() {
    let event = Arc::new(Event::new());
    let sets = spawn({
        let event = event.clone();
        async move { event.set() }
    });
    event.wait().await;
    event.clear();
    let mut waits = pin!(event.wait());
    assert!(!begin(waits.as_mut()).await);
    yield_now().await;
    assert!(!begin(waits.as_mut()).await);
    sets.await.unwrap();
    assert!(!is_done(waits.as_mut()));
    event.set();
    waits.await;
}

/// Takes one as soon as there is one.
async fn take(shared: &(steps::Mutex<usize>, Condition)) {
    let (items, more) = shared;
    let mut items = more.wait_for(items.lock().await, |items| *items > 0).await;
    *items -= 1;
}

async fn put((items, more): &(steps::Mutex<usize>, Condition)) {
    *items.lock().await += 1;
    more.notify(1);
}

/// Three who wait for one item each, and one of them is aborted: there are as many items as others, with a notification
/// for each, and none is forgotten.
async fn a_wake_up_is_not_lost_with_one_who_is_aborted() {
    let shared = Arc::new((steps::Mutex::new(0), Condition::new()));
    let takers = [(); 3].map(|()| {
        let shared = shared.clone();
        spawn(async move { take(&shared).await })
    });
    let puts = spawn({
        let shared = shared.clone();
        async move {
            for _ in 0..2 {
                put(&shared).await;
            }
        }
    });
    yield_now().await;
    let [gone, second, third] = takers;
    gone.abort();
    let has_taken_one = gone.await.is_ok();
    puts.await.unwrap();
    if has_taken_one {
        put(&shared).await;
    }
    second.await.unwrap();
    third.await.unwrap();
    assert_eq!(*shared.0.lock().await, 0);
}

/// One place, two who put and two who take.
async fn everything_passes_through_one_place() {
    let shared = Arc::new((steps::Mutex::new(0), Condition::new(), Condition::new()));
    let mut tasks = Vec::new();
    for _ in 0..2 {
        let puts = shared.clone();
        tasks.push(spawn(async move {
            let (items, not_empty, not_full) = &*puts;
            for _ in 0..2 {
                let mut items = not_full.wait_for(items.lock().await, |items| *items == 0).await;
                *items += 1;
                not_empty.notify(1);
            }
        }));
        let takes = shared.clone();
        tasks.push(spawn(async move {
            let (items, not_empty, not_full) = &*takes;
            for _ in 0..2 {
                let mut items = not_empty.wait_for(items.lock().await, |items| *items == 1).await;
                *items -= 1;
                drop(items);
                not_full.notify(1);
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*shared.0.lock().await, 0);
}

/// Three parties, two rounds: none is a round ahead, and each index is given once.
async fn all_parties_meet_round_after_round() {
    let barrier = Arc::new(Barrier::new(THREE));
    let come = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let indices = Arc::new(Mutex::new(Vec::new()));
    let parties = [(); 3].map(|()| {
        let (barrier, come, indices) = (barrier.clone(), come.clone(), indices.clone());
        spawn(async move {
            for round in 0..2 {
                come[round].fetch_add(1, SeqCst);
                let index = barrier.wait().await.unwrap();
                assert_eq!(come[round].load(SeqCst), 3);
                indices.lock().unwrap().push((round, index));
            }
        })
    });
    for party in parties {
        party.await.unwrap();
    }
    let mut indices = indices.lock().unwrap().clone();
    indices.sort_unstable();
    assert_eq!(indices, [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]);
}

/// Two parties and a third who is aborted at any moment, and an abort of the barrier at any other: none waits forever,
/// and no index is given twice in a round.
async fn one_who_is_aborted_does_not_keep_its_place() {
    let barrier = Arc::new(Barrier::new(TWO));
    let parties = [(); 3].map(|()| {
        let barrier = barrier.clone();
        spawn(async move { barrier.wait().await })
    });
    let [gone, second, third] = parties;
    yield_now().await;
    gone.abort();
    let gone = gone.await.ok();
    barrier.abort();
    let met = [gone.unwrap_or(Err(BrokenBarrier::Aborted)), second.await.unwrap(), third.await.unwrap()];
    let given = |index| met.iter().filter(|met| **met == Ok(index)).count();
    assert!(given(0) <= given(1) && given(1) <= 1, "{met:?}");
    assert_eq!((barrier.waiting(), barrier.is_broken()), (0, true));
}

/// Each scenario on a number of random schedules, and on as many with up to three changes of priority.
fn check<F: Future<Output = ()> + 'static>(name: &str, schedules: usize, scenario: fn() -> F) {
    shuttle::check_random(move || block_on(scenario()), schedules);
    shuttle::check_pct(move || block_on(scenario()), schedules, 3);
    println!("{name}: {} schedules", 2 * schedules);
}

fn main() {
    let schedules = std::env::args().nth(1).and_then(|count| count.parse().ok()).expect("a number of schedules");
    check("everybody_passes_an_event_that_is_set", schedules, everybody_passes_an_event_that_is_set);
    check("a_pulse_releases_one_who_waits", schedules, a_pulse_releases_one_who_waits);
    check(
        "a_wait_after_a_clear_is_not_released_by_the_set_before_it",
        schedules,
        a_wait_after_a_clear_is_not_released_by_the_set_before_it,
    );
    check("a_wake_up_is_not_lost_with_one_who_is_aborted", schedules, a_wake_up_is_not_lost_with_one_who_is_aborted);
    check("everything_passes_through_one_place", schedules, everything_passes_through_one_place);
    check("all_parties_meet_round_after_round", schedules, all_parties_meet_round_after_round);
    check("one_who_is_aborted_does_not_keep_its_place", schedules, one_who_is_aborted_does_not_keep_its_place);
}
