// SPDX-License-Identifier: 0BSD
//! Serves until Ctrl-C or SIGTERM, then waits for the tasks in flight, up to a limit.
//!
//! ```sh
//! cargo add tokio --features macros,signal,time
//! cargo add tokio-util --features rt
//! ```
//!
//! ```
//! use graceful_shutdown::until_signal::serve_until;
//! use std::{io, time::Duration};
//! use tokio::{io::AsyncWriteExt, net::TcpListener, time::sleep};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> io::Result<()> {
//!     let listener = TcpListener::bind("127.0.0.1:0").await?;
//!     let stop = sleep(Duration::from_millis(1)); // in a program: stop_signal()?
//!     let served = serve_until(stop, Duration::from_secs(10), async move |tasks, _stopping| -> io::Result<()> {
//!         loop {
//!             let (mut socket, _peer) = listener.accept().await?;
//!             tasks.spawn(async move { socket.write_all(b"hello").await });
//!         }
//!     });
//!     let served = served.await;
//!     assert!(served.returned.is_none() && served.left == 0); // the signal came, and each task is done
//!     Ok(())
//! }
//! ```
//!
//! The end of `main` drops the runtime, and with it the remaining tasks. This form has limits; the pattern `shutdown`
//! lifts them:
//!
//! - It neither aborts nor names the tasks that are left. A task that ends in the instant of the limit may count as
//!   left.
//! - It reports no panic and no error of a task.
//! - A task may start others after the stop.
//! - A second signal has no effect. `exit_after` of the pattern `signals` ends a process that hangs.
//!
//! A start-up that takes long belongs in `accept`, before its loop: then a signal ends it at once.
//!
//! # Cancel safety
//!
//! Dropping the future drops `accept` and cancels the token. The tasks run on.
//!
//! # Panics
//!
//! [`stop_signal`] panics outside a Tokio runtime, and in one without `enable_io`; [`serve_until`] in one without
//! `enable_time`. A panic in `accept` resumes in the caller at once, without waiting for the tasks.

use std::io;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How [`serve_until`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServedUntil<T> {
    /// What `accept` returned; `None` if the signal came first.
    pub returned: Option<T>,
    /// How many tasks had not ended at the limit. They run on until the runtime ends.
    pub left: usize,
}

/// Listens for Ctrl-C and SIGTERM from this call on; the future is ready at the first.
#[cfg(unix)]
pub fn stop_signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move { tokio::select!(_ = interrupt.recv() => {}, _ = terminate.recv() => {}) })
}

/// Listens for Ctrl-C, Ctrl-Break and the end of the console from this call on; the future is ready at the first.
#[cfg(windows)]
pub fn stop_signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close};
    let (mut interrupt, mut terminate, mut close) = (ctrl_c()?, ctrl_break()?, ctrl_close()?);
    Ok(async move {
        tokio::select!(_ = interrupt.recv() => {}, _ = terminate.recv() => {}, _ = close.recv() => {});
    })
}

/// Runs `accept`, which starts tasks on the tracker, until `stop` is ready or it returns. Then cancels the token, and
/// waits for the tasks, at most for `limit`.
pub async fn serve_until<T, F: Future<Output = T>>(
    stop: impl Future<Output = ()>,
    limit: Duration,
    accept: impl FnOnce(TaskTracker, CancellationToken) -> F,
) -> ServedUntil<T> {
    let (tasks, stopping) = (TaskTracker::new(), CancellationToken::new());
    let _cancel_on_drop = stopping.clone().drop_guard();
    let returned = tokio::select! {
        biased;
        () = stop => None,
        value = accept(tasks.clone(), stopping.clone()) => Some(value),
    };
    stopping.cancel();
    tasks.close(); // `wait` is over when it is closed and empty
    let _late = timeout(limit, tasks.wait()).await;
    ServedUntil { returned, left: tasks.len() }
}
