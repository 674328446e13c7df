//! Lessons of the pattern `event`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use futures::FutureExt;
use semaphores::event::Event;
use tokio::sync::{Notify, SetOnce, watch};
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;

use crate::many_threads::some_turns;
use crate::support::{Entries, ms, settle, soon};
use crate::work::{all, rounds, waits_for_ever};

/// asyncio: `wait` on a set event returns at once. Tokio: `notify_waiters` of a bare `Notify` would not wake a late waiter.
#[tokio::test]
async fn one_that_is_set_lets_pass_at_once() {
    let event = Event::new();
    assert_eq!((event.is_set(), event.wait().now_or_never()), (false, None));
    event.set();
    assert_eq!((event.is_set(), event.wait().now_or_never()), (true, Some(())));
    assert_eq!(event.wait().now_or_never(), Some(()), "and stays so");
}

/// asyncio: all waiters are woken, FIFO.
#[tokio::test(start_paused = true)]
async fn all_who_wait_go_on_in_the_order_in_which_they_came() {
    let (event, log, mut tasks) = (Arc::new(Event::new()), Entries::new(), JoinSet::new());
    for number in 0..50 {
        let (event, log) = (event.clone(), log.clone());
        tasks.spawn(async move {
            event.wait().await;
            log.add(number);
        });
    }
    settle().await;
    assert_eq!(log.take(), [0; 0]);
    event.set();
    all(tasks).await;
    assert_eq!(log.take(), (0..50).collect::<Vec<_>>());
}

/// asyncio: a waiter goes on although the event is cleared before it runs.
#[tokio::test]
async fn a_pulse_releases_those_who_wait_although_it_is_over_before_they_run() {
    let event = Event::new();
    let mut waits = Box::pin(event.wait());
    assert_eq!(waits.as_mut().now_or_never(), None);
    event.set();
    event.clear();
    assert!(!event.is_set());
    assert_eq!(waits.now_or_never(), Some(()));
}

/// The hazard: a check of a `watch`'s value sees only the present value, and the pulse is over.
#[tokio::test(start_paused = true)]
async fn but_a_watch_that_is_asked_for_its_value_misses_the_pulse() {
    let (event, _) = watch::channel(false);
    let mut flag = event.subscribe();
    let mut waits = Box::pin(flag.wait_for(|set| *set));
    assert!(waits.as_mut().now_or_never().is_none());
    event.send_replace(true);
    event.send_replace(false);
    assert!(waits_for_ever(waits).await);
}

/// The hazard: another thread may set the flag between the check and `notified()`, and the waiter misses it.
#[tokio::test(start_paused = true)]
async fn but_a_flag_that_is_looked_at_before_one_listens_loses_the_wake_up() {
    let (flag, notify) = (AtomicUsize::new(0), Notify::new());
    let wait = async {
        if flag.load(SeqCst) == 0 {
            yield_now().await; // another thread may run here at any time
            notify.notified().await;
        }
    };
    let set = async {
        flag.store(1, SeqCst);
        notify.notify_waiters();
    };
    assert!(waits_for_ever(async { tokio::join!(wait, set) }).await);
}

/// asyncio: after `clear`, `wait` blocks until the next `set`.
#[tokio::test(start_paused = true)]
async fn after_a_clear_one_waits_for_the_next_set() {
    let event = Event::new();
    event.set();
    event.clear();
    let mut waits = Box::pin(event.wait());
    assert!(timeout(ms(1_000), waits.as_mut()).await.is_err());
    event.set();
    soon(waits).await;
}

/// asyncio: `set` and `clear` are idempotent. Here: the same, and `clear` wakes no waiter.
#[tokio::test]
async fn to_set_or_to_clear_it_twice_is_the_same_as_once() {
    let event = Event::default();
    event.clear();
    assert!(!event.is_set());
    event.set();
    event.set();
    assert!(event.is_set());
    event.clear();
    assert!(!event.is_set());
    let mut waits = Box::pin(event.wait());
    assert_eq!(waits.as_mut().now_or_never(), None);
    event.clear();
    assert_eq!(waits.as_mut().now_or_never(), None, "a clear lets nobody pass");
    event.set();
    event.set();
    assert_eq!(waits.now_or_never(), Some(()));
}

/// An event that happens once needs only a `SetOnce`: all waiters get its value.
#[tokio::test(start_paused = true)]
async fn what_happens_once_can_be_a_set_once() {
    static PORT: SetOnce<u16> = SetOnce::const_new();
    let waits = [(); 2].map(|()| tokio::spawn(async { *PORT.wait().await }));
    settle().await;
    PORT.set(8080).unwrap();
    for port in waits {
        assert_eq!(soon(port).await.unwrap(), 8080);
    }
    assert!(PORT.set(8081).is_err(), "and it cannot be cleared");
}

/// asyncio: `set` releases all waiters, although `clear` follows at once. Here: the same.
#[test]
fn a_hundred_thousand_who_wait_are_all_released_and_those_who_gave_up_forgotten() {
    static EVENT: Event = Event::new();
    let mut waits: Vec<_> = (0..100_000).map(|_| Box::pin(EVENT.wait())).collect();
    assert!(waits.iter_mut().all(|wait| wait.as_mut().now_or_never().is_none()));
    waits.truncate(50_000);
    EVENT.set();
    EVENT.clear();
    assert!(waits.iter_mut().all(|wait| wait.as_mut().now_or_never().is_some()));
}

/// Two tasks wait for each other in turn: each begins to wait at about the moment when the other sets.
#[test]
fn on_two_threads_no_set_is_missed() {
    rounds(10, |_| async {
        let (ping, pong) = (Arc::new(Event::new()), Arc::new(Event::new()));
        let mut tasks = JoinSet::new();
        tasks.spawn({
            let (ping, pong) = (ping.clone(), pong.clone());
            async move {
                for _ in 0..500 {
                    ping.set();
                    pong.wait().await;
                    pong.clear();
                }
            }
        });
        tasks.spawn(async move {
            for _ in 0..500 {
                ping.wait().await;
                ping.clear();
                pong.set();
            }
        });
        all(tasks).await;
    });
}

/// Waits are dropped and begun again while the event is set and cleared. In the end every task passes, and sees the changes
/// made before the set.
#[test]
fn on_many_threads_everybody_passes_and_sees_what_was_before() {
    rounds(500, |mut random| async move {
        let (event, done, passed) =
            (Arc::new(Event::new()), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut tasks = JoinSet::new();
        for _ in 0..3 {
            let (event, done, passed, mut random) =
                (event.clone(), done.clone(), passed.clone(), random.fork());
            tasks.spawn(async move {
                let at_once = tokio::select! {
                    biased;
                    () = event.wait() => true,
                    () = some_turns(&mut random, 3) => false,
                };
                if !at_once {
                    event.wait().await;
                }
                assert_eq!(done.load(std::sync::atomic::Ordering::Relaxed), 1);
                passed.fetch_add(1, SeqCst);
            });
        }
        some_turns(&mut random, 3).await;
        done.store(1, std::sync::atomic::Ordering::Relaxed);
        while passed.load(SeqCst) < 3 {
            event.set();
            if random.bool() {
                some_turns(&mut random, 3).await;
            }
            event.clear();
            some_turns(&mut random, 3).await;
        }
        all(tasks).await;
    });
}
