//! What the lessons of this recipe share.

use std::time::Duration;

use fastrand::Rng;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::soon;

/// Returns whether `work` still waits after an hour.
pub async fn waits_for_ever(work: impl Future) -> bool {
    timeout(Duration::from_secs(60 * 60), work).await.is_err()
}

/// Runs `count` rounds on four threads, each with a schedule from its own seed. A round that would wait forever fails.
pub fn rounds<F: Future<Output = ()> + Send + 'static>(count: u64, round: impl Fn(Rng) -> F) {
    let runtime = Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
    runtime.block_on(async {
        for seed in 0..count {
            let ended = timeout(Duration::from_secs(10), tokio::spawn(round(Rng::with_seed(seed)))).await;
            let ended = ended.unwrap_or_else(|_| panic!("seed {seed}: somebody waits for ever"));
            ended.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        }
    });
}

/// Waits for all tasks; a panic in one goes on here.
pub async fn all<T: 'static>(mut tasks: JoinSet<T>) {
    while let Some(ended) = soon(tasks.join_next()).await {
        ended.unwrap();
    }
}

/// What the lessons and the proofs of `budget` share.
pub mod budget {
    use std::num::NonZeroU32;

    use semaphores::budget::Budget;

    pub fn budget(total: u32) -> Budget {
        Budget::new(NonZeroU32::new(total).unwrap())
    }
}

/// What the lessons and the proofs of `exclusive` share.
pub mod exclusive {
    use std::convert::Infallible;

    use tokio::time::sleep;

    use crate::support::ms;

    /// Returns `value` plus one, after the delay of a database.
    pub async fn one_more(value: u32) -> Result<u32, Infallible> {
        sleep(ms(1)).await;
        Ok(value + 1)
    }
}

/// What the lessons and the proofs of `condition` share.
pub mod condition {

    use semaphores::condition::Condition;
    use tokio::sync::MutexGuard;

    /// A value and the waiters for a change of it.
    #[derive(Default)]
    pub struct Shared<T> {
        pub value: tokio::sync::Mutex<T>,
        pub changed: Condition,
    }

    impl<T> Shared<T> {
        pub async fn wait(&self) -> MutexGuard<'_, T> {
            let guard = self.value.lock().await;
            self.changed.wait(guard).await
        }

        /// Returns whether the lock is taken.
        pub fn is_locked(&self) -> bool {
            self.value.try_lock().is_err()
        }
    }
}

/// What the lessons and the proofs of `rate_limit` share.
pub mod rate_limit {
    use std::num::NonZeroU32;

    use governor::Quota;
    use semaphores::rate_limit::RateLimit;

    use crate::support::ms;

    /// Makes a limit: a burst at once, and then one per interval of milliseconds.
    pub fn rate(burst: u32, millis: u64) -> RateLimit {
        let quota = Quota::with_period(ms(millis)).unwrap().allow_burst(NonZeroU32::new(burst).unwrap());
        RateLimit::new(quota).unwrap()
    }
}
