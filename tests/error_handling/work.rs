//! What the lessons of this recipe share.

use futures::future::pending;
use tokio::task::JoinError;
use tokio::time::sleep;

use crate::support::ms;

/// The error of `load`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is broken")]
pub struct Broken(pub &'static str);

/// An error of another type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is missing")]
pub struct Missing(pub &'static str);

/// Takes `millis`, and then ends as `name` says.
pub async fn load(name: &'static str, millis: u64) -> Result<&'static str, Broken> {
    sleep(ms(millis)).await;
    match name {
        "panics" => panic!("{name} after {millis}"),
        "bad" => Err(Broken(name)),
        _ => Ok(name),
    }
}

/// Returns the error of a task that was aborted.
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

    /// Runs `load`, and reports into the list.
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

    /// Makes a supervisor and the list of its reports, each with the milliseconds that have passed.
    pub fn supervisor() -> (Supervisor<Report>, Told) {
        let (reported, start) = (Told::default(), Instant::now());
        let reports = reported.clone();
        let report: Report = Box::new(move |name, error, pause| {
            let at = start.elapsed().as_millis();
            reports.lock().unwrap().push((at, name.to_owned(), format!("{error:#}"), pause));
        });
        (Supervisor::new(report), reported)
    }

    /// Returns the milliseconds and the pauses of all reports.
    pub fn pauses(reported: &Told) -> Vec<(u128, Option<u128>)> {
        reported
            .lock()
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

/// What the lessons and the proofs of `circuit_breaker` share.
pub mod breaker {
    use error_handling::circuit_breaker::{BreakerLimits, CircuitBreaker};

    use crate::support::ms;

    pub const LIMITS: BreakerLimits =
        BreakerLimits { failures: 3, window: ms(10_000), open_for: ms(30_000), trials: 1 };

    /// Makes a call that takes no time and succeeds or fails, if the breaker permits it.
    pub async fn call(breaker: &CircuitBreaker, succeeds: bool) {
        let _refused = breaker.call(async || succeeds, |succeeded| !succeeded).await;
    }

    /// Makes calls that fail in one instant.
    pub async fn fail(breaker: &CircuitBreaker, times: usize) {
        for _ in 0..times {
            call(breaker, false).await;
        }
    }

    /// Returns a breaker that has just opened.
    pub async fn opened() -> CircuitBreaker {
        let breaker = CircuitBreaker::new(LIMITS);
        fail(&breaker, LIMITS.failures).await;
        breaker
    }
}

/// What the lessons and the proofs of `retry` share.
pub mod retry {
    use std::future::ready;
    use std::time::Duration;

    use error_handling::retry::{Policy, Verdict, retry_outcome};
    use tokio::task::JoinError;
    use tokio::time::Instant;

    use crate::support::ms;

    /// Pauses of 125, 250, 500 ms and so on, without jitter.
    pub const POLICY: Policy = Policy {
        attempts: u32::MAX,
        pause: ms(125),
        longest: Duration::MAX,
        total: Duration::MAX,
        random: || 1.0,
    };

    /// Four attempts, with pauses of 1, 2 and 4 s.
    pub const SECONDS: Policy =
        Policy { attempts: 4, pause: ms(1_000), longest: ms(60_000), total: ms(300_000), random: || 1.0 };

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
            // On purpose: `retry` treats a cancellation as final, whatever the judge says.
            CallError::Task(_) => Verdict::Again,
        }
    }

    /// Runs the policy over outcomes that are their own verdicts. Returns when each attempt began, in milliseconds, and
    /// the last outcome.
    pub async fn attempts(policy: Policy, outcomes: &[Verdict]) -> (Vec<u128>, Verdict) {
        let begin = Instant::now();
        let mut began = Vec::new();
        let attempt = || {
            began.push(begin.elapsed().as_millis());
            ready(outcomes[began.len() - 1])
        };
        let last = retry_outcome(policy, attempt, |outcome| *outcome, |_, _| {}).await;
        assert_eq!(Some(&begin.elapsed().as_millis()), began.last(), "no pause after the last attempt");
        (began, last)
    }
}
