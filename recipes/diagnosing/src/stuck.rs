// SPDX-License-Identifier: 0BSD
//! Lists the waiting tasks: what each waits for, since when, and at which line: `asyncio.all_tasks()` and
//! `Task.print_stack()`.
//!
//! ```sh
//! cargo add tokio --features rt,time
//! ```
//!
//! ```
//! use diagnosing::stuck::{WatchedTasks, at};
//! use tokio::sync::oneshot;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() {
//!     let tasks = WatchedTasks::default();
//!     let (answer, answered) = oneshot::channel::<u32>();
//!     let client = tokio::spawn(tasks.watch("client", async { at("the answer", answered).await }));
//!     tokio::task::yield_now().await;
//!     for task in tasks.list() {
//!         println!("{task}"); // client waits 0.0 s for the answer, at src/main.rs:8
//!     }
//!     drop(answer); // the client would wait forever with it
//!     assert!(client.await.is_ok());
//! }
//! ```
//!
//! Wrap each task in [`WatchedTasks::watch`] where it is made, and each await that may hang in [`at`]. Print the list
//! after a time limit, or at a signal. A future that was neither awaited nor spawned is on the list, as never polled. Outside a watched
//! task [`at`] only awaits.
//!
//! `Handle::metrics().num_alive_tasks()` is enough to learn that a task is left. It has no names. Tokio's own list with
//! stacks is `Handle::dump()`, in a build with `tokio_unstable` on Linux.
//!
//! It shows only the awaits that you have named. A task that waits elsewhere has an empty list of waits.
//!
//! # Cancel safety
//!
//! Dropping a watched future takes it off the list; dropping a wait takes the wait off.
//!
//! # Panics
//!
//! A panic in the work goes on in the caller. The task is then off the list.
//!
//! # Cost
//!
//! A lock that is held only briefly, at the start and the end of each task and of each named wait.
//!
//! # Differences from asyncio
//!
//! - Every task is on asyncio's list, with its stack. This list has the tasks that you wrap, with the names that you give.
//! - A task that is spawned by a watched one is not watched: a task-local does not pass to it.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The list of watched tasks. Clones share one list.
#[derive(Debug, Clone, Default)]
pub struct WatchedTasks(Arc<Mutex<List>>);

#[derive(Debug, Default)]
struct List {
    next: u64,
    tasks: BTreeMap<u64, Watched>,
}

#[derive(Debug, Default)]
struct Watched {
    name: String,
    is_polled: bool,
    waits: BTreeMap<u64, Begun>,
}

#[derive(Debug)]
struct Begun {
    what: String,
    place: &'static Location<'static>,
    since: Instant,
}

tokio::task_local! {
    static WATCHED: (WatchedTasks, u64);
}

/// A task on the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The name that [`WatchedTasks::watch`] was given.
    pub name: String,
    /// Whether it has begun to run.
    pub is_polled: bool,
    /// The waits that have begun and are not over. An inner wait follows its outer wait.
    pub waits: Vec<Wait>,
}

/// A wait of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// The name that [`at`] was given.
    pub what: String,
    /// The line that called [`at`].
    pub place: &'static Location<'static>,
    /// The time since its first poll.
    pub time: Duration,
}

impl WatchedTasks {
    /// Awaits `work`. It is on the list under `name` from this call to its end or its drop.
    pub fn watch<F: Future>(&self, name: &str, work: F) -> impl Future<Output = F::Output> + use<F> {
        let tasks = self.clone();
        let number = tasks.add(name);
        let until_the_end = OnDrop(move || drop(tasks.lock().tasks.remove(&number)));
        let tasks = self.clone();
        async move {
            let _until_the_end = until_the_end;
            if let Some(task) = tasks.lock().tasks.get_mut(&number) {
                task.is_polled = true;
            }
            WATCHED.scope((tasks, number), work).await
        }
    }

    /// Returns the tasks, the oldest first.
    #[must_use]
    pub fn list(&self) -> Vec<Task> {
        let now = Instant::now();
        let wait = |Begun { what, place, since }: &Begun| Wait {
            what: what.clone(),
            place,
            time: now.duration_since(*since),
        };
        let task = |task: &Watched| Task {
            name: task.name.clone(),
            is_polled: task.is_polled,
            waits: task.waits.values().map(wait).collect(),
        };
        self.lock().tasks.values().map(task).collect()
    }

    fn add(&self, name: &str) -> u64 {
        let mut list = self.lock();
        list.next += 1;
        let number = list.next;
        list.tasks.insert(number, Watched { name: name.to_owned(), ..Watched::default() });
        number
    }

    fn begin(&self, task: u64, begun: Begun) -> OnDrop<impl FnMut() + use<>> {
        let mut list = self.lock();
        list.next += 1;
        let number = list.next;
        if let Some(task) = list.tasks.get_mut(&task) {
            task.waits.insert(number, begun);
        }
        let tasks = self.clone();
        OnDrop(move || {
            if let Some(task) = tasks.lock().tasks.get_mut(&task) {
                task.waits.remove(&number);
            }
        })
    }

    fn lock(&self) -> MutexGuard<'_, List> {
        // No code panics while the lock is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Awaits `future`. Meanwhile the current task is listed as waiting for `what`, at the line of this call.
#[track_caller]
pub fn at<F: Future>(what: &str, future: F) -> impl Future<Output = F::Output> + use<F> {
    let (what, place) = (what.to_owned(), Location::caller());
    async move {
        // An error means that no task is watched here.
        let task = WATCHED.try_with(Clone::clone).ok();
        let begun = Begun { what, place, since: Instant::now() };
        let _until_it_is_over = task.map(|(tasks, task)| tasks.begin(task, begun));
        future.await
    }
}

/// Calls a function when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for (number, wait) in self.waits.iter().enumerate() {
            write!(f, "{} {wait}", if number == 0 { "" } else { ";" })?;
        }
        match (self.is_polled, self.waits.is_empty()) {
            (false, _) => f.write_str(" was never polled"),
            (true, true) => f.write_str(" runs, or waits at a line without a name"),
            (true, false) => Ok(()),
        }
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, place, time } = self;
        write!(f, "waits {:.1} s for {what}, at {}:{}", time.as_secs_f64(), place.file(), place.line())
    }
}
