//! A test tool that cancels a future at each of its suspension points in turn.
//!
//! A Rust future is cancelled by dropping it, and it can be dropped wherever it returned
//! [`Pending`](Poll::Pending). A test that cancels by a timeout tries one such point. [`sweep`] tries all of
//! them: it makes a fresh future for each point, drops it there, and lets a check look at what is left.
//! [`sweep_with`] also hands each run's own state (a semaphore, a receiver) to the check.
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//! use tokio::{sync::Semaphore, time::sleep};
//!
//! async fn one_at_a_time(limit: Arc<Semaphore>) {
//!     let _permit = limit.acquire().await.unwrap();
//!     sleep(Duration::from_secs(1)).await;
//! }
//!
//! let swept = cancel_sweep::sweep_with(
//!     || {
//!         let limit = Arc::new(Semaphore::new(1));
//!         (limit.clone(), one_at_a_time(limit))
//!     },
//!     |limit, _outcome| assert!(limit.available_permits() == 1, "a permit is lost"),
//! );
//! assert_eq!(swept.points, 1); // the sleep; the permit was there at once
//! ```
//!
//! With `limit.acquire().await.unwrap().forget()` before the sleep and `limit.add_permits(1)` after it, the
//! same sweep panics, at the line that calls it:
//!
//! ```text
//! cancel sweep: future dropped at suspension 1, at once: the check failed: a permit is lost
//! ```
//!
//! # What is swept
//!
//! First the future is dropped before its first poll (suspension 0). Then, for each suspension from 1 on, it
//! is dropped in two ways:
//!
//! - **at once**: right after it returned `Pending`. This finds what an await loses that comes between
//!   taking a thing and keeping it.
//! - **after its wake-up**: when its waker has been called, but before it is polled again. By then a permit,
//!   an item or a notification may belong to it already. This finds the wake-up that a dropped waiter does
//!   not pass on.
//!
//! The run that comes to its end by itself is the last one. A suspension is any `Pending` that the future
//! returns. That includes a wake-up for nothing, and the yield that Tokio forces after 128 operations that
//! were ready at once (see [`tokio::task::coop`]).
//!
//! # One run
//!
//! Each run has a [`LocalRuntime`](tokio::runtime::LocalRuntime) of its own, with a paused clock and without
//! I/O. `make` is called in it and may spawn tasks, also with `spawn_local`; neither the future nor the state
//! has to be `Send`. After the drop the runtime settles: the clock goes on by 1, 2, 4, 8 ... virtual
//! milliseconds, 65.535 s in all, until a step ends with no task alive. Each step waits for blocking jobs
//! too. So clean-up that a drop has spawned is over when the check is called, inside the runtime. A task that
//! waits for the state, such as an actor, still lives then. It ends with the runtime, after the check.
//!
//! # What it does not see
//!
//! - Interleavings of several threads: there is one thread, and one order of tasks.
//! - Drops of inner futures. Only the whole future is dropped: if a `select!` in it has a branch that is
//!   never cancelled on its own, sweep that branch's future as well.
//! - The world outside the paused clock. A socket panics; while the future waits for another thread the clock
//!   jumps ahead, so that it counts as pending forever. Use `tokio::io::duplex` and tasks.
//! - Points that move. Each run must take the same path: write `biased;` in a `select!`, seed what is random.
//! - Panics of spawned tasks, which Tokio keeps for a `JoinHandle`. Let the check look at their results.
//! - A task that yields forever, or a blocking job that never ends. The clock pauses, and the sweep
//!   hangs.

use std::{
    fmt,
    future::poll_fn,
    iter, mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use tokio::{
    runtime::{Builder, Handle, LocalOptions},
    time::{sleep, timeout},
};

/// The largest number of suspensions that a sweep goes through. A future with more of them fails it.
///
/// The work grows with the square: 256 suspensions are 514 runs and 66,000 polls.
pub const MAX_POINTS: usize = 256;

/// The virtual time after which a future without a wake-up counts as pending forever.
const FOR_EVER: Duration = Duration::from_secs(24 * 60 * 60);

/// How one run of the future ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<T> {
    /// The future came to its end and gave this value.
    Finished(T),
    /// The future was dropped here.
    Cancelled(At),
}

/// Where a future was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// How many times it had returned `Pending`; 0 if it was never polled.
    pub suspension: usize,
    /// Whether its wake-up from that suspension had arrived; if not, it was dropped at once.
    pub woken: bool,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            At { suspension: 0, .. } => write!(f, "before its first poll"),
            At { suspension, woken: false } => write!(f, "at suspension {suspension}, at once"),
            At { suspension, woken: true } => write!(f, "at suspension {suspension}, after its wake-up"),
        }
    }
}

/// What a sweep that succeeded has tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// The number of times that the future suspends before it finishes. It was dropped in both ways at each.
    pub points: usize,
}

/// Drops a fresh future at each of its suspension points, and calls `check` with each outcome.
///
/// `make` makes the future of one run. `check` asserts what must hold at the end of every run; what it needs
/// to see comes from [`sweep_with`].
///
/// # Panics
///
/// As [`sweep_with`] does.
#[track_caller]
pub fn sweep<Fut: Future>(
    mut make: impl FnMut() -> Fut,
    mut check: impl FnMut(Outcome<Fut::Output>),
) -> Swept {
    sweep_with(|| ((), make()), |(), outcome| check(outcome))
}

/// The same as [`sweep`], with the state of each run handed from `make` to `check`.
///
/// # Panics
///
/// At the caller's line, with a message that says at which suspension it happened, if
///
/// - `check`, `make`, the future or its drop panics. The message of that panic ends this one; the panic hook
///   has printed it before, with its own line;
/// - the future is pending forever: no wake-up came within a virtual day. No scenario may wait forever; let
///   `make` spawn a task that ends the wait;
/// - the future suspends more than [`MAX_POINTS`] times.
///
/// And, because a runtime cannot be started inside another one, if it is called on a runtime: use a plain
/// `#[test]`, not a `#[tokio::test]`.
#[track_caller]
pub fn sweep_with<S, Fut: Future>(
    mut make: impl FnMut() -> (S, Fut),
    mut check: impl FnMut(S, Outcome<Fut::Output>),
) -> Swept {
    if Handle::try_current().is_ok() {
        panic!(
            "cancel sweep: it starts a runtime for each run: call it in a plain #[test], not on a runtime"
        );
    }
    let both_ways = |suspension| [false, true].map(|woken| At { suspension, woken });
    // A future with MAX_POINTS suspensions finishes in the run that would drop it at one more.
    let drops =
        iter::once(At { suspension: 0, woken: false }).chain((1..=MAX_POINTS + 1).flat_map(both_ways));
    for at in drops {
        match run(&mut make, &mut check, at) {
            Ok(true) => return Swept { points: at.suspension - 1 },
            Ok(false) => {}
            Err(failure) => panic!("cancel sweep: {failure}"),
        }
    }
    panic!("cancel sweep: future suspended more than {MAX_POINTS} times: give it less to do, or an end");
}

/// One run: makes the future, drops it there or lets it finish, settles, checks. Returns whether it finished.
fn run<S, Fut: Future>(
    make: impl FnOnce() -> (S, Fut),
    check: impl FnOnce(S, Outcome<Fut::Output>),
    at: At,
) -> Result<bool, String> {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build_local(LocalOptions::default())
        .map_err(|error| format!("no runtime: {error}"))?;
    runtime.block_on(async {
        let (state, future) = attempt(make).map_err(|panic| format!("`make` panicked: {panic}"))?;
        let outcome = drive(future, at).await?;
        settle().await;
        let (finished, place) = match outcome {
            Outcome::Cancelled(at) => (false, format!("dropped {at}")),
            Outcome::Finished(_) => (true, "finished".to_owned()),
        };
        attempt(|| check(state, outcome))
            .map_err(|panic| format!("future {place}: the check failed: {panic}"))?;
        Ok(finished)
    })
}

/// Polls the future until it has to be dropped, or has finished.
///
/// It is polled only when its own waker was called, not whenever this task runs: the count is exact.
async fn drive<Fut: Future>(future: Fut, at: At) -> Result<Outcome<Fut::Output>, String> {
    let mut future = Box::pin(future);
    let task = poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
    let wake_up = Arc::new(WakeUp { arrived: AtomicBool::new(false), task });
    let waker = Waker::from(Arc::clone(&wake_up));

    for suspension in 0..at.suspension {
        if suspension > 0 {
            wake_up.wait(suspension).await?;
        }
        let polled = attempt(|| future.as_mut().poll(&mut Context::from_waker(&waker)));
        let polled = polled.map_err(|panic| match suspension {
            0 => format!("future polled first: it panicked: {panic}"),
            _ => format!("future polled after suspension {suspension}: it panicked: {panic}"),
        })?;
        if let Poll::Ready(value) = polled {
            attempt(|| drop(future))
                .map_err(|panic| format!("future finished: its drop panicked: {panic}"))?;
            return Ok(Outcome::Finished(value));
        }
    }
    if at.woken {
        wake_up.wait(at.suspension).await?;
    }
    attempt(|| drop(future)).map_err(|panic| format!("future dropped {at}: its drop panicked: {panic}"))?;
    Ok(Outcome::Cancelled(at))
}

/// The waker that the future sees: it remembers the wake-up, and passes it on to the driving task.
struct WakeUp {
    arrived: AtomicBool,
    task: Waker,
}

impl Wake for WakeUp {
    fn wake(self: Arc<Self>) {
        self.arrived.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}

impl WakeUp {
    async fn wait(&self, suspension: usize) -> Result<(), String> {
        // A future may wake itself while it is polled. It still waits for a turn of the runtime, as in a task: other
        // tasks run, and it gets a new budget.
        let mut turned = false;
        let arrived = poll_fn(|_| match mem::replace(&mut turned, true) {
            true if self.arrived.swap(false, Ordering::Acquire) => Poll::Ready(()),
            _ => Poll::Pending,
        });
        timeout(FOR_EVER, arrived).await.map_err(|_elapsed| {
            format!(
                "future pending for ever after suspension {suspension}: no wake-up came within a virtual day"
            )
        })
    }
}

/// Lets everything else run: a sleep on the paused clock ends when no task and no blocking job can go on.
async fn settle() {
    let runtime = Handle::current().metrics();
    for step in 0..16 {
        sleep(Duration::from_millis(1 << step)).await;
        if runtime.num_alive_tasks() == 0 {
            break;
        }
    }
}

/// Calls `f`; the error is the text of its panic.
fn attempt<R>(f: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("a panic without text").to_owned()
    })
}
