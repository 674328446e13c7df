//! Lessons of the pattern `until_signal`.

use std::future::{pending, ready};
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use graceful_shutdown::until_signal::{ServedUntil, serve_until};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::support::{Count, Entries, alive_tasks, ends, ms};

const LIMIT: Duration = ms(200);

/// Serves until the signal, which comes after 300 ms, and returns the result with the time it took.
async fn served<T, F: Future<Output = T>>(
    accept: impl FnOnce(TaskTracker, CancellationToken) -> F,
) -> (ServedUntil<T>, Duration) {
    let start = Instant::now();
    (ends(serve_until(sleep(ms(300)), LIMIT, accept)).await, start.elapsed())
}

/// A stop that comes when the accept loop has been polled.
async fn after_a_turn() {
    yield_now().await;
}

fn at_the_signal<T>(left: usize) -> ServedUntil<T> {
    ServedUntil { returned: None, left }
}

/// asyncio: `wait(tasks, timeout=10)` returns with the last task, not at the timeout. So does this.
#[tokio::test(start_paused = true)]
async fn it_waits_for_the_tasks_and_no_longer() {
    let done = Count::default();
    let two = |tasks: TaskTracker, _stopping| {
        for millis in [100, 450] {
            let done = done.clone();
            tasks.spawn(async move {
                sleep(ms(millis)).await;
                done.add();
            });
        }
        pending::<()>()
    };
    assert_eq!(served(two).await, (at_the_signal(0), ms(450)));
    assert_eq!(done.get(), 2);
}

/// asyncio: `wait` returns the pending tasks. Here: `serve_until` returns their number.
#[tokio::test(start_paused = true)]
async fn at_the_limit_it_says_how_many_are_left() {
    let three = |tasks: TaskTracker, _stopping| {
        for millis in [400, 499, 501] {
            tasks.spawn(sleep(ms(millis)));
        }
        pending::<()>()
    };
    assert_eq!(served(three).await, (at_the_signal(1), ms(500)));
}

/// The hazard: a task that ends in the instant of the limit may count as left. The pattern `shutdown` gives it a few turns.
#[tokio::test(start_paused = true)]
async fn but_a_task_that_ends_with_the_limit_counts_as_left() {
    let accept = |tasks: TaskTracker, _stopping| {
        tasks.spawn(async {
            sleep(LIMIT / 2).await;
            sleep(LIMIT / 2).await;
        });
        pending::<()>()
    };
    assert_eq!(ends(serve_until(ready(()), LIMIT, accept)).await, at_the_signal(1));
}

/// asyncio: `close` of the server stops accepting. Here the loop is dropped at its await, and the listener with it.
#[tokio::test(start_paused = true)]
async fn the_signal_drops_the_accept_loop() {
    let dropped = Count::default();
    let listener = dropped.on_drop();
    let accept = async move |_tasks, _stopping| {
        let _listener = listener;
        pending::<()>().await;
    };
    assert_eq!(served(accept).await, (at_the_signal(0), ms(300)));
    assert_eq!(dropped.get(), 1);
}

/// asyncio: after `close` a client is refused, while requests are still answered. Here too: `move` gives the loop the listener.
#[tokio::test]
async fn the_signal_closes_the_listener() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let refused = Arc::new(OnceLock::new());
    let saw = refused.clone();
    let accept = async move |tasks: TaskTracker, stopping: CancellationToken| {
        tasks.spawn(async move {
            stopping.cancelled().await;
            let error = TcpStream::connect(address).await.map(drop).unwrap_err();
            saw.set(error.kind()).unwrap();
        });
        listener.accept().await.unwrap();
    };
    assert_eq!(ends(serve_until(after_a_turn(), Duration::MAX, accept)).await, at_the_signal(0));
    assert_eq!(refused.get(), Some(&io::ErrorKind::ConnectionRefused));
}

/// The hazard: without `move` the loop borrows the listener, which then takes connections that are never handled.
#[tokio::test]
async fn but_a_borrowed_listener_still_takes_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let accept = async |_tasks, _stopping| {
        listener.accept().await.unwrap();
    };
    assert_eq!(ends(serve_until(after_a_turn(), Duration::MAX, accept)).await, at_the_signal(0));
    let client = TcpStream::connect(address).await.unwrap();
    drop(listener);
    assert!(TcpStream::connect(address).await.is_err());
    drop(client);
}

/// asyncio: `cancel` raises in the task. Here a token is cancelled, and a task that watches it has the limit to clean up.
#[tokio::test(start_paused = true)]
async fn a_task_may_clean_up_when_its_token_is_cancelled() {
    let log = Entries::new();
    let saves = log.clone();
    let one = |tasks: TaskTracker, stopping: CancellationToken| {
        tasks.spawn(async move {
            stopping.cancelled().await;
            sleep(ms(50)).await;
            saves.add("saved");
        });
        pending::<()>()
    };
    assert_eq!(served(one).await, (at_the_signal(0), ms(350)));
    assert_eq!(log.take(), ["saved"]);
}

/// A listener that is broken ends the service as a signal does, and the caller has the error.
#[tokio::test(start_paused = true)]
async fn an_error_of_the_accept_loop_ends_it_too() {
    let accept = async |tasks: TaskTracker, _stopping| -> io::Result<()> {
        tasks.spawn(sleep(ms(100)));
        Err(io::ErrorKind::ConnectionAborted.into())
    };
    let (served, elapsed) = served(accept).await;
    let error = served.returned.unwrap().unwrap_err();
    assert_eq!((error.kind(), served.left, elapsed), (io::ErrorKind::ConnectionAborted, 0, ms(100)));
}

/// Ctrl-C while a program starts: it serves no request, and drops the resources set up so far.
#[tokio::test(start_paused = true)]
async fn a_signal_during_the_start_up_ends_it() {
    let (connected, migrated) = (Count::default(), Count::default());
    let (pool, migrates) = (connected.on_drop(), migrated.clone());
    let starts_up = async move |_tasks, _stopping| {
        let _pool = pool;
        sleep(ms(5_000)).await; // a migration
        migrates.add();
        pending::<()>().await;
    };
    assert_eq!(served(starts_up).await, (at_the_signal(0), ms(300)));
    assert_eq!((connected.get(), migrated.get()), (1, 0));
}

/// A signal that comes before the first connection is polled first.
#[tokio::test(start_paused = true)]
async fn a_signal_that_was_there_first_wins() {
    let served = ends(serve_until(ready(()), LIMIT, |_tasks, _stopping| ready("accepted"))).await;
    assert_eq!(served, at_the_signal(0));
}

/// What this form does not do: the tasks that are left are not aborted, and run on.
#[tokio::test(start_paused = true)]
async fn but_what_is_left_runs_on_until_the_runtime_ends() {
    let done = Count::default();
    let counts = done.clone();
    let slow = |tasks: TaskTracker, _stopping| {
        tasks.spawn(async move {
            sleep(ms(600)).await;
            counts.add();
        });
        pending::<()>()
    };
    assert_eq!(served(slow).await, (at_the_signal(1), ms(500)));
    assert_eq!((alive_tasks(), done.get()), (1, 0));
    sleep(ms(101)).await;
    assert_eq!((alive_tasks(), done.get()), (0, 1));
}

/// What this form does not do: a tracker that is closed still starts tasks. `serve_until` waits for them as well.
#[tokio::test(start_paused = true)]
async fn but_a_task_may_start_others_after_the_stop() {
    let done = Count::default();
    let counts = done.clone();
    let chain = |tasks: TaskTracker, stopping: CancellationToken| {
        let later = tasks.clone();
        tasks.spawn(async move {
            stopping.cancelled().await;
            later.spawn(async move {
                sleep(ms(100)).await;
                counts.add();
            });
        });
        pending::<()>()
    };
    assert_eq!(served(chain).await, (at_the_signal(0), ms(400)));
    assert_eq!(done.get(), 1);
}

/// asyncio: an exception that is not retrieved is logged late. Here a panic goes to the panic hook, and is not counted.
#[tokio::test(start_paused = true)]
async fn but_a_panic_of_a_task_is_reported_by_the_hook_alone() {
    let both = |tasks: TaskTracker, _stopping| {
        tasks.spawn(async { panic!("no index") });
        tasks.spawn(sleep(ms(400)));
        pending::<()>()
    };
    assert_eq!(served(both).await, (at_the_signal(0), ms(400)));
}

/// A dropped `serve_until`, as in a timeout, still asks the tasks to end.
#[tokio::test(start_paused = true)]
async fn a_drop_of_it_cancels_the_token() {
    let cancelled = Count::default();
    let counted = cancelled.clone();
    let one = |tasks: TaskTracker, stopping: CancellationToken| {
        tasks.spawn(async move {
            stopping.cancelled().await;
            counted.add();
        });
        pending::<()>()
    };
    assert!(timeout(ms(100), serve_until(pending(), LIMIT, one)).await.is_err());
    yield_now().await;
    assert_eq!(cancelled.get(), 1);
}

/// Real signals, in a process of its own: each ends the service, and a request in flight is answered.
#[cfg(unix)]
#[test]
fn ctrl_c_and_sigterm_end_a_service() {
    use crate::processes::{say, with_a_process};
    use graceful_shutdown::until_signal::stop_signal;
    use rustix::process::Signal;

    with_a_process(
        "until_signal::ctrl_c_and_sigterm_end_a_service",
        || {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
                for name in ["first", "second"] {
                    let accept = |tasks: TaskTracker, stopping: CancellationToken| {
                        tasks.spawn(async move {
                            stopping.cancelled().await;
                            say(name);
                        });
                        say("ready");
                        pending::<()>()
                    };
                    let served = serve_until(stop_signal().unwrap(), ms(10_000), accept).await;
                    assert_eq!(served, at_the_signal(0));
                }
                7
            })
        },
        async |mut process| {
            process.until("ready").await;
            process.signal(Signal::TERM);
            process.until("ready").await;
            process.signal(Signal::INT);
            let (status, rest) = process.end().await;
            assert_eq!((status.code(), rest), (Some(7), vec!["second".to_owned()]));
        },
    );
}
