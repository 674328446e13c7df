//! What the proofs of this recipe share.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use crate::real_time::soon_on_real_time;

/// Drops a future that waits for threads or sockets when it has suspended once more than so often. `None` if it did.
pub async fn drop_at<F: Future>(future: F, suspensions: usize) -> Option<F::Output> {
    let (mut future, mut seen) = (pin!(future), 0);
    let dropping = poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Pending if seen == suspensions => Poll::Ready(None),
        polled => {
            seen += 1;
            polled.map(Some)
        }
    });
    soon_on_real_time(dropping).await
}
