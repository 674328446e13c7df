//! Proofs of the pattern `thread_pool`.

use std::panic;
use std::sync::Arc;

use cancel_sweep::At;
use cancel_sweep::Outcome::{Cancelled, Finished};
use executors::thread_pool::{JobError, Queued, Refused, Stage, ThreadPool};
use fastrand::Rng;
use futures::FutureExt;
use futures::future::join_all;
use tokio::runtime::Builder;
use tokio::task::{JoinSet, spawn_blocking, yield_now};
use tokio::time::timeout;

use crate::real_time::{PATIENCE, soon_on_a_thread, soon_on_real_time};
use crate::support::{Count, ms};
use crate::tools::held_for_a_turn;
use crate::work::thread_pool::{pool, taken};
use crate::work::until;

mod job {
    use super::*;

    /// asyncio: `cancel` returns `True` for a queued job, which then never runs, and `False` for a job that runs or has
    /// ended.
    #[tokio::test]
    async fn that_is_queued_is_cancelled_and_one_that_runs_is_not() {
        let (pool, running, end) = taken().await;
        let (ran, dropped) = (Count::default(), Count::default());
        let queued = pool.submit({
            let (ran, captured) = (ran.clone(), dropped.on_drop());
            move || {
                ran.add();
                drop(captured);
            }
        });
        let queued = queued.unwrap();
        assert_eq!((running.stage(), queued.stage(), pool.queued()), (Stage::Running, Stage::Queued, 1));
        assert!(!running.cancel());
        assert!(queued.cancel());
        assert!(queued.cancel(), "again: it is cancelled");
        assert_eq!((queued.stage(), dropped.get(), pool.queued()), (Stage::Cancelled, 1, 0));
        assert_eq!(soon_on_real_time(queued).await, Err(JobError::Cancelled));
        end.open();
        until(|| running.stage() == Stage::Done).await;
        assert!(!running.cancel());
        assert_eq!(soon_on_real_time(running).await, Ok(()));
        soon_on_real_time(pool.shutdown(Queued::Finish)).await.unwrap();
        assert_eq!(ran.get(), 0);
    }

    /// Cancelled anywhere, the job has run once or never, its values are dropped once, and the thread is free.
    #[test]
    fn cancelled_anywhere_runs_once_or_never() {
        let swept = cancel_sweep::sweep_with(
            || {
                let pool = Arc::new(pool(1));
                let (ran, dropped) = (Count::default(), Count::default());
                let job = pool.submit({
                    let (ran, captured, held) = (ran.clone(), dropped.on_drop(), held_for_a_turn());
                    move || {
                        let _captured = captured;
                        ran.add();
                        held();
                    }
                });
                // The clock does not advance while this waits: until the thread has sent the result.
                let after = pool.submit(|| ()).unwrap();
                spawn_blocking(move || soon_on_a_thread(|| after.blocking_wait().unwrap()));
                ((pool, ran, dropped), job.unwrap())
            },
            |(pool, ran, dropped), outcome| {
                assert_eq!((dropped.get(), pool.queued()), (1, 0));
                match outcome {
                    Finished(result) => assert_eq!((result, ran.get()), (Ok(()), 1)),
                    Cancelled(At { woken: true, .. }) => assert_eq!(ran.get(), 1),
                    Cancelled(_) => assert!(ran.get() <= 1),
                }
            },
        );
        assert_eq!(swept.points, 1);
    }
}

mod shutdown {
    use super::*;

    /// asyncio: `shutdown(cancel_futures=True)` cancels queued jobs; running ones go on to their end.
    #[tokio::test]
    async fn with_cancel_cancels_what_is_queued_and_waits_for_what_runs() {
        let (pool, running, end) = taken().await;
        let (ran, dropped) = (Count::default(), Count::default());
        let queued: Vec<_> = (0..100)
            .map(|_| {
                let (ran, captured) = (ran.clone(), dropped.on_drop());
                let work = move || {
                    ran.add();
                    drop(captured);
                };
                pool.submit(work).unwrap()
            })
            .collect();
        for _ in 0..3 {
            assert!(timeout(ms(5), pool.shutdown(Queued::Cancel)).await.is_err(), "a job runs");
        }
        assert_eq!(dropped.get(), 100);
        assert!(queued.iter().all(|job| job.stage() == Stage::Cancelled && job.cancel()));
        assert!(
            soon_on_real_time(join_all(queued))
                .await
                .iter()
                .all(|result| *result == Err(JobError::Cancelled))
        );
        end.open();
        soon_on_real_time(pool.shutdown(Queued::Cancel)).await.unwrap();
        assert_eq!((soon_on_real_time(running).await, ran.get()), (Ok(()), 0));
    }

    /// A second shutdown may be stricter than the first.
    #[tokio::test]
    async fn can_be_followed_by_one_that_cancels() {
        let (pool, running, end) = taken().await;
        let queued = pool.submit(|| ()).unwrap();
        pool.close(Queued::Finish);
        pool.close(Queued::Cancel);
        assert_eq!(soon_on_real_time(queued).await, Err(JobError::Cancelled));
        end.open();
        soon_on_real_time(running).await.unwrap();
        soon_on_real_time(pool.shutdown(Queued::Finish)).await.unwrap();
    }

    /// Dropped anywhere, a shutdown has closed the pool, and the next one waits for the same end.
    #[test]
    fn cancelled_anywhere_can_be_awaited_again() {
        let swept = cancel_sweep::sweep_with(
            || {
                let (pool, ended) = (Arc::new(pool(2)), Count::default());
                let (work, counted) = (held_for_a_turn(), ended.clone());
                let job = pool.submit(move || {
                    work();
                    counted.add();
                });
                job.unwrap().detach();
                // The clock does not advance until the pool has ended.
                let (other, future) = (pool.clone(), pool.clone());
                tokio::spawn(async move {
                    yield_now().await;
                    let runtime = tokio::runtime::Handle::current();
                    spawn_blocking(move || {
                        runtime.block_on(soon_on_real_time(other.shutdown(Queued::Finish))).unwrap();
                    });
                });
                ((pool, ended), async move { future.shutdown(Queued::Finish).await })
            },
            |(pool, ended), outcome| {
                assert_eq!(ended.get(), 1);
                assert!(pool.shutdown(Queued::Finish).now_or_never().is_some_and(|ended| ended.is_ok()));
                assert!(matches!(pool.submit(|| ()), Err(Refused::ShutDown)));
                assert!(matches!(outcome, Cancelled(_) | Finished(Ok(()))));
            },
        );
        assert_eq!(swept.points, 1);
    }
}

/// Four tasks on four threads submit to a pool of three, each job from its own seed. Some panic, some are dropped,
/// cancelled or detached, and meanwhile the pool is shut down. At the end each job has run once, or was cancelled or
/// refused, and no caller waits.
#[test]
fn many_threads_and_many_rounds_lose_and_double_nothing() {
    /// The fate of a job: how often it has run, and how often it should.
    struct Fate {
        ran: Count,
        expected: std::ops::RangeInclusive<usize>,
    }

    async fn submit_some(pool: &ThreadPool, dropped: Count, queued: Queued, mut random: Rng) -> Vec<Fate> {
        let (mut fates, mut kept) = (Vec::new(), Vec::new());
        for _ in 0..30 {
            let (panics, ran, captured) = (random.u8(..8) == 0, Count::default(), dropped.on_drop());
            let runs = ran.clone();
            let work = move || {
                let _captured = captured;
                runs.add();
                if panics {
                    panic::resume_unwind(Box::new("on purpose"));
                }
            };
            let Ok(job) = pool.submit(work) else {
                fates.push(Fate { ran, expected: 0..=0 });
                continue;
            };
            match random.u8(..5) {
                0 => {
                    job.detach();
                    let least = usize::from(queued == Queued::Finish);
                    fates.push(Fate { ran, expected: least..=1 });
                }
                1 => {
                    drop(job);
                    fates.push(Fate { ran, expected: 0..=1 });
                }
                2 => {
                    let cancelled = job.cancel();
                    kept.push((job, panics, ran, cancelled));
                }
                _ => {
                    kept.push((job, panics, ran, false));
                    yield_now().await;
                }
            }
        }
        for (job, panics, ran, cancelled) in kept {
            let expected = match job.await {
                Ok(()) if !panics && !cancelled => 1,
                Err(JobError::Panicked(text)) if panics && !cancelled && text == "on purpose" => 1,
                Err(JobError::Cancelled) if cancelled || queued == Queued::Cancel => 0,
                other => panic!("{other:?} of a job that panics: {panics}, is cancelled: {cancelled}"),
            };
            fates.push(Fate { ran, expected: expected..=expected });
        }
        fates
    }

    async fn round(seed: u64) {
        let mut random = Rng::with_seed(seed);
        let (pool, dropped) = (Arc::new(pool(3)), Count::default());
        let queued = if random.bool() { Queued::Finish } else { Queued::Cancel };
        let mut tasks = JoinSet::new();
        for _ in 0..4 {
            let (pool, dropped, random) = (pool.clone(), dropped.clone(), random.fork());
            tasks.spawn(async move { submit_some(&pool, dropped, queued, random).await });
        }
        for _ in 0..random.u8(..20) {
            yield_now().await;
        }
        let ended = tokio::spawn(async move { pool.shutdown(queued).await });
        let fates = tasks.join_all().await;
        ended.await.unwrap().unwrap();
        for Fate { ran, expected } in fates.into_iter().flatten() {
            assert!(expected.contains(&ran.get()), "seed {seed}: ran {} times, {expected:?}", ran.get());
        }
        assert_eq!(dropped.get(), 120, "seed {seed}: what a job holds is dropped once");
    }

    let runtime = Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
    runtime.block_on(async {
        for seed in 0..300 {
            let round = timeout(PATIENCE, tokio::spawn(round(seed))).await;
            round.unwrap_or_else(|_| panic!("seed {seed}: a caller waits forever")).unwrap();
        }
    });
}
