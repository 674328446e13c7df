//! What the lessons of this recipe share.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use futures::FutureExt;
use tokio::time::{Instant, sleep};

use crate::support::{ms, panics};

pub const A_YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Waits until it is dropped. On virtual time the lesson has to do that within ten years, so that a lesson fails rather than
/// hangs.
pub async fn for_ever<T>() -> T {
    sleep(10 * A_YEAR).await;
    panic!("nobody has ended this")
}

/// Takes `millis` and gives back `name`; fails if the name says so.
pub async fn load(name: &'static str, millis: u64) -> Result<&'static str, String> {
    sleep(ms(millis)).await;
    if name.starts_with("bad") { Err(format!("{name} after {millis}")) } else { Ok(name) }
}

/// A hundred milliseconds of two timers, the second of which is set later than any limit.
pub async fn two_timers() -> Rows {
    sleep(ms(50)).await;
    sleep(ms(50)).await;
    Ok(Some("in time"))
}

/// The same for a drop, where a panic on top of another one would end the process.
pub fn panics_in_drop() {
    if !std::thread::panicking() {
        panics::<()>("a panic");
    }
}

/// Computes for as long, on the real clock, without an await.
pub fn compute(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}

/// Polls a future once.
pub async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    poll_fn(|cx| match future.poll_unpin(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// What a session reads.
pub type Rows = Result<Option<&'static str>, String>;

/// What the lessons and the proofs of `timeout_and_wait` share.
pub mod timeout_and_wait {
    use crate::work::Rows;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

    use fastrand::Rng;
    use timeouts::timeout_and_wait::{LateValue, TimeLimits};
    use tokio_util::sync::CancellationToken;

    use crate::many_threads::some_turns;
    use crate::support::{OnDrop, ms, panics};
    use crate::work::for_ever;

    pub const LIMITS: TimeLimits =
        TimeLimits { time: Some(ms(100)), grace: Some(ms(300)), late_value: LateValue::Discard };

    pub fn parent() -> CancellationToken {
        CancellationToken::new()
    }

    /// How the work of one caller ends.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub enum Ends {
        Value,
        Error,
        Panic,
        CleanUp,
        LateValue,
        Never,
    }

    /// What has become of it.
    #[derive(Default)]
    pub struct Fate {
        pub begun: AtomicBool,
        /// It has come to the end of what it does.
        pub ended: AtomicBool,
        pub gone: AtomicBool,
    }

    pub async fn work(fate: Arc<Fate>, ends: Ends, stop: CancellationToken, mut rng: Rng) -> Rows {
        fate.begun.store(true, SeqCst);
        let _gone = OnDrop(|| fate.gone.store(true, SeqCst));
        some_turns(&mut rng, 4).await;
        match ends {
            Ends::Never => for_ever().await,
            Ends::CleanUp | Ends::LateValue => stop.cancelled().await,
            Ends::Value | Ends::Error | Ends::Panic => {}
        }
        some_turns(&mut rng, 4).await;
        fate.ended.store(true, SeqCst);
        match ends {
            Ends::Value | Ends::LateValue => Ok(Some("value")),
            Ends::Error => Err("error".to_owned()),
            Ends::Panic => panics("a panic"),
            Ends::CleanUp | Ends::Never => Ok(None),
        }
    }
}

/// What the lessons and the proofs of `reschedule` share.
pub mod reschedule {

    use tokio::time::Instant;

    use crate::support::ms;

    pub fn at(start: Instant, millis: u64) -> Option<Instant> {
        Some(start + ms(millis))
    }
}

/// What the lessons and the proofs of `cooperative` share.
pub mod cooperative {

    use tokio::sync::mpsc;
    use tokio::time::sleep;

    use crate::support::{Log, ms};

    /// A channel that holds jobs with these numbers and gets no more.
    pub fn jobs(count: usize) -> mpsc::Receiver<usize> {
        let (sender, jobs) = mpsc::channel(count.max(1));
        for job in 0..count {
            sender.try_send(job).unwrap();
        }
        jobs
    }

    /// A step of 100 ms, in two halves.
    pub async fn step(log: &Log, job: usize) -> Result<(), String> {
        sleep(ms(50)).await;
        log.at(format_args!("half of {job}"));
        sleep(ms(50)).await;
        log.at(format_args!("all of {job}"));
        if job == 13 { Err("bad luck".to_owned()) } else { Ok(()) }
    }
}

/// What the lessons and the proofs of `cancel_and_confirm` share.
pub mod cancel_and_confirm {
    use crate::work::Rows;
    use std::time::Duration;

    use timeouts::cancel_and_confirm::{CancelOutcome, CancellableTask, StopRequest};
    use tokio::time::sleep;

    use crate::support::{Log, ends, ms};
    use crate::work::load;

    pub type Reason = &'static str;

    pub type Job = CancellableTask<&'static str, String, Reason>;

    pub const GRACE: Option<Duration> = Some(ms(300));

    /// Work that takes `millis`, and cleans up after it for 50 ms, asked to stop or not.
    pub async fn session(log: Log, stop: StopRequest<Reason>, millis: u64) -> Rows {
        let rows = stop.run_until_requested(load("rows", millis)).await;
        log.at(if rows.is_some() { "done" } else { "told" });
        sleep(ms(50)).await;
        log.at("cleaned up");
        rows.transpose()
    }

    /// Tells it to stop, and fails rather than hangs.
    pub async fn told<T, E>(
        task: CancellableTask<T, E, Reason>,
        reason: Reason,
    ) -> CancelOutcome<T, E, Reason>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        ends(task.cancel_and_wait(reason)).await
    }

    pub fn spawn_session(log: &Log, millis: u64) -> Job {
        let log = log.clone();
        Job::spawn(GRACE, move |stop| session(log, stop, millis))
    }
}

/// What the lessons and the proofs of `shield` share.
pub mod shield {
    use std::sync::{Arc, Mutex};

    use timeouts::shield::{ShieldFailure, Shielded, shield};
    use tokio_util::task::TaskTracker;

    /// What was reported because its caller was gone.
    pub type Unheard = Arc<Mutex<Vec<ShieldFailure<String>>>>;

    pub fn shielded(
        tasks: &TaskTracker,
        unheard: &Unheard,
        work: impl Future<Output = Result<&'static str, String>> + Send + 'static,
    ) -> Shielded<&'static str, String> {
        let unheard = unheard.clone();
        shield(tasks, work, move |failure| unheard.lock().unwrap().push(failure))
    }

    pub fn both() -> (TaskTracker, Unheard) {
        Default::default()
    }
}

/// What the lessons and the proofs of `select_loop` share.
pub mod select_loop {

    use tokio::io::{AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::sleep;
    use tokio_util::codec::{FramedRead, LinesCodec};
    use tokio_util::sync::CancellationToken;

    use crate::support::{ends, ms};

    pub fn lines(buffer: usize) -> (FramedRead<DuplexStream, LinesCodec>, DuplexStream) {
        let (connection, peer) = duplex(buffer);
        (FramedRead::new(connection, LinesCodec::new()), peer)
    }

    /// Writes each piece when it is time.
    pub async fn talk(peer: &mut DuplexStream, pieces: &[(u64, &str)]) {
        for (pause, piece) in pieces {
            sleep(ms(*pause)).await;
            ends(peer.write_all(piece.as_bytes())).await.unwrap();
        }
    }

    pub fn never() -> CancellationToken {
        CancellationToken::new()
    }
}
