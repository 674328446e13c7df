//! What the lessons of this recipe share.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;

use crate::support::Count;

/// Counts how many have begun, and how many of them have ended in any way.
#[derive(Clone, Default)]
pub struct Life {
    pub begun: Count,
    pub ended: Count,
}

impl Life {
    /// Counts as begun now, and as ended when the returned value is dropped.
    pub fn begin(&self) -> impl Drop + Send + use<> {
        struct End(Count);
        impl Drop for End {
            fn drop(&mut self) {
                self.0.add();
            }
        }
        self.begun.add();
        End(self.ended.clone())
    }

    pub fn get(&self) -> (usize, usize) {
        // Read in this order, so that one that ends meanwhile has also been counted as begun.
        let ended = self.ended.get();
        (self.begun.get(), ended)
    }
}

/// Returns the message of a future's panic.
pub async fn panic_of<T>(future: impl Future<Output = T>) -> &'static str {
    match AssertUnwindSafe(future).catch_unwind().await {
        Ok(_) => "no panic",
        Err(panic) => panic.downcast_ref::<&'static str>().copied().unwrap_or("another panic"),
    }
}

/// What the lessons and the proofs of `task_group` share.
pub mod task_group {
    use std::fmt::Display;
    use std::future::pending;

    use Fault::{Disk, Page};
    use task_groups::task_group::{self as pattern, GroupError, TaskGroup};
    use tokio::time::sleep;
    use tokio_util::sync::CancellationToken;

    use crate::support::{Log, ends, ms};

    /// The group of the pattern. A lesson in which it does not end fails.
    pub async fn task_group<T, E>(
        body: impl AsyncFnOnce(TaskGroup<E>) -> Result<T, E>,
    ) -> Result<T, GroupError<E>> {
        ends(pattern::task_group(body)).await
    }

    /// The same for the one that has a token.
    pub async fn task_group_under<T, E>(
        token: &CancellationToken,
        body: impl AsyncFnOnce(TaskGroup<E>) -> Result<T, E>,
    ) -> Result<Option<T>, GroupError<E>> {
        ends(pattern::task_group_under(token, body)).await
    }

    /// The error of a program: its own, or a group of them.
    #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
    pub enum Fault {
        Page(&'static str),
        Disk(&'static str),
        Group(Vec<Fault>),
    }

    impl Display for Fault {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            match self {
                Page(name) => write!(f, "no page {name}"),
                Disk(name) => write!(f, "no disk {name}"),
                Fault::Group(faults) => write!(f, "{} faults", faults.len()),
            }
        }
    }

    impl From<GroupError<Fault>> for Fault {
        fn from(error: GroupError<Fault>) -> Self {
            Self::Group(error.into_errors().collect())
        }
    }

    /// The errors that came out of a group.
    pub fn errors<T: std::fmt::Debug>(result: Result<T, GroupError<Fault>>) -> Vec<Fault> {
        result.unwrap_err().into_errors().collect()
    }

    pub async fn value<T>(millis: u64, value: T) -> Result<T, Fault> {
        sleep(ms(millis)).await;
        Ok(value)
    }

    pub async fn fails<E>(millis: u64, error: E) -> Result<(), E> {
        sleep(ms(millis)).await;
        Err(error)
    }

    /// Waits forever, and logs when it is dropped.
    pub async fn forever(log: Log, dropped: &'static str) -> Result<(), Fault> {
        let _dropped = log.at_drop(dropped);
        pending().await
    }
}

/// What the lessons and the proofs of `join_set` share.
pub mod join_set {

    use task_groups::join_set as pattern;
    use tokio::task::JoinSet;
    use tokio::time::sleep;

    use crate::support::{ends, ms};

    /// A lesson in which it does not end fails.
    pub async fn try_join_all<T: 'static, E: 'static>(tasks: JoinSet<Result<T, E>>) -> Result<Vec<T>, E> {
        ends(pattern::try_join_all(tasks)).await
    }

    pub async fn page(millis: u64, name: &'static str) -> Result<&'static str, &'static str> {
        sleep(ms(millis)).await;
        if name.starts_with("bad") { Err(name) } else { Ok(name) }
    }
}

/// What the lessons and the proofs of `cancel_on_drop` share.
pub mod cancel_on_drop {

    use tokio_util::task::TaskTracker;

    use crate::support::ends;

    pub async fn all_over(tracker: &TaskTracker) {
        tracker.close();
        ends(tracker.wait()).await;
    }
}
