// SPDX-License-Identifier: 0BSD
//! The settings of a process pool.

use std::num::NonZeroUsize;
use std::thread;
use std::time::Duration;

/// Settings of a process pool. `Duration::MAX` is never.
#[derive(Debug, Clone)]
pub struct Options {
    /// The limit on processes: `max_workers`. Default: the number of cores.
    pub max_workers: NonZeroUsize,
    /// After how many jobs a new worker replaces a worker: `max_tasks_per_child`. Default: never.
    pub max_jobs_per_worker: Option<NonZeroUsize>,
    /// How long a job may run before its worker is killed. The wait for a worker is not counted. Default: no limit.
    pub time_limit: Option<Duration>,
    /// How long a worker may take to get ready, and to take a job. Default: 30 s.
    pub start_limit: Duration,
    /// How long a worker that is no longer needed may take to end before it is killed. Default: 1 s.
    pub end_limit: Duration,
    /// How the pool reacts to a crash.
    pub on_crash: OnCrash,
}

/// How the pool reacts when a worker dies, or does not get ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnCrash {
    /// Every job fails, running or waiting, and new jobs are refused, as in asyncio.
    BreakPool,
    /// The worker's own job fails, and the next job gets a new worker. After `limit` crashes without a result between
    /// them the pool breaks: otherwise a job that always crashes would do so forever.
    FailJob {
        /// This many crashes in a row break the pool.
        limit: NonZeroUsize,
    },
}

impl Default for Options {
    fn default() -> Self {
        const TEN: NonZeroUsize = NonZeroUsize::new(10).unwrap();
        Self {
            max_workers: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            max_jobs_per_worker: None,
            time_limit: None,
            start_limit: Duration::from_secs(30),
            end_limit: Duration::from_secs(1),
            on_crash: OnCrash::FailJob { limit: TEN },
        }
    }
}
