// SPDX-License-Identifier: 0BSD
//! The threads of the pool: what they share, and what each of them does.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::mem;
use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::SetOnce;

use super::job::{Entry, JobError, contained};
use super::{Queued, Refused};

type Initializer = dyn Fn() -> Result<(), String> + Send + Sync;

/// The state that a pool, its jobs and its threads share.
pub(super) struct Shared {
    max_threads: NonZeroUsize,
    name: String,
    initialize: Box<Initializer>,
    state: Mutex<State>,
    /// Notifies one thread for each job, and all threads when no more will come.
    work: Condvar,
    /// Set when every thread is gone.
    ended: SetOnce<()>,
}

struct State {
    phase: Phase,
    /// The jobs that have not begun, by number. The code that takes a job out decides its outcome.
    queue: BTreeMap<u64, Entry>,
    next: u64,
    /// Threads that wait for work.
    idle: usize,
    threads: Vec<thread::JoinHandle<()>>,
    /// A thread is already waiting for the others to end.
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

impl Shared {
    pub(super) fn new(
        max_threads: NonZeroUsize,
        name: &str,
        initialize: impl Fn() -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        let state = State {
            phase: Phase::Open,
            queue: BTreeMap::new(),
            next: 0,
            idle: 0,
            threads: Vec::new(),
            joined: false,
        };
        Self {
            max_threads,
            // The name of a thread cannot contain a NUL.
            name: name.replace('\0', ""),
            initialize: Box::new(initialize),
            state: Mutex::new(state),
            work: Condvar::new(),
            ended: SetOnce::new(),
        }
    }

    /// Never held while a job, its destructor or the initializer runs.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_own_thread(&self) -> bool {
        POOL.get() == std::ptr::from_ref(self).addr()
    }

    pub(super) fn enqueue(self: &Arc<Self>, entry: Entry) -> Result<u64, Refused> {
        let mut state = self.lock();
        match &state.phase {
            Phase::Open => {}
            Phase::Closed => return Err(Refused::ShutDown),
            Phase::Broken(reason) => return Err(Refused::Broken(reason.clone())),
        }
        let id = state.next;
        state.next += 1;
        state.queue.insert(id, entry);
        // Counts the idle threads: one of them may have been woken for another job already.
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
                // The existing threads will take the job.
                Err(_) => {}
            }
        }
        drop(state);
        self.work.notify_one();
        Ok(id)
    }

    pub(super) fn queued(&self) -> usize {
        self.lock().queue.len()
    }

    /// Takes a job out of the queue, if it has not begun.
    pub(super) fn withdraw(&self, id: u64) -> Option<Entry> {
        self.lock().queue.remove(&id)
    }

    pub(super) fn close(&self, queued: Queued) {
        let mut state = self.lock();
        if matches!(state.phase, Phase::Open) {
            state.phase = Phase::Closed;
        }
        let cancelled = match queued {
            Queued::Finish => BTreeMap::new(),
            Queued::Cancel => mem::take(&mut state.queue),
        };
        drop(state);
        self.work.notify_all();
        for entry in cancelled.into_values() {
            entry.refuse(JobError::Cancelled);
        }
    }

    /// Runs a thread of the pool.
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

    /// Waits for a job; returns `None` if no more will come.
    fn next(&self) -> Option<Entry> {
        let mut state = self.lock();
        loop {
            if let Some((_id, entry)) = state.queue.pop_first() {
                // Under the lock, so that a job is always seen as queued or as running.
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

    /// Waits until every thread is gone.
    pub(super) async fn ended(&self) {
        self.ended.wait().await;
    }

    /// Lets a thread wait for the others, once: a thread is gone after the destructors of its thread-locals, and only
    /// `join` knows that.
    pub(super) fn join_threads(self: &Arc<Self>) {
        let mut state = self.lock();
        if mem::replace(&mut state.joined, true) {
            return;
        }
        let threads = mem::take(&mut state.threads);
        drop(state);
        let ended = SetOnDrop(self.clone());
        // If this thread cannot be started, the closure is dropped, and no thread waits.
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
        // `try_lock`, because this may be printed while the lock is held.
        if let Ok(state) = self.state.try_lock() {
            pool.field("queued", &state.queue.len()).field("idle", &state.idle);
        }
        pool.finish_non_exhaustive()
    }
}
