//! What the proofs of this recipe share.

use std::future::poll_fn;
use std::sync::mpsc;
use std::task::Poll;

use cancel_sweep::At;
use tokio::sync::oneshot;

use crate::real_time::{PATIENCE, soon_on_real_time};

/// Returns work that ends when the runtime has had a turn since it began: its waiter has suspended by then.
pub fn held_for_a_turn() -> impl FnOnce() + Send {
    let ((begun, has_begun), (end, may_end)) = (oneshot::channel(), mpsc::channel());
    tokio::spawn(async move {
        if has_begun.await.is_ok() {
            end.send(()).unwrap();
        }
    });
    move || {
        begun.send(()).unwrap();
        may_end.recv_timeout(PATIENCE).unwrap();
    }
}

/// Polls a future until it has suspended for the `suspension`th time, and drops it there: at once, or when it would be
/// polled again. Returns `None` if it did not end before.
pub async fn drop_at<F: Future>(future: F, At { suspension, woken }: At) -> Option<F::Output> {
    let (mut future, mut suspended) = (Box::pin(future), 0);
    let outcome = poll_fn(|cx| {
        if suspended == suspension {
            return Poll::Ready(None);
        }
        match future.as_mut().poll(cx) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending => {
                suspended += 1;
                if suspended == suspension && !woken { Poll::Ready(None) } else { Poll::Pending }
            }
        }
    });
    soon_on_real_time(outcome).await
}
