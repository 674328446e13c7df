//! Lessons of the pattern `exclusive`.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::join_all;
use semaphores::exclusive::{HalfChanged, change, claim, update};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep, timeout};

use crate::many_threads::some_turns;
use crate::support::{Entries, ms, settle, soon};
use crate::work::exclusive::one_more;
use crate::work::{all, rounds, waits_for_ever};

/// asyncio: a section with an await in it needs a `Lock`. Tokio: the same.
#[tokio::test(start_paused = true)]
async fn a_hundred_tasks_raise_a_counter_to_exactly_a_hundred() {
    let (start, count) = (Instant::now(), Arc::new(tokio::sync::Mutex::new(0)));
    let mut tasks = JoinSet::new();
    for _ in 0..100 {
        let count = count.clone();
        tasks.spawn(async move { update(&count, one_more).await });
    }
    all(tasks).await;
    assert_eq!((*soon(count.lock()).await, start.elapsed()), (100, ms(100)), "one after the other");
}

/// The hazard: each step alone is safe, but not the steps together. All read zero, and all write one.
#[tokio::test(start_paused = true)]
async fn but_without_a_lock_a_hundred_tasks_raise_it_to_one() {
    let (start, count) = (Instant::now(), Arc::new(AtomicU32::new(0)));
    let mut tasks = JoinSet::new();
    for _ in 0..100 {
        let count = count.clone();
        tasks.spawn(async move {
            let value = count.load(SeqCst);
            count.store(one_more(value).await.unwrap(), SeqCst);
        });
    }
    all(tasks).await;
    assert_eq!((count.load(SeqCst), start.elapsed()), (1, ms(1)));
}

/// With the lock, a waiter finds the token that the first task has fetched.
#[tokio::test(start_paused = true)]
async fn a_token_that_has_expired_is_fetched_once_for_all_who_wait() {
    let (fetched, token) = (AtomicU32::new(0), tokio::sync::Mutex::new("expired".to_owned()));
    let valid = || {
        update(&token, |token| async {
            if token == "expired" {
                sleep(ms(100)).await;
                return Ok::<_, Infallible>(format!("token-{}", fetched.fetch_add(1, SeqCst) + 1));
            }
            Ok(token)
        })
    };
    let tokens = soon(join_all((0..10).map(|_| valid()))).await;
    assert_eq!(tokens, vec![Ok("token-1".to_owned()); 10]);
    assert_eq!(fetched.load(SeqCst), 1);
}

/// asyncio: waiters get the lock FIFO. Tokio: also, by its documentation.
#[tokio::test(start_paused = true)]
async fn those_who_wait_get_the_lock_in_the_order_in_which_they_came() {
    let (lock, log) = (tokio::sync::Mutex::new(()), Entries::new());
    let hold = |name| {
        let (lock, log) = (&lock, log.clone());
        async move {
            let _guard = lock.lock().await;
            log.add(name);
            sleep(ms(10)).await;
        }
    };
    soon(async { tokio::join!(hold("a"), hold("b"), hold("c")) }).await;
    assert_eq!(log.take(), ["a", "b", "c"]);
}

/// asyncio: a release while the next waiter is cancelled gives the lock to the one after it. Tokio: the same.
#[tokio::test]
async fn a_lock_handed_to_one_who_is_cancelled_goes_to_the_next() {
    let lock = tokio::sync::Mutex::new(());
    let held = lock.lock().await;
    let mut second = Box::pin(lock.lock());
    let mut third = Box::pin(lock.lock());
    assert!(second.as_mut().now_or_never().is_none());
    assert!(third.as_mut().now_or_never().is_none());
    drop(held);
    assert!(lock.try_lock().is_err(), "it is the second's");
    drop(second);
    assert!(lock.try_lock().is_err(), "it is the third's");
    drop(third.now_or_never().unwrap());
    assert!(lock.try_lock().is_ok());
}

/// asyncio: `locked()`; `release` of a lock that is not held raises `RuntimeError`, which a guard cannot do.
#[tokio::test]
async fn a_try_tells_whether_the_lock_is_held() {
    let lock = tokio::sync::Mutex::new(1);
    let guard = lock.try_lock().unwrap();
    assert!(lock.try_lock().is_err());
    drop(guard);
    assert_eq!(*lock.try_lock().unwrap(), 1);
}

/// asyncio: any task may release a lock. Tokio: a guard can be given to another task, and is dropped there.
#[tokio::test(start_paused = true)]
async fn a_guard_can_be_given_to_another_task() {
    let lock = Arc::new(tokio::sync::Mutex::new(0));
    let mut guard = lock.clone().lock_owned().await;
    tokio::spawn(async move {
        sleep(ms(10)).await;
        *guard += 1;
    });
    assert_eq!(*soon(lock.lock()).await, 1);
}

/// asyncio and Tokio: a lock does not know which task holds it. A task that locks it twice waits for itself.
#[tokio::test(start_paused = true)]
async fn but_a_lock_taken_twice_by_one_task_waits_for_ever() {
    let lock = tokio::sync::Mutex::new(());
    let _guard = lock.lock().await;
    assert!(waits_for_ever(lock.lock()).await);
}

/// The hazard, only in Rust: a future in the queue is handed the lock, but is not polled. In asyncio each waiter is a task,
/// which goes on by itself.
#[tokio::test(start_paused = true)]
async fn but_a_lock_handed_to_a_future_that_is_not_polled_stops_all() {
    let lock = Arc::new(tokio::sync::Mutex::new(()));
    let holder = tokio::spawn({
        let lock = lock.clone();
        async move {
            let _guard = lock.lock().await;
            sleep(ms(10)).await;
        }
    });
    settle().await;
    let mut waits = std::pin::pin!(lock.lock());
    let arm = async {
        tokio::select! {
            _guard = waits.as_mut() => unreachable!("it is held for longer"),
            () = sleep(ms(5)) => drop(lock.lock().await), // waits behind the one that is not polled here
        }
    };
    assert!(waits_for_ever(arm).await);
    holder.await.unwrap();
    assert!(lock.try_lock().is_err(), "held by nobody who runs");
    drop(soon(waits).await);
    assert!(lock.try_lock().is_ok());
}

/// The new value is made separately, so an update that ends halfway has changed nothing.
#[tokio::test(start_paused = true)]
async fn an_error_a_panic_or_a_cancellation_half_way_leaves_the_old_value() {
    let value = tokio::sync::Mutex::new(vec![1]);
    let grow = |mut list: Vec<u32>, end: &'static str| async move {
        list.push(2);
        sleep(ms(10)).await;
        match end {
            "error" => Err("an error"),
            "panic" => panic!("a panic"),
            _ => Ok(list),
        }
    };
    assert_eq!(soon(update(&value, |list| grow(list, "error"))).await, Err("an error"));
    assert!(AssertUnwindSafe(update(&value, |list| grow(list, "panic"))).catch_unwind().await.is_err());
    assert!(timeout(ms(5), update(&value, |list| grow(list, "ok"))).await.is_err());
    assert_eq!(*value.try_lock().unwrap(), [1]);
    assert_eq!(soon(update(&value, |list| grow(list, "ok"))).await, Ok(vec![1, 2]));
    assert_eq!(*value.try_lock().unwrap(), [1, 2]);
}

/// The hazard: a value that is changed in place stays half changed, and Tokio's lock is not poisoned.
#[tokio::test(start_paused = true)]
async fn but_a_value_changed_in_place_stays_half_changed() {
    let accounts = tokio::sync::Mutex::new((100, 0));
    let transfer = async |panics: bool| {
        let mut accounts = accounts.lock().await;
        accounts.0 -= 50;
        assert!(!panics, "a panic");
        sleep(ms(10)).await;
        accounts.1 += 50;
    };
    assert!(timeout(ms(5), transfer(false)).await.is_err());
    assert_eq!(*accounts.lock().await, (50, 0));
    assert!(AssertUnwindSafe(transfer(true)).catch_unwind().await.is_err());
    assert_eq!(*accounts.lock().await, (0, 0), "free again, and nobody is told");
}

/// asyncio: an exception under the lock only releases it. std: the next `lock` returns an error.
#[test]
fn stds_lock_tells_the_next_that_a_change_has_panicked() {
    let accounts = Mutex::new((100, 0));
    let half = |accounts: &mut (i32, i32)| {
        accounts.0 -= 50;
        panic!("a panic");
    };
    assert!(std::panic::catch_unwind(AssertUnwindSafe(|| change(&accounts, half))).is_err());
    let mut called = false;
    assert_eq!(change(&accounts, |_| called = true), Err(HalfChanged));
    assert!(!called);
    assert_eq!(HalfChanged.to_string(), "an earlier change panicked half way");

    *accounts.lock().unwrap_err().into_inner() = (100, 0);
    accounts.clear_poison();
    let transfer = |accounts: &mut (i32, i32)| {
        *accounts = (accounts.0 - 50, accounts.1 + 50);
        accounts.0
    };
    assert_eq!(change(&accounts, transfer), Ok(50));
}

/// Finds out whether a type is `Send`, without an error of the compiler.
struct Ask<T>(PhantomData<T>);

trait Otherwise {
    const IS_SEND: bool = false;
}

impl<T> Otherwise for Ask<T> {}

impl<T: Send> Ask<T> {
    const IS_SEND: bool = true;
}

/// A guard of std's lock cannot move to another thread, so a task that holds one over an await cannot be spawned. The
/// compiler so refuses the wrong lock.
#[test]
fn a_task_with_stds_guard_over_an_await_cannot_be_spawned() {
    const STD: bool = Ask::<std::sync::MutexGuard<'static, u32>>::IS_SEND;
    const TOKIO: bool = Ask::<tokio::sync::MutexGuard<'static, u32>>::IS_SEND;
    assert_eq!((STD, TOKIO), (false, true));
}

/// The hazard, if nothing is spawned: the next task blocks the thread on which the first would go on. Here `try_lock`
/// replaces the `lock` that would never return. Clippy warns about it.
#[tokio::test(start_paused = true)]
#[expect(clippy::await_holding_lock, reason = "that is the hazard")]
async fn but_stds_lock_held_over_an_await_stops_the_thread() {
    let count = Mutex::new(0);
    let hold = async {
        let mut count = count.lock().unwrap();
        sleep(ms(10)).await;
        *count += 1;
    };
    let meanwhile = async { matches!(count.try_lock(), Err(std::sync::TryLockError::WouldBlock)) };
    assert_eq!(tokio::join!(hold, meanwhile), ((), true));
}

/// asyncio: between two awaits nothing else runs, and `left -= 1` needs no lock. Tokio: another thread may run, so check and
/// change are one step.
#[test]
fn what_is_left_is_given_away_once_each_and_never_below_zero() {
    let left = AtomicU32::new(2);
    assert_eq!([(); 4].map(|()| claim(&left)), [true, true, false, false]);
    assert_eq!(left.into_inner(), 0);
    assert!(!claim(&AtomicU32::new(0)));
    assert!(claim(&AtomicU32::new(u32::MAX)));
}

/// The hazard: a check, and then a change. The last one is sold to both, and the number wraps around.
#[tokio::test]
async fn but_a_look_and_a_step_after_it_sell_the_last_one_twice() {
    let left = AtomicU32::new(1);
    let buy = || async {
        let there_is_one = left.load(SeqCst) > 0;
        yield_now().await; // another thread may run here at any time
        if there_is_one {
            left.fetch_sub(1, SeqCst);
        }
        there_is_one
    };
    assert_eq!(soon(async { tokio::join!(buy(), buy()) }).await, (true, true));
    assert_eq!(left.into_inner(), u32::MAX);
}

/// Two threads claim the last one in the same moment: only one of them gets it.
#[test]
fn on_two_threads_the_last_one_goes_to_one() {
    let left: Vec<_> = (0..2_000).map(|_| AtomicU32::new(1)).collect();
    let come = AtomicUsize::new(0);
    let claim_all = || {
        let mut claimed = 0;
        for (round, left) in left.iter().enumerate() {
            come.fetch_add(1, SeqCst);
            while come.load(SeqCst) < 2 * (round + 1) {
                std::thread::yield_now();
            }
            claimed += usize::from(claim(left));
        }
        claimed
    };
    let claimed: usize = std::thread::scope(|threads| {
        let threads = [(); 2].map(|()| threads.spawn(claim_all));
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(claimed, 2_000);
    assert!(left.into_iter().all(|left| left.into_inner() == 0));
}

/// All three forms on four threads, with updates that are dropped.
#[test]
fn on_many_threads_every_step_counts_once() {
    rounds(200, |mut random| async move {
        let slow = Arc::new(tokio::sync::Mutex::new(0));
        let quick = Arc::new(Mutex::new((0, 0)));
        let left = Arc::new(AtomicU32::new(100));
        let mut workers = JoinSet::new();
        for _ in 0..4 {
            let (slow, quick, left, mut random) = (slow.clone(), quick.clone(), left.clone(), random.fork());
            workers.spawn(async move {
                let (mut updates, mut claims) = (0, 0);
                for _ in 0..30 {
                    let mut inner = random.fork();
                    let next = |value| async move {
                        some_turns(&mut inner, 3).await;
                        Ok::<_, Infallible>(value + 1)
                    };
                    tokio::select! {
                        biased;
                        _ = update(&slow, next) => updates += 1,
                        () = some_turns(&mut random, 3) => {}
                    }
                    change(&quick, |pair| *pair = (pair.0 + 1, pair.1 + 1)).unwrap();
                    claims += u32::from(claim(&left));
                }
                (updates, claims)
            });
        }
        let (mut updates, mut claims) = (0, 0);
        while let Some(counted) = soon(workers.join_next()).await {
            let counted = counted.unwrap();
            updates += counted.0;
            claims += counted.1;
        }
        assert_eq!(*slow.lock().await, updates);
        assert_eq!(*quick.lock().unwrap(), (120, 120));
        assert_eq!((claims, left.load(SeqCst)), (100, 0), "a hundred for a hundred and twenty");
    });
}
