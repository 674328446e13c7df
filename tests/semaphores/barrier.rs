//! Lessons of the pattern `barrier`.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use futures::FutureExt;
use semaphores::barrier::{Barrier, BrokenBarrier};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::many_threads::some_turns;
use crate::support::{Entries, ONE, THREE, TWO, ms, settle, soon};
use crate::work::{all, rounds, waits_for_ever};

type Met = Result<usize, BrokenBarrier>;

/// A party that waits, and records its result.
fn party(
    barrier: &Arc<Barrier>,
    log: &Entries<(&'static str, Met)>,
    name: &'static str,
) -> impl Future<Output = ()> + use<> {
    let (barrier, log) = (barrier.clone(), log.clone());
    async move { log.add((name, barrier.wait().await)) }
}

/// asyncio: all are released when the last one arrives, each with its own index. Tokio's barrier names one leader.
#[tokio::test(start_paused = true)]
async fn all_go_on_when_the_last_has_come_each_with_an_index_of_its_own() {
    let (barrier, log, start) = (Arc::new(Barrier::new(THREE)), Entries::new(), Instant::now());
    let mut tasks = JoinSet::new();
    for (name, millis) in [("a", 300), ("b", 100), ("c", 200)] {
        let party = party(&barrier, &log, name);
        tasks.spawn(async move {
            sleep(ms(millis)).await;
            party.await;
        });
    }
    sleep(ms(250)).await;
    assert_eq!((barrier.waiting(), barrier.parties(), log.take()), (2, THREE, vec![]));
    all(tasks).await;
    assert_eq!(log.take(), [("a", Ok(2)), ("b", Ok(0)), ("c", Ok(1))], "the last does not wait");
    assert_eq!((barrier.waiting(), start.elapsed()), (0, ms(300)));
}

/// asyncio and Tokio: it can be used again and again.
#[tokio::test(start_paused = true)]
async fn it_can_be_used_round_after_round() {
    let (barrier, log, mut tasks) = (Arc::new(Barrier::new(THREE)), Entries::new(), JoinSet::new());
    for name in ["a", "b", "c"] {
        let (barrier, log) = (barrier.clone(), log.clone());
        tasks.spawn(async move {
            for round in 0..100 {
                log.add((round, barrier.wait().await.unwrap(), name));
            }
        });
    }
    soon(all(tasks)).await;
    let mut log = log.take();
    assert!(log.is_sorted_by_key(|(round, ..)| *round), "nobody is a round ahead");
    log.sort_unstable();
    let met: Vec<_> = log.iter().map(|(round, index, _)| (*round, *index)).collect();
    let expected: Vec<_> = (0..100).flat_map(|round| (0..3).map(move |index| (round, index))).collect();
    assert_eq!(met, expected);
}

/// asyncio: `Barrier(1)` never waits; `Barrier(0)` raises `ValueError`. Here zero does not compile.
#[tokio::test]
async fn of_one_party_it_never_waits_and_of_none_it_does_not_compile() {
    let barrier = Barrier::new(ONE);
    assert_eq!(barrier.wait().now_or_never(), Some(Ok(0)));
    assert_eq!(barrier.wait().now_or_never(), Some(Ok(0)));
    assert_eq!(NonZeroUsize::new(0), None, "what a barrier asks for");
}

/// The hazard: Tokio's barrier treats zero as one.
#[tokio::test]
async fn but_tokios_barrier_of_none_is_one_of_one() {
    assert!(tokio::sync::Barrier::new(0).wait().now_or_never().unwrap().is_leader());
}

/// asyncio: a cancelled waiter no longer counts.
#[tokio::test(start_paused = true)]
async fn one_who_is_cancelled_while_waiting_stops_counting() {
    let (barrier, log) = (Arc::new(Barrier::new(TWO)), Entries::new());
    assert!(timeout(ms(10), barrier.wait()).await.is_err());
    assert_eq!(barrier.waiting(), 0);
    let first = tokio::spawn(party(&barrier, &log, "first"));
    settle().await;
    assert_eq!((barrier.waiting(), first.is_finished()), (1, false), "two are needed as before");
    soon(party(&barrier, &log, "second")).await;
    soon(first).await.unwrap();
    assert_eq!(log.take(), [("second", Ok(1)), ("first", Ok(0))]);
}

/// The hazard: Tokio's barrier still counts a dropped waiter, and lets one party through alone.
#[tokio::test(start_paused = true)]
async fn but_tokios_barrier_counts_one_who_has_gone() {
    let barrier = tokio::sync::Barrier::new(2);
    assert!(timeout(ms(10), barrier.wait()).await.is_err());
    assert!(barrier.wait().now_or_never().is_some());
}

/// asyncio: a newcomer takes the next number, which another waiter may already have. Here the parties that are there in the
/// end have the indexes 0, 1, 2 and so on.
#[tokio::test]
async fn after_a_cancellation_each_index_is_still_given_once() {
    let barrier = Barrier::new(THREE);
    let [mut gone, mut first, mut second] = [(); 3].map(|()| Box::pin(barrier.wait()));
    assert_eq!(gone.as_mut().now_or_never(), None);
    assert_eq!(first.as_mut().now_or_never(), None);
    drop(gone);
    assert_eq!(second.as_mut().now_or_never(), None);
    assert_eq!(barrier.wait().now_or_never(), Some(Ok(2)));
    assert_eq!((first.now_or_never(), second.now_or_never()), (Some(Ok(0)), Some(Ok(1))));
}

/// asyncio: a task that comes while the others are being released waits for the next round. Tokio: the same.
#[tokio::test]
async fn one_who_comes_before_the_others_have_run_is_of_the_next_round() {
    let barrier = Barrier::new(TWO);
    let mut first = Box::pin(barrier.wait());
    assert_eq!(first.as_mut().now_or_never(), None);
    assert_eq!(barrier.wait().now_or_never(), Some(Ok(1)));
    let mut third = Box::pin(barrier.wait());
    assert_eq!((third.as_mut().now_or_never(), barrier.waiting()), (None, 1));
    assert_eq!(first.now_or_never(), Some(Ok(0)));
    assert_eq!(barrier.wait().now_or_never(), Some(Ok(1)));
    assert_eq!(third.now_or_never(), Some(Ok(0)));
}

/// A waiter that is cancelled after the last has arrived still counts: the others go on, and the next round needs all.
#[tokio::test]
async fn one_who_is_cancelled_after_the_last_has_come_has_been_there() {
    let barrier = Barrier::new(THREE);
    let (mut first, mut second) = (Box::pin(barrier.wait()), Box::pin(barrier.wait()));
    assert_eq!(first.as_mut().now_or_never(), None);
    assert_eq!(second.as_mut().now_or_never(), None);
    assert_eq!(barrier.wait().now_or_never(), Some(Ok(2)));
    let mut next = Box::pin(barrier.wait());
    assert_eq!(next.as_mut().now_or_never(), None);
    drop(first);
    assert_eq!((second.now_or_never(), barrier.waiting()), (Some(Ok(1)), 1));
}

/// asyncio: `reset` raises `BrokenBarrierError` in all waiters, and the barrier is as new.
#[tokio::test(start_paused = true)]
async fn a_reset_sends_away_all_who_wait_and_it_is_as_new() {
    let (barrier, log) = (Arc::new(Barrier::new(THREE)), Entries::new());
    let tasks: JoinSet<_> = ["a", "b"].map(|name| party(&barrier, &log, name)).into_iter().collect();
    settle().await;
    barrier.reset();
    assert_eq!((barrier.waiting(), barrier.is_broken()), (0, false));
    all(tasks).await;
    let broken = Err(BrokenBarrier::Reset);
    assert_eq!(log.take(), [("a", broken), ("b", broken)]);
    let tasks: JoinSet<_> = ["a", "b", "c"].map(|name| party(&barrier, &log, name)).into_iter().collect();
    soon(all(tasks)).await;
    assert_eq!(log.take(), [("c", Ok(2)), ("a", Ok(0)), ("b", Ok(1))]);
}

/// asyncio: `reset` without waiters leaves the barrier usable. Here: the same.
#[tokio::test]
async fn a_reset_when_nobody_waits_changes_nothing() {
    let barrier = Barrier::new(TWO);
    barrier.reset();
    let mut first = Box::pin(barrier.wait());
    assert_eq!((first.as_mut().now_or_never(), barrier.is_broken()), (None, false));
    assert_eq!(barrier.wait().now_or_never(), Some(Ok(1)));
}

/// asyncio: `abort` raises `BrokenBarrierError` in all waiters and all newcomers, until `reset`.
#[tokio::test(start_paused = true)]
async fn an_abort_sends_away_all_who_wait_and_all_who_come_until_a_reset() {
    let (barrier, log) = (Arc::new(Barrier::new(THREE)), Entries::new());
    let tasks: JoinSet<_> = ["a", "b"].map(|name| party(&barrier, &log, name)).into_iter().collect();
    settle().await;
    barrier.abort();
    assert_eq!((barrier.waiting(), barrier.is_broken()), (0, true));
    soon(party(&barrier, &log, "late")).await;
    all(tasks).await;
    let broken = Err(BrokenBarrier::Aborted);
    assert_eq!(log.take(), [("late", broken), ("a", broken), ("b", broken)]);
    barrier.abort();
    assert_eq!(barrier.wait().now_or_never(), Some(broken), "once more is the same");

    barrier.reset();
    assert!(!barrier.is_broken());
    let tasks: JoinSet<_> = ["a", "b", "c"].map(|name| party(&barrier, &log, name)).into_iter().collect();
    soon(all(tasks)).await;
    assert_eq!(log.take(), [("c", Ok(2)), ("a", Ok(0)), ("b", Ok(1))]);
}

/// asyncio: a reset and an abort raise the same `BrokenBarrierError`. Here: the error says which.
#[test]
fn what_broke_it_can_be_told_apart() {
    assert_eq!(BrokenBarrier::Reset.to_string(), "the barrier was reset");
    assert_eq!(BrokenBarrier::Aborted.to_string(), "the barrier is aborted");
}

/// asyncio: a `reset` or an `abort` also reaches tasks that are released and have not run since. Here a released task goes
/// on: all of a round, or none.
#[tokio::test]
async fn a_reset_or_an_abort_does_not_reach_those_who_are_through() {
    for break_up in [Barrier::reset, Barrier::abort] {
        let barrier = Barrier::new(TWO);
        let mut first = Box::pin(barrier.wait());
        assert_eq!(first.as_mut().now_or_never(), None);
        assert_eq!(barrier.wait().now_or_never(), Some(Ok(1)));
        break_up(&barrier);
        assert_eq!(first.now_or_never(), Some(Ok(0)));
    }
}

/// asyncio: `abort` is a coroutine, and needs an `except` or a `finally`. Here a destructor can call it, however a party
/// ends.
#[tokio::test(start_paused = true)]
async fn a_party_that_fails_can_abort_from_a_destructor() {
    struct AbortUnlessDone<'a>(&'a Barrier, bool);
    impl Drop for AbortUnlessDone<'_> {
        fn drop(&mut self) {
            if !self.1 {
                self.0.abort();
            }
        }
    }
    let barrier = Arc::new(Barrier::new(TWO));
    let fails = tokio::spawn({
        let barrier = barrier.clone();
        async move {
            let mut party = AbortUnlessDone(&barrier, false);
            sleep(ms(10)).await;
            assert!(barrier.is_broken(), "a party that panics");
            party.1 = true;
        }
    });
    assert_eq!(soon(barrier.wait()).await, Err(BrokenBarrier::Aborted));
    assert!(soon(fails).await.unwrap_err().is_panic());
}

/// The hazard, in asyncio too: a party that ends without calling `abort`.
#[tokio::test(start_paused = true)]
async fn but_a_party_that_fails_without_a_word_leaves_the_others_waiting() {
    let barrier = Arc::new(Barrier::new(TWO));
    let fails = tokio::spawn({
        let barrier = barrier.clone();
        async move {
            assert!(barrier.is_broken(), "a party that panics");
            barrier.wait().await
        }
    });
    assert!(waits_for_ever(barrier.wait()).await);
    assert!(soon(fails).await.is_err());
}

/// asyncio: a cancelled party no longer counts. Here: a dropped one no longer counts, and the indexes have no gap.
#[test]
fn a_hundred_thousand_parties_meet_and_those_who_gave_up_do_not_count() {
    let barrier = Barrier::new(NonZeroUsize::new(100_000).unwrap());
    let mut waits: Vec<_> = (0..99_999).map(|_| Box::pin(barrier.wait())).collect();
    assert!(waits.iter_mut().all(|wait| wait.as_mut().now_or_never().is_none()));
    waits.drain(..50_000);
    assert_eq!(barrier.waiting(), 49_999);
    waits.extend((0..50_000).map(|_| Box::pin(barrier.wait())));
    assert!(waits[49_999..].iter_mut().all(|wait| wait.as_mut().now_or_never().is_none()));
    assert_eq!(barrier.wait().now_or_never(), Some(Ok(99_999)));
    let met: Vec<_> = waits.into_iter().map(|wait| wait.now_or_never().unwrap().unwrap()).collect();
    assert!(met.into_iter().eq(0..99_999));
}

/// Three parties meet round after round: none is a round ahead, and each index is given once.
#[test]
fn on_many_threads_nobody_is_a_round_ahead_and_each_index_is_given_once() {
    rounds(100, |mut random| async move {
        let (barrier, met) = (Arc::new(Barrier::new(THREE)), Entries::new());
        let come: Arc<[AtomicUsize; 20]> = Arc::default();
        let mut tasks = JoinSet::new();
        for _ in 0..3 {
            let (barrier, met, come, mut random) =
                (barrier.clone(), met.clone(), come.clone(), random.fork());
            tasks.spawn(async move {
                for (round, come) in come.iter().enumerate() {
                    some_turns(&mut random, 3).await;
                    come.fetch_add(1, SeqCst);
                    let index = barrier.wait().await.unwrap();
                    assert_eq!(come.load(SeqCst), 3, "all of the round have come");
                    met.add((round, index));
                }
            });
        }
        all(tasks).await;
        let met: BTreeSet<_> = met.take().into_iter().collect();
        assert_eq!(met.len(), 60);
    });
}

/// Waits are dropped, resets and aborts come at any moment. Per completed round, each other index was given at most once,
/// and no waiter is left in the barrier.
#[test]
fn on_many_threads_no_index_is_given_twice_whoever_gives_up() {
    rounds(300, |mut random| async move {
        let (barrier, met) = (Arc::new(Barrier::new(THREE)), Entries::new());
        let mut tasks = JoinSet::new();
        for _ in 0..5 {
            let (barrier, met, mut random) = (barrier.clone(), met.clone(), random.fork());
            tasks.spawn(async move {
                for _ in 0..20 {
                    tokio::select! {
                        biased;
                        index = barrier.wait() => met.add(index),
                        () = some_turns(&mut random, 3) => {}
                    }
                    if random.u8(0..50) == 0 {
                        barrier.abort();
                    }
                    if random.u8(0..10) == 0 {
                        barrier.reset();
                    }
                }
            });
        }
        all(tasks).await;
        let met = met.take();
        let given = |index| met.iter().filter(|met| **met == Ok(index)).count();
        assert!(given(0) <= given(2) && given(1) <= given(2), "{met:?}");
        assert_eq!(barrier.waiting(), 0);
    });
}
