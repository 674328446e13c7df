//! Lessons of `recipes/semaphores`: what asyncio's locks promise, and what Tokio's do.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]

use std::num::{NonZeroU32, NonZeroUsize};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cancel_sweep::Outcome::{Cancelled, Finished};
use fastrand::Rng;
use futures::FutureExt;
use futures::future::join_all;
use tokio::runtime::{Builder, Handle};
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep, timeout};

const ONE: NonZeroUsize = NonZeroUsize::new(1).unwrap();
const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();
const THREE: NonZeroUsize = NonZeroUsize::new(3).unwrap();
const HUNDRED: NonZeroUsize = NonZeroUsize::new(100).unwrap();

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What happened, in its order, told from many places.
#[derive(Debug)]
struct Log<T>(Arc<Mutex<Vec<T>>>);

impl<T> Log<T> {
    fn new() -> Self {
        Self(Arc::default())
    }

    fn add(&self, entry: T) {
        self.0.lock().unwrap().push(entry);
    }

    fn take(&self) -> Vec<T> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl<T> Clone for Log<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// Counts how many are inside, and the most that ever were.
#[derive(Clone, Debug, Default)]
struct Gauge(Arc<(AtomicUsize, AtomicUsize)>);

impl Gauge {
    /// One more is inside until the guard is dropped.
    fn enter(&self) -> impl Drop + Send + use<> {
        struct Inside(Gauge);
        impl Drop for Inside {
            fn drop(&mut self) {
                self.0.0.0.fetch_sub(1, SeqCst);
            }
        }
        let inside = self.0.0.fetch_add(1, SeqCst) + 1;
        self.0.1.fetch_max(inside, SeqCst);
        Inside(self.clone())
    }

    /// Is inside for so long.
    async fn stay(self, time: Duration) {
        let _inside = self.enter();
        sleep(time).await;
    }

    fn inside(&self) -> usize {
        self.0.0.load(SeqCst)
    }

    fn peak(&self) -> usize {
        self.0.1.load(SeqCst)
    }
}

/// A lesson that would wait for ever fails instead.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    timeout(ms(60_000), work).await.expect("it ends")
}

/// Whether it still waits after an hour.
async fn waits_for_ever(work: impl Future) -> bool {
    timeout(Duration::from_hours(1), work).await.is_err()
}

/// Lets every other task of this thread run until it waits.
async fn settle() {
    sleep(ms(1)).await;
}

fn alive_tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// So many rounds on four threads, each with a schedule from its own seed. A round that would wait for ever fails.
fn rounds<F: Future<Output = ()> + Send + 'static>(count: u64, round: impl Fn(Rng) -> F) {
    let runtime = Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
    runtime.block_on(async {
        for seed in 0..count {
            let ended = timeout(Duration::from_secs(10), tokio::spawn(round(Rng::with_seed(seed)))).await;
            let ended = ended.unwrap_or_else(|_| panic!("seed {seed}: somebody waits for ever"));
            ended.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        }
    });
}

/// Lets others run, none to a few times.
async fn pause(random: &mut Rng) {
    for _ in 0..random.usize(0..4) {
        yield_now().await;
    }
}

/// Waits for all tasks; a panic in one goes on here.
async fn all<T: 'static>(mut tasks: JoinSet<T>) {
    while let Some(ended) = soon(tasks.join_next()).await {
        ended.unwrap();
    }
}

mod limit {
    use super::*;
    use semaphores::limit::{Busy, Limit};
    use tokio::sync::TryAcquireError;

    /// asyncio: `Semaphore(3)` around each of ten fetches. Tokio: the same, and those who wait are served in their order.
    #[tokio::test(start_paused = true)]
    async fn at_most_so_many_are_under_way_and_the_others_follow_in_order() {
        let (start, gauge, log) = (Instant::now(), Gauge::default(), Log::new());
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

    /// The hazard: a permit that is taken inside of the task limits the work, and not the tasks.
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

    /// asyncio: `async with` releases whatever happens. Tokio: the permit is dropped, whatever happens.
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

    /// What the work holds is gone before the next one begins.
    #[tokio::test(start_paused = true)]
    async fn a_permit_covers_the_work_to_its_last_destructor() {
        struct Full(Limit, Log<bool>);
        impl Drop for Full {
            fn drop(&mut self) {
                self.1.add(self.0.is_full());
            }
        }
        let (limit, log) = (Limit::new(ONE), Log::new());
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

    /// The hazard: `_` keeps nothing. `let _ = semaphore.acquire()` gives the permit back on the same line.
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

    /// asyncio: whoever waits is first, also when a newcomer asks in the moment of the release. Tokio: the same; the
    /// permit is handed to the one who waits.
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

    /// asyncio: `if semaphore.locked()` and then something else. Tokio: one call that looks and takes.
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

    /// asyncio: a negative value raises `ValueError`, and with zero everybody waits. Tokio: the same for zero; here it
    /// does not compile.
    #[tokio::test(start_paused = true)]
    async fn but_a_semaphore_of_zero_lets_nobody_in() {
        let nobody = Semaphore::new(0);
        assert!(waits_for_ever(nobody.acquire()).await);
        assert_eq!(NonZeroUsize::new(0), None, "what a limit asks for");
    }

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
    /// given back by its drop, and nothing can be dropped twice. The hazard is `add_permits` in the place of that.
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

    /// asyncio has none. Tokio: those who wait, and all who come later, are told that there is nothing to wait for.
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

    /// The hazard: work that holds a permit and waits for another. When all who hold one do so, nobody goes on.
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

    /// The hazard: `run` takes a future that is made already, and a `sleep` counts from when it is made. What is to begin
    /// with the permit stands in an `async` block.
    #[tokio::test(start_paused = true)]
    async fn but_a_sleep_counts_from_when_it_is_made() {
        let (limit, start) = (Limit::new(ONE), Instant::now());
        soon(join_all((0..10).map(|_| limit.run(sleep(ms(100)))))).await;
        assert_eq!(start.elapsed(), ms(100));
        soon(join_all((0..10).map(|_| limit.run(async { sleep(ms(100)).await })))).await;
        assert_eq!(start.elapsed(), ms(1_100));
    }

    /// asyncio: a waiter that is cancelled around a release makes way, and no permit is lost. Tokio: the same.
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
        // Handed to the second, who is cancelled before it runs: the third has it.
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
        let next = Log::new();
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

    /// Cancelled anywhere, no permit is lost, and the work has either not begun or been dropped.
    #[test]
    fn cancelled_anywhere_no_permit_is_lost() {
        type Work = fn(Limit, Gauge) -> futures::future::BoxFuture<'static, ()>;
        let forms: [(Work, usize); 3] = [
            (|limit, gauge| async move { limit.run(gauge.stay(ms(10))).await }.boxed(), 2),
            (
                |limit, gauge| {
                    async move {
                        limit.try_run(gauge.stay(ms(10))).await.unwrap_err();
                    }
                    .boxed()
                },
                0,
            ),
            (
                |limit, gauge| {
                    async move {
                        let mut tasks = JoinSet::new();
                        for _ in 0..2 {
                            limit.spawn(&mut tasks, gauge.clone().stay(ms(10))).await;
                        }
                        all(tasks).await;
                    }
                    .boxed()
                },
                3,
            ),
        ];
        for (work, points) in forms {
            let swept = cancel_sweep::sweep_with(
                || {
                    let (limit, gauge) = (Limit::new(ONE), Gauge::default());
                    let (other, held) = (limit.clone(), gauge.clone());
                    let mut held = Box::pin(async move { other.run(held.stay(ms(20))).await });
                    assert!(held.as_mut().now_or_never().is_none(), "it has the permit");
                    tokio::spawn(held);
                    ((limit.clone(), gauge.clone()), work(limit, gauge))
                },
                |(limit, gauge), _| {
                    assert_eq!((limit.is_full(), gauge.inside(), gauge.peak()), (false, 0, 1));
                    assert_eq!(alive_tasks(), 0);
                },
            );
            assert_eq!(swept.points, points);
        }
    }

    /// Waits, tries, tasks that are aborted and waits that are given up: never more than the limit are inside, and in the
    /// end every permit is there.
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
                            pause(&mut inner).await;
                        };
                        match random.u8(0..4) {
                            0 => limit.run(work).await,
                            1 => {
                                let _busy = limit.try_run(work).await;
                            }
                            2 => {
                                let task = limit.spawn(&mut tasks, work).await;
                                if random.bool() {
                                    pause(&mut random).await;
                                    task.abort();
                                }
                            }
                            _ => tokio::select! {
                                biased;
                                () = limit.run(work) => {}
                                () = pause(&mut random) => {}
                            },
                        }
                    }
                    while soon(tasks.join_next()).await.is_some() {}
                });
            }
            all(workers).await;
            assert!(gauge.peak() <= most, "{} of {most}", gauge.peak());
            assert_eq!(gauge.inside(), 0);
            // As many as there were: all of them meet inside, and there is no room for another.
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
}

mod budget {
    use super::*;
    use semaphores::budget::{Budget, TooMuch};

    fn budget(total: u32) -> Budget {
        Budget::new(NonZeroU32::new(total).unwrap())
    }

    /// asyncio: `acquire` takes one; to take three one after the other is a deadlock in waiting. Tokio: all at once.
    #[tokio::test(start_paused = true)]
    async fn shares_of_any_size_are_taken_at_once_and_never_more_than_the_total() {
        let (start, budget, log) = (Instant::now(), budget(10), Log::new());
        let download = |size| {
            let (budget, log) = (&budget, log.clone());
            async move {
                let _share = budget.take(size).await.unwrap();
                log.add((size, start.elapsed()));
                sleep(ms(100)).await;
            }
        };
        soon(join_all([6, 4, 5, 5, 10].map(download))).await;
        assert_eq!(log.take(), [(6, ms(0)), (4, ms(0)), (5, ms(100)), (5, ms(100)), (10, ms(200))]);
        assert_eq!(budget.free(), 10);
    }

    /// The hazard of taking one after the other: two have half of what they need, and wait for each other.
    #[tokio::test(start_paused = true)]
    async fn but_one_permit_after_the_other_waits_for_ever() {
        let semaphore = Semaphore::new(3);
        let two = || async {
            let _first = semaphore.acquire().await.unwrap();
            yield_now().await;
            let _second = semaphore.acquire().await.unwrap();
        };
        soon(async { tokio::join!(two(), two()) }).await;
        assert!(waits_for_ever(async { tokio::join!(two(), two(), two()) }).await);
        let two = || async {
            let _both = semaphore.acquire_many(2).await.unwrap();
            yield_now().await;
        };
        soon(async { tokio::join!(two(), two(), two()) }).await;
    }

    #[tokio::test(start_paused = true)]
    async fn more_than_there_is_in_all_is_an_error() {
        let budget = budget(10);
        assert_eq!(soon(budget.take(11)).await.err(), Some(TooMuch { wanted: 11, total: 10 }));
        assert_eq!(TooMuch { wanted: 11, total: 10 }.to_string(), "11 wanted, of 10 in all");
        assert_eq!(soon(budget.take(10)).await.unwrap().num_permits(), 10);
    }

    /// The hazard: a bare semaphore waits for what it will never have, and everybody waits behind it.
    #[tokio::test(start_paused = true)]
    async fn but_a_semaphore_asked_for_more_than_it_has_waits_for_ever() {
        let semaphore = Semaphore::new(10);
        let mut too_much = Box::pin(semaphore.acquire_many(11));
        assert!(too_much.as_mut().now_or_never().is_none());
        assert!(waits_for_ever(semaphore.acquire()).await);
        assert!(waits_for_ever(too_much).await);
    }

    /// Fair, and so a small share waits though there is enough for it: passed by small ones, a large one would starve.
    #[tokio::test]
    async fn a_small_share_does_not_pass_a_large_one_that_waits_before_it() {
        let budget = budget(10);
        let held = soon(budget.take(8)).await.unwrap();
        let mut large = Box::pin(budget.take(5));
        let mut small = Box::pin(budget.take(1));
        assert!(large.as_mut().now_or_never().is_none());
        assert!(small.as_mut().now_or_never().is_none(), "two are free, and set aside for the large one");
        assert_eq!(budget.free(), 0);
        drop(held);
        let (large, small) = (large.now_or_never().unwrap(), small.now_or_never().unwrap());
        assert_eq!(budget.free(), 4);
        drop((large, small));
        assert_eq!(budget.free(), 10);
    }

    #[tokio::test]
    async fn a_share_can_be_freed_in_parts() {
        let budget = budget(10);
        let mut share = soon(budget.take(10)).await.unwrap();
        drop(share.split(4));
        assert_eq!((budget.free(), share.num_permits()), (4, 6));
        assert!(share.split(7).is_none(), "not more than it has");
        drop(share);
        assert_eq!(budget.free(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_set_aside_for_one_who_is_cancelled_goes_to_the_next() {
        let budget = budget(10);
        let held = soon(budget.take(8)).await.unwrap();
        let mut large = Box::pin(budget.take(5));
        let mut small = Box::pin(budget.take(2));
        assert!(large.as_mut().now_or_never().is_none());
        assert!(small.as_mut().now_or_never().is_none());
        drop(large);
        assert_eq!(small.now_or_never().unwrap().unwrap().num_permits(), 2);
        drop(held);
        assert_eq!(budget.free(), 10);
    }

    #[tokio::test]
    async fn a_share_may_be_nothing_or_all() {
        let budget = budget(u32::MAX);
        let all = soon(budget.take(u32::MAX)).await.unwrap();
        assert_eq!((all.num_permits(), budget.free()), (u32::MAX as usize, 0));
        assert_eq!(budget.take(0).now_or_never().unwrap().unwrap().num_permits(), 0);
        drop(all);
        assert_eq!(budget.free(), u32::MAX as usize);
        assert_eq!(NonZeroU32::new(0), None, "what a budget asks for");
    }

    #[test]
    fn cancelled_anywhere_no_unit_is_lost() {
        let swept = cancel_sweep::sweep_with(
            || {
                let budget = Arc::new(budget(10));
                let (other, mine) = (budget.clone(), budget.clone());
                let mut held = Box::pin(async move {
                    let _share = other.take(7).await.unwrap();
                    sleep(ms(20)).await;
                });
                assert!(held.as_mut().now_or_never().is_none());
                tokio::spawn(held);
                (budget, async move {
                    let _share = mine.take(5).await.unwrap();
                    sleep(ms(10)).await;
                })
            },
            |budget, _| assert_eq!(budget.free(), 10),
        );
        assert_eq!(swept.points, 2);
    }

    #[test]
    fn on_many_threads_no_unit_is_lost_or_taken_twice() {
        rounds(300, |mut random| async move {
            let (budget, used) = (Arc::new(budget(10)), Arc::new(AtomicU32::new(0)));
            let mut workers = JoinSet::new();
            for _ in 0..4 {
                let (budget, used, mut random) = (budget.clone(), used.clone(), random.fork());
                workers.spawn(async move {
                    for _ in 0..10 {
                        let (size, mut inner) = (random.u32(0..=10), random.fork());
                        tokio::select! {
                            biased;
                            share = budget.take(size) => {
                                let _share = share.unwrap();
                                assert!(used.fetch_add(size, SeqCst) + size <= 10);
                                pause(&mut inner).await;
                                used.fetch_sub(size, SeqCst);
                            }
                            () = pause(&mut random) => {}
                        }
                    }
                });
            }
            all(workers).await;
            assert_eq!(budget.free(), 10);
        });
    }
}

mod exclusive {
    use super::*;
    use semaphores::exclusive::{HalfChanged, change, claim, update};
    use std::convert::Infallible;
    use std::marker::PhantomData;

    /// One more, after as long as a database takes.
    async fn one_more(value: u32) -> Result<u32, Infallible> {
        sleep(ms(1)).await;
        Ok(value + 1)
    }

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

    /// The hazard: each step is safe, and the steps together are not. All read zero, and all write one.
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

    /// What the lock is for here: whoever waited finds what the first one has fetched.
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

    /// asyncio: those who wait get the lock in the order in which they came. Tokio: documented as well.
    #[tokio::test(start_paused = true)]
    async fn those_who_wait_get_the_lock_in_the_order_in_which_they_came() {
        let (lock, log) = (tokio::sync::Mutex::new(()), Log::new());
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

    /// asyncio and Tokio: a lock knows nothing of tasks. Whoever holds it and waits for it waits for itself.
    #[tokio::test(start_paused = true)]
    async fn but_a_lock_taken_twice_by_one_task_waits_for_ever() {
        let lock = tokio::sync::Mutex::new(());
        let _guard = lock.lock().await;
        assert!(waits_for_ever(lock.lock()).await);
    }

    /// The hazard, and Rust's own: a future that stands in line is handed the lock, and nobody polls it. In asyncio each
    /// who waits is a task, which goes on by itself.
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
                () = sleep(ms(5)) => drop(lock.lock().await), // stands behind the one that is not polled here
            }
        };
        assert!(waits_for_ever(arm).await);
        holder.await.unwrap();
        assert!(lock.try_lock().is_err(), "held by nobody who runs");
        drop(soon(waits).await);
        assert!(lock.try_lock().is_ok());
    }

    /// The new value is made aside, so what ends half way has changed nothing.
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

    /// The hazard: changed in place, it stays as the cancellation has left it, and Tokio's lock is not poisoned.
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

    /// asyncio: an exception in the section lets go of the lock, and that is all. std: whoever comes next is told.
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

    /// Whether a type is `Send`, asked without an error of the compiler.
    struct Ask<T>(PhantomData<T>);

    trait Otherwise {
        const IS_SEND: bool = false;
    }

    impl<T> Otherwise for Ask<T> {}

    impl<T: Send> Ask<T> {
        const IS_SEND: bool = true;
    }

    /// A guard of std's lock cannot go to another thread, so a task that holds one over an await cannot be spawned. That
    /// is what the compiler says when the wrong lock is chosen.
    #[test]
    fn a_task_with_stds_guard_over_an_await_cannot_be_spawned() {
        const STD: bool = Ask::<std::sync::MutexGuard<'static, u32>>::IS_SEND;
        const TOKIO: bool = Ask::<tokio::sync::MutexGuard<'static, u32>>::IS_SEND;
        assert_eq!((STD, TOKIO), (false, true));
    }

    /// The hazard, where nothing is spawned: the next one does not wait for the lock but stops the thread on which the
    /// first would go on. `try_lock` stands here for the `lock` that would never return. clippy warns of it.
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

    /// asyncio: between two awaits nothing else runs, and `left -= 1` needs no lock. Tokio: on another thread something
    /// does, so look and step are one.
    #[test]
    fn what_is_left_is_given_away_once_each_and_never_below_zero() {
        let left = AtomicU32::new(2);
        assert_eq!([(); 4].map(|()| claim(&left)), [true, true, false, false]);
        assert_eq!(left.into_inner(), 0);
        assert!(!claim(&AtomicU32::new(0)));
        assert!(claim(&AtomicU32::new(u32::MAX)));
    }

    /// The hazard: look, and then step. The last one is sold to both, and what is left wraps around.
    #[tokio::test]
    async fn but_a_look_and_a_step_after_it_sell_the_last_one_twice() {
        let left = AtomicU32::new(1);
        let buy = || async {
            let there_is_one = left.load(SeqCst) > 0;
            yield_now().await; // what another thread does at any time
            if there_is_one {
                left.fetch_sub(1, SeqCst);
            }
            there_is_one
        };
        assert_eq!(soon(async { tokio::join!(buy(), buy()) }).await, (true, true));
        assert_eq!(left.into_inner(), u32::MAX);
    }

    /// Cancelled anywhere, the value is the old or the new one, and the lock is free.
    #[test]
    fn a_cancelled_update_has_changed_nothing_and_holds_no_lock() {
        let swept = cancel_sweep::sweep_with(
            || {
                let value = Arc::new(tokio::sync::Mutex::new(0));
                let (held, mine) = (value.clone().try_lock_owned().unwrap(), value.clone());
                tokio::spawn(async move {
                    sleep(ms(10)).await;
                    drop(held);
                });
                (value, async move { update(&mine, one_more).await })
            },
            |value, outcome| {
                let value = *value.try_lock().expect("the lock is free");
                match outcome {
                    Finished(new) => assert_eq!((new, value), (Ok(1), 1)),
                    Cancelled(_) => assert_eq!(value, 0),
                }
            },
        );
        assert_eq!(swept.points, 2, "the lock, and the database");
    }

    /// One thing each time, and two threads that ask for it in the same moment: it is given away once.
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

    /// All three, from four threads, with updates that are given up.
    #[test]
    fn on_many_threads_every_step_counts_once() {
        rounds(200, |mut random| async move {
            let slow = Arc::new(tokio::sync::Mutex::new(0));
            let quick = Arc::new(Mutex::new((0, 0)));
            let left = Arc::new(AtomicU32::new(100));
            let mut workers = JoinSet::new();
            for _ in 0..4 {
                let (slow, quick, left, mut random) =
                    (slow.clone(), quick.clone(), left.clone(), random.fork());
                workers.spawn(async move {
                    let (mut updates, mut claims) = (0, 0);
                    for _ in 0..30 {
                        let mut inner = random.fork();
                        let next = |value| async move {
                            pause(&mut inner).await;
                            Ok::<_, Infallible>(value + 1)
                        };
                        tokio::select! {
                            biased;
                            _ = update(&slow, next) => updates += 1,
                            () = pause(&mut random) => {}
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
}

mod event {
    use super::*;
    use semaphores::event::Event;
    use tokio::sync::{Notify, SetOnce, watch};

    /// asyncio: an event that is set lets pass at once. Tokio: a bare `Notify` would keep nothing for one who comes late.
    #[tokio::test]
    async fn one_that_is_set_lets_pass_at_once() {
        let event = Event::new();
        assert_eq!((event.is_set(), event.wait().now_or_never()), (false, None));
        event.set();
        assert_eq!((event.is_set(), event.wait().now_or_never()), (true, Some(())));
        assert_eq!(event.wait().now_or_never(), Some(()), "and stays so");
    }

    /// asyncio: all who wait are woken, in their order.
    #[tokio::test(start_paused = true)]
    async fn all_who_wait_go_on_in_the_order_in_which_they_came() {
        let (event, log, mut tasks) = (Arc::new(Event::new()), Log::new(), JoinSet::new());
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

    /// The hazard: a `watch` that is asked for its value sees what holds now, and the pulse is over.
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

    /// The hazard: between the look at the flag and the `notified()` anybody may set it, and nobody hears.
    #[tokio::test(start_paused = true)]
    async fn but_a_flag_that_is_looked_at_before_one_listens_loses_the_wake_up() {
        let (flag, notify) = (AtomicUsize::new(0), Notify::new());
        let wait = async {
            if flag.load(SeqCst) == 0 {
                yield_now().await; // what another thread does at any time
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

    /// What happens once needs no event: all who wait get the value with it.
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

    /// Cancelled anywhere, a wait leaves nothing behind, and the others hear the next set.
    #[test]
    fn a_cancelled_wait_leaves_the_others_as_they_are() {
        let swept = cancel_sweep::sweep_with(
            || {
                let event = Arc::new(Event::new());
                let (mine, other) = (event.clone(), event.clone());
                let other = tokio::spawn(async move { other.wait().await });
                tokio::spawn({
                    let event = event.clone();
                    async move {
                        sleep(ms(10)).await;
                        event.set();
                        event.clear();
                        sleep(ms(10)).await;
                        event.set();
                    }
                });
                ((event, other), async move {
                    mine.wait().await;
                    sleep(ms(1)).await;
                    mine.wait().await;
                })
            },
            |(event, other), _| {
                assert!(event.is_set());
                assert!(other.is_finished());
            },
        );
        assert_eq!(swept.points, 3, "a pulse, a sleep, and a set");
    }

    /// Two who wait for each other in turn: each begins to wait in about the moment in which the other sets.
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

    /// Waits that are given up and begun again, while it is set and cleared: everybody passes in the end, and sees what was
    /// done before the set.
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
                        () = pause(&mut random) => false,
                    };
                    if !at_once {
                        event.wait().await;
                    }
                    assert_eq!(done.load(std::sync::atomic::Ordering::Relaxed), 1);
                    passed.fetch_add(1, SeqCst);
                });
            }
            pause(&mut random).await;
            done.store(1, std::sync::atomic::Ordering::Relaxed);
            while passed.load(SeqCst) < 3 {
                event.set();
                if random.bool() {
                    pause(&mut random).await;
                }
                event.clear();
                pause(&mut random).await;
            }
            all(tasks).await;
        });
    }
}

mod condition {
    use super::*;
    use semaphores::condition::Condition;
    use std::collections::VecDeque;
    use tokio::sync::{MutexGuard, Notify};

    /// A value and those who wait for it to change.
    #[derive(Default)]
    struct Shared<T> {
        value: tokio::sync::Mutex<T>,
        changed: Condition,
    }

    impl<T> Shared<T> {
        async fn wait(&self) -> MutexGuard<'_, T> {
            let guard = self.value.lock().await;
            self.changed.wait(guard).await
        }

        /// Somebody has the lock.
        fn is_locked(&self) -> bool {
            self.value.try_lock().is_err()
        }
    }

    /// Waits, and writes its name down when it has the lock again.
    fn waiter(
        shared: &Arc<Shared<()>>,
        log: &Log<&'static str>,
        name: &'static str,
    ) -> impl Future<Output = ()> + use<> {
        let (shared, log) = (shared.clone(), log.clone());
        async move {
            let _guard = shared.wait().await;
            log.add(name);
        }
    }

    /// So many who wait, in the order of their names, each a task.
    async fn waiters<const N: usize>(
        names: [&'static str; N],
    ) -> (Arc<Shared<()>>, Log<&'static str>, [tokio::task::JoinHandle<()>; N]) {
        let (shared, log) = (Arc::<Shared<()>>::default(), Log::new());
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

    /// asyncio: a waiter that is notified returns when it has the lock, and whoever notified holds it still.
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

    /// asyncio: `notify` does nothing when nobody waits. Tokio: `Notify::notify_one` keeps a permit for the next one.
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

    /// asyncio: more are notified than wait: those who come later wait all the same.
    #[tokio::test(start_paused = true)]
    async fn what_is_left_of_a_notification_is_not_kept_either() {
        let (shared, log, _tasks) = waiters(["a"]).await;
        shared.changed.notify(3);
        let late = tokio::spawn(waiter(&shared, &log, "late"));
        settle().await;
        assert_eq!((log.take(), late.is_finished()), (vec!["a"], false));
    }

    /// asyncio: `wait_for` asks first, and waits as long as the answer is no.
    #[tokio::test(start_paused = true)]
    async fn wait_for_asks_first_and_again_after_each_notification() {
        let shared = Arc::new(Shared::<u32>::default());
        let asked = Log::new();
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

    /// asyncio: `notify` without the lock raises `RuntimeError`. Here there is no need for it: who waits stands in line
    /// before it lets go of the lock, so whoever has changed something under it can notify later, from a destructor too.
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

    /// The hazard, in asyncio too: who waits for different things at one condition wants `notify_all`. The one that is told
    /// may have no use for it, and the other sleeps on.
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

    /// asyncio: a waiter that is cancelled does not count any more.
    #[tokio::test(start_paused = true)]
    async fn one_who_is_cancelled_before_it_is_notified_is_forgotten() {
        let (shared, log, tasks) = waiters(["a", "b", "c"]).await;
        tasks[0].abort();
        settle().await;
        shared.changed.notify(1);
        settle().await;
        assert_eq!(log.take(), ["b"]);
    }

    /// asyncio from 3.13 on: a waiter that is notified, and cancelled before it has the lock, passes the notification on;
    /// up to 3.12 it was lost.
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

    /// The same in the moment after the notification, before the waiter has run; and when the lock is its own already.
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

    /// However many are cancelled one after the other, the last one has it.
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

    /// The hazard: told, and then the lock, without anything that passes it on in between.
    #[tokio::test(start_paused = true)]
    async fn but_a_notified_and_then_a_lock_lose_the_wake_up() {
        let (lock, changed) = (tokio::sync::Mutex::new(()), Notify::new());
        let wait = || async {
            let guard = lock.lock().await;
            let told = changed.notified();
            drop(guard);
            told.await;
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

    /// A wait that is cancelled is as if it had not been. What was for those who waited then is not for one who came later:
    /// it has seen the change.
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

    /// asyncio: a cancelled waiter takes the lock again before the error comes out, so a timeout can take as long as
    /// somebody holds it. Tokio: it is dropped, holds nothing, and waits for nothing.
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

    #[tokio::test(start_paused = true)]
    async fn a_predicate_that_panics_lets_go_of_the_lock() {
        let shared = Shared::<u32>::default();
        let guard = soon(shared.value.lock()).await;
        let waits = AssertUnwindSafe(shared.changed.wait_for(guard, |_| panic!("a panic")));
        assert!(soon(waits.catch_unwind()).await.is_err());
        assert!(!shared.is_locked());
    }

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

    /// Who has been notified, or has given up, is not kept in mind.
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

    /// Two wait for one item each, and two items come, with a notification each. Cancelled anywhere, the first one has one
    /// item or none, the second is never forgotten, and the lock is free.
    #[test]
    fn a_cancelled_wait_forgets_nobody_and_holds_no_lock() {
        async fn take(shared: Arc<Shared<u32>>, by_hand: bool) {
            let mut items = shared.value.lock().await;
            if by_hand {
                while *items == 0 {
                    items = shared.changed.wait(items).await;
                }
            } else {
                items = shared.changed.wait_for(items, |items| *items > 0).await;
            }
            *items -= 1;
        }
        for by_hand in [false, true] {
            let swept = cancel_sweep::sweep_with(
                || {
                    let shared = Arc::new(Shared::<u32>::default());
                    let (mine, other) = (shared.clone(), shared.clone());
                    let other = tokio::spawn(async move {
                        sleep(ms(1)).await; // the second in line
                        take(other, false).await;
                    });
                    tokio::spawn({
                        let shared = shared.clone();
                        async move {
                            for _ in 0..2 {
                                sleep(ms(10)).await;
                                let mut items = shared.value.lock().await;
                                *items += 1;
                                shared.changed.notify(1);
                                sleep(ms(10)).await; // who is notified waits for the lock
                            }
                        }
                    });
                    ((shared, other), take(mine, by_hand))
                },
                |(shared, other), outcome| {
                    assert!(other.is_finished(), "a wake-up is lost");
                    let items = *shared.value.try_lock().expect("the lock is free");
                    match outcome {
                        Finished(()) => assert_eq!(items, 0),
                        Cancelled(_) => assert_eq!(items, 1),
                    }
                },
            );
            assert_eq!(swept.points, 2, "the notification, and the lock");
        }
    }

    /// Producers and consumers of a small buffer, which give up waits at any moment: each item is taken once, and nobody
    /// waits for ever.
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
            let (mut tasks, taken) = (JoinSet::new(), Log::new());
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
                            pause(&mut random).await;
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
                            let some_or_none_to_come = |(items, taken): &mut (VecDeque<_>, _)| {
                                !items.is_empty() || *taken == 3 * ITEMS
                            };
                            buffer.not_empty.wait_for(items, some_or_none_to_come).await
                        };
                        let given_up = async {
                            if random.bool() {
                                std::future::pending().await
                            }
                            pause(&mut random).await;
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
}

mod barrier {
    use super::*;
    use semaphores::barrier::{Barrier, BrokenBarrier};
    use std::collections::BTreeSet;

    type Met = Result<usize, BrokenBarrier>;

    /// Comes, and writes down what it met.
    fn party(
        barrier: &Arc<Barrier>,
        log: &Log<(&'static str, Met)>,
        name: &'static str,
    ) -> impl Future<Output = ()> + use<> {
        let (barrier, log) = (barrier.clone(), log.clone());
        async move { log.add((name, barrier.wait().await)) }
    }

    /// asyncio: all are released when the last one comes, each with an index of its own. Tokio: one is told that it is the
    /// leader.
    #[tokio::test(start_paused = true)]
    async fn all_go_on_when_the_last_has_come_each_with_an_index_of_its_own() {
        let (barrier, log, start) = (Arc::new(Barrier::new(THREE)), Log::new(), Instant::now());
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
        let (barrier, log, mut tasks) = (Arc::new(Barrier::new(THREE)), Log::new(), JoinSet::new());
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

    /// The hazard: Tokio's takes zero for one.
    #[tokio::test]
    async fn but_tokios_barrier_of_none_is_one_of_one() {
        assert!(tokio::sync::Barrier::new(0).wait().now_or_never().unwrap().is_leader());
    }

    /// asyncio: a waiter that is cancelled does not count any more.
    #[tokio::test(start_paused = true)]
    async fn one_who_is_cancelled_while_waiting_stops_counting() {
        let (barrier, log) = (Arc::new(Barrier::new(TWO)), Log::new());
        assert!(timeout(ms(10), barrier.wait()).await.is_err());
        assert_eq!(barrier.waiting(), 0);
        let first = tokio::spawn(party(&barrier, &log, "first"));
        settle().await;
        assert_eq!((barrier.waiting(), first.is_finished()), (1, false), "two are needed as before");
        soon(party(&barrier, &log, "second")).await;
        soon(first).await.unwrap();
        assert_eq!(log.take(), [("second", Ok(1)), ("first", Ok(0))]);
    }

    /// The hazard: Tokio's barrier counts one who has gone, and lets one party through alone.
    #[tokio::test(start_paused = true)]
    async fn but_tokios_barrier_counts_one_who_has_gone() {
        let barrier = tokio::sync::Barrier::new(2);
        assert!(timeout(ms(10), barrier.wait()).await.is_err());
        assert!(barrier.wait().now_or_never().is_some());
    }

    /// asyncio: a newcomer takes the number that is next, which another has already. Here the indices are those of the
    /// parties who are there in the end.
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

    /// asyncio: who comes while the others are being released waits for the next round. Tokio: the same.
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

    /// One who is cancelled after the last has come has been there: the others go on, and the next round needs all.
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

    /// asyncio: `reset` raises `BrokenBarrierError` in those who wait, and the barrier is as new.
    #[tokio::test(start_paused = true)]
    async fn a_reset_sends_away_all_who_wait_and_it_is_as_new() {
        let (barrier, log) = (Arc::new(Barrier::new(THREE)), Log::new());
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

    #[tokio::test]
    async fn a_reset_when_nobody_waits_changes_nothing() {
        let barrier = Barrier::new(TWO);
        barrier.reset();
        let mut first = Box::pin(barrier.wait());
        assert_eq!((first.as_mut().now_or_never(), barrier.is_broken()), (None, false));
        assert_eq!(barrier.wait().now_or_never(), Some(Ok(1)));
    }

    /// asyncio: `abort` raises `BrokenBarrierError` in those who wait and in all who come, until `reset`.
    #[tokio::test(start_paused = true)]
    async fn an_abort_sends_away_all_who_wait_and_all_who_come_until_a_reset() {
        let (barrier, log) = (Arc::new(Barrier::new(THREE)), Log::new());
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

    #[test]
    fn what_broke_it_can_be_told_apart() {
        assert_eq!(BrokenBarrier::Reset.to_string(), "the barrier was reset");
        assert_eq!(BrokenBarrier::Aborted.to_string(), "the barrier is aborted");
    }

    /// asyncio: a `reset` or an `abort` reaches those too whom the last one has released and who have not run since. Here
    /// who is through is through: all of a round, or none.
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

    /// asyncio: `abort` is a coroutine, and needs an `except` or a `finally`. Here it can stand in a destructor, which runs
    /// however a party ends.
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

    /// The hazard, in asyncio too: a party that ends without a word.
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

    /// Cancelled before the last party has come, it does not count; after that it has been there. The others are let
    /// through as soon as there are enough, and never before.
    #[test]
    fn a_cancelled_wait_counts_only_if_the_last_has_come() {
        let swept = cancel_sweep::sweep_with(
            || {
                let barrier = Arc::new(Barrier::new(TWO));
                let (mine, others) = (barrier.clone(), barrier.clone());
                let other = tokio::spawn(async move {
                    sleep(ms(10)).await;
                    others.wait().await
                });
                ((barrier, other), async move { mine.wait().await })
            },
            |(barrier, other), outcome| {
                let has_been_there = match outcome {
                    Finished(met) => {
                        assert_eq!(met, Ok(0));
                        true
                    }
                    Cancelled(at) => at.woken,
                };
                assert_eq!(
                    (other.is_finished(), barrier.waiting()),
                    (has_been_there, usize::from(!has_been_there))
                );
            },
        );
        assert_eq!(swept.points, 1);
    }

    /// Three parties, round after round: nobody is a round ahead, and each index is given once.
    #[test]
    fn on_many_threads_nobody_is_a_round_ahead_and_each_index_is_given_once() {
        rounds(100, |mut random| async move {
            let (barrier, met) = (Arc::new(Barrier::new(THREE)), Log::new());
            let come: Arc<[AtomicUsize; 20]> = Arc::default();
            let mut tasks = JoinSet::new();
            for _ in 0..3 {
                let (barrier, met, come, mut random) =
                    (barrier.clone(), met.clone(), come.clone(), random.fork());
                tasks.spawn(async move {
                    for (round, come) in come.iter().enumerate() {
                        pause(&mut random).await;
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

    /// Waits that are given up, resets and aborts at any moment: as often as a last one has come, each other index was given
    /// at most once, and nobody is left in it.
    #[test]
    fn on_many_threads_no_index_is_given_twice_whoever_gives_up() {
        rounds(300, |mut random| async move {
            let (barrier, met) = (Arc::new(Barrier::new(THREE)), Log::new());
            let mut tasks = JoinSet::new();
            for _ in 0..5 {
                let (barrier, met, mut random) = (barrier.clone(), met.clone(), random.fork());
                tasks.spawn(async move {
                    for _ in 0..20 {
                        tokio::select! {
                            biased;
                            index = barrier.wait() => met.add(index),
                            () = pause(&mut random) => {}
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
}

mod rate_limit {
    use super::*;
    use governor::Quota;
    use semaphores::rate_limit::{QuotaTooSlow, RateLimit};

    /// So many at once, and then one each so many milliseconds.
    fn limit(burst: u32, millis: u64) -> RateLimit {
        let quota = Quota::with_period(ms(millis)).unwrap().allow_burst(NonZeroU32::new(burst).unwrap());
        RateLimit::new(quota).unwrap()
    }

    /// asyncio has none.
    #[tokio::test(start_paused = true)]
    async fn so_many_come_at_once_and_then_one_each_period() {
        let (start, limit, log) = (Instant::now(), limit(2, 100), Log::new());
        for _ in 0..5 {
            soon(limit.until_ready()).await;
            log.add(start.elapsed());
        }
        assert_eq!(log.take(), [0, 0, 100, 200, 300].map(ms));
    }

    /// What was not used comes back, up to the burst.
    #[tokio::test(start_paused = true)]
    async fn after_a_rest_as_many_come_at_once_as_before_and_no_more() {
        let (limit, log) = (limit(2, 100), Log::new());
        soon(limit.until_ready()).await;
        soon(limit.until_ready()).await;
        sleep(ms(1_000)).await;
        let start = Instant::now();
        for _ in 0..4 {
            soon(limit.until_ready()).await;
            log.add(start.elapsed());
        }
        assert_eq!(log.take(), [0, 0, 100, 200].map(ms));
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_wait_go_in_the_order_in_which_they_came() {
        let (start, limit, log) = (Instant::now(), Arc::new(limit(1, 10)), Log::new());
        let mut tasks = JoinSet::new();
        for number in 0..20 {
            let (limit, log) = (limit.clone(), log.clone());
            tasks.spawn(async move {
                soon(limit.until_ready()).await;
                log.add((number, start.elapsed()));
            });
        }
        all(tasks).await;
        assert_eq!(log.take(), (0..20).map(|number| (number, ms(10) * number)).collect::<Vec<_>>());
    }

    /// The two limits are about different things: what is slow piles up behind a rate limit, and what is quick runs as often
    /// as it can behind a limit of so many at a time.
    #[tokio::test(start_paused = true)]
    async fn but_a_rate_limit_does_not_limit_how_many_are_under_way() {
        let (limit, gauge, start) = (limit(1, 10), Gauge::default(), Instant::now());
        let slow = |_| async {
            soon(limit.until_ready()).await;
            gauge.clone().stay(ms(1_000)).await;
        };
        soon(join_all((0..50).map(slow))).await;
        assert_eq!((gauge.peak(), start.elapsed()), (50, ms(1_490)));

        let (limit, start) = (semaphores::limit::Limit::new(ONE), Instant::now());
        soon(join_all((0..50).map(|_| limit.run(gauge.clone().stay(ms(1)))))).await;
        assert_eq!(start.elapsed(), ms(50), "a thousand a second");
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_wait_has_used_nothing_up_and_makes_way() {
        let (start, limit) = (Instant::now(), limit(1, 100));
        soon(limit.until_ready()).await;
        let mut first = Box::pin(limit.until_ready());
        let mut second = Box::pin(limit.until_ready());
        assert!(first.as_mut().now_or_never().is_none());
        assert!(second.as_mut().now_or_never().is_none());
        sleep(ms(50)).await;
        drop(first);
        soon(second).await;
        assert_eq!(start.elapsed(), ms(100));
    }

    #[test]
    fn cancelled_anywhere_it_has_used_up_one_or_nothing() {
        let swept = cancel_sweep::sweep_with(
            || {
                let (start, limit) = (Instant::now(), Arc::new(limit(1, 100)));
                let (mine, other) = (limit.clone(), limit.clone());
                let log = Log::new();
                let passed = log.clone();
                tokio::spawn(async move {
                    other.until_ready().await;
                    other.until_ready().await; // the first in line
                    sleep(ms(1)).await;
                    other.until_ready().await; // and the last
                    passed.add(start.elapsed());
                });
                (log, async move {
                    sleep(ms(50)).await;
                    mine.until_ready().await;
                })
            },
            |log, outcome| match outcome {
                Finished(()) => assert_eq!(log.take(), [ms(300)]),
                Cancelled(_) => {
                    assert_eq!(log.take(), [ms(200)], "its place is free, and nothing is used up")
                }
            },
        );
        assert_eq!(swept.points, 3, "a sleep of its own, the turn, and the time");
    }

    /// The hazard: governor's own waiting has a timer of its own. A paused clock runs past it, and so does a test.
    #[tokio::test(start_paused = true)]
    async fn but_governors_own_waiting_is_on_another_clock() {
        let limiter = governor::RateLimiter::direct(Quota::with_period(Duration::from_secs(10)).unwrap());
        limiter.until_ready().await;
        assert!(waits_for_ever(limiter.until_ready()).await, "an hour goes by before its ten seconds");

        let limit = limit(1, 10_000);
        soon(limit.until_ready()).await;
        soon(limit.until_ready()).await;
    }

    /// asyncio's `sleep` takes any number. Here the account is kept in nanoseconds, and a quota that it cannot hold is an
    /// error.
    #[test]
    fn a_quota_that_takes_more_than_a_hundred_years_is_an_error() {
        let year = Duration::from_hours(365 * 24);
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let new = |period, burst| {
                let quota = Quota::with_period(period).unwrap();
                RateLimit::new(quota.allow_burst(NonZeroU32::new(burst).unwrap())).err()
            };
            assert_eq!(new(year, 100), None);
            for (period, burst) in
                [(year, 101), (year * 101, 1), (Duration::MAX, 1), (Duration::MAX, u32::MAX)]
            {
                assert_eq!(new(period, burst), Some(QuotaTooSlow));
            }
            assert_eq!(Quota::with_period(Duration::ZERO), None, "and one of no time at all is none");
        });
    }

    /// The hazard: governor alone panics.
    #[test]
    #[should_panic(expected = "Duration is longer than 584 years")]
    fn but_governor_alone_panics_on_it() {
        governor::RateLimiter::direct(Quota::with_period(Duration::MAX).unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn the_slowest_quota_is_waited_for() {
        let century = Duration::from_hours(365 * 24 * 100);
        let limit = RateLimit::new(Quota::with_period(century).unwrap()).unwrap();
        soon(limit.until_ready()).await;
        assert!(waits_for_ever(limit.until_ready()).await);
    }

    /// The hazard: a timer counts in milliseconds, so one at a time is a thousand a second at most. A burst makes up for it.
    #[tokio::test(start_paused = true)]
    async fn but_more_than_a_thousand_a_second_wants_a_burst() {
        let took = async |burst: u32| {
            let quota = Quota::with_period(Duration::from_micros(100)).unwrap();
            let limit = RateLimit::new(quota.allow_burst(NonZeroU32::new(burst).unwrap())).unwrap();
            let start = Instant::now();
            for _ in 0..1_000 {
                soon(limit.until_ready()).await;
            }
            start.elapsed()
        };
        assert_eq!(took(1).await, ms(999));
        assert_eq!(took(20).await, ms(98), "ten thousand a second, after the twenty");
    }

    #[tokio::test(start_paused = true)]
    async fn ten_thousand_pass_at_the_rate_that_was_asked_for() {
        let (start, limit) = (Instant::now(), limit(1_000, 1));
        for _ in 0..10_000 {
            soon(limit.until_ready()).await;
        }
        assert_eq!(start.elapsed(), ms(9_000));
    }

    /// On real time and from four threads: never more than the burst and what has come since.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "the time is real here")]
    fn on_many_threads_never_more_pass_than_may() {
        let runtime = Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
        runtime.block_on(async {
            let start = std::time::Instant::now();
            let (limit, passed, mut tasks) = (Arc::new(limit(20, 1)), Log::new(), JoinSet::new());
            for _ in 0..4 {
                let (limit, passed) = (limit.clone(), passed.clone());
                tasks.spawn(async move {
                    for _ in 0..25 {
                        soon(limit.until_ready()).await;
                        passed.add(start.elapsed());
                    }
                });
            }
            all(tasks).await;
            let mut passed = passed.take();
            passed.sort_unstable();
            assert_eq!(passed.len(), 100);
            for (before, time) in passed.iter().enumerate() {
                assert!((before as u128) < 20 + time.as_millis(), "{before} before {time:?}");
            }
        });
    }
}

mod demo {
    use super::*;
    use expect_test::expect_file;
    use semaphores::demo;

    #[test]
    fn prints_the_transcript_and_draws_the_picture() {
        let rehearsal = common::rehearse(soon(demo::run()));
        rehearsal.output.expect("the demo succeeds");
        expect_file!["../recipes/semaphores/transcript.txt"].assert_eq(&rehearsal.transcript);
        expect_file!["../recipes/semaphores/timeline.svg"].assert_eq(&rehearsal.timeline.svg("semaphores"));
    }
}
