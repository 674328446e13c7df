//! Lessons of the pattern `many_readers`.

use std::sync::Arc;
use std::task::{Context, Wake};

use async_await::many_readers::{SingleFlight, spawn_shared};
use futures::FutureExt;
use tokio::join;
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{Count, ms, soon};
use crate::work::many_readers::load;

/// asyncio: a `Task` can be awaited again, a one-shot awaitable cannot. Tokio: a `JoinHandle` is one-shot.
#[tokio::test]
#[should_panic(expected = "JoinHandle polled after completion")]
async fn a_join_handle_awaited_again_panics() {
    let mut task = tokio::spawn(async { 7 });
    assert_eq!((&mut task).await.unwrap(), 7);
    let _again = (&mut task).await;
}

/// asyncio: everyone who awaits a finished task gets its value. Tokio: each clone of the shared task does.
#[tokio::test(start_paused = true)]
async fn every_reader_gets_the_value_also_later() {
    let loads = Count::default();
    let start = Instant::now();
    let task = spawn_shared(load(loads.clone()));
    let (a, b) = join!(task.clone(), task.clone());
    assert_eq!((a.unwrap(), b.unwrap(), start.elapsed()), (1, 1, ms(100)));
    assert_eq!(task.clone().await.unwrap(), 1);
    assert_eq!(task.await.unwrap(), 1);
    assert_eq!((start.elapsed(), loads.get()), (ms(100), 1));
}

/// asyncio: a task runs without being awaited. Tokio: so does this one, while a bare `Shared` is lazy.
#[tokio::test(start_paused = true)]
async fn the_work_goes_on_while_its_readers_are_busy() {
    let (spawned, bare) = (Count::default(), Count::default());
    let (_first, _second) = (spawn_shared(load(spawned.clone())), load(bare.clone()).shared());
    sleep(ms(500)).await;
    assert_eq!((spawned.get(), bare.get()), (1, 0));
}

/// asyncio: the exception of a task is raised in each task that awaits it. Tokio: each reader gets the panic as its
/// error.
#[tokio::test(start_paused = true)]
async fn a_panic_reaches_every_reader() {
    let task = spawn_shared(async {
        sleep(ms(100)).await;
        panic!("broken");
    });
    let (a, b): (Result<(), _>, _) = join!(task.clone(), task);
    assert!(a.unwrap_err().is_panic() && b.unwrap_err().is_panic());
}

/// The hazard: a bare `Shared` is polled by its readers, so a panic in it is a panic of each of them.
#[tokio::test(start_paused = true)]
async fn but_a_panic_in_a_bare_shared_is_a_panic_of_every_reader() {
    let work = async {
        sleep(ms(100)).await;
        panic!("broken");
    };
    let work = futures::FutureExt::boxed(work).shared();
    let readers: [tokio::task::JoinHandle<()>; 2] = [tokio::spawn(work.clone()), tokio::spawn(work)];
    for reader in readers {
        assert!(reader.await.unwrap_err().is_panic());
    }
}

/// asyncio: cancelling one reader cancels the task, and with it the others; `shield` prevents that. Tokio: a reader
/// that is dropped takes nothing from the others.
#[tokio::test(start_paused = true)]
async fn a_dropped_reader_takes_nothing_from_the_others() {
    let start = Instant::now();
    let task = spawn_shared(load(Count::default()));
    let (impatient, patient) = join!(timeout(ms(50), task.clone()), task);
    assert!(impatient.is_err());
    assert_eq!((patient.unwrap(), start.elapsed()), (1, ms(100)));
}

/// asyncio: a cancelled reader removes its callback from the task. Here: its drop removes its waker, which holds the task of the
/// reader.
#[tokio::test(start_paused = true)]
async fn a_dropped_reader_leaves_no_waker_behind() {
    struct Ignores;
    impl Wake for Ignores {
        fn wake(self: Arc<Self>) {}
    }
    let (task, ignores) = (spawn_shared(load(Count::default())), Arc::new(Ignores));
    let mut reader = task.clone();
    assert!(reader.poll_unpin(&mut Context::from_waker(&ignores.clone().into())).is_pending());
    assert_eq!(Arc::strong_count(&ignores), 2);
    drop(reader);
    assert_eq!(Arc::strong_count(&ignores), 1);
    assert_eq!(task.await.unwrap(), 1);
}

/// asyncio: cancelling one reader cancels the task for all. Here: the drop of the last reader aborts it.
#[tokio::test(start_paused = true)]
async fn without_readers_the_work_ends() {
    let (loads, dropped) = (Count::default(), Count::default());
    let task = spawn_shared({
        let (loads, guard) = (loads.clone(), dropped.on_drop());
        async move {
            let _guard = guard;
            load(loads).await
        }
    });
    assert!(timeout(ms(50), task).await.is_err());
    yield_now().await;
    assert_eq!(dropped.get(), 1);
    sleep(ms(500)).await;
    assert_eq!(loads.get(), 0);
}

/// asyncio: keep the task, and let every caller await it. Tokio: the second load is not needed, and never runs.
#[tokio::test(start_paused = true)]
async fn who_asks_while_a_load_runs_gets_its_result() {
    let (flight, loads) = (SingleFlight::default(), Count::default());
    let first = flight.join_or_start(load(loads.clone()));
    sleep(ms(60)).await;
    let start = Instant::now();
    let second = flight.join_or_start(async { unreachable!("a load is under way") });
    let (first, second) = join!(first, second);
    assert_eq!((first.unwrap(), second.unwrap()), (1, 1));
    assert_eq!(start.elapsed(), ms(40));
}

/// It is no cache: a call after the end of a load starts the next one.
#[tokio::test(start_paused = true)]
async fn who_asks_later_starts_the_next_load() {
    let (flight, loads) = (SingleFlight::default(), Count::default());
    assert_eq!(flight.join_or_start(load(loads.clone())).await.unwrap(), 1);
    assert_eq!(flight.join_or_start(load(loads.clone())).await.unwrap(), 2);
}

/// A load that has ended is not joined, also if its readers have not looked yet: no caller gets a result older than its
/// call.
#[tokio::test(start_paused = true)]
async fn a_result_that_nobody_has_read_yet_is_not_given_to_who_asks_later() {
    let (flight, loads) = (SingleFlight::default(), Count::default());
    let unread = flight.join_or_start(load(loads.clone()));
    sleep(ms(500)).await;
    assert_eq!(flight.join_or_start(load(loads.clone())).await.unwrap(), 2);
    assert_eq!(unread.await.unwrap(), 1);
}

/// A load that panicked or lost its readers gives no value: the next call must not join it.
#[tokio::test(start_paused = true)]
async fn after_a_panic_or_the_last_reader_the_next_load_starts_anew() {
    let (flight, loads) = (SingleFlight::default(), Count::default());
    let broken = flight.join_or_start(async { panic!("broken") });
    assert!(broken.await.unwrap_err().is_panic());

    let start = Instant::now();
    assert!(timeout(ms(50), flight.join_or_start(load(loads.clone()))).await.is_err());
    assert_eq!(flight.join_or_start(load(loads.clone())).await.unwrap(), 1);
    assert_eq!(start.elapsed(), ms(150), "50 ms of the first, all of the second");
}

/// Two threads ask at the same moment, a thousand times, and each load ends when both have asked: one is enough.
#[test]
fn two_threads_that_ask_at_the_same_moment_share_one_load() {
    let rounds: Vec<_> = (0..1_000)
        .map(|_| (SingleFlight::default(), Count::default(), Arc::new(Semaphore::new(0))))
        .collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let same_moment = std::sync::Barrier::new(2);
    // Threads of our own: blocking the runtime's threads may leave a task behind in the queue of one of them.
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                for (flight, loads, asked) in &rounds {
                    let (loads, both_asked) = (loads.clone(), asked.clone());
                    let load = async move {
                        loads.add();
                        let _both = both_asked.acquire_many(2).await.unwrap();
                    };
                    runtime.block_on(async {
                        same_moment.wait();
                        let result = flight.join_or_start(load);
                        asked.add_permits(1);
                        result.await.unwrap();
                    });
                }
            });
        }
    });
    assert!(rounds.iter().all(|(_, loads, _)| loads.get() == 1));
}

/// asyncio: "Task cannot await on itself". Tokio: a task that awaits its own handle hangs; here it panics, and its readers
/// get that as their error.
#[tokio::test(start_paused = true)]
async fn a_load_that_awaits_itself_fails_instead_of_hanging() {
    let flight = Arc::new(SingleFlight::default());
    let load = {
        let flight = flight.clone();
        async move { flight.join_or_start(async { 1 }).await.unwrap() }
    };
    let error = soon(flight.join_or_start(load)).await.unwrap_err();
    assert!(error.to_string().ends_with("panicked with message \"a task awaits itself\""), "{error}");
    assert_eq!(soon(flight.join_or_start(async { 2 })).await.unwrap(), 2);
}

/// The hazard: a load does not notice that it awaits itself through another task. A timeout ends it.
#[tokio::test(start_paused = true)]
async fn but_behind_another_task_it_waits_for_itself() {
    let flight = Arc::new(SingleFlight::default());
    let load = {
        let flight = flight.clone();
        async move { tokio::spawn(async move { flight.join_or_start(async { 1 }).await.unwrap() }).await.unwrap() }
    };
    assert!(timeout(ms(60_000), flight.join_or_start(load)).await.is_err());
}
