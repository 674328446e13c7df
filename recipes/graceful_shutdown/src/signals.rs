// SPDX-License-Identifier: 0BSD
//! Turns signals into a stream, calls a function at a signal, and ends a process that does not end by itself:
//! `loop.add_signal_handler`.
//!
//! ```sh
//! cargo add futures
//! cargo add tokio --features rt,signal,time
//! cargo add tokio-util --features rt
//! ```
//!
//! ```
//! use std::time::Duration;
//!
//! use graceful_shutdown::signals::{exit_after, exit_at_the_second, signals};
//! use futures::StreamExt;
//! use tokio::time::sleep;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let mut signals = signals()?;
//!     exit_at_the_second(Duration::ZERO)?; // also while this runtime is blocked
//!     exit_after(Duration::from_secs(30))?; // 30 s after the first, whatever hangs
//!     let work = async { sleep(Duration::from_millis(2)).await };
//!     tokio::select! {
//!         Some(signal) = signals.next() => println!("{signal}: code {}", signal.exit_code()),
//!         () = work => println!("done"),
//!     }
//!     Ok(())
//! }
//! ```
//!
//! `tokio::signal::ctrl_c().await` is enough for a program that waits for one Ctrl-C. From the first listener on,
//! Tokio's handler replaces the system's for good. When the listener is dropped, or the runtime is blocked, Ctrl-C does
//! nothing. [`exit_at_the_second`] and [`exit_after`] listen on a thread of their own, so they also end a process whose
//! runtime is blocked.
//!
//! # Cancel safety
//!
//! A dropped `next()` of the stream loses no signal: the stream keeps it.
//!
//! # Errors
//!
//! Errors of the system: the signal cannot be caught, or no thread is left.
//!
//! # Panics
//!
//! [`signals`] and [`on_signal`] panic outside a Tokio runtime, and in one without `enable_io`. A panic in the callback
//! of `on_signal` is caught after the panic hook has reported it; the next signal calls it again.
//!
//! # Differences from asyncio
//!
//! - `remove_signal_handler` restores the default. Tokio never does.
//! - A second handler for a signal replaces the first. Here every listener hears the signal.
//! - Three signals make three calls. Here signals that arrive before the listener is polled count as one.
//! - If the shell starts a program with Ctrl-C ignored, as for `program &` in a script, asyncio keeps it ignored. A
//!   Tokio listener hears it.
//! - A second Ctrl-C interrupts a busy `main`. Here only another thread can end the process.

use std::fmt;
use std::io;
use std::process;
use std::sync::mpsc;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use futures::stream::{self, Stream, StreamExt};
use tokio::runtime::Builder;
use tokio::time::sleep;

/// A signal that asks a program to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Ctrl-C, or SIGINT.
    Interrupt,
    /// SIGTERM; on Windows, Ctrl-Break, the end of the console, of the session or of the system.
    Terminate,
}

impl Signal {
    /// Returns the exit code that a shell reports for a program that this signal ended: 128 plus its number.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        })
    }
}

/// Listens for Ctrl-C and SIGTERM from this call on. The signals take turns, so one that keeps coming hides no other.
pub fn signals() -> io::Result<impl Stream<Item = Signal> + Send + Unpin + 'static> {
    let mut listeners = listeners()?;
    Ok(stream::poll_fn(move |context| {
        // If the result is pending, every listener has seen the waker.
        for index in 0..listeners.len() {
            let (signal, poll_recv) = &mut listeners[index];
            if let Poll::Ready(received) = poll_recv(context) {
                let signal = received.map(|()| *signal);
                // The next poll asks it last: a signal that comes again and again hides no other.
                listeners.rotate_left(index + 1);
                return Poll::Ready(signal);
            }
        }
        Poll::Pending
    }))
}

type Listener = (Signal, Box<dyn FnMut(&mut Context<'_>) -> Poll<Option<()>> + Send>);

#[cfg(unix)]
fn listeners() -> io::Result<Vec<Listener>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(vec![
        (Signal::Interrupt, Box::new(move |context| interrupt.poll_recv(context))),
        (Signal::Terminate, Box::new(move |context| terminate.poll_recv(context))),
    ])
}

#[cfg(windows)]
fn listeners() -> io::Result<Vec<Listener>> {
    use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_logoff, ctrl_shutdown};
    let (mut interrupt, mut break_key) = (ctrl_c()?, ctrl_break()?);
    let (mut close, mut logoff, mut shutdown) = (ctrl_close()?, ctrl_logoff()?, ctrl_shutdown()?);
    Ok(vec![
        (Signal::Interrupt, Box::new(move |context| interrupt.poll_recv(context))),
        (Signal::Terminate, Box::new(move |context| break_key.poll_recv(context))),
        (Signal::Terminate, Box::new(move |context| close.poll_recv(context))),
        (Signal::Terminate, Box::new(move |context| logoff.poll_recv(context))),
        (Signal::Terminate, Box::new(move |context| shutdown.poll_recv(context))),
    ])
}

/// Calls `callback` for each signal of a kind, until the returned handle is dropped (`add_signal_handler`,
/// `remove_signal_handler`).
///
/// The callback is called in a task, not in a signal handler, so it may do anything except block.
#[cfg(unix)]
pub fn on_signal(
    kind: tokio::signal::unix::SignalKind,
    mut callback: impl FnMut() + Send + 'static,
) -> io::Result<tokio_util::task::AbortOnDropHandle<()>> {
    let mut arrivals = tokio::signal::unix::signal(kind)?;
    Ok(tokio_util::task::AbortOnDropHandle::new(tokio::spawn(async move {
        while arrivals.recv().await.is_some() {
            if let Err(panic) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(&mut callback)) {
                // The panic hook has reported it. Its payload may be a value whose destructor panics.
                std::mem::forget(panic);
            }
        }
    })))
}

/// Ends the process at the second signal, with that signal's exit code, when `grace` is over, unless the process has
/// ended by then.
///
/// It listens on a thread and a runtime of its own, so it also ends a process whose threads are all blocked. No destructor
/// runs then.
pub fn exit_at_the_second(grace: Duration) -> io::Result<()> {
    exit_at(1, grace)
}

/// Ends the process `limit` after the first signal, with that signal's exit code, unless the process has ended by then:
/// for a shutdown that hangs. Like [`exit_at_the_second`], it has a thread of its own, and runs no destructor.
pub fn exit_after(limit: Duration) -> io::Result<()> {
    exit_at(0, limit)
}

/// Ends the process after `before` signals and one more, when `grace` is over.
fn exit_at(before: usize, grace: Duration) -> io::Result<()> {
    let (started, outcome) = mpsc::channel();
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let listen = || {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let signals = {
                let _inside = runtime.enter();
                signals()?
            };
            io::Result::Ok((runtime, signals))
        };
        let heard = match listen() {
            Ok((runtime, signals)) => {
                let _notified = started.send(Ok(()));
                runtime.block_on(async {
                    let heard = signals.skip(before).next().await;
                    sleep(grace).await;
                    heard
                })
            }
            Err(error) => {
                let _notified = started.send(Err(error));
                None
            }
        };
        if let Some(signal) = heard {
            process::exit(signal.exit_code().into());
        }
    })?;
    outcome.recv().unwrap_or_else(|_| Err(io::Error::other("the thread that listens has panicked")))
}
