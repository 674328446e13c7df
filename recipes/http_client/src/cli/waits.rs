//! How long a URL has waited for others: for a permit, or for a file that this process may open.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

#[derive(Debug, Default)]
pub(crate) struct Waits(Mutex<(Duration, Option<Instant>)>);

impl Waits {
    /// The output of `wait`, whose time counts as waiting.
    pub(crate) async fn during<T>(&self, wait: impl Future<Output = T>) -> T {
        self.lock().1 = Some(Instant::now());
        let output = wait.await;
        let so_far = self.so_far();
        *self.lock() = (so_far, None);
        output
    }

    /// All of it, also of a wait that goes on.
    pub(crate) fn so_far(&self) -> Duration {
        let (over, since) = *self.lock();
        over + since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn lock(&self) -> MutexGuard<'_, (Duration, Option<Instant>)> {
        // Two plain values are whole, whatever panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
