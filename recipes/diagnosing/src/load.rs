// SPDX-License-Identifier: 0BSD
//! Reports how busy each worker of a runtime was, how many tasks there are, and whether a worker is blocked. It compares two
//! readings of stable Tokio's metrics.
//!
//! ```sh
//! cargo add tokio --features rt,time
//! ```
//!
//! ```
//! use std::{thread, time::Duration};
//!
//! use diagnosing::load::{Meter, Worker};
//! use tokio::{runtime::Handle, time::sleep};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let mut meter = Meter::new(&Handle::current());
//!     tokio::spawn(async { thread::sleep(Duration::from_millis(30)) }); // blocks
//!     sleep(Duration::from_millis(10)).await;
//!     let load = meter.read();
//!     println!("{load}"); // 0 tasks, 0 in the queue; workers: 97% busy
//!     assert!(matches!(load.workers[..], [Worker::Busy(share)] if share > 0.5));
//! }
//! ```
//!
//! Read it every second, from a task or from a thread. If the program is slow and the workers are busy, a task computes;
//! `slow_polls` says which. If it is slow and they are idle, the tasks wait for one another or for a peer.
//! [`Worker::Stalled`]: one poll has lasted since the last reading. Tokio counts it as busy only when it is over.
//!
//! One number is enough for a graph: `Handle::metrics().num_alive_tasks()`. Stable are `num_workers`, `num_alive_tasks`,
//! `global_queue_depth`, `worker_total_busy_duration`, `worker_park_count` and `worker_park_unpark_count`. Blocking threads,
//! the queues of single workers, counts of polls and histograms need `tokio_unstable`.
//!
//! A share is a share of wall-clock time. On a paused clock it has no meaning.
//!
//! # Cost
//!
//! A reading takes some atomic loads for each worker.

use std::fmt;
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeMetrics};
use tokio::time::Instant;

/// Reads the metrics of one runtime from time to time.
#[derive(Debug)]
pub struct Meter {
    metrics: RuntimeMetrics,
    last: Instant,
    workers: Vec<Counters>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counters {
    busy: Duration,
    /// The number of times a worker went to sleep or woke up. Odd means that it sleeps.
    parks: u64,
}

/// The load between two readings.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// The tasks that are alive now.
    pub tasks: usize,
    /// The tasks that wait in the queue that all workers share.
    pub queue: usize,
    /// The workers. A runtime of one thread has one.
    pub workers: Vec<Worker>,
}

/// The work of a worker since the last reading.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Worker {
    /// The share of the time in which it polled tasks, between 0 and 1.
    Busy(f64),
    /// It neither slept nor ended a turn: one poll, or a series of ready tasks, took all of the time.
    Stalled,
}

impl Meter {
    /// Begins to measure.
    #[must_use]
    pub fn new(runtime: &Handle) -> Self {
        let metrics = runtime.metrics();
        let workers = counters(&metrics);
        Self { metrics, last: Instant::now(), workers }
    }

    /// Returns the load since the last call, or since [`new`](Self::new).
    pub fn read(&mut self) -> Load {
        let now = Instant::now();
        // Never zero, because it is a divisor.
        let passed = now.duration_since(self.last).as_secs_f64().max(f64::MIN_POSITIVE);
        let counters = counters(&self.metrics);
        let workers = self.workers.iter().zip(&counters).map(|(before, after)| {
            let busy = after.busy.saturating_sub(before.busy).as_secs_f64();
            let sleeps = after.parks % 2 == 1;
            match before == after && !sleeps {
                true => Worker::Stalled,
                false => Worker::Busy((busy / passed).clamp(0.0, 1.0)),
            }
        });
        let load = Load {
            tasks: self.metrics.num_alive_tasks(),
            queue: self.metrics.global_queue_depth(),
            workers: workers.collect(),
        };
        (self.last, self.workers) = (now, counters);
        load
    }
}

fn counters(metrics: &RuntimeMetrics) -> Vec<Counters> {
    let counters = |worker| Counters {
        busy: metrics.worker_total_busy_duration(worker),
        parks: metrics.worker_park_unpark_count(worker),
    };
    (0..metrics.num_workers()).map(counters).collect()
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} tasks, {} in the queue; workers:", self.tasks, self.queue)?;
        for (number, worker) in self.workers.iter().enumerate() {
            f.write_str(if number == 0 { " " } else { ", " })?;
            match worker {
                Worker::Busy(share) => write!(f, "{:.0}% busy", share * 100.0)?,
                Worker::Stalled => f.write_str("one poll takes all of the time")?,
            }
        }
        Ok(())
    }
}
