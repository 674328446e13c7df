//! What the lessons of this recipe share.

use futures::future::pending;
use tokio::task::JoinError;
use tokio::time::sleep;

use crate::support::ms;

/// What goes wrong here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is broken")]
pub struct Broken(pub &'static str);

/// Another thing that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is missing")]
pub struct Missing(pub &'static str);

/// Takes `millis`; ends as the name says.
pub async fn load(name: &'static str, millis: u64) -> Result<&'static str, Broken> {
    sleep(ms(millis)).await;
    match name {
        "panics" => panic!("{name} after {millis}"),
        "bad" => Err(Broken(name)),
        _ => Ok(name),
    }
}

/// The error of a task that was aborted.
pub async fn aborted() -> JoinError {
    let task = tokio::spawn(pending::<()>());
    task.abort();
    task.await.unwrap_err()
}

/// What the lessons and the proofs of `background` share.
pub mod background {
    use std::sync::{Arc, Mutex};

    use error_handling::background::{Failure, Unheard, reported};

    use crate::work::{Broken, load};

    pub type Heard = Arc<Mutex<Vec<Failure<Broken>>>>;

    /// `load`, with a report into the list.
    pub fn work(
        name: &'static str,
        millis: u64,
        heard: &Heard,
    ) -> impl Future<
        Output = Result<&'static str, Unheard<Broken, impl FnOnce(Failure<Broken>) + Send + use<>>>,
    > + Send
    + use<> {
        let heard = heard.clone();
        reported(load(name, millis), move |failure| heard.lock().unwrap().push(failure))
    }

    pub fn taken(heard: &Heard) -> Vec<Failure<Broken>> {
        std::mem::take(&mut *heard.lock().unwrap())
    }
}

/// What the lessons and the proofs of `supervise` share.
pub mod supervise {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use backon::ExponentialBuilder;
    use error_handling::supervise::{Restart, Supervisor};
    use tokio::time::Instant;
    use tokio_util::sync::CancellationToken;

    use crate::support::ms;
    use crate::work::load;

    pub const PAUSES: ExponentialBuilder =
        ExponentialBuilder::new().with_min_delay(ms(125)).with_max_delay(ms(1_000)).without_max_times();

    pub const ALWAYS: Restart =
        Restart { pauses: PAUSES, healthy: Duration::MAX, failures: usize::MAX, window: Duration::MAX };

    pub type Told = Arc<Mutex<Vec<(u128, String, String, Option<Duration>)>>>;

    pub type Report = Box<dyn Fn(&str, &anyhow::Error, Option<Duration>) + Send + Sync>;

    /// A supervisor whose reports are kept, each with the milliseconds that have passed.
    pub fn supervisor() -> (Supervisor<Report>, Told) {
        let (told, start) = (Told::default(), Instant::now());
        let reports = told.clone();
        let report: Report = Box::new(move |name, error, pause| {
            let at = start.elapsed().as_millis();
            reports.lock().unwrap().push((at, name.to_owned(), format!("{error:#}"), pause));
        });
        (Supervisor::new(report), told)
    }

    /// The milliseconds and the pauses of all reports.
    pub fn pauses(told: &Told) -> Vec<(u128, Option<u128>)> {
        told.lock()
            .unwrap()
            .iter()
            .map(|(at, _, _, pause)| (*at, pause.map(|pause| pause.as_millis())))
            .collect()
    }

    pub fn failing(
        millis: u64,
    ) -> impl FnMut(CancellationToken) -> futures::future::BoxFuture<'static, anyhow::Result<()>> {
        move |_| Box::pin(async move { Ok(load("bad", millis).await.map(drop)?) })
    }
}

/// What the lessons and the proofs of `retry` share.
pub mod retry {
    use std::time::Duration;

    use backon::ExponentialBuilder;
    use error_handling::retry::Verdict;
    use tokio::task::JoinError;

    use crate::support::ms;

    pub const PAUSES: ExponentialBuilder =
        ExponentialBuilder::new().with_min_delay(ms(125)).without_max_times();

    #[derive(Debug, thiserror::Error)]
    pub enum CallError {
        #[error("busy")]
        Busy,
        #[error("busy for a while")]
        BusyFor(Duration),
        #[error("wrong")]
        Wrong,
        #[error("a task has ended")]
        Task(#[from] JoinError),
    }

    pub fn judge(error: &CallError) -> Verdict {
        match error {
            CallError::Busy => Verdict::Again,
            CallError::BusyFor(pause) => Verdict::After(*pause),
            CallError::Wrong => Verdict::Final,
            // On purpose: a cancellation is final, whatever the caller's judge says.
            CallError::Task(_) => Verdict::Again,
        }
    }
}
