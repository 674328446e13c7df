//! What the locks of `recipes/semaphores` cost: to go in and out alone, with others who wait, from two threads; and to
//! be woken by an event, a condition and a barrier.

use std::convert::Infallible;
use std::future::ready;
use std::hint::black_box;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bench::{asyncio, measure, print_ratios};
use semaphores::barrier::Barrier;
use semaphores::budget::Budget;
use semaphores::condition::Condition;
use semaphores::event::Event;
use semaphores::exclusive::{change, claim, update};
use semaphores::limit::Limit;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::{JoinSet, yield_now};

/// How often each goes in and out.
const ENTRIES: usize = 1_000_000;
/// How many wait for each other, and how often.
const TASKS: usize = 100;
const ROUNDS_EACH: usize = 1_000;
/// How often it is measured.
const ROUNDS: usize = 5;
const ONE: NonZeroUsize = NonZeroUsize::new(1).unwrap();
const HUNDRED: NonZeroUsize = NonZeroUsize::new(TASKS).unwrap();

/// Runs that many tasks to their end.
fn run<F>(runtime: &Runtime, tasks: usize, task: impl Fn() -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    run_with(runtime, tasks, task, ready(()));
}

/// Runs that many tasks to their end, and one that wakes them. It is the last in the line of those that are ready, so all
/// of them wait when its turn comes.
fn run_with<F>(
    runtime: &Runtime,
    tasks: usize,
    task: impl Fn() -> F,
    wakes: impl Future<Output = ()> + Send + 'static,
) where
    F: Future<Output = ()> + Send + 'static,
{
    runtime.block_on(async {
        let mut tasks: JoinSet<_> = (0..tasks).map(|_| task()).collect();
        tasks.spawn(wakes);
        while tasks.join_next().await.is_some() {}
    });
}

/// So many tasks, which go in and out of a section without an await in it, a million times in all.
fn short(runtime: &Runtime, title: &str, tasks: usize) -> anyhow::Result<()> {
    let each = ENTRIES / tasks;
    let all = |name: &str, work: &dyn Fn()| measure(name, ENTRIES, ROUNDS, work);
    let mut rows = vec![
        all("std's Mutex: change", &|| {
            let value = Arc::new(std::sync::Mutex::new(0));
            run(runtime, tasks, || {
                let value = value.clone();
                async move {
                    for _ in 0..each {
                        let _changed = change(&value, |value| *value += 1);
                    }
                }
            });
            assert_eq!(change(&value, |value| *value), Ok(ENTRIES));
        }),
        all("an atomic: claim", &|| {
            let left = Arc::new(AtomicU32::new(u32::MAX));
            run(runtime, tasks, || {
                let left = left.clone();
                async move {
                    for _ in 0..each {
                        black_box(claim(&left));
                    }
                }
            });
        }),
        all("an atomic: fetch_add", &|| {
            let value = Arc::new(AtomicU32::new(0));
            run(runtime, tasks, || {
                let value = value.clone();
                async move {
                    for _ in 0..each {
                        black_box(value.fetch_add(1, Ordering::Relaxed));
                    }
                }
            });
        }),
        all("tokio's Mutex", &|| {
            let value = Arc::new(tokio::sync::Mutex::new(0));
            run(runtime, tasks, || {
                let value = value.clone();
                async move {
                    for _ in 0..each {
                        *value.lock().await += 1;
                    }
                }
            });
            assert_eq!(value.try_lock().map(|value| *value).unwrap_or_default(), ENTRIES);
        }),
        all("tokio's Mutex: update", &|| {
            let value = Arc::new(tokio::sync::Mutex::new(0));
            run(runtime, tasks, || {
                let value = value.clone();
                async move {
                    for _ in 0..each {
                        let _new = update(&value, |value| ready(Ok::<usize, Infallible>(value + 1))).await;
                    }
                }
            });
            assert_eq!(value.try_lock().map(|value| *value).unwrap_or_default(), ENTRIES);
        }),
        all("tokio's Semaphore", &|| {
            let semaphore = Arc::new(Semaphore::new(1));
            run(runtime, tasks, || {
                let semaphore = semaphore.clone();
                async move {
                    for _ in 0..each {
                        let _permit = black_box(semaphore.acquire().await);
                    }
                }
            });
        }),
        all("tokio's Semaphore: Limit", &|| {
            let limit = Limit::new(ONE);
            run(runtime, tasks, || {
                let limit = limit.clone();
                async move {
                    for number in 0..each {
                        black_box(limit.run(ready(number)).await);
                    }
                }
            });
        }),
        all("tokio's Semaphore: Budget", &|| {
            let budget = Arc::new(Budget::new(NonZeroU32::MAX));
            run(runtime, tasks, || {
                let budget = budget.clone();
                async move {
                    for _ in 0..each {
                        let _share = black_box(budget.take(3).await);
                    }
                }
            });
        }),
    ];
    if tasks == 1 {
        rows.extend(asyncio("semaphores.py", &[1, ENTRIES, ROUNDS])?);
    }
    print_ratios(title, &rows);
    Ok(())
}

/// A hundred tasks, which await in the section, so that the others wait for it.
fn long(one: &Runtime) -> anyhow::Result<()> {
    let entries = TASKS * ROUNDS_EACH;
    let mut rows = vec![
        measure("tokio's Mutex", entries, ROUNDS, || {
            let lock = Arc::new(tokio::sync::Mutex::new(()));
            run(one, TASKS, || {
                let lock = lock.clone();
                async move {
                    for _ in 0..ROUNDS_EACH {
                        let _guard = lock.lock().await;
                        yield_now().await;
                    }
                }
            });
        }),
        measure("Limit of one", entries, ROUNDS, || {
            let limit = Limit::new(ONE);
            run(one, TASKS, || {
                let limit = limit.clone();
                async move {
                    for _ in 0..ROUNDS_EACH {
                        limit.run(yield_now()).await;
                    }
                }
            });
        }),
    ];
    rows.extend(asyncio("semaphores.py", &[TASKS, ROUNDS_EACH, ROUNDS])?);
    print_ratios("a hundred tasks on one thread, an await inside", &rows);
    Ok(())
}

/// A hundred who are woken together, round after round.
fn meetings(one: &Runtime) -> anyhow::Result<()> {
    let wakes = TASKS * ROUNDS_EACH;
    let mut rows = vec![
        measure("Barrier", wakes, ROUNDS, || {
            let barrier = Arc::new(Barrier::new(HUNDRED));
            run(one, TASKS, || {
                let barrier = barrier.clone();
                async move {
                    for _ in 0..ROUNDS_EACH {
                        let _index = black_box(barrier.wait().await);
                    }
                }
            });
        }),
        measure("tokio's Barrier", wakes, ROUNDS, || {
            let barrier = Arc::new(tokio::sync::Barrier::new(TASKS));
            run(one, TASKS, || {
                let barrier = barrier.clone();
                async move {
                    for _ in 0..ROUNDS_EACH {
                        black_box(barrier.wait().await);
                    }
                }
            });
        }),
        measure("Event, a pulse each round", wakes, ROUNDS, || {
            let event = Arc::new(Event::new());
            let task = || {
                let event = event.clone();
                async move {
                    for _ in 0..ROUNDS_EACH {
                        event.wait().await;
                    }
                }
            };
            let sets = event.clone();
            run_with(one, TASKS, task, async move {
                for _ in 0..ROUNDS_EACH {
                    yield_now().await;
                    sets.set();
                    sets.clear();
                }
            });
        }),
        measure("tokio's Notify, notify_waiters", wakes, ROUNDS, || {
            let notify = Arc::new(Notify::new());
            let task = || {
                let notify = notify.clone();
                async move {
                    for _ in 0..ROUNDS_EACH {
                        notify.notified().await;
                    }
                }
            };
            let notifies = notify.clone();
            run_with(one, TASKS, task, async move {
                for _ in 0..ROUNDS_EACH {
                    yield_now().await;
                    notifies.notify_waiters();
                }
            });
        }),
        measure("Condition, notify_all", wakes, ROUNDS, || {
            let shared = Arc::new((tokio::sync::Mutex::new(0), Condition::new()));
            let task = || {
                let shared = shared.clone();
                async move {
                    let (lock, changed) = &*shared;
                    for round in 1..=ROUNDS_EACH {
                        drop(changed.wait_for(lock.lock().await, |value| *value >= round).await);
                    }
                }
            };
            let raises = shared.clone();
            run_with(one, TASKS, task, async move {
                for _ in 0..ROUNDS_EACH {
                    yield_now().await;
                    *raises.0.lock().await += 1;
                    raises.1.notify_all();
                }
            });
        }),
        measure("tokio's watch, wait_for", wakes, ROUNDS, || {
            let (value, seen) = watch::channel(0);
            let task = || {
                let mut seen = seen.clone();
                async move {
                    for round in 1..=ROUNDS_EACH {
                        let _value = black_box(seen.wait_for(|value| *value >= round).await);
                    }
                }
            };
            run_with(one, TASKS, task, async move {
                for round in 1..=ROUNDS_EACH {
                    yield_now().await;
                    value.send_replace(round);
                }
            });
        }),
    ];
    rows.extend(asyncio("semaphores.py", &[TASKS, ROUNDS_EACH, ROUNDS, 1])?);
    print_ratios("a hundred tasks on one thread, woken together", &rows);
    Ok(())
}

fn main() -> anyhow::Result<()> {
    let one = Builder::new_current_thread().build()?;
    let two = Builder::new_multi_thread().worker_threads(2).build()?;
    short(&one, "one task, alone", 1)?;
    short(&two, "two tasks on two threads, at once", 2)?;
    long(&one)?;
    meetings(&one)
}
