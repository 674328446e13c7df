// SPDX-License-Identifier: 0BSD
//! Runs jobs on a pool of threads with a queue that you can look into: `concurrent.futures.ThreadPoolExecutor`, with
//! names, an initializer, `map`, `cancel` of what is queued, and `shutdown` in its modes.
//!
//! ```sh
//! cargo add thiserror
//! cargo add tokio --features sync
//! ```
//!
//! ```
//! use std::num::NonZeroUsize;
//!
//! use executors::thread_pool::{Queued, ThreadPool};
//! use futures::future::try_join_all;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let pool = ThreadPool::new(const { NonZeroUsize::new(4).unwrap() }, "resize");
//!     let jobs = pool.map([3, 4, 5], |side| side * side)?; // queued at once
//!     assert_eq!(try_join_all(jobs).await?, [9, 16, 25]);
//!
//!     let name = pool.submit(|| std::thread::current().name().map(str::to_owned))?;
//!     assert!(name.await?.is_some_and(|name| name.starts_with("resize_")));
//!     pool.shutdown(Queued::Finish).await?;
//!     Ok(())
//! }
//! ```
//!
//! Take it when something must live as long as its thread, such as a connection in a thread-local, or when queued work
//! has to be counted, cancelled or finished at the end. Otherwise `spawn_blocking` behind a limit is enough.
//!
//! Share it by reference or in an [`Arc`]. The queue has no bound: hold producers back by a semaphore, if nothing else
//! does. Threads are started when there is work for them, and stay until [`close`](ThreadPool::close) or
//! [`shutdown`](ThreadPool::shutdown), or until the pool is dropped, which is `close(Queued::Finish)`. A program whose
//! `main` returns does not wait for them: await `shutdown` first.
//!
//! # Cancel safety
//!
//! A [`Job`] that is dropped before it began never begins; one that runs goes on, and its result is dropped.
//! [`Job::detach`] lets it run without a waiter. A dropped `shutdown` has closed the pool if it was polled once; await
//! it again to wait.
//!
//! # Errors
//!
//! [`Refused`] if the pool takes no work any more; [`JobError`] if a job has no result. A job that waits for another
//! job of its own pool gets [`JobError::OwnPool`]: if each thread did so, no thread would be left to do the work.
//!
//! # Panics
//!
//! A panic of a job is its result. The thread goes on.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::io;
use std::mem;
use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::SetOnce;

use job::{Entry, contained};

pub use job::{Job, JobError, OwnPool, Stage};

mod job;

/// Why a job was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The pool is closed.
    #[error("the pool is shut down")]
    ShutDown,
    /// The initializer has failed, on any thread: `BrokenThreadPool`. Holds what it said.
    #[error("the pool is broken: {0}")]
    Broken(String),
    /// The pool has no thread, and the system gives none.
    #[error("no thread can be started")]
    NoThread(#[source] io::Error),
}

/// What becomes of the jobs that have not begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queued {
    /// They run: `shutdown()`.
    Finish,
    /// They are cancelled: `shutdown(cancel_futures=True)`.
    Cancel,
}

/// Threads that do what is submitted, first in, first out.
#[derive(Debug)]
pub struct ThreadPool {
    shared: Arc<Shared>,
}

type Initializer = dyn Fn() -> Result<(), String> + Send + Sync;

struct Shared {
    max_threads: NonZeroUsize,
    name: String,
    initialize: Box<Initializer>,
    state: Mutex<State>,
    /// Told for each job, and to all when there will be no more.
    work: Condvar,
    /// Set when every thread is gone.
    ended: SetOnce<()>,
}

struct State {
    phase: Phase,
    /// What has not begun, by its number. To take a job out of here is to decide what becomes of it.
    queue: BTreeMap<u64, Entry>,
    next: u64,
    /// Threads that wait for work.
    idle: usize,
    threads: Vec<thread::JoinHandle<()>>,
    /// Somebody waits for the threads to end already.
    joined: bool,
}

enum Phase {
    Open,
    Closed,
    Broken(String),
}

thread_local! {
    /// The address of the pool that this thread works for.
    static POOL: Cell<usize> = const { Cell::new(0) };
}

/// As many threads as asyncio's default executor has: four more than there are cores, at most 32.
pub fn default_threads() -> NonZeroUsize {
    const FOUR: NonZeroUsize = NonZeroUsize::new(4).unwrap();
    const THIRTY_TWO: NonZeroUsize = NonZeroUsize::new(32).unwrap();
    let cores = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    cores.saturating_add(FOUR.get()).min(THIRTY_TWO)
}

impl ThreadPool {
    /// A pool of at most `max_threads` threads: `ThreadPoolExecutor(max_workers, thread_name_prefix)`. They are called
    /// `name_0`, `name_1` and so on.
    pub fn new(max_threads: NonZeroUsize, name: &str) -> Self {
        Self::with_initializer(max_threads, name, || Ok::<_, String>(()))
    }

    /// The same, and each thread calls `initialize` before its first job. If that fails on one thread, or panics, the
    /// pool is broken: what has not begun fails, and nothing new is taken.
    pub fn with_initializer<E: Into<Box<dyn Error + Send + Sync>>>(
        max_threads: NonZeroUsize,
        name: &str,
        initialize: impl Fn() -> Result<(), E> + Send + Sync + 'static,
    ) -> Self {
        let state = State {
            phase: Phase::Open,
            queue: BTreeMap::new(),
            next: 0,
            idle: 0,
            threads: Vec::new(),
            joined: false,
        };
        let shared = Shared {
            max_threads,
            // A thread cannot be called by a name with a zero in it.
            name: name.replace('\0', ""),
            initialize: Box::new(move || initialize().map_err(|error| error.into().to_string())),
            state: Mutex::new(state),
            work: Condvar::new(),
            ended: SetOnce::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Queues `work`, at once.
    ///
    /// # Errors
    ///
    /// If the pool is closed or broken, or cannot start its first thread.
    pub fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Job<T>, Refused> {
        let (entry, outcome) = Entry::new(work);
        let stage = entry.stage.clone();
        let id = self.shared.enqueue(entry)?;
        Ok(Job::new(id, self.shared.clone(), stage, outcome))
    }

    /// Queues `work` on each of `inputs`, at once: `Executor.map`. The jobs stand in the order of the inputs.
    ///
    /// # Errors
    ///
    /// As those of [`submit`](Self::submit). What was queued before the error is cancelled, if it has not begun.
    pub fn map<I: Send + 'static, T: Send + 'static>(
        &self,
        inputs: impl IntoIterator<Item = I>,
        work: impl Fn(I) -> T + Send + Sync + 'static,
    ) -> Result<Vec<Job<T>>, Refused> {
        let work = Arc::new(work);
        let submit = |input| {
            let work = work.clone();
            self.submit(move || work(input))
        };
        inputs.into_iter().map(submit).collect()
    }

    /// How many jobs have not begun.
    pub fn queued(&self) -> usize {
        self.shared.lock().queue.len()
    }

    /// Takes nothing new, and does not wait: `shutdown(wait=False)`.
    pub fn close(&self, queued: Queued) {
        let mut state = self.shared.lock();
        if matches!(state.phase, Phase::Open) {
            state.phase = Phase::Closed;
        }
        let cancelled = match queued {
            Queued::Finish => BTreeMap::new(),
            Queued::Cancel => mem::take(&mut state.queue),
        };
        drop(state);
        self.shared.work.notify_all();
        for entry in cancelled.into_values() {
            entry.refuse(JobError::Cancelled);
        }
    }

    /// Takes nothing new, and waits until every thread is gone: `shutdown()`.
    ///
    /// # Errors
    ///
    /// On a thread of this pool, which would wait for itself. The pool is closed all the same.
    pub async fn shutdown(&self, queued: Queued) -> Result<(), OwnPool> {
        self.close(queued);
        if self.shared.is_own_thread() {
            return Err(OwnPool);
        }
        self.shared.join_threads();
        self.shared.ended.wait().await;
        Ok(())
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        self.close(Queued::Finish);
    }
}

impl Shared {
    /// Never held while a job, its destructor or the initializer runs.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_own_thread(&self) -> bool {
        POOL.get() == std::ptr::from_ref(self).addr()
    }

    fn enqueue(self: &Arc<Self>, entry: Entry) -> Result<u64, Refused> {
        let mut state = self.lock();
        match &state.phase {
            Phase::Open => {}
            Phase::Closed => return Err(Refused::ShutDown),
            Phase::Broken(reason) => return Err(Refused::Broken(reason.clone())),
        }
        let id = state.next;
        state.next += 1;
        state.queue.insert(id, entry);
        // Not if there is an idle one: it may have been woken for another job already.
        if state.queue.len() > state.idle && state.threads.len() < self.max_threads.get() {
            let name = format!("{}_{}", self.name, state.threads.len());
            let shared = self.clone();
            match thread::Builder::new().name(name).spawn(move || shared.serve()) {
                Ok(thread) => state.threads.push(thread),
                Err(error) if state.threads.is_empty() => {
                    let _entry = state.queue.remove(&id);
                    drop(state);
                    return Err(Refused::NoThread(error));
                }
                // Those that are there will come to it.
                Err(_) => {}
            }
        }
        drop(state);
        self.work.notify_one();
        Ok(id)
    }

    /// What a thread does.
    fn serve(&self) {
        POOL.set(std::ptr::from_ref(self).addr());
        if let Err(reason) =
            contained(&self.initialize).unwrap_or_else(|panic| Err(format!("panicked: {panic}")))
        {
            self.fail(format!("the initializer failed: {reason}"));
            return;
        }
        while let Some(entry) = self.next() {
            entry.run();
        }
    }

    /// Waits for a job; `None` if there will be no more.
    fn next(&self) -> Option<Entry> {
        let mut state = self.lock();
        loop {
            if let Some((_id, entry)) = state.queue.pop_first() {
                // Under the lock, so that nobody finds it neither queued nor running.
                entry.begin();
                return Some(entry);
            }
            if !matches!(state.phase, Phase::Open) {
                return None;
            }
            state.idle += 1;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    fn fail(&self, reason: String) {
        let mut state = self.lock();
        state.phase = Phase::Broken(reason.clone());
        let refused = mem::take(&mut state.queue);
        drop(state);
        for entry in refused.into_values() {
            entry.refuse(JobError::Broken(reason.clone()));
        }
    }

    /// Lets a thread wait for the others, once: a thread is gone when the destructors of its thread-locals are through,
    /// and only `join` knows that.
    fn join_threads(self: &Arc<Self>) {
        let mut state = self.lock();
        if mem::replace(&mut state.joined, true) {
            return;
        }
        let threads = mem::take(&mut state.threads);
        drop(state);
        let ended = SetOnDrop(self.clone());
        // If there is no thread for it, this is dropped, and nobody waits.
        drop(thread::Builder::new().spawn(move || {
            let _ended = ended;
            for thread in threads {
                drop(thread.join());
            }
        }));
    }
}

struct SetOnDrop(Arc<Shared>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        drop(self.0.ended.set(()));
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut pool = f.debug_struct("ThreadPool");
        pool.field("name", &self.name);
        // Not if it is taken: this may be printed anywhere.
        if let Ok(state) = self.state.try_lock() {
            pool.field("queued", &state.queue.len()).field("idle", &state.idle);
        }
        pool.finish_non_exhaustive()
    }
}
