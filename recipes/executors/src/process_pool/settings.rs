// SPDX-License-Identifier: 0BSD
//! The settings of a process pool.

use std::num::NonZeroUsize;
use std::thread;
use std::time::Duration;

/// Settings of a process pool. `Duration::MAX` is never.
#[derive(Debug, Clone)]
pub struct Options {
    /// Limits how many processes there are: `max_workers`. Default: the number of cores.
    pub max_workers: NonZeroUsize,
    /// After how many jobs a worker gives way to a new one: `max_tasks_per_child`. Default: never.
    pub max_jobs_per_worker: Option<NonZeroUsize>,
    /// How long a job may run before its worker is killed. The wait for a worker is not counted. Default: no limit.
    pub time_limit: Option<Duration>,
    /// How long a worker may take to get ready, and to take a job. Default: 30 s.
    pub start_limit: Duration,
    /// How long a worker that is no longer wanted may take to end before it is killed. Default: 1 s.
    pub end_limit: Duration,
    /// What a crash means for the pool.
    pub on_crash: OnCrash,
}

/// What it means that a worker died, or did not get ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnCrash {
    /// Every job fails, those that run and those that wait, and nothing new is taken: what asyncio does.
    BreakPool,
    /// The worker's own job fails, and the next job gets a new worker. After `limit` crashes without a result between
    /// them the pool is broken: what crashes each time would crash forever.
    FailJob {
        /// As many crashes, one after the other, break the pool.
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
