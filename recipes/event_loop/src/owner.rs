// SPDX-License-Identifier: 0BSD
//! Keeps a value that is not `Send` on its own thread, and lets every thread use it. asyncio has a second loop in a
//! thread for it.
//!
//! ```sh
//! cargo add futures
//! cargo add thiserror
//! cargo add tokio --features macros,rt,sync
//! cargo add tokio-util --features rt
//! ```
//!
//! ```
//! use std::{cell::Cell, rc::Rc};
//!
//! use event_loop::owner::Owner;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     // Made on its thread, where it stays: an Rc is not Send.
//!     let counter = Owner::start("counter", || Rc::new(Cell::new(0)))?;
//!     for _ in 0..3 {
//!         counter.call(async |count| count.set(count.get() + 1)).await?;
//!     }
//!     assert_eq!(counter.call(async |count| count.get()).await?, 3);
//!     counter.close().await;
//!     Ok(())
//! }
//! ```
//!
//! A parser, a script engine or a handle of a C library must often stay on the thread that made it. The closure of
//! [`Owner::call`] goes there, and its result comes back. The future that it makes need not be `Send`. Calls overlap
//! where they await, as tasks of that thread.
//!
//! `tokio_util::task::LocalPoolHandle`, a pool of such threads, is enough for tasks that share no value.
//!
//! # Cancel safety
//!
//! Dropping the future of [`Owner::call`] drops the work at its next await, if it has begun. Dropping the [`Owner`]
//! ends the thread when it is idle, and does not wait for it; [`Owner::close`] does.
//!
//! # Errors
//!
//! [`CallError`].
//!
//! # Panics
//!
//! A panic in a call is the error of that call. The next call finds the value as the panic left it.

use std::any::Any;
use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::thread;

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

/// Why a call returned no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// It panicked with this message.
    #[error("panicked: {0}")]
    Panicked(String),
    /// The thread has ended: making the value panicked, or the runtime has ended.
    #[error("the owner is gone")]
    Gone,
}

/// Sends work to the thread that owns an `S`.
#[derive(Debug)]
pub struct Owner<S> {
    calls: mpsc::Sender<Call<S>>,
    /// Closed when the value has been dropped.
    ended: oneshot::Receiver<()>,
}

type Call<S> = Box<dyn FnOnce(Rc<S>) -> LocalBoxFuture<'static, ()> + Send>;

impl<S: 'static> Owner<S> {
    /// Starts a thread, and calls `make` on it.
    ///
    /// # Errors
    ///
    /// If the system cannot start a thread, or set up event notification for it.
    pub fn start(name: &str, make: impl FnOnce() -> S + Send + 'static) -> io::Result<Self> {
        // Built here, where an error can be reported. The thread below makes the runtime local.
        let mut builder = Builder::new_current_thread();
        builder.enable_all();
        let (owner, served) = channel();
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            // Without a runtime, `served` is dropped, and each call returns `Gone`.
            if let Ok(runtime) = builder.build_local(LocalOptions::default()) {
                runtime.block_on(async { served.serve(make()).await });
            }
        })?;
        Ok(owner)
    }

    /// Makes an owner of `value` on this thread, and the future that serves its calls. Await the future on a
    /// `LocalRuntime` or in a `LocalSet`.
    pub fn here(value: S) -> (Self, impl Future<Output = ()>) {
        let (owner, served) = channel();
        (owner, served.serve(value))
    }

    /// Runs `work` with the value, on its thread, and waits for its result.
    pub async fn call<T: Send + 'static>(
        &self,
        work: impl AsyncFnOnce(&S) -> T + Send + 'static,
    ) -> Result<T, CallError> {
        let (mut reply, result) = oneshot::channel();
        let call: Call<S> = Box::new(move |value| {
            let work = AssertUnwindSafe(async move { work(&value).await }).catch_unwind();
            let call = async move {
                tokio::select! {
                    biased;
                    // Its caller has been dropped.
                    () = reply.closed() => {}
                    ended = work => {
                        let _caller_gone = reply.send(ended.map_err(text));
                    }
                }
            };
            call.boxed_local()
        });
        self.calls.send(call).await.map_err(|_closed| CallError::Gone)?;
        result.await.map_err(|_dropped| CallError::Gone)?.map_err(CallError::Panicked)
    }

    /// Waits until the value has been dropped, on its thread.
    pub async fn close(self) {
        drop(self.calls);
        // The channel carries no value: its closing is the signal.
        let _closed = self.ended.await;
    }
}

/// The side that serves an owner's calls.
struct Served<S> {
    calls: mpsc::Receiver<Call<S>>,
    ended: oneshot::Sender<()>,
}

fn channel<S>() -> (Owner<S>, Served<S>) {
    // The thread receives a call as soon as it is free, so one slot is enough.
    let (sender, calls) = mpsc::channel(1);
    let (end, ended) = oneshot::channel();
    (Owner { calls: sender, ended }, Served { calls, ended: end })
}

impl<S: 'static> Served<S> {
    async fn serve(self, value: S) {
        let Self { mut calls, ended } = self;
        let (value, running) = (Rc::new(value), TaskTracker::new());
        while let Some(call) = calls.recv().await {
            running.spawn_local(call(value.clone()));
        }
        // The callers of the remaining calls are gone, so each call ends when it is polled.
        running.close();
        running.wait().await;
        drop(value);
        drop(ended);
    }
}

/// Returns the text of a panic: the payload of `panic!` is a `&str` or a `String`, that of `panic_any` any value.
fn text(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a value that is not text");
    let text = text.to_owned();
    // The payload may be a value whose destructor panics.
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        mem::forget(another);
    }
    text
}
