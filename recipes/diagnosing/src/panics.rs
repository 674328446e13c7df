// SPDX-License-Identifier: 0BSD
//! Reports each panic with its task, its line and its stack, also for tasks that are not awaited: `set_exception_handler`
//! and *"Task exception was never retrieved"*.
//!
//! ```sh
//! cargo add tokio --features rt
//! ```
//!
//! ```
//! use std::sync::mpsc;
//!
//! use diagnosing::panics::report_panics;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let (log, logged) = mpsc::channel();
//!     report_panics(move |panic| drop(log.send(panic.to_string())));
//!     let task = tokio::spawn(async { panic!("no such page") });
//!     println!("{}", task.await.unwrap_err()); // task 1 panicked with message "no such page"
//!     println!("{}", logged.recv()?); // task 1 panicked at src/main.rs:9: no such page
//!     Ok(())
//! }
//! ```
//!
//! The program runs on after a panic in a task, and the handle has the error. Without this function, std prints the panic to
//! stderr, with the thread but without the task. If stderr is discarded, no one sees it.
//!
//! Awaiting the `JoinHandle` is enough if you have it. With `panic = "abort"` in the profile, the first panic ends the
//! program. A report may do so too: `std::process::exit(101)`.
//!
//! Call it once, at the start of `main`. Two calls report twice. std prints each panic before the report.
//!
//! # Panics
//!
//! A panic in the report ends the process: a hook must not panic.
//!
//! # Differences from asyncio
//!
//! - asyncio reports an exception that is not awaited when the task is collected. A panic is reported when it happens, even
//!   if it is awaited or caught later.
//! - `resume_unwind`, which passes on a child's panic, does not report it again.

use std::backtrace::Backtrace;
use std::panic::PanicHookInfo;
use std::{fmt, panic, thread};

use tokio::task;

/// The data of a panic.
#[derive(Debug)]
#[non_exhaustive]
pub struct Panicked {
    /// The message of the panic; empty if its payload is no text.
    pub message: String,
    /// The file and the line of the panic.
    pub place: Option<(String, u32)>,
    /// The task that panicked. `None` outside a task: the future of `main`, or of a `block_on`, is not a task.
    pub task: Option<task::Id>,
    /// The thread's name.
    pub thread: Option<String>,
    /// The stack, if `RUST_BACKTRACE=1` was set when the program started.
    pub backtrace: Backtrace,
}

/// Calls `report` for each panic of this process from now on, after the hooks that were set before.
pub fn report_panics(report: impl Fn(&Panicked) + Send + Sync + 'static) {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        before(info);
        report(&panicked(info));
    }));
}

fn panicked(info: &PanicHookInfo<'_>) -> Panicked {
    let payload = info.payload();
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    Panicked {
        message: text.unwrap_or_default().to_owned(),
        place: info.location().map(|place| (place.file().to_owned(), place.line())),
        task: task::try_id(),
        thread: thread::current().name().map(str::to_owned),
        backtrace: Backtrace::capture(),
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.task, &self.thread) {
            (Some(task), _) => write!(f, "task {task}")?,
            (None, Some(thread)) => write!(f, "thread {thread}")?,
            (None, None) => f.write_str("a thread without a name")?,
        }
        f.write_str(" panicked")?;
        if let Some((file, line)) = &self.place {
            write!(f, " at {file}:{line}")?;
        }
        write!(f, ": {}", self.message)
    }
}
