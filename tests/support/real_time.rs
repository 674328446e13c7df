//! For lessons on real time, which wait for threads and processes.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use futures::future::{Either, select};
use tokio::sync::oneshot;

/// How long a lesson waits for what another thread or process does.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The output of `future`. A lesson that hangs fails, also where it has stopped its runtime's clock.
pub async fn soon_on_real_time<F: Future>(future: F) -> F::Output {
    let ((_waiting, is_over), (late, is_late)) = (mpsc::channel::<()>(), oneshot::channel());
    thread::spawn(move || {
        let is_late = || is_over.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout);
        if is_late() && late.send(()).is_ok() && is_late() {
            eprintln!("a lesson hangs and blocks its thread: only the process can end it");
            std::process::abort();
        }
    });
    match select(std::pin::pin!(future), is_late).await {
        Either::Left((output, _)) => output,
        Either::Right(_) => panic!("it hangs"),
    }
}

/// The same, for work that blocks its thread.
pub fn soon_on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, result) = mpsc::channel();
    let thread = thread::spawn(move || sender.send(work()));
    match result.recv_timeout(PATIENCE) {
        Ok(value) => value,
        Err(RecvTimeoutError::Timeout) => panic!("it hangs"),
        Err(RecvTimeoutError::Disconnected) => std::panic::resume_unwind(thread.join().unwrap_err()),
    }
}
