//! Lessons of the pattern `laziness`.

use std::future::pending;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use async_await::laziness::first_ok;
use futures::FutureExt;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{Count, leaves_others_their_turn, ms};
use crate::work::{Server, calls};

/// asyncio and Tokio: calling an async function makes a value. The body begins at the `await`.
#[tokio::test(start_paused = true)]
async fn nothing_runs_before_the_await() {
    let server = Server::new([("/a", 100, Ok("a"))]);
    let call = server.get("/a".to_owned());
    sleep(ms(500)).await;
    assert_eq!(server.begun(), []);
    assert_eq!(call.await.as_deref(), Ok("a"));
    assert_eq!(server.begun(), calls([("/a", 500)]));
}

/// asyncio: a task runs without being awaited. Tokio: so does a spawned task.
#[tokio::test(start_paused = true)]
async fn but_a_spawned_task_runs_by_itself() {
    let server = Server::new([("/a", 100, Ok("a"))]);
    let task = tokio::spawn({
        let server = server.clone();
        async move { server.get("/a".to_owned()).await }
    });
    assert_eq!(server.begun(), [], "on one thread it begins when its creator is suspended");
    sleep(ms(500)).await;
    assert_eq!((server.begun(), server.finished()), (calls([("/a", 0)]), 1));
    assert_eq!(task.await.unwrap().as_deref(), Ok("a"));
}

/// asyncio: a forgotten `await` is a `RuntimeWarning` when the program runs. Tokio: the compiler warns about a future
/// alone in a statement, and clippy at `let _`. A dropped future and a list of futures bring no warning.
#[tokio::test]
async fn a_future_that_nobody_awaits_has_never_run() {
    let ran = Count::default();
    let run = async || ran.add();
    #[expect(unused_must_use, reason = "the lesson: the compiler sees this one")]
    run();
    #[expect(clippy::let_underscore_future, let_underscore_drop, reason = "the lesson: this one is seen")]
    let _ = run();
    drop(run());
    let _list = [run(), run()];
    yield_now().await;
    assert_eq!(ran.get(), 0);
}

/// asyncio: `sleep(0.1)` is a coroutine, and so is `wait_for`: their time begins at the `await`. Tokio: the
/// deadline of a `Sleep` and of a `Timeout` is fixed when it is made. An async block around it makes it lazy.
#[tokio::test(start_paused = true)]
async fn but_a_sleep_and_a_timeout_count_from_the_call() {
    let start = Instant::now();
    let bare = (sleep(ms(100)), timeout(ms(150), pending::<()>()));
    let lazy = async { sleep(ms(100)).await };
    sleep(ms(60)).await;
    bare.0.await;
    assert_eq!(start.elapsed(), ms(100));
    assert!(bare.1.await.is_err());
    assert_eq!(start.elapsed(), ms(150));
    lazy.await;
    assert_eq!(start.elapsed(), ms(250));
}

/// asyncio: a cancelled sleep cancels its timer. Tokio: a dropped sleep is removed from the timer, and wakes no task.
#[tokio::test(start_paused = true)]
async fn a_dropped_sleep_takes_its_timer_with_it() {
    #[derive(Default)]
    struct Wakes(Count);
    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.add();
        }
    }
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(wakes.clone());
    let mut cx = Context::from_waker(&waker);
    let [mut kept, mut dropped] = [100, 100].map(|millis| Box::pin(sleep(ms(millis))));
    assert_eq!([kept.as_mut().poll(&mut cx), dropped.as_mut().poll(&mut cx)], [Poll::Pending; 2]);
    drop(dropped);
    sleep(ms(200)).await;
    assert_eq!(wakes.0.get(), 1, "the one that was kept");
}

/// asyncio: each coroutine that is not needed has to be closed, or it warns. Tokio: it is dropped.
#[tokio::test(start_paused = true)]
async fn only_the_attempts_that_are_needed_run() {
    let server =
        Server::new([("/cache", 100, Err("cold")), ("/replica", 200, Ok("news")), ("/origin", 1, Ok(""))]);
    let attempts = ["/cache", "/replica", "/origin"].map(|path| server.get(path.to_owned()));
    assert_eq!(server.begun(), []);
    let start = Instant::now();
    assert_eq!(first_ok(attempts).await.as_deref(), Ok("news"));
    assert_eq!(start.elapsed(), ms(300));
    assert_eq!(server.begun(), calls([("/cache", 0), ("/replica", 100)]));
}

/// The attempts run one after the other, so the errors are in the same order.
#[tokio::test(start_paused = true)]
async fn when_all_fail_every_error_is_reported_in_order() {
    let server = Server::new([("/a", 200, Err("a")), ("/b", 100, Err("b"))]);
    let attempts = ["/a", "/b"].map(|path| server.get(path.to_owned()));
    assert_eq!(first_ok(attempts).await.unwrap_err(), ["a", "b"]);
}

/// Without attempts, the result is an empty list of errors, at the first poll.
#[test]
fn of_nothing_there_is_nothing_to_report() {
    let none: [std::future::Ready<Result<(), ()>>; 0] = [];
    assert_eq!(first_ok(none).now_or_never(), Some(Err(vec![])));
}

/// asyncio: a loop over coroutines that raise at once never gives up its turn. Here it does, so a timeout ends it.
#[tokio::test]
async fn attempts_without_an_end_leave_others_their_turn() {
    let attempts = std::iter::repeat_with(|| std::future::ready(Err::<(), _>(()))).take(2_000_000);
    leaves_others_their_turn(first_ok(attempts)).await;
}
