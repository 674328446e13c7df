// SPDX-License-Identifier: 0BSD
//! Turns signals into a stream, calls a function at a signal, and makes a second Ctrl-C work always:
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
//! use event_loop::signals::{exit_at_the_second, signals};
//! use futures::StreamExt;
//! use tokio::time::sleep;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let mut signals = signals()?;
//!     exit_at_the_second(Duration::from_secs(1))?; // although this runtime is blocked
//!     let work = async { sleep(Duration::from_millis(2)).await };
//!     tokio::select! {
//!         Some(signal) = signals.next() => println!("{signal}: code {}", signal.exit_code()),
//!         () = work => println!("done"),
//!     }
//!     Ok(())
//! }
//! ```
//!
//! From the first listener on, Tokio's handler replaces the system's for good: when the listener is dropped, or when
//! the runtime is blocked, Ctrl-C does nothing. Signals of one kind that arrive before the listener is polled count as
//! one.
//!
//! `tokio::signal::ctrl_c().await` is enough for a program that waits for one Ctrl-C.
//!
//! # Cancel safety
//!
//! A dropped `next()` of the stream loses no signal: the stream remembers it.
//!
//! # Errors
//!
//! Those of the system: a signal that cannot be caught, no thread.
//!
//! # Panics
//!
//! Outside a Tokio runtime, and in one without `enable_io`. A panic in the callback of `on_signal` is caught after the
//! panic hook has reported it; the next signal calls it again.

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

/// What asks a program to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Ctrl-C, or SIGINT.
    Interrupt,
    /// SIGTERM; on Windows, Ctrl-Break, the end of the console, of the session or of the system.
    Terminate,
}

impl Signal {
    /// What a shell reports for a program that this signal has ended: 128 and its number.
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

/// Listens for what asks this program to end, from this call on.
pub fn signals() -> io::Result<impl Stream<Item = Signal> + Send + Unpin + 'static> {
    let mut listeners = listeners()?;
    Ok(stream::poll_fn(move |context| {
        // Those that are not ready have all seen the waker when it is pending.
        for (signal, poll_recv) in &mut listeners {
            if let Poll::Ready(received) = poll_recv(context) {
                return Poll::Ready(received.map(|()| *signal));
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

/// Calls `callback` for each signal of a kind, until what it returns is dropped (`add_signal_handler`,
/// `remove_signal_handler`).
///
/// It is called in a task, not in a signal handler, so it may do anything but block.
#[cfg(unix)]
pub fn on_signal(
    kind: tokio::signal::unix::SignalKind,
    mut callback: impl FnMut() + Send + 'static,
) -> io::Result<tokio_util::task::AbortOnDropHandle<()>> {
    let mut arrivals = tokio::signal::unix::signal(kind)?;
    Ok(tokio_util::task::AbortOnDropHandle::new(tokio::spawn(async move {
        while arrivals.recv().await.is_some() {
            if let Err(panic) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(&mut callback)) {
                // The panic hook has reported it. It may hold a value whose destructor panics.
                std::mem::forget(panic);
            }
        }
    })))
}

/// Ends the process at the second signal, with its exit code, once `grace` is over, if it has not ended by then.
///
/// It listens on a thread and a runtime of its own, so it does so even when every other thread is blocked. No
/// destructor runs then.
pub fn exit_at_the_second(grace: Duration) -> io::Result<()> {
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
        let second = match listen() {
            Ok((runtime, signals)) => {
                let _told = started.send(Ok(()));
                runtime.block_on(async {
                    let second = signals.skip(1).next().await;
                    sleep(grace).await;
                    second
                })
            }
            Err(error) => {
                let _told = started.send(Err(error));
                None
            }
        };
        if let Some(second) = second {
            process::exit(second.exit_code().into());
        }
    })?;
    outcome.recv().unwrap_or_else(|_| Err(io::Error::other("the thread that listens has panicked")))
}
