// SPDX-License-Identifier: 0BSD
//! Shuts down gracefully at a signal: it takes in nothing new, lets what is in flight finish, then clean up, and names
//! what is left at the deadline.
//!
//! ```sh
//! cargo add futures
//! cargo add thiserror
//! cargo add tokio --features macros,rt,sync,time
//! cargo add tokio-util --features join-map
//! ```
//!
//! ```
//! use std::{future::pending, time::Duration};
//!
//! use event_loop::shutdown::{Grace, Jobs, Stop, serve};
//! use tokio::time::sleep;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let grace = Grace { to_finish: Duration::from_secs(5), to_clean_up: Duration::from_secs(1) };
//!     // In a program: the stream of the pattern `signals`.
//!     let signals = futures::stream::once(sleep(Duration::from_millis(1)));
//!     let accept = async |jobs: Jobs| {
//!         for request in ["first", "second"] {
//!             let _closed = jobs.start(request, async |_cancel| Ok(()));
//!         }
//!         pending::<()>().await // for the next request
//!     };
//!     let summary = serve(signals, grace, accept, |name, end| println!("{name}: {end:?}")).await;
//!     assert_eq!((summary.stop, summary.finished), (Stop::Signal(()), 2));
//! }
//! ```
//!
//! At a second signal all ends at once. asyncio has the parts, `add_signal_handler`, `all_tasks`, `cancel` and `wait`,
//! and no whole.
//!
//! [`serve`] runs an intake, such as an accept loop, which starts jobs. Each job is accounted for: it has finished, it
//! was cancelled (it returned after the request), it has failed, or it is a straggler. A job that must know earlier
//! that the end is near, such as a connection that waits for its next request, asks [`Jobs::closing`].
//!
//! A `TaskTracker` and a `CancellationToken` are enough where it does not matter which jobs are left at the deadline.
//!
//! A job that ends in the instant of a deadline is in time. Tokio cannot tell when all that is due in an instant has
//! run: a job that takes many more turns in that instant may count as late.
//!
//! The signals are a parameter: in a test, a channel or a timer.
//!
//! # Cancel safety
//!
//! Dropping the future of [`serve`] drops the intake, cancels the token of every job, and aborts the jobs.
//!
//! # Panics
//!
//! A panic in the intake goes on in the caller, after the shutdown. A panic in a job is its [`End`], and that of
//! an error's destructor goes to the panic hook. A panic in `report` ends `serve` as a drop does. [`serve`] panics outside a Tokio runtime, and in one without `enable_time`.

use std::any::Any;
use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::{FutureExt, Stream, StreamExt};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::coop::consume_budget;
use tokio::task::{JoinError, yield_now};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::JoinMap;

/// How long the jobs in flight have when the intake has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grace {
    /// To finish as if nothing had happened.
    pub to_finish: Duration,
    /// After that, and after their token is cancelled, to clean up.
    pub to_clean_up: Duration,
}

/// How a job ended.
#[derive(Debug)]
pub enum End {
    /// It returned `Ok`.
    Finished,
    /// It returned `Ok` after its token was cancelled.
    Cancelled,
    /// It returned an error.
    Failed(Box<dyn Error + Send + Sync>),
    /// It panicked with this message.
    Panicked(String),
}

/// Why the intake stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop<S, T> {
    /// The first signal.
    Signal(S),
    /// It returned this.
    Intake(T),
}

/// What became of all jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary<S, T> {
    /// Why the intake stopped.
    pub stop: Stop<S, T>,
    /// The signal that ended the shutdown before its time.
    pub forced: Option<S>,
    /// How many returned `Ok` before their token was cancelled.
    pub finished: usize,
    /// How many returned `Ok` after that.
    pub cancelled: usize,
    /// How many returned an error or panicked.
    pub failed: usize,
    /// The names of those that had not ended, in the order of their start. They are aborted.
    pub stragglers: Vec<String>,
}

/// The intake has stopped: no job is started any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no job is started any more")]
pub struct Closed;

/// The jobs in flight; for the intake, to start them.
#[derive(Clone)]
pub struct Jobs(Arc<Shared>);

struct Shared {
    runtime: Handle,
    state: Mutex<State>,
    started: Notify,
    closing: CancellationToken,
    cancel: CancellationToken,
}

struct State {
    open: bool,
    /// By number and name. A job that panics cannot tell its name.
    running: JoinMap<(u64, String), End>,
    /// Those that are not reported yet.
    ended: VecDeque<Ended>,
    count: u64,
}

/// What the map gives for a job. Its value may panic when it is dropped, or ask [`Jobs`]: never under the lock.
type Ended = ((u64, String), Result<End, JoinError>);

/// Runs `intake` until it returns or the first of the `signals` comes, and then shuts down. `report` is called with
/// the name and the end of each job that ends.
///
/// The first signal drops the intake where it stands. Any signal after the stop ends the waiting at once.
pub async fn serve<S, T, F>(
    signals: impl Stream<Item = S>,
    grace: Grace,
    intake: impl FnOnce(Jobs) -> F,
    mut report: impl FnMut(&str, &End),
) -> Summary<S, T>
where
    F: Future<Output = T>,
{
    let jobs = Jobs::new();
    let _end_on_drop = EndOnDrop(&jobs.0);
    let mut signals = pin!(signals.fuse());
    let (mut finished, mut cancelled, mut failed) = (0, 0, 0);
    let mut account = |((_, name), ended): Ended| {
        let end = ended.unwrap_or_else(|error| match error.try_into_panic() {
            Ok(panic) => End::Panicked(text(panic)),
            // Only the end of the runtime aborts a job while its end is asked for.
            Err(_aborted) => End::Cancelled,
        });
        match end {
            End::Finished => finished += 1,
            End::Cancelled => cancelled += 1,
            End::Failed(_) | End::Panicked(_) => failed += 1,
        }
        report(&name, &end);
        // An error may panic when it is dropped. The panic hook reports it.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(end))) {
            mem::forget(panic);
        }
    };

    let stop = {
        let intake = async { intake(jobs.clone()).await };
        let mut intake = pin!(AssertUnwindSafe(intake).catch_unwind());
        loop {
            tokio::select! {
                biased;
                Some(signal) = signals.next() => break Stop::Signal(signal),
                // Before the ends: jobs that start the next and end would keep the intake from its turn.
                returned = &mut intake => break Stop::Intake(returned),
                end = jobs.0.next_end() => account(end),
            }
        }
    };
    jobs.0.close();

    let mut forced = None;
    'grace: for (limit, cancels) in [(grace.to_finish, false), (grace.to_clean_up, true)] {
        if cancels {
            jobs.0.cancel.cancel();
        }
        let deadline = Instant::now().checked_add(limit);
        let mut over = pin!(sleep(limit));
        // Reports take time, and a task that has used up its budget does not see its timer: the clock is asked as well.
        loop {
            tokio::select! {
                biased;
                Some(signal) = signals.next() => {
                    forced = Some(signal);
                    break 'grace;
                }
                end = poll_fn(|context| jobs.0.poll_end(context)) => match end {
                    Some(end) => account(end),
                    None => break 'grace,
                },
                () = &mut over => break,
            }
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                break;
            }
        }
        jobs.0.settle().await;
    }
    let stragglers = jobs.0.abort();
    while let Some(end) = jobs.0.take_ended() {
        account(end);
        consume_budget().await;
    }

    let stop = match stop {
        Stop::Signal(signal) => Stop::Signal(signal),
        Stop::Intake(Ok(value)) => Stop::Intake(value),
        Stop::Intake(Err(panic)) => resume_unwind(panic),
    };
    Summary { stop, forced, finished, cancelled, failed, stragglers }
}

impl Jobs {
    fn new() -> Self {
        Self(Arc::new(Shared {
            runtime: Handle::current(),
            state: Mutex::new(State {
                open: true,
                running: JoinMap::new(),
                ended: VecDeque::new(),
                count: 0,
            }),
            started: Notify::new(),
            closing: CancellationToken::new(),
            cancel: CancellationToken::new(),
        }))
    }

    /// Starts a job, from any thread. When its token is cancelled it should clean up and return.
    ///
    /// # Errors
    ///
    /// [`Closed`] when the intake has stopped; nothing is started then.
    pub fn start<F>(
        &self,
        name: impl Into<String>,
        job: impl FnOnce(CancellationToken) -> F + Send + 'static,
    ) -> Result<(), Closed>
    where
        F: Future<Output = Result<(), Box<dyn Error + Send + Sync>>> + Send + 'static,
    {
        let (name, cancel) = (name.into(), self.0.cancel.clone());
        let job = async move {
            match job(cancel.clone()).await {
                Ok(()) if cancel.is_cancelled() => End::Cancelled,
                Ok(()) => End::Finished,
                Err(error) => End::Failed(error),
            }
        };
        let mut state = self.0.lock();
        // Under the same lock as the close: a job is either refused or accounted for.
        if !state.open {
            return Err(Closed);
        }
        let key = (state.count, name);
        state.count += 1;
        state.running.spawn_on(key, job, &self.0.runtime);
        drop(state);
        self.0.started.notify_one();
        Ok(())
    }

    /// A token that is cancelled when the intake stops: before the one that the jobs are given.
    pub fn closing(&self) -> CancellationToken {
        self.0.closing.clone()
    }

    /// How many are in flight.
    pub fn len(&self) -> usize {
        self.0.lock().running.len()
    }

    /// Whether none is in flight.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.lock().open = false;
        self.closing.cancel();
    }

    /// Waits for the end of a job, also of one that is not started yet. Cancel safe.
    async fn next_end(&self) -> Ended {
        loop {
            match poll_fn(|context| self.poll_end(context)).await {
                Some(end) => return end,
                // A permit is kept, so a job that was started meanwhile is not missed.
                None => self.started.notified().await,
            }
        }
    }

    /// The end of a job; `None` if there is none in flight.
    fn poll_end(&self, context: &mut Context<'_>) -> Poll<Option<Ended>> {
        let mut state = self.lock();
        if let Some(end) = state.ended.pop_front() {
            return Poll::Ready(Some(end));
        }
        // Its waker is in the map, so a future for one poll is enough.
        let ended = ready!(pin!(state.running.join_next()).poll(context));
        Poll::Ready(ended)
    }

    /// Lets jobs that are due in this instant end. Tokio cannot tell when all of them have run. So each further turn,
    /// which polls some sixty jobs, has to end one, but for a few turns.
    async fn settle(&self) {
        let (mut left, mut idle_turns) = (self.collect(), 0);
        while left > 0 && idle_turns < 4 + left / 30 {
            yield_now().await;
            let now = self.collect();
            idle_turns = if now < left { 0 } else { idle_turns + 1 };
            left = now;
        }
    }

    /// Sets all that have ended by now aside, however many. Returns how many are left.
    fn collect(&self) -> usize {
        let mut state = self.lock();
        while let Some(ended) = state.running.try_join_next() {
            state.ended.push_back(ended);
        }
        state.running.len()
    }

    fn take_ended(&self) -> Option<Ended> {
        self.lock().ended.pop_front()
    }

    /// Aborts those that have not ended, and names them in the order of their start.
    fn abort(&self) -> Vec<String> {
        self.collect();
        let mut state = self.lock();
        state.running.abort_all();
        let mut left: Vec<_> = state.running.keys().cloned().collect();
        left.sort_unstable();
        left.into_iter().map(|(_, name)| name).collect()
    }
}

/// Ends what is left when `serve` returns, is dropped or panics. Clones of [`Jobs`] may live on, so no drop of theirs
/// would do it.
struct EndOnDrop<'a>(&'a Shared);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.close();
        self.0.cancel.cancel();
        self.0.lock().running.abort_all();
    }
}

impl fmt::Debug for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jobs").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// The text of a panic: `panic!` leaves a `&str` or a `String`, `panic_any` whatever it was given.
fn text(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a value that is not text");
    let text = text.to_owned();
    // It may hold a value whose destructor panics.
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        mem::forget(another);
    }
    text
}
