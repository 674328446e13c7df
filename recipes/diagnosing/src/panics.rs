// SPDX-License-Identifier: 0BSD
//! Reports each panic with its task, its line and its stack, also of tasks that are not awaited: `set_exception_handler`
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
//! The program runs on after a panic in a task, and the handle has the error. Without this function, std prints the
//! panic to stderr, with the thread and not with the task. Nothing prints it where stderr is thrown away.
//!
//! Awaiting the `JoinHandle` is enough where you have it. The crate's `panic = "abort"` ends the program at the first
//! panic. A report may do so, too: `std::process::exit(101)`.
//!
//! Call it once, first thing in `main`. Two calls report twice. std prints each panic before the report.
//!
//! # Panics
//!
//! A panic in the report ends the process: a hook must not panic.
//!
//! # Differences from asyncio
//!
//! - An exception that is not awaited is reported when the task is collected. A panic is reported when it happens, also
//!   one that is awaited or caught later.
//! - `resume_unwind`, as in passing on a child's panic, does not report it again.

use std::backtrace::Backtrace;
use std::panic::PanicHookInfo;
use std::{fmt, panic, thread};

use tokio::task;

/// What is known of a panic.
#[derive(Debug)]
#[non_exhaustive]
pub struct PanicReport {
    /// The message of the panic; empty if it was no text.
    pub message: String,
    /// The file and the line of it.
    pub place: Option<(String, u32)>,
    /// The task that it has ended. `None` outside a task: the future of `main`, or of a `block_on`, is not a task.
    pub task: Option<task::Id>,
    /// The thread's name.
    pub thread: Option<String>,
    /// Where it has come from, if `RUST_BACKTRACE=1` was set when the program has started.
    pub backtrace: Backtrace,
}

/// Calls `report` for each panic of this process from now on, after what has reported them before.
pub fn report_panics(report: impl Fn(&PanicReport) + Send + Sync + 'static) {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        before(info);
        report(&panicked(info));
    }));
}

fn panicked(info: &PanicHookInfo<'_>) -> PanicReport {
    let payload = info.payload();
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    PanicReport {
        message: text.unwrap_or_default().to_owned(),
        place: info.location().map(|place| (place.file().to_owned(), place.line())),
        task: task::try_id(),
        thread: thread::current().name().map(str::to_owned),
        backtrace: Backtrace::capture(),
    }
}

impl fmt::Display for PanicReport {
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
