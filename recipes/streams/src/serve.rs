// SPDX-License-Identifier: 0BSD
//! Serves each connection in a task of its own, a limited number at once, and stops gracefully: `start_server`.
//!
//! ```sh
//! cargo add tokio --features io-util,macros,net,rt,sync,time
//! cargo add tokio-util --features rt
//! ```
//!
//! ```
//! use streams::serve::{Limits, serve};
//! use tokio::{io::copy, net::TcpListener};
//! use tokio_util::sync::CancellationToken;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> std::io::Result<()> {
//!     let (listener, stop) = (TcpListener::bind("127.0.0.1:0").await?, CancellationToken::new());
//!     let server = serve(listener, Limits::default(), stop.clone(), |mut stream, _stop| async move {
//!         let (mut reader, mut writer) = stream.split();
//!         let _failed = copy(&mut reader, &mut writer).await; // an echo
//!     });
//!     stop.cancel(); // a program does this at Ctrl-C
//!     assert_eq!(server.await.cut, 0);
//!     Ok(())
//! }
//! ```
//!
//! A loop of `accept` and `spawn` is enough for a program that may be killed, and that has few clients.
//!
//! At the stop it closes the listener and cancels the token of each handler. A handler that watches its token can end at a
//! good point. After the grace period, the remaining handlers are dropped at their next await.
//!
//! It limits only the number of connections. The handler must limit the silence of a peer, the time of a request and the
//! wait of a write: put a `timeout` around each.
//!
//! # Cancel safety
//!
//! Dropping the future drops the listener at once, and all handlers at their next await.
//!
//! # Errors
//!
//! No error ends it. An error of one connection is counted. After another error, such as `EMFILE` when all file descriptors
//! are in use, it waits for 100 ms and tries again. The connection is still in the system's queue, so a loop would spin.
//!
//! # Panics
//!
//! A handler that panics ends its own connection.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::coop::consume_budget;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const PAUSE_AFTER_AN_ERROR: Duration = Duration::from_millis(100);

/// A source of connections.
pub trait Listener: Send {
    /// The type of a connection.
    type Connection: Send + 'static;

    /// Waits for the next connection. Dropping the future loses no connection.
    fn next_connection(&self) -> impl Future<Output = io::Result<Self::Connection>> + Send;
}

impl Listener for TcpListener {
    type Connection = TcpStream;

    async fn next_connection(&self) -> io::Result<TcpStream> {
        let (stream, _address) = self.accept().await?;
        // As in asyncio. It fails if the peer is already gone, which the handler will see.
        let _kept = stream.set_nodelay(true);
        Ok(stream)
    }
}

#[cfg(unix)]
impl Listener for tokio::net::UnixListener {
    type Connection = tokio::net::UnixStream;

    async fn next_connection(&self) -> io::Result<tokio::net::UnixStream> {
        Ok(self.accept().await?.0)
    }
}

/// The treatment of a connection beyond the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beyond {
    /// It waits in the system's queue until another connection ends.
    Wait,
    /// It is closed at once.
    Refuse,
}

/// Limits of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most connections at once. Default: 1,000.
    pub connections: NonZeroUsize,
    /// The treatment of a further connection. Default: it waits.
    pub beyond: Beyond,
    /// How long connections may go on after the stop. Default: 10 s.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let connections = NonZeroUsize::MIN.saturating_add(999);
        Self { connections, beyond: Beyond::Wait, grace: Duration::from_secs(10) }
    }
}

/// The counts of a server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Served {
    /// Connections that were handled.
    pub handled: usize,
    /// Connections that were closed at once.
    pub refused: usize,
    /// Errors of `accept`.
    pub errors: usize,
    /// Handlers that were dropped after the grace period.
    pub cut: usize,
}

/// Calls `handle` for each connection, in a task of its own, until `stop` is cancelled and the connections have ended.
///
/// `handle` also gets a token that is cancelled at the stop.
pub async fn serve<L, F, Fut>(listener: L, limits: Limits, stop: CancellationToken, handle: F) -> Served
where
    L: Listener,
    F: Fn(L::Connection, CancellationToken) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let permits = Arc::new(Semaphore::new(limits.connections.get().min(Semaphore::MAX_PERMITS)));
    let (tasks, cut) = (TaskTracker::new(), CancellationToken::new());
    let _cut_on_drop = cut.clone().drop_guard();
    let mut served = Served::default();
    let accept = async {
        // Moved into this block, because a reference would require a `Sync` handler.
        let handle = handle;
        loop {
            // Lets other tasks run even while connections are refused as fast as they come.
            consume_budget().await;
            let mut permit = None;
            if limits.beyond == Beyond::Wait {
                permit = permits.clone().acquire_owned().await.ok();
            }
            match listener.next_connection().await {
                Ok(connection) => {
                    let permit = permit.or_else(|| permits.clone().try_acquire_owned().ok());
                    let Some(permit) = permit else {
                        served.refused += 1;
                        continue;
                    };
                    served.handled += 1;
                    let (handle, stop, cut) = (handle.clone(), stop.child_token(), cut.clone());
                    tasks.spawn(async move {
                        let _permit = permit;
                        // Called inside the task, so that a panic stays there.
                        let work = handle(connection, stop);
                        cut.run_until_cancelled(work).await
                    });
                }
                Err(error) => {
                    served.errors += 1;
                    if !is_of_one_connection(&error) {
                        sleep(PAUSE_AFTER_AN_ERROR).await;
                    }
                }
            }
        }
    };
    stop.run_until_cancelled(accept).await;
    drop(listener);
    tasks.close();
    if timeout(limits.grace, tasks.wait()).await.is_err() {
        in_this_instant(&tasks).await;
        served.cut = tasks.len();
        cut.cancel();
        tasks.wait().await;
    }
    served
}

/// Lets tasks end that are due in this instant. Tokio cannot say when all of them have run. So this stops after a few turns
/// that end no task; a turn polls about sixty tasks.
async fn in_this_instant(tasks: &TaskTracker) {
    let (mut left, mut idle_turns) = (tasks.len(), 0);
    while left > 0 && idle_turns < 4 + left / 30 {
        yield_now().await;
        idle_turns = if tasks.len() < left { 0 } else { idle_turns + 1 };
        left = tasks.len();
    }
}

/// Returns whether the error concerns only this connection: its peer was gone before it was accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
