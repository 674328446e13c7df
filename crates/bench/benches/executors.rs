//! What the patterns of `recipes/executors` cost: a sum on two threads or two processes, and a job that does nothing.

use std::hint::black_box;
use std::num::NonZeroUsize;

use bench::{asyncio, measure, print_ratios};
use executors::blocking::Blocking;
use executors::cpu::compute;
use executors::one_process;
use executors::process_pool::{self, Options, ProcessPool};
use executors::thread_pool::ThreadPool;
use executors::threads::Threads;
use futures::future::try_join_all;
use futures::stream::{self, StreamExt, TryStreamExt};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use tokio::process::Command;
use tokio::runtime::Builder;

const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();
/// Numbers in the sum, in all its parts: 16 ms of work on one thread.
const NUMBERS: u64 = 16_000_000;
/// How many times fewer asyncio gets, so that its sides take some tenths of a second each.
const FEWER: usize = 20;
const PARTS: u64 = 8;
const ROUNDS: usize = 5;
/// Jobs that do nothing, one after the other.
const JOBS: usize = 2_000;
/// The same, each in a process of its own.
const PROCESSES: usize = 50;

/// Sums what a generator of random numbers gives. Each number depends on the one before it, and the seed is known when it
/// runs: there is no formula that a compiler could put in the place of the loop.
fn sum((seed, numbers): (u64, u64)) -> u64 {
    let (mut state, mut sum) = (black_box(seed), 0_u64);
    for _ in 0..numbers {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        sum = sum.wrapping_add((state ^ (state >> 29)) >> 33);
    }
    sum
}

fn parts() -> impl Iterator<Item = (u64, u64)> {
    (0..PARTS).map(|seed| (seed, NUMBERS / PARTS))
}

#[derive(Serialize, Deserialize)]
enum Job {
    Sum((u64, u64)),
    Nothing,
}

fn answer(job: Job) -> anyhow::Result<u64> {
    Ok(match job {
        Job::Sum(part) => sum(part),
        Job::Nothing => 0,
    })
}

async fn in_one_process(job: Job) -> anyhow::Result<u64> {
    Ok(one_process::run(Command::new(std::env::current_exe()?), &job).await?)
}

fn main() -> anyhow::Result<()> {
    one_process::serve(answer);
    process_pool::serve(|| anyhow::Ok(answer));

    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let _entered = runtime.enter();
    let workers = |max_jobs_per_worker| {
        let options = Options { max_workers: TWO, max_jobs_per_worker, ..Options::default() };
        anyhow::Ok(ProcessPool::<Job, u64>::new(Command::new(std::env::current_exe()?), options)?)
    };
    let (calls, threads, processes) = (Blocking::at_most(TWO), ThreadPool::new(TWO, "bench"), workers(None)?);
    let plain = Threads::new(TWO, "bench")?;
    let cores = rayon::ThreadPoolBuilder::new().num_threads(2).build()?;
    let expected: u64 = parts().map(sum).fold(0, u64::wrapping_add);
    let check = |sums: Vec<u64>| assert_eq!(sums.into_iter().fold(0, u64::wrapping_add), expected);

    let numbers = usize::try_from(NUMBERS)?;
    let mut rows = vec![
        measure("inline, on one thread", numbers, ROUNDS, || check(parts().map(sum).collect())),
        measure("rayon, a parallel iterator in one job", numbers, ROUNDS, || {
            let work = |_: &_| parts().collect::<Vec<_>>().into_par_iter().map(sum).collect();
            check(runtime.block_on(compute(&cores, work)).unwrap_or_default());
        }),
        measure("rayon, a job for each part", numbers, ROUNDS, || {
            let jobs = try_join_all(parts().map(|part| compute(&cores, move |_| sum(part))));
            check(runtime.block_on(jobs).unwrap_or_default());
        }),
        measure("ThreadPool", numbers, ROUNDS, || {
            let jobs = threads.map(parts(), sum).map(try_join_all);
            check(jobs.map(|jobs| runtime.block_on(jobs).unwrap_or_default()).unwrap_or_default());
        }),
        measure("Threads", numbers, ROUNDS, || {
            let jobs = try_join_all(parts().map(|part| plain.submit(move || sum(part))));
            check(runtime.block_on(jobs).unwrap_or_default());
        }),
        measure("Blocking (spawn_blocking)", numbers, ROUNDS, || {
            let jobs = try_join_all(parts().map(|part| calls.run(move || sum(part))));
            check(runtime.block_on(jobs).unwrap_or_default());
        }),
        measure("ProcessPool", numbers, ROUNDS, || {
            let jobs = try_join_all(parts().map(|part| processes.run(Job::Sum(part))));
            check(runtime.block_on(jobs).unwrap_or_default());
        }),
        measure("one_process, two at a time", numbers, ROUNDS, || {
            let jobs = parts().map(|part| in_one_process(Job::Sum(part)));
            let jobs = stream::iter(jobs).buffer_unordered(TWO.get()).try_collect();
            check(runtime.block_on(jobs).unwrap_or_default());
        }),
    ];
    rows.extend(asyncio("executors.py", &[0, numbers / FEWER, parts().count(), ROUNDS])?);
    print_ratios("a sum in eight parts, two at a time", &rows);

    let mut rows = vec![
        measure("rayon: compute", JOBS, ROUNDS, || {
            runtime.block_on(async {
                for _ in 0..JOBS {
                    assert!(compute(&cores, |_| ()).await.is_ok());
                }
            });
        }),
        measure("spawn_blocking alone", JOBS, ROUNDS, || {
            runtime.block_on(async {
                for _ in 0..JOBS {
                    assert!(tokio::task::spawn_blocking(|| ()).await.is_ok());
                }
            });
        }),
        measure("Blocking", JOBS, ROUNDS, || {
            runtime.block_on(async {
                for _ in 0..JOBS {
                    assert!(calls.run(|| ()).await.is_ok());
                }
            });
        }),
        measure("ThreadPool", JOBS, ROUNDS, || {
            runtime.block_on(async {
                for _ in 0..JOBS {
                    if let Ok(job) = threads.submit(|| ()) {
                        assert!(job.await.is_ok());
                    }
                }
            });
        }),
        measure("Threads", JOBS, ROUNDS, || {
            runtime.block_on(async {
                for _ in 0..JOBS {
                    assert!(plain.submit(|| ()).await.is_ok());
                }
            });
        }),
        measure("ProcessPool", JOBS, ROUNDS, || {
            runtime.block_on(async {
                for _ in 0..JOBS {
                    assert!(processes.run(Job::Nothing).await.is_ok());
                }
            });
        }),
    ];
    let each_its_own = workers(Some(NonZeroUsize::MIN))?;
    rows.push(measure("ProcessPool, a process for each job", PROCESSES, ROUNDS, || {
        runtime.block_on(async {
            for _ in 0..PROCESSES {
                assert!(each_its_own.run(Job::Nothing).await.is_ok());
            }
        });
    }));
    rows.push(measure("one_process", PROCESSES, ROUNDS, || {
        runtime.block_on(async {
            for _ in 0..PROCESSES {
                assert!(in_one_process(Job::Nothing).await.is_ok());
            }
        });
    }));
    rows.extend(asyncio("executors.py", &[1, JOBS, PROCESSES / 5, ROUNDS])?);
    print_ratios("a job that does nothing", &rows);
    runtime.block_on(async {
        plain.finish().await;
        processes.shutdown(process_pool::Queued::Finish).await;
        each_its_own.shutdown(process_pool::Queued::Finish).await;
    });
    Ok(())
}
