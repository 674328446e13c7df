//! What the lessons of this recipe share.

use std::time::Duration;

use futures::{StreamExt, stream};
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

use crate::support::ms;

/// Longer than any lesson takes on real time.
pub const AN_HOUR: Duration = ms(3_600_000);

pub fn on_four_threads() -> Runtime {
    Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap()
}

/// Returns signals that come at these times, each named after its time.
pub fn signals_at<const N: usize>(millis: [u64; N]) -> impl futures::Stream<Item = u64> + Send {
    let start = Instant::now();
    stream::iter(millis).then(move |at| async move {
        tokio::time::sleep_until(start + ms(at)).await;
        at
    })
}

/// What the lessons and the proofs of `interrupt` share.
pub mod interrupt {
    use tokio::time::sleep;
    use tokio_util::sync::CancellationToken;

    use crate::support::ms;

    /// Takes a second; when its token is cancelled, 50 ms more to clean up.
    pub async fn main(cancel: CancellationToken) -> &'static str {
        if cancel.run_until_cancelled(sleep(ms(1_000))).await.is_some() {
            return "done";
        }
        sleep(ms(50)).await;
        "cleaned up"
    }
}

/// What the lessons and the proofs of `shutdown` share.
pub mod shutdown {
    use std::error::Error;

    use futures::FutureExt;
    use graceful_shutdown::shutdown::{Grace, StopReason, Summary};
    use tokio::time::sleep;
    use tokio_util::sync::CancellationToken;

    use crate::support::ms;

    /// The error of a job, of any type.
    pub type AnyError = Box<dyn Error + Send + Sync>;
    pub type Jobs = graceful_shutdown::shutdown::Jobs<AnyError>;
    pub type JobResult = Result<(), AnyError>;

    pub const GRACE: Grace = Grace { to_finish: ms(200), to_clean_up: ms(100) };

    /// What a job does in these lessons.
    #[derive(Debug, Clone, Copy)]
    pub enum Kind {
        /// It takes this many milliseconds, and ignores its token.
        Takes(u64),
        /// It waits until its token is cancelled, and takes this long to clean up.
        CleansUp(u64),
        /// It returns an error after this many milliseconds.
        Fails(u64),
        /// It panics after this many milliseconds.
        Panics(u64),
    }

    pub async fn job(kind: Kind, cancel: CancellationToken) -> JobResult {
        match kind {
            Kind::Takes(millis) => sleep(ms(millis)).await,
            Kind::CleansUp(millis) => {
                cancel.cancelled().await;
                sleep(ms(millis)).await;
            }
            Kind::Fails(millis) => {
                sleep(ms(millis)).await;
                return Err("disk full".into());
            }
            Kind::Panics(millis) => {
                sleep(ms(millis)).await;
                panic!("no index");
            }
        }
        Ok(())
    }

    /// Starts the jobs at once, and waits for more forever.
    pub fn intake<const N: usize>(
        kinds: [(&'static str, Kind); N],
    ) -> impl FnOnce(Jobs) -> futures::future::BoxFuture<'static, ()> {
        move |jobs| {
            for (name, kind) in kinds {
                jobs.start(name, move |cancel| job(kind, cancel)).unwrap();
            }
            std::future::pending().boxed()
        }
    }

    pub fn summary<T>(stop: StopReason<u64, T>, counts: [usize; 3], stragglers: &[&str]) -> Summary<u64, T> {
        let [finished, cancelled, failed] = counts;
        let stragglers = stragglers.iter().map(|name| (*name).to_owned()).collect();
        Summary { stop, forced: None, finished, cancelled, failed, stragglers }
    }
}
