//! What the proofs of this recipe share.

use std::future::poll_fn;
use std::process::{Command, Output, Stdio};
use std::task::Poll;

use crate::real_time::{soon_on_a_thread, soon_on_real_time};

/// Polls a future that waits for processes, and drops it when it has suspended so often. `None` if it had no end before.
pub async fn drop_at<F: Future>(future: F, suspensions: usize) -> Option<F::Output> {
    let mut future = Box::pin(future);
    let mut left = suspensions;
    let dropped = poll_fn(move |cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    });
    soon_on_real_time(dropped).await
}

/// Runs a program of this recipe to its end, with an empty stdin.
pub fn output(path: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Output {
    let mut command = Command::new(path);
    command.args(arguments).stdin(Stdio::null());
    soon_on_a_thread(move || command.output().expect("`cargo test -p subprocesses` builds it"))
}
