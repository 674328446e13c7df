//! Lessons of the pattern `limit`.

use std::num::NonZeroUsize;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::join_all;
use semaphores::limit::{Busy, Limit};
use tokio::sync::Semaphore;
use tokio::sync::TryAcquireError;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep, timeout};

use crate::many_threads::some_turns;
use crate::support::{Entries, Gauge, HUNDRED, ONE, THREE, TWO, alive_tasks, ms, settle, soon};
use crate::work::{all, rounds, waits_for_ever};

/// asyncio: `Semaphore(3)` around each of ten fetches. Tokio: the same, and waiters are served FIFO.
#[tokio::test(start_paused = true)]
async fn at_most_so_many_are_under_way_and_the_others_follow_in_order() {
    let (start, gauge, log) = (Instant::now(), Gauge::default(), Entries::new());
    let (limit, mut fetches) = (Limit::new(THREE), JoinSet::new());
    for page in 0..10 {
        let (gauge, log) = (gauge.clone(), log.clone());
        let fetch = async move {
            log.add((page, start.elapsed()));
            gauge.stay(ms(100)).await;
        };
        soon(limit.spawn(&mut fetches, fetch)).await;
    }
    all(fetches).await;
    assert_eq!((gauge.peak(), start.elapsed()), (3, ms(400)), "three, three, three and one");
    assert_eq!(log.take(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(|page| (page, ms(100) * (page / 3))));
}

/// The same without tasks: `async with semaphore` in each of the futures.
#[tokio::test(start_paused = true)]
async fn futures_of_one_task_can_share_a_limit_as_well() {
    let (start, gauge, limit) = (Instant::now(), Gauge::default(), Limit::new(THREE));
    soon(join_all((0..10).map(|_| limit.run(gauge.clone().stay(ms(100)))))).await;
    assert_eq!((gauge.peak(), start.elapsed()), (3, ms(400)));
}

/// asyncio: a task for each input, and each waits for the semaphore. Here the loop waits, and the tasks are few.
#[tokio::test(start_paused = true)]
async fn the_permit_is_there_before_the_task() {
    let (limit, mut fetches) = (Limit::new(THREE), JoinSet::new());
    for _ in 0..1_000 {
        soon(limit.spawn(&mut fetches, sleep(ms(1)))).await;
        assert!(alive_tasks() <= 3);
        while fetches.try_join_next().is_some() {}
    }
    all(fetches).await;
}

/// The hazard: a permit taken inside the task limits the work, but not the tasks.
#[tokio::test(start_paused = true)]
async fn but_a_permit_taken_inside_the_task_lets_tasks_pile_up() {
    let (limit, mut fetches) = (Limit::new(THREE), JoinSet::new());
    for _ in 0..1_000 {
        let limit = limit.clone();
        fetches.spawn(async move { limit.run(sleep(ms(1))).await });
    }
    assert_eq!(alive_tasks(), 1_000);
    all(fetches).await;
}

/// asyncio: `async with` releases in every case. Tokio: the permit is dropped in every case.
#[tokio::test(start_paused = true)]
async fn a_permit_comes_back_however_the_work_ends() {
    let (limit, mut tasks) = (Limit::new(ONE), JoinSet::new());
    assert_eq!(soon(limit.run(async { Err::<(), _>("an error") })).await, Err("an error"));
    assert!(!limit.is_full());

    let panics = AssertUnwindSafe(limit.run(async { panic!("a panic") }));
    assert!(panics.catch_unwind().await.is_err());
    assert!(!limit.is_full());

    assert!(timeout(ms(10), limit.run(sleep(ms(100)))).await.is_err());
    assert!(!limit.is_full());

    soon(limit.spawn(&mut tasks, async { panic!("a panic") })).await;
    soon(limit.spawn(&mut tasks, sleep(ms(100)))).await;
    assert!(soon(tasks.join_next()).await.unwrap().unwrap_err().is_panic());
    assert!(limit.is_full());
    tasks.abort_all();
    assert!(soon(tasks.join_next()).await.unwrap().unwrap_err().is_cancelled());
    assert!(!limit.is_full());

    soon(limit.spawn(&mut tasks, sleep(ms(100)))).await.abort();
    assert!(limit.is_full(), "aborted before it has begun");
    assert!(soon(tasks.join_next()).await.unwrap().unwrap_err().is_cancelled());
    assert!(!limit.is_full());
}

/// The work's values are dropped before the next work begins.
#[tokio::test(start_paused = true)]
async fn a_permit_covers_the_work_to_its_last_destructor() {
    struct Full(Limit, Entries<bool>);
    impl Drop for Full {
        fn drop(&mut self) {
            self.1.add(self.0.is_full());
        }
    }
    let (limit, log) = (Limit::new(ONE), Entries::new());
    let mut tasks = JoinSet::new();
    let work = |millis| {
        let held = Full(limit.clone(), log.clone());
        async move {
            let _held = held;
            sleep(ms(millis)).await;
        }
    };
    soon(limit.run(work(10))).await;
    assert!(timeout(ms(10), limit.run(work(100))).await.is_err());
    soon(limit.spawn(&mut tasks, work(10))).await;
    settle().await;
    soon(limit.spawn(&mut tasks, work(100))).await;
    settle().await;
    tasks.abort_all();
    while soon(tasks.join_next()).await.is_some() {}
    assert_eq!(log.take(), [true; 4]);
}

/// The hazard: `_` keeps no value. `let _ = semaphore.acquire()` returns the permit on the same line.
#[tokio::test(start_paused = true)]
async fn but_a_permit_bound_to_an_underscore_is_dropped_at_once() {
    let (gauge, semaphore) = (Gauge::default(), Semaphore::new(1));
    let work = || async {
        #[expect(let_underscore_drop, clippy::let_underscore_must_use, reason = "the lesson")]
        let _ = semaphore.acquire().await.unwrap();
        gauge.clone().stay(ms(100)).await;
    };
    soon(async { tokio::join!(work(), work()) }).await;
    assert_eq!(gauge.peak(), 2);

    let gauge = Gauge::default();
    let work = || async {
        let _permit = semaphore.acquire().await.unwrap();
        gauge.clone().stay(ms(100)).await;
    };
    soon(async { tokio::join!(work(), work()) }).await;
    assert_eq!(gauge.peak(), 1);
}

/// asyncio: waiters come first, even if a newcomer asks at the moment of the release. Tokio: the same; the permit is handed
/// to the waiter.
#[tokio::test]
async fn one_who_comes_late_does_not_overtake_those_who_wait() {
    let semaphore = Semaphore::new(1);
    let held = semaphore.acquire().await.unwrap();
    let mut first = Box::pin(semaphore.acquire());
    assert!(first.as_mut().now_or_never().is_none());
    drop(held);
    assert_eq!(semaphore.available_permits(), 0);
    assert_eq!(semaphore.try_acquire().err(), Some(TryAcquireError::NoPermits));
    let mut late = Box::pin(semaphore.acquire());
    assert!(late.as_mut().now_or_never().is_none());
    assert!(first.now_or_never().is_some());
    assert!(late.now_or_never().is_some());
}

/// asyncio: `if semaphore.locked()`, and then a second step. Tokio: one call checks and takes.
#[tokio::test(start_paused = true)]
async fn a_try_turns_away_instead_of_waiting() {
    let (gauge, limit) = (Gauge::default(), Limit::new(TWO));
    let work = || limit.try_run(gauge.clone().stay(ms(100)));
    assert_eq!(soon(async { tokio::join!(work(), work(), work()) }).await, (Ok(()), Ok(()), Err(Busy)));
    assert_eq!((gauge.peak(), work().await), (2, Ok(())), "and what is turned away does not begin");
}

/// asyncio: `locked()`.
#[tokio::test(start_paused = true)]
async fn a_limit_tells_whether_one_would_have_to_wait() {
    let limit = Limit::new(TWO);
    assert!(!limit.is_full());
    let both = limit.run(async {
        assert!(!limit.is_full());
        limit.clone().run(async { assert!(limit.is_full(), "a clone is the same limit") }).await;
    });
    soon(both).await;
    assert!(!limit.is_full());
}

/// asyncio: a negative value raises `ValueError`, and with zero all tasks wait. Tokio: the same for zero; here it does not
/// compile.
#[tokio::test(start_paused = true)]
async fn but_a_semaphore_of_zero_lets_nobody_in() {
    let nobody = Semaphore::new(0);
    assert!(waits_for_ever(nobody.acquire()).await);
    assert_eq!(NonZeroUsize::new(0), None, "what a limit asks for");
}

/// asyncio: `Semaphore(0)` lets no task pass. Here: the type excludes zero, and the largest limit works.
#[tokio::test]
async fn a_limit_may_be_any_number_but_zero() {
    let limit = Limit::new(NonZeroUsize::MAX);
    assert_eq!((soon(limit.run(async { 1 })).await, limit.is_full()), (1, false));
}

/// The hazard: a semaphore counts to an eighth of `usize`.
#[test]
#[should_panic(expected = "a semaphore may not have more than MAX_PERMITS permits")]
fn but_a_semaphore_panics_above_its_greatest_number() {
    let _too_many = Semaphore::new(usize::MAX);
}

/// asyncio: `release` without `acquire` raises the limit; a `BoundedSemaphore` raises `ValueError`. Tokio: a permit is
/// returned by its drop, and cannot be dropped twice. The hazard is `add_permits` instead of a drop.
#[tokio::test]
async fn but_add_permits_raises_the_limit() {
    let semaphore = Semaphore::new(1);
    drop(semaphore.acquire().await.unwrap());
    assert_eq!(semaphore.available_permits(), 1, "once out, once in");
    let permit = semaphore.acquire().await.unwrap();
    semaphore.add_permits(1);
    drop(permit);
    assert_eq!(semaphore.available_permits(), 2, "a release by hand beside that of the permit");
}

/// The hazard on the other side: a permit that is forgotten, or leaks, is gone for good.
#[tokio::test(start_paused = true)]
async fn but_a_forgotten_permit_never_comes_back() {
    let semaphore = Semaphore::new(1);
    semaphore.acquire().await.unwrap().forget();
    assert!(waits_for_ever(semaphore.acquire()).await);
}

/// asyncio cannot close a semaphore. Tokio: all waiters and all newcomers get an error.
#[tokio::test(start_paused = true)]
async fn closing_turns_away_those_who_wait_and_all_who_come() {
    let semaphore = Arc::new(Semaphore::new(1));
    let held = semaphore.acquire().await.unwrap();
    let waits = tokio::spawn({
        let semaphore = semaphore.clone();
        async move { semaphore.acquire().await.map(drop).is_err() }
    });
    settle().await;
    semaphore.close();
    assert!(soon(waits).await.unwrap());
    assert!(semaphore.acquire().await.is_err());
    drop(held);
    assert_eq!(semaphore.try_acquire().err(), Some(TryAcquireError::Closed));
}

/// The hazard: work that holds a permit waits for a second one. If all holders do so, none goes on.
#[tokio::test(start_paused = true)]
async fn but_a_permit_within_a_permit_waits_for_ever() {
    let limit = Limit::new(TWO);
    let page = || {
        limit.run(async {
            sleep(ms(1)).await;
            limit.run(sleep(ms(1))).await;
        })
    };
    soon(page()).await;
    assert!(waits_for_ever(async { tokio::join!(page(), page()) }).await);
}

/// The hazard: `run` takes a future that is already made, and a `sleep` counts from when it was made. Work that must begin
/// with the permit belongs in an `async` block.
#[tokio::test(start_paused = true)]
async fn but_a_sleep_counts_from_when_it_is_made() {
    let (limit, start) = (Limit::new(ONE), Instant::now());
    soon(join_all((0..10).map(|_| limit.run(sleep(ms(100)))))).await;
    assert_eq!(start.elapsed(), ms(100));
    soon(join_all((0..10).map(|_| limit.run(async { sleep(ms(100)).await })))).await;
    assert_eq!(start.elapsed(), ms(1_100));
}

/// asyncio: if a waiter is cancelled around a release, the next moves up, and no permit is lost. Tokio: the same.
#[tokio::test(start_paused = true)]
async fn one_who_is_cancelled_while_waiting_makes_way_for_the_next() {
    let semaphore = Semaphore::new(1);
    let held = semaphore.acquire().await.unwrap();
    let mut waiting = [(); 3].map(|()| Some(Box::pin(semaphore.acquire())));
    for acquire in waiting.iter_mut().flatten() {
        assert!(acquire.as_mut().now_or_never().is_none());
    }
    waiting[0] = None;
    drop(held);
    // The permit is handed to the second, which is cancelled before it runs: the third gets it.
    waiting[1] = None;
    let third = waiting[2].take().unwrap().now_or_never();
    assert!(third.is_some());
    assert_eq!(semaphore.available_permits(), 0);
    drop(third);
    assert_eq!(semaphore.available_permits(), 1);
}

/// asyncio: a holder that cancels the next one on leaving leaves a semaphore that can be used.
#[tokio::test(start_paused = true)]
async fn a_holder_may_cancel_the_next_one_as_it_leaves() {
    let (limit, mut tasks) = (Limit::new(ONE), JoinSet::new());
    let shared = limit.clone();
    let next = Entries::new();
    let leaves = next.clone();
    tasks.spawn({
        let limit = limit.clone();
        async move {
            limit.run(settle()).await;
            leaves.take().into_iter().for_each(|next: tokio::task::AbortHandle| next.abort());
        }
    });
    yield_now().await;
    next.add(tasks.spawn(async move { shared.run(async { panic!("it is cancelled") }).await }));
    while soon(tasks.join_next()).await.is_some() {}
    assert!(!limit.is_full());
    soon(limit.run(async {})).await;
}

/// asyncio: with a semaphore inside each task, all tasks are made first. Here: `spawn` waits for a permit.
#[tokio::test]
async fn ten_thousand_inputs_are_never_more_than_a_hundred_tasks() {
    let (limit, mut tasks, mut done, mut most) = (Limit::new(HUNDRED), JoinSet::new(), 0, 0);
    for _ in 0..10_000 {
        soon(limit.spawn(&mut tasks, yield_now())).await;
        most = most.max(alive_tasks());
        while tasks.try_join_next().is_some() {
            done += 1;
        }
    }
    while soon(tasks.join_next()).await.is_some() {
        done += 1;
    }
    assert_eq!((done, most, limit.is_full()), (10_000, 100, false));
}

/// With waits, tries, aborted tasks and dropped waits, never more than the limit run, and in the end every permit is free.
#[test]
fn on_many_threads_never_more_are_inside_and_every_permit_comes_back() {
    rounds(300, |mut random| async move {
        let most = random.usize(1..4);
        let (limit, gauge) = (Limit::new(NonZeroUsize::new(most).unwrap()), Gauge::default());
        let mut workers = JoinSet::new();
        for _ in 0..4 {
            let (limit, gauge, mut random) = (limit.clone(), gauge.clone(), random.fork());
            workers.spawn(async move {
                let mut tasks = JoinSet::new();
                for _ in 0..8 {
                    let (inside, mut inner) = (gauge.clone(), random.fork());
                    let work = async move {
                        let _inside = inside.enter();
                        some_turns(&mut inner, 3).await;
                    };
                    match random.u8(0..4) {
                        0 => limit.run(work).await,
                        1 => {
                            let _busy = limit.try_run(work).await;
                        }
                        2 => {
                            let task = limit.spawn(&mut tasks, work).await;
                            if random.bool() {
                                some_turns(&mut random, 3).await;
                                task.abort();
                            }
                        }
                        _ => tokio::select! {
                            biased;
                            () = limit.run(work) => {}
                            () = some_turns(&mut random, 3) => {}
                        },
                    }
                }
                while soon(tasks.join_next()).await.is_some() {}
            });
        }
        all(workers).await;
        assert!(gauge.peak() <= most, "{} of {most}", gauge.peak());
        assert_eq!(gauge.now(), 0);
        // All permits are free again: that many tasks meet inside, and the limit is reached.
        let meeting = tokio::sync::Barrier::new(most);
        let meet = |_| {
            limit.run(async {
                meeting.wait().await;
                assert!(limit.is_full());
                meeting.wait().await;
            })
        };
        soon(join_all((0..most).map(meet))).await;
    });
}

/// asyncio: a set of tasks with `add_done_callback(tasks.discard)` forgets finished tasks. Tokio: a `JoinSet` keeps each
/// result until it is taken, so an endless loop has to take them as it goes.
#[tokio::test]
async fn a_loop_that_drains_keeps_no_finished_tasks() {
    let limit = Limit::new(TWO);
    for (drains, most) in [(false, 10_000), (true, 3)] {
        let (mut tasks, mut kept, mut sum) = (JoinSet::new(), 0, 0);
        for number in 0..10_000_u64 {
            limit.spawn(&mut tasks, async move { number }).await;
            kept = kept.max(tasks.len());
            while drains && let Some(done) = tasks.try_join_next() {
                sum += done.unwrap();
            }
        }
        sum += soon(tasks.join_all()).await.iter().sum::<u64>();
        assert_eq!((kept <= most, kept == 10_000, sum), (true, !drains, 49_995_000));
    }
}
