// SPDX-License-Identifier: 0BSD
//! Runs a transaction on a pooled connection: `async with pool.acquire() as c, c.transaction():`.
//!
//! ```sh
//! cargo add scopeguard
//! cargo add tokio --features rt,sync
//! cargo add tokio-util --features rt
//! ```
//!
//! ```
//! use std::num::NonZeroUsize;
//!
//! use context_managers::transaction::{Database, Pool};
//! use tokio_util::task::TaskTracker;
//!
//! struct Memory; // a driver's client, with its four functions
//!
//! impl Database for Memory {
//!     type Connection = Vec<&'static str>;
//!     type Error = anyhow::Error;
//!
//!     async fn connect(&self) -> anyhow::Result<Vec<&'static str>> {
//!         Ok(Vec::new())
//!     }
//!     async fn begin(&self, _on: &mut Vec<&'static str>) -> anyhow::Result<()> {
//!         Ok(())
//!     }
//!     async fn commit(&self, _on: &mut Vec<&'static str>) -> anyhow::Result<()> {
//!         Ok(())
//!     }
//!     async fn rollback(&self, on: &mut Vec<&'static str>) -> anyhow::Result<()> {
//!         Ok(on.clear())
//!     }
//! }
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let cleanups = TaskTracker::new();
//!     let pool = Pool::new(Memory, const { NonZeroUsize::new(5).unwrap() }, &cleanups);
//!     pool.transaction(async |connection| Ok(connection.push("kept"))).await?;
//!     let failed: anyhow::Result<()> = pool
//!         .transaction(async |connection| {
//!             connection.push("undone");
//!             anyhow::bail!("no such account")
//!         })
//!         .await;
//!     assert!(failed.is_err());
//!     assert_eq!(pool.idle(), 1); // one connection served both
//!     Ok(())
//! }
//! ```
//!
//! It commits on success, and rolls back on an error, a panic and a cancellation. The connection returns to the pool
//! exactly once.
//!
//! This is a `scope` for one kind of resource. Commit and rollback run in a task of their own, which returns the
//! connection to the pool when it is done. A cancelled caller does not wait for that task and does not cut it off. Wait
//! for the [`TaskTracker`] before the runtime ends (`drain`).
//!
//! A real pool (deadpool, bb8, sqlx) checks and refreshes connections too. The pool's own transaction is enough if its
//! drop does what you need: some roll back only at the next use. Read its docs, and test it.
//!
//! # Cancel safety
//!
//! Dropping the future while it waits for a connection takes no connection. A drop while the body runs starts a
//! rollback. A commit runs to its end: after a drop the caller does not know its result.
//!
//! # Errors
//!
//! Errors of the database and of the body. If commit or rollback fails, the state of the connection is unknown: it is
//! dropped, and the next transaction makes a new one. A rollback that fails after an error of the body is not reported,
//! because the database itself rolls back when the connection closes.
//!
//! # Panics
//!
//! [`Pool::transaction`] panics outside a Tokio runtime. A panic in the body resumes at once; the rollback runs
//! meanwhile. A panic in `commit` or `rollback` resumes in the caller that waits for it.

use std::fmt;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};

use scopeguard::{ScopeGuard, guard};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinHandle};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// The functions that the pool needs of a database.
pub trait Database: Send + Sync + 'static {
    /// A connection. Its drop closes it.
    type Connection: Send + 'static;
    /// The error of each step.
    type Error: Send + 'static;

    /// Opens a connection.
    fn connect(&self) -> impl Future<Output = Result<Self::Connection, Self::Error>> + Send;
    /// Begins a transaction.
    fn begin(&self, on: &mut Self::Connection) -> impl Future<Output = Result<(), Self::Error>> + Send;
    /// Makes the transaction's changes last.
    fn commit(&self, on: &mut Self::Connection) -> impl Future<Output = Result<(), Self::Error>> + Send;
    /// Undoes the transaction's changes.
    fn rollback(&self, on: &mut Self::Connection) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// A pool of a limited number of connections to one database, which are opened when needed.
pub struct Pool<D: Database> {
    shared: Arc<Shared<D>>,
    free: Arc<Semaphore>,
    cleanups: TaskTracker,
}

struct Shared<D: Database> {
    database: D,
    idle: Mutex<Vec<D::Connection>>,
}

/// A connection in use.
struct Lease<D: Database> {
    shared: Arc<Shared<D>>,
    connection: D::Connection,
    permit: OwnedSemaphorePermit,
    open: TaskTrackerToken,
    runtime: Handle,
}

impl<D: Database> Pool<D> {
    /// Makes a pool of up to `size` connections. Commits and rollbacks are tasks of `cleanups`.
    pub fn new(database: D, size: NonZeroUsize, cleanups: &TaskTracker) -> Self {
        Self {
            shared: Arc::new(Shared { database, idle: Mutex::default() }),
            // More than a semaphore can count would not fit into memory.
            free: Arc::new(Semaphore::new(size.get().min(Semaphore::MAX_PERMITS))),
            cleanups: cleanups.clone(),
        }
    }

    /// Runs `body` in a transaction. Callers get connections in FIFO order.
    pub async fn transaction<T>(
        &self,
        body: impl AsyncFnOnce(&mut D::Connection) -> Result<T, D::Error>,
    ) -> Result<T, D::Error> {
        let (shared, open, runtime) = (self.shared.clone(), self.cleanups.token(), Handle::current());
        #[expect(clippy::expect_used, reason = "the semaphore is private, and nothing closes it")]
        let permit = self.free.clone().acquire_owned().await.expect("nothing closes it");
        let idle = shared.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => shared.database.connect().await?,
        };

        let lease = Lease { shared, connection, permit, open, runtime };
        let mut lease = guard(lease, |lease| drop(lease.end(false)));
        let Lease { shared, connection, .. } = &mut *lease;
        if let Err(error) = shared.database.begin(connection).await {
            drop(ScopeGuard::into_inner(lease));
            return Err(error);
        }
        match body(connection).await {
            Ok(value) => {
                joined(ScopeGuard::into_inner(lease).end(true).await)?;
                Ok(value)
            }
            Err(error) => {
                let _connection_closed = joined(ScopeGuard::into_inner(lease).end(false).await);
                Err(error)
            }
        }
    }

    /// Returns how many connections wait in the pool.
    pub fn idle(&self) -> usize {
        self.shared.idle().len()
    }

    /// Returns how many transactions could begin now.
    pub fn free(&self) -> usize {
        self.free.available_permits()
    }
}

impl<D: Database> Shared<D> {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<D::Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D: Database> Lease<D> {
    /// Ends the transaction in a task of its own, and returns the connection to the pool.
    fn end(self, commit: bool) -> JoinHandle<Result<(), D::Error>> {
        let Self { shared, connection, permit, open, runtime } = self;
        let task = async move {
            // The permit is dropped last: the caller that it wakes finds the connection in the pool, or room for a new
            // one.
            let (_permit, mut connection) = (permit, connection);
            if commit {
                shared.database.commit(&mut connection).await?;
            } else {
                shared.database.rollback(&mut connection).await?;
            }
            shared.idle().push(connection);
            Ok(())
        };
        open.task_tracker().spawn_on(task, &runtime)
    }
}

/// Returns the result of a task that is never aborted: it can only panic, or be dropped by a runtime that ends.
fn joined<T>(result: Result<T, JoinError>) -> T {
    result.unwrap_or_else(|error| {
        resume_unwind(error.try_into_panic().unwrap_or_else(|cancelled| Box::new(cancelled)))
    })
}

impl<D: Database> fmt::Debug for Pool<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("idle", &self.idle()).field("free", &self.free()).finish_non_exhaustive()
    }
}
