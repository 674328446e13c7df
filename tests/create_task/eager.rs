//! Lessons of the pattern `eager`.

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use create_task::context::inherit;
use create_task::eager::{Eager, start};
use futures::FutureExt;
use futures::future::join_all;
use tokio::sync::oneshot;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

use crate::support::{Entries, alive_tasks, ms, soon};

/// asyncio 3.12: a task whose body does not wait is done when `create_task` returns. Tokio: `spawn` only queues.
#[tokio::test]
async fn work_that_does_not_wait_is_done_when_start_returns() {
    let eager = start(async { "value" });
    assert!(matches!(eager, Eager::Done("value")));
    assert_eq!((eager.is_finished(), alive_tasks()), (true, 0));
    assert!(!tokio::spawn(async {}).is_finished());
}

/// asyncio 3.12: a cancel after eager completion returns `False` and changes nothing.
#[tokio::test]
async fn an_abort_of_work_that_is_done_changes_nothing() {
    let eager = start(async { "value" });
    eager.abort();
    assert_eq!(eager.join().await.unwrap(), "value");
}

/// asyncio 3.12: the body runs up to its first wait before `create_task` returns.
#[tokio::test(start_paused = true)]
async fn work_that_waits_has_come_to_its_first_wait_and_becomes_a_task() {
    let (log, begun) = (Entries::default(), Instant::now());
    let eager = start({
        let log = log.clone();
        async move {
            log.add("first part");
            sleep(ms(100)).await;
            log.add("second part");
            "value"
        }
    });
    assert_eq!((log.take(), eager.is_finished(), alive_tasks()), (vec!["first part"], false, 1));
    assert_eq!(eager.join().await.unwrap(), "value");
    assert_eq!((log.take(), begun.elapsed()), (vec!["second part"], ms(100)));
}

/// asyncio 3.12: a task that is cancelled right after its start has run its first part; a lazy task never begins.
#[tokio::test(start_paused = true)]
async fn an_abort_comes_after_the_first_part() {
    let log = Entries::default();
    let eager = start({
        let log = log.clone();
        async move {
            let _guard = log.on_drop("dropped");
            log.add("first part");
            sleep(ms(100)).await;
            log.add("second part");
        }
    });
    eager.abort();
    assert!(eager.join().await.unwrap_err().is_cancelled());
    assert_eq!(log.take(), ["first part", "dropped"]);
}

/// asyncio 3.12: an exception in the first part is kept in the task. Tokio: a panic in a future that is polled
/// by hand unwinds into the poller; here it is caught.
#[tokio::test(start_paused = true)]
async fn a_panic_in_either_part_is_an_error_of_the_task() {
    for millis in [0, 100] {
        let eager = start(async move {
            if millis > 0 {
                sleep(ms(millis)).await;
            }
            std::panic::panic_any(millis);
        });
        let payload = eager.join().await.unwrap_err().into_panic();
        assert_eq!(payload.downcast_ref(), Some(&millis));
    }
}

/// The first poll has no waker, so an event before the task's own first poll must not be lost. Each of these is made
/// ready after the first poll and before the second.
#[tokio::test(start_paused = true)]
async fn a_wake_up_between_the_first_poll_and_the_second_is_not_lost() {
    let (send, receive) = oneshot::channel();
    let eager = start(receive);
    send.send("oneshot").unwrap();
    assert_eq!(soon(eager.join()).await.unwrap(), Ok("oneshot"));

    let (send, mut receive) = mpsc::channel(1);
    let eager = start(async move { receive.recv().await });
    send.try_send("mpsc").unwrap();
    assert_eq!(soon(eager.join()).await.unwrap(), Some("mpsc"));

    let notify = Arc::new(Notify::new());
    let eager = start(notify.clone().notified_owned());
    notify.notify_one();
    soon(eager.join()).await.unwrap();

    let permits = Arc::new(Semaphore::new(0));
    let eager = start(permits.clone().acquire_owned());
    permits.add_permits(1);
    drop(soon(eager.join()).await.unwrap().unwrap());
    assert_eq!(permits.available_permits(), 1);

    let eager = start(sleep(ms(100)));
    tokio::time::advance(ms(200)).await;
    soon(eager.join()).await.unwrap();

    // Futures that keep wakers of their own for the futures inside them.
    let (sends, receives): (Vec<_>, Vec<_>) = (0..100).map(|_| oneshot::channel()).unzip();
    let eager = start(join_all(receives));
    for (n, send) in sends.into_iter().enumerate() {
        send.send(n).unwrap();
    }
    let received = soon(eager.join()).await.unwrap().into_iter().map(Result::unwrap);
    assert!(received.eq(0..100));
}

/// An event after the second poll reaches the task through the waker of that poll.
#[tokio::test(start_paused = true)]
async fn a_wake_up_after_the_second_poll_reaches_the_task() {
    let wakers = Arc::new(Mutex::new(Vec::<Waker>::new()));
    let ready = Arc::new(AtomicUsize::new(0));
    let eager = start({
        let (wakers, ready) = (wakers.clone(), ready.clone());
        poll_fn(move |cx| {
            wakers.lock().unwrap().push(cx.waker().clone());
            if ready.load(SeqCst) > 0 { Poll::Ready("woken") } else { Poll::Pending }
        })
    });
    sleep(ms(100)).await;
    ready.store(1, SeqCst);
    let latest = {
        let wakers = wakers.lock().unwrap();
        assert_eq!(wakers.len(), 2, "polled by start, and once as a task");
        wakers[1].clone()
    };
    latest.wake();
    assert_eq!(soon(eager.join()).await.unwrap(), "woken");
}

/// With the caller's waker in the first poll, an event before the second poll would wake the caller for nothing.
#[tokio::test(start_paused = true)]
async fn the_caller_is_not_woken_by_the_work() {
    let mut polls = 0;
    let mut caller = Box::pin(async {
        let (send, receive) = oneshot::channel();
        let eager = start(receive);
        send.send(()).unwrap();
        sleep(ms(100)).await;
        eager.is_finished()
    });
    let done = poll_fn(|cx| {
        polls += 1;
        caller.as_mut().poll(cx)
    });
    assert!(done.await);
    assert_eq!(polls, 2, "once to begin, once after the sleep");
}

/// asyncio 3.12: an eager task has a context and an identity of its own from its first part on. Here the first part
/// runs in the caller's context. The rest does not see it, unless it was inherited.
#[tokio::test]
async fn the_first_part_sees_the_callers_context_and_the_rest_only_what_was_inherited() {
    tokio::task_local! {
        static REQUEST: &'static str;
    }
    async fn before_and_after() -> [Option<&'static str>; 2] {
        let before = REQUEST.try_get().ok();
        yield_now().await;
        [before, REQUEST.try_get().ok()]
    }
    let both = REQUEST.scope("request-1", async {
        let bare = start(before_and_after());
        let inherited = start(inherit(&REQUEST, before_and_after()));
        (bare.join().await.unwrap(), inherited.join().await.unwrap())
    });
    assert_eq!(both.await, ([Some("request-1"), None], [Some("request-1"), Some("request-1")]));
}

/// asyncio 3.12: eager work that does not wait never enters the loop's queue. Here: it is never spawned.
#[tokio::test]
async fn a_hundred_thousand_that_do_not_wait_make_no_task() {
    for n in 0..100_000 {
        assert!(matches!(start(async move { n }), Eager::Done(value) if value == n));
    }
    assert_eq!(alive_tasks(), 0);
}

/// If the caller has used up its budget, the work has to wait, and its result is not lost.
#[tokio::test]
async fn a_caller_that_has_used_up_its_turn_makes_a_task_of_it() {
    let permits = Arc::new(Semaphore::new(1));
    while tokio::task::coop::consume_budget().now_or_never().is_some() {}
    let eager = start(permits.acquire_owned());
    assert!(!eager.is_finished());
    assert!(eager.join().await.unwrap().is_ok());
}

/// asyncio: `RuntimeError`, "Task cannot await on itself". Here: a panic of the task.
#[tokio::test(start_paused = true)]
async fn a_task_that_awaits_itself_panics() {
    let (give, me) = oneshot::channel::<Eager<()>>();
    let eager = start(async move { me.await.unwrap().join().await.unwrap() });
    assert!(give.send(eager).is_ok());
    sleep(ms(1)).await;
    assert_eq!(alive_tasks(), 0);
}
