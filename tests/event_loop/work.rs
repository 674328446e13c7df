//! What the lessons of this recipe share.

use std::time::Duration;

use futures::{StreamExt, stream};
use tokio::runtime::Builder;
use tokio::time::Instant;

use crate::support::ms;

pub const HOUR: Duration = Duration::from_secs(60 * 60);

pub const fn us(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

/// A runtime of one thread, on virtual time.
pub fn paused() -> Builder {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().start_paused(true);
    builder
}

pub fn many_threads() -> Builder {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(4).enable_all();
    builder
}

/// The text of a panic.
pub fn text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default().to_owned()
}

/// Signals that come at these times, each named after its time.
pub fn signals_at<const N: usize>(millis: [u64; N]) -> impl futures::Stream<Item = u64> + Send {
    let start = Instant::now();
    stream::iter(millis).then(move |at| async move {
        tokio::time::sleep_until(start + ms(at)).await;
        at
    })
}

/// What the lessons and the proofs of `callbacks` share.
pub mod callbacks {

    use crate::support::Entries;

    pub fn adds<T: Send + 'static>(log: &Entries<T>, entry: T) -> impl FnOnce() + Send + use<T> {
        let log = log.clone();
        move || log.add(entry)
    }
}

/// What the lessons and the proofs of `interrupt` share.
pub mod interrupt {
    use tokio::time::sleep;
    use tokio_util::sync::CancellationToken;

    use crate::support::ms;

    /// Takes a second; when it is told to end, 50 ms more to clean up.
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

    use event_loop::shutdown::{Grace, Jobs, Stop, Summary};
    use futures::FutureExt;
    use tokio::time::sleep;
    use tokio_util::sync::CancellationToken;

    use crate::support::ms;

    pub type JobResult = Result<(), Box<dyn Error + Send + Sync>>;

    pub const GRACE: Grace = Grace { to_finish: ms(200), to_clean_up: ms(100) };

    /// What a job does in these lessons.
    #[derive(Debug, Clone, Copy)]
    pub enum Kind {
        /// It takes so long, and does not look at its token.
        Takes(u64),
        /// It waits until it is told to end, and takes so long to clean up.
        CleansUp(u64),
        /// It returns an error, after so long.
        Fails(u64),
        /// It panics, after so long.
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

    /// Starts the jobs at once, and waits for more for ever.
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

    pub fn summary<T>(stop: Stop<u64, T>, counts: [usize; 3], stragglers: &[&str]) -> Summary<u64, T> {
        let [finished, cancelled, failed] = counts;
        let stragglers = stragglers.iter().map(|name| (*name).to_owned()).collect();
        Summary { stop, forced: None, finished, cancelled, failed, stragglers }
    }
}

/// What the lessons and the proofs of `not_send` share.
pub mod not_send {
    use std::collections::BTreeMap;
    use tokio::time::sleep;

    use crate::support::ms;

    pub async fn load((text, millis): (&'static str, u64)) -> String {
        sleep(ms(millis)).await;
        match text {
            "panics" => panic!("{text} after {millis}"),
            _ => text.to_owned(),
        }
    }

    pub fn counts<const N: usize>(expected: [(&str, usize); N]) -> BTreeMap<String, usize> {
        expected.map(|(word, count)| (word.to_owned(), count)).into()
    }
}
