//! Lessons on a future that a test polls itself: that something has not happened yet, and what wakes it.

use futures::FutureExt;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{sleep, timeout};
use tokio_test::{assert_pending, assert_ready, assert_ready_eq, task};

use crate::support::{Count, ms};

/// asyncio: `task.done()` after `sleep(0)`. Tokio: `now_or_never` polls once; what is not ready now is `None`.
#[tokio::test]
async fn one_poll_tells_whether_it_is_ready() {
    let (sender, mut receiver) = mpsc::channel(1);
    assert_eq!(receiver.recv().now_or_never(), None);
    sender.send(7).await.unwrap();
    assert_eq!(receiver.recv().now_or_never(), Some(Some(7)));
}

/// `now_or_never` drops a future that is not ready. A task of `tokio_test`, polled by hand, goes on waiting.
#[test]
fn a_future_waits_on_between_two_polls() {
    let (sender, receiver) = oneshot::channel();
    let mut waiting = task::spawn(receiver);
    assert_pending!(waiting.poll());
    assert!(!waiting.is_woken());
    sender.send(7).unwrap();
    assert!(waiting.is_woken());
    assert_ready_eq!(waiting.poll(), Ok(7));
}

/// asyncio: `notify` wakes one waiter. Tokio: so it does, and the test sees which one, without a runtime.
#[test]
fn a_test_sees_which_waiter_is_woken() {
    let bell = Notify::new();
    let (mut first, mut second) = (task::spawn(bell.notified()), task::spawn(bell.notified()));
    assert_pending!(first.poll());
    assert_pending!(second.poll());
    bell.notify_one();
    assert_eq!((first.is_woken(), second.is_woken()), (true, false));
    assert_ready!(first.poll());
    assert_pending!(second.poll());
}

/// asyncio: a wait of 50 ms proves little. On paused time an hour passes at once, and every event that could come has come.
#[tokio::test(start_paused = true)]
async fn for_an_hour_nothing_comes() {
    let alarms = Count::default();
    let counted = alarms.clone();
    tokio::spawn(async move {
        sleep(ms(61 * 60 * 1_000)).await;
        counted.add();
    });
    sleep(ms(60 * 60 * 1_000)).await;
    assert_eq!(alarms.get(), 0);
    sleep(ms(60 * 60 * 1_000)).await;
    assert_eq!(alarms.get(), 1, "and the check is no tautology");
}

/// A check without a wait proves nothing, because the other task had no turn. Let time pass first.
#[tokio::test(start_paused = true)]
async fn but_a_look_at_once_proves_nothing() {
    let (sender, mut receiver) = mpsc::channel(1);
    tokio::spawn(async move { sender.send("too much").await });
    assert!(receiver.try_recv().is_err(), "the broken check passes");
    assert!(timeout(ms(1), receiver.recv()).await.is_ok(), "the fixed one sees it");
}
