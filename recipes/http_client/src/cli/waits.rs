//! How long a URL has waited for others: for a permit, or for a file that this process may open.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

#[derive(Debug, Default)]
pub(crate) struct Waits(Mutex<(Duration, Option<Instant>)>);

impl Waits {
    /// Awaits `wait` and counts its time as waiting.
    pub(crate) async fn during<T>(&self, wait: impl Future<Output = T>) -> T {
        self.lock().1 = Some(Instant::now());
        let output = wait.await;
        let so_far = self.so_far();
        *self.lock() = (so_far, None);
        output
    }

    /// Returns the total waiting time, the current wait included.
    pub(crate) fn so_far(&self) -> Duration {
        let (over, since) = *self.lock();
        over + since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn lock(&self) -> MutexGuard<'_, (Duration, Option<Instant>)> {
        // A panic cannot leave two plain values half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
