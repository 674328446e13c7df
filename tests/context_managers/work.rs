//! What the lessons of this recipe share.

use fastrand::Rng;
use tokio_util::task::TaskTracker;

use crate::many_threads::some_turns;

/// Waits until every scope and clean-up of `cleanups` is over.
pub async fn all_over(cleanups: &TaskTracker) {
    cleanups.close();
    cleanups.wait().await;
}

/// Yields up to four times, at random, so that others run meanwhile.
pub async fn random_turns(mut rng: Rng) {
    some_turns(&mut rng, 4).await;
}

/// What the lessons and the proofs of `scope` share.
pub mod scope {

    use context_managers::scope::with;
    use futures::FutureExt;
    use tokio::time::sleep;
    use tokio_util::task::TaskTracker;

    use crate::support::{Log, ms};

    /// An outer scope and one inside of it, each with 100 ms of clean-up.
    pub async fn nested(
        cleanups: TaskTracker,
        log: Log,
        body: impl Future<Output = Result<(), &'static str>>,
    ) {
        let ended = with(
            &cleanups,
            async { Ok(log.clone()) },
            async |log, inside| {
                let inner = with(
                    inside,
                    async { Ok(log.clone()) },
                    async |_, _| body.await,
                    |log, _| {
                        async move {
                            sleep(ms(100)).await;
                            log.at("inner closed");
                            Ok(())
                        }
                        .boxed()
                    },
                );
                inner.await.map_err(|_| "inner")
            },
            |log, _| {
                async move {
                    log.at("outer begins");
                    sleep(ms(100)).await;
                    log.at("outer closed");
                    Ok(())
                }
                .boxed()
            },
        );
        let _told_in_the_log = ended.await;
    }
}

/// What the lessons and the proofs of `drain` share.
pub mod drain {

    use context_managers::scope::{ScopeError, with};
    use futures::FutureExt;
    use futures::future::pending;
    use tokio::time::sleep;
    use tokio_util::task::TaskTracker;

    use crate::support::{Log, ms};

    /// A scope whose body never ends and whose clean-up takes 100 ms.
    pub async fn open_scope(cleanups: TaskTracker, log: Log) -> Result<(), ScopeError<()>> {
        with(
            &cleanups,
            async { Ok(log.on_drop("dropped")) },
            async |_, _| pending().await,
            |resource, _| {
                async move {
                    sleep(ms(100)).await;
                    resource.0.add("closed");
                    Ok(())
                }
                .boxed()
            },
        )
        .await
    }
}

/// What the lessons and the proofs of `exit_stack` share.
pub mod exit_stack {

    use context_managers::exit_stack::ExitStack;
    use tokio::time::sleep;
    use tokio_util::task::TaskTracker;

    use crate::support::{Log, ms, panics};

    pub type Stack = ExitStack<&'static str>;

    pub fn stack() -> (Log, TaskTracker, Stack) {
        let cleanups = TaskTracker::new();
        let stack = ExitStack::new(&cleanups);
        (Log::default(), cleanups, stack)
    }

    /// Takes 10 ms and logs.
    pub async fn close(log: Log, name: &'static str) -> Result<(), &'static str> {
        sleep(ms(10)).await;
        log.at(name);
        match name {
            "panics" => panics("a panic"),
            _ if name.starts_with("bad") => Err(name),
            _ => Ok(()),
        }
    }
}

/// What the lessons and the proofs of `transaction` share.
pub mod transaction {
    use std::num::NonZeroUsize;
    use std::sync::atomic::AtomicIsize;
    use std::sync::atomic::Ordering::SeqCst;
    use std::sync::{Arc, Mutex};

    use Step::{Begin, Commit, Connect, Rollback};
    use context_managers::transaction::{Database, Pool};
    use fastrand::Rng;
    use tokio::time::sleep;
    use tokio_util::task::TaskTracker;

    use crate::support::{Count, Log, ms, panics};
    use crate::work::random_turns;

    /// What a step of the database does.
    #[derive(Clone, Copy, PartialEq, Eq)]
    pub enum Step {
        Connect,
        Begin,
        Commit,
        Rollback,
    }

    /// A database that logs, counts its open connections, and fails or panics on request. Each step takes 10 ms, or up
    /// to four turns if it has a random number generator.
    #[derive(Clone)]
    pub struct Fake {
        pub log: Log,
        pub connections: Arc<AtomicIsize>,
        pub most: Arc<AtomicIsize>,
        pub number: Count,
        pub failing: Option<Step>,
        pub chance: Option<Arc<Mutex<Rng>>>,
    }

    pub struct Connection {
        pub number: usize,
        pub in_transaction: bool,
        pub connections: Arc<AtomicIsize>,
    }

    impl Drop for Connection {
        fn drop(&mut self) {
            self.connections.fetch_sub(1, SeqCst);
        }
    }

    impl Fake {
        pub fn new(failing: Option<Step>) -> Self {
            let (connections, most) = Default::default();
            Self { log: Log::default(), connections, most, number: Count::default(), failing, chance: None }
        }

        pub async fn step(&self, step: Step, entry: String) -> Result<(), &'static str> {
            match &self.chance {
                None => sleep(ms(10)).await,
                Some(chance) => {
                    let mut rng = chance.lock().unwrap().fork();
                    let fate = rng.u8(0..16);
                    random_turns(rng).await;
                    match fate {
                        0 => return Err("by chance"),
                        1 => panics("a panic"),
                        _ => {}
                    }
                }
            }
            self.log.at(entry);
            if self.failing == Some(step) { Err("failed") } else { Ok(()) }
        }
    }

    impl Database for Fake {
        type Connection = Connection;
        type Error = &'static str;

        async fn connect(&self) -> Result<Connection, &'static str> {
            self.step(Connect, "connect".to_owned()).await?;
            let open = self.connections.fetch_add(1, SeqCst) + 1;
            self.most.fetch_max(open, SeqCst);
            self.number.add();
            let connections = self.connections.clone();
            Ok(Connection { number: self.number.get(), in_transaction: false, connections })
        }

        async fn begin(&self, on: &mut Connection) -> Result<(), &'static str> {
            assert!(!on.in_transaction, "the one before has ended");
            on.in_transaction = true;
            self.step(Begin, format!("begin {}", on.number)).await
        }

        async fn commit(&self, on: &mut Connection) -> Result<(), &'static str> {
            self.step(Commit, format!("commit {}", on.number)).await?;
            on.in_transaction = false;
            Ok(())
        }

        async fn rollback(&self, on: &mut Connection) -> Result<(), &'static str> {
            self.step(Rollback, format!("rollback {}", on.number)).await?;
            on.in_transaction = false;
            Ok(())
        }
    }

    /// A pool of `size` connections, its log and the tracker of its clean-ups.
    pub fn pool(size: usize, failing: Option<Step>) -> (Arc<Pool<Fake>>, Fake, TaskTracker) {
        let (database, cleanups) = (Fake::new(failing), TaskTracker::new());
        let pool = Pool::new(database.clone(), NonZeroUsize::new(size).unwrap(), &cleanups);
        (Arc::new(pool), database, cleanups)
    }
}
