//! Lessons of the pattern `condition`.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use semaphores::condition::Condition;
use tokio::sync::Notify;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep, timeout};

use crate::many_threads::some_turns;
use crate::support::{Entries, ms, settle, soon};
use crate::work::condition::Shared;
use crate::work::{all, rounds, waits_for_ever};

/// Waits, and records its name when it has the lock again.
fn waiter(
    shared: &Arc<Shared<()>>,
    log: &Entries<&'static str>,
    name: &'static str,
) -> impl Future<Output = ()> + use<> {
    let (shared, log) = (shared.clone(), log.clone());
    async move {
        let _guard = shared.wait().await;
        log.add(name);
    }
}

/// Spawns N waiters, in the order of their names, each as a task.
async fn waiters<const N: usize>(
    names: [&'static str; N],
) -> (Arc<Shared<()>>, Entries<&'static str>, [tokio::task::JoinHandle<()>; N]) {
    let (shared, log) = (Arc::<Shared<()>>::default(), Entries::new());
    let tasks = names.map(|name| tokio::spawn(waiter(&shared, &log, name)));
    settle().await;
    (shared, log, tasks)
}

/// asyncio: `wait` releases the lock, and has it again when it returns.
#[tokio::test(start_paused = true)]
async fn a_wait_lets_go_of_the_lock_and_has_it_again() {
    let shared = Shared::<u32>::default();
    let guard = soon(shared.value.lock()).await;
    let mut waits = Box::pin(shared.changed.wait(guard));
    assert!(shared.is_locked(), "nothing is done before it is polled");
    assert!(waits.as_mut().now_or_never().is_none());
    *shared.value.try_lock().expect("it has let go") = 1;
    assert!(waits.as_mut().now_or_never().is_none(), "a change alone wakes nobody");
    shared.changed.notify(1);
    let guard = waits.now_or_never().expect("it was notified");
    assert_eq!((*guard, shared.is_locked()), (1, true));
}

/// asyncio: a waiter that is notified returns when it has the lock, and the notifier still holds it.
#[tokio::test(start_paused = true)]
async fn one_who_is_notified_waits_for_the_lock() {
    let (shared, log, tasks) = waiters(["a"]).await;
    let guard = soon(shared.value.lock()).await;
    shared.changed.notify(1);
    settle().await;
    assert_eq!(log.take(), [""; 0]);
    drop(guard);
    settle().await;
    assert_eq!((log.take(), tasks.map(|task| task.is_finished())), (vec!["a"], [true]));
}

/// asyncio: `notify(n)` wakes at most n, in their order; `notify_all` wakes the rest.
#[tokio::test(start_paused = true)]
async fn at_most_so_many_are_woken_in_the_order_in_which_they_came() {
    let (shared, log, _tasks) = waiters(["a", "b", "c", "d", "e"]).await;
    shared.changed.notify(0);
    settle().await;
    assert_eq!(log.take(), [""; 0]);
    shared.changed.notify(1);
    settle().await;
    assert_eq!(log.take(), ["a"]);
    shared.changed.notify(2);
    settle().await;
    assert_eq!(log.take(), ["b", "c"]);
    shared.changed.notify_all();
    settle().await;
    assert_eq!(log.take(), ["d", "e"]);
}

/// asyncio: `notify` does nothing without a waiter. Tokio: `Notify::notify_one` keeps a permit for the next one.
#[tokio::test(start_paused = true)]
async fn a_notification_for_nobody_is_not_kept() {
    let shared = Shared::<()>::default();
    shared.changed.notify(3);
    shared.changed.notify_all();
    assert!(waits_for_ever(shared.wait()).await);

    let notify = Notify::new();
    notify.notify_one();
    assert_eq!(notify.notified().now_or_never(), Some(()), "kept, for whatever comes next");
}

/// asyncio: if more are notified than wait, later waiters still wait.
#[tokio::test(start_paused = true)]
async fn what_is_left_of_a_notification_is_not_kept_either() {
    let (shared, log, _tasks) = waiters(["a"]).await;
    shared.changed.notify(3);
    let late = tokio::spawn(waiter(&shared, &log, "late"));
    settle().await;
    assert_eq!((log.take(), late.is_finished()), (vec!["a"], false));
}

/// asyncio: `wait_for` calls the predicate first, and waits while it is false.
#[tokio::test(start_paused = true)]
async fn wait_for_asks_first_and_again_after_each_notification() {
    let shared = Arc::new(Shared::<u32>::default());
    let asked = Entries::new();
    let waits = tokio::spawn({
        let (shared, asked) = (shared.clone(), asked.clone());
        async move {
            let guard = shared.value.lock().await;
            let is_three = |value: &mut u32| {
                asked.add(*value);
                *value >= 3
            };
            *shared.changed.wait_for(guard, is_three).await
        }
    });
    for value in 1..=3 {
        settle().await;
        *soon(shared.value.lock()).await = value;
        shared.changed.notify_all();
    }
    assert_eq!(soon(waits).await.unwrap(), 3);
    assert_eq!(asked.take(), [0, 1, 2, 3]);

    let guard = soon(shared.value.lock()).await;
    let at_once = shared.changed.wait_for(guard, |value| *value == 3);
    assert_eq!(at_once.now_or_never().as_deref(), Some(&3), "and does not wait for what holds");
}

/// asyncio: `notify` without the lock raises `RuntimeError`. Here it needs no lock. A waiter joins the queue before it
/// releases the lock, so the task that made the change can notify later, also from a destructor.
#[tokio::test(start_paused = true)]
async fn a_notification_after_the_lock_is_let_go_is_not_lost() {
    struct Notifies(Arc<Shared<bool>>);
    impl Drop for Notifies {
        fn drop(&mut self) {
            self.0.changed.notify_all();
        }
    }
    let shared = Arc::new(Shared::<bool>::default());
    let waits = tokio::spawn({
        let shared = shared.clone();
        async move {
            let guard = shared.value.lock().await;
            drop(shared.changed.wait_for(guard, |ready| *ready).await);
        }
    });
    yield_now().await;
    let fails = tokio::spawn({
        let shared = shared.clone();
        async move {
            let _notifies = Notifies(shared.clone());
            *shared.value.lock().await = true;
            panic!("and it panics, too");
        }
    });
    assert!(soon(fails).await.is_err());
    soon(waits).await.unwrap();
}

/// asyncio: `Condition(lock)`: two conditions can share a lock.
#[tokio::test(start_paused = true)]
async fn two_conditions_can_go_with_one_lock() {
    let items = tokio::sync::Mutex::new(VecDeque::new());
    let (not_empty, not_full) = (Condition::new(), Condition::new());
    let start = Instant::now();
    let producer = async {
        for item in 0..4 {
            let mut items = not_full.wait_for(items.lock().await, |items| items.len() < 2).await;
            items.push_back((item, start.elapsed()));
            not_empty.notify(1);
        }
    };
    let consumer = async {
        let mut taken = Vec::new();
        for _ in 0..4 {
            sleep(ms(10)).await;
            let mut items = not_empty.wait_for(items.lock().await, |items| !items.is_empty()).await;
            taken.extend(items.pop_front());
            not_full.notify(1);
        }
        taken
    };
    let ((), taken) = soon(async { tokio::join!(producer, consumer) }).await;
    assert_eq!(taken, [(0, ms(0)), (1, ms(0)), (2, ms(10)), (3, ms(20))]);
}

/// The hazard, in asyncio too: if waiters at one condition wait for different things, they need `notify_all`. The notified
/// waiter may not be able to go on, and the other sleeps on.
#[tokio::test(start_paused = true)]
async fn but_one_notification_for_two_kinds_of_waiters_can_go_to_the_wrong_one() {
    let shared = Arc::new(Shared::<u32>::default());
    let wait_until = |wanted| {
        let shared = shared.clone();
        tokio::spawn(async move {
            let guard = shared.value.lock().await;
            drop(shared.changed.wait_for(guard, |value| *value == wanted).await);
        })
    };
    let (one, two) = (wait_until(1), wait_until(2));
    settle().await;
    *soon(shared.value.lock()).await = 2;
    shared.changed.notify(1);
    settle().await;
    assert_eq!((one.is_finished(), two.is_finished()), (false, false));
    shared.changed.notify_all();
    settle().await;
    assert_eq!((one.is_finished(), two.is_finished()), (false, true));
}

/// asyncio: a cancelled waiter no longer counts.
#[tokio::test(start_paused = true)]
async fn one_who_is_cancelled_before_it_is_notified_is_forgotten() {
    let (shared, log, tasks) = waiters(["a", "b", "c"]).await;
    tasks[0].abort();
    settle().await;
    shared.changed.notify(1);
    settle().await;
    assert_eq!(log.take(), ["b"]);
}

/// asyncio from 3.13 on: a waiter that is notified, and cancelled before it has the lock, passes the notification on. Up to
/// 3.12 it was lost.
#[tokio::test(start_paused = true)]
async fn one_who_is_cancelled_while_it_takes_the_lock_again_passes_the_notification_on() {
    let (shared, log, tasks) = waiters(["a", "b", "c"]).await;
    let guard = soon(shared.value.lock()).await;
    shared.changed.notify(1);
    settle().await;
    tasks[0].abort();
    settle().await;
    assert!(tasks[0].is_finished());
    drop(guard);
    settle().await;
    assert_eq!(log.take(), ["b"]);
    tasks[2].abort();
    settle().await;
    assert!(!shared.is_locked());
}

/// The same holds right after the notification, before the waiter has run, and after the waiter was handed the lock.
#[tokio::test]
async fn so_does_one_who_is_cancelled_before_it_has_run_or_when_the_lock_is_handed_to_it() {
    for is_in_line_for_the_lock in [false, true] {
        let shared = Shared::<()>::default();
        let mut first = Box::pin(shared.wait());
        let mut second = Box::pin(shared.wait());
        assert!(first.as_mut().now_or_never().is_none());
        assert!(second.as_mut().now_or_never().is_none());
        let guard = shared.value.try_lock().unwrap();
        shared.changed.notify(1);
        if is_in_line_for_the_lock {
            assert!(first.as_mut().now_or_never().is_none());
        }
        drop(guard);
        assert_eq!(shared.is_locked(), is_in_line_for_the_lock, "handed to the first");
        drop(first);
        assert!(second.now_or_never().is_some());
    }
}

/// However many waiters are cancelled one after the other, the last one gets the notification.
#[tokio::test]
async fn a_notification_is_passed_on_as_often_as_needed() {
    let shared = Shared::<()>::default();
    let mut waits: Vec<_> = (0..10).map(|_| Box::pin(shared.wait())).collect();
    for wait in &mut waits {
        assert!(wait.as_mut().now_or_never().is_none());
    }
    shared.changed.notify(2);
    waits.drain(..8);
    assert!(waits.iter_mut().all(|wait| wait.as_mut().now_or_never().is_some()), "both of the two");
}

/// The hazard: `notified().await` and then `lock().await` pass nothing on if the task is cancelled in between.
#[tokio::test(start_paused = true)]
async fn but_a_notified_and_then_a_lock_lose_the_wake_up() {
    let (lock, changed) = (tokio::sync::Mutex::new(()), Notify::new());
    let wait = || async {
        let guard = lock.lock().await;
        let notified = changed.notified();
        drop(guard);
        notified.await;
        lock.lock().await
    };
    let (mut first, mut second) = (Box::pin(wait()), Box::pin(wait()));
    assert!(first.as_mut().now_or_never().is_none());
    assert!(second.as_mut().now_or_never().is_none());
    let guard = lock.lock().await;
    changed.notify_one();
    assert!(first.as_mut().now_or_never().is_none(), "told, and in line for the lock");
    drop(first);
    drop(guard);
    assert!(waits_for_ever(second).await);
}

/// A cancelled wait has no effect. Its notification goes only to tasks that waited when it came: a later waiter has seen
/// the change.
#[tokio::test(start_paused = true)]
async fn a_notification_is_passed_on_only_to_those_who_waited_when_it_came() {
    for everybody in [false, true] {
        let (shared, log, tasks) = waiters(["a"]).await;
        let guard = soon(shared.value.lock()).await;
        if everybody {
            shared.changed.notify_all();
        } else {
            shared.changed.notify(1);
        }
        drop(guard);
        let mut late = Box::pin(waiter(&shared, &log, "late"));
        assert!(late.as_mut().now_or_never().is_none());
        tasks[0].abort();
        settle().await;
        assert!(tasks[0].is_finished());
        assert!(waits_for_ever(late).await);
        assert_eq!(log.take(), [""; 0]);
    }
}

/// asyncio: a cancelled waiter takes the lock again before it raises, so a timeout can take as long as another task holds
/// the lock. Tokio: a dropped wait holds nothing and waits for nothing.
#[tokio::test(start_paused = true)]
async fn a_dropped_wait_holds_no_lock_and_waits_for_none() {
    let (shared, start) = (Shared::<()>::default(), Instant::now());
    let waits = shared.wait();
    let holds = async {
        settle().await;
        let _guard = shared.value.lock().await;
        shared.changed.notify(1);
        sleep(ms(1_000)).await;
    };
    let waited = async {
        assert!(timeout(ms(10), waits).await.is_err());
        start.elapsed()
    };
    assert_eq!(soon(async { tokio::join!(waited, holds) }).await, (ms(10), ()));
    assert!(!shared.is_locked());
}

/// asyncio: a predicate that raises leaves `async with`, which releases. Here: a panic drops the guard.
#[tokio::test(start_paused = true)]
async fn a_predicate_that_panics_lets_go_of_the_lock() {
    let shared = Shared::<u32>::default();
    let guard = soon(shared.value.lock()).await;
    let waits = AssertUnwindSafe(shared.changed.wait_for(guard, |_| panic!("a panic")));
    assert!(soon(waits.catch_unwind()).await.is_err());
    assert!(!shared.is_locked());
}

/// asyncio: `notify` is FIFO and skips cancelled waiters. Here: the same, at any length of the queue.
#[test]
fn a_hundred_thousand_who_wait_are_all_woken_and_those_who_gave_up_forgotten() {
    static SHARED: Shared<()> =
        Shared { value: tokio::sync::Mutex::const_new(()), changed: Condition::new() };
    let mut waits: Vec<_> = (0..100_000).map(|_| Box::pin(SHARED.wait())).collect();
    assert!(waits.iter_mut().all(|wait| wait.as_mut().now_or_never().is_none()));
    waits.drain(..50_000);
    SHARED.changed.notify(1);
    assert!(waits.pop().unwrap().now_or_never().is_none(), "the last one is not the first");
    assert!(waits.remove(0).now_or_never().is_some());
    SHARED.changed.notify_all();
    assert!(waits.iter_mut().all(|wait| wait.as_mut().now_or_never().is_some()));
}

/// A waiter that was notified or dropped leaves no entry behind.
#[tokio::test(start_paused = true)]
async fn nobody_is_remembered_who_does_not_wait_any_more() {
    let (shared, _log, tasks) = waiters(["a", "b", "c"]).await;
    tasks[1].abort();
    shared.changed.notify(1);
    settle().await;
    let line = format!("{:?}", shared.changed);
    assert!(line.contains("waiting: {2:") && line.contains("notified: {}"), "{line}");
    shared.changed.notify_all();
    tasks[2].abort();
    settle().await;
    let line = format!("{:?}", shared.changed);
    assert!(line.contains("waiting: {}") && line.contains("notified: {}"), "{line}");
}

/// Producers and consumers of a small buffer drop their waits at any moment: each item is taken once, and no task waits
/// forever.
#[test]
fn on_many_threads_no_wake_up_is_lost() {
    const ITEMS: u32 = 12;

    struct Buffer {
        items: tokio::sync::Mutex<(VecDeque<u32>, u32)>,
        not_empty: Condition,
        not_full: Condition,
    }

    rounds(500, |mut random| async move {
        let room = random.usize(1..3);
        let buffer = Arc::new(Buffer {
            items: tokio::sync::Mutex::default(),
            not_empty: Condition::new(),
            not_full: Condition::new(),
        });
        let (mut tasks, taken) = (JoinSet::new(), Entries::new());
        for who in 0..3 {
            let (buffer, mut random) = (buffer.clone(), random.fork());
            tasks.spawn(async move {
                let mut next = who * ITEMS;
                while next < (who + 1) * ITEMS {
                    let put = async {
                        let items = buffer.items.lock().await;
                        buffer.not_full.wait_for(items, |(items, _)| items.len() < room).await
                    };
                    let given_up = async {
                        if random.bool() {
                            std::future::pending().await
                        }
                        some_turns(&mut random, 3).await;
                    };
                    tokio::select! {
                        biased;
                        mut items = put => {
                            items.0.push_back(next);
                            next += 1;
                            buffer.not_empty.notify(1);
                        }
                        () = given_up => {}
                    }
                }
            });
        }
        for _ in 0..3 {
            let (buffer, taken, mut random) = (buffer.clone(), taken.clone(), random.fork());
            tasks.spawn(async move {
                loop {
                    let get = async {
                        let items = buffer.items.lock().await;
                        let some_or_none_to_come =
                            |(items, taken): &mut (VecDeque<_>, _)| !items.is_empty() || *taken == 3 * ITEMS;
                        buffer.not_empty.wait_for(items, some_or_none_to_come).await
                    };
                    let given_up = async {
                        if random.bool() {
                            std::future::pending().await
                        }
                        some_turns(&mut random, 3).await;
                    };
                    tokio::select! {
                        biased;
                        mut items = get => {
                            let Some(item) = items.0.pop_front() else { return };
                            items.1 += 1;
                            taken.add(item);
                            buffer.not_full.notify(1);
                            if items.1 == 3 * ITEMS {
                                buffer.not_empty.notify_all();
                            }
                        }
                        () = given_up => {}
                    }
                }
            });
        }
        all(tasks).await;
        let mut taken = taken.take();
        taken.sort_unstable();
        assert_eq!(taken, (0..3 * ITEMS).collect::<Vec<_>>());
    });
}
