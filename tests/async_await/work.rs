//! What the lessons of this recipe share.

use std::sync::{Arc, Mutex};

use tokio::task::yield_now;
use tokio::time::{Instant, sleep};
use tokio_util::task::AbortOnDropHandle;

use crate::support::{Count, ms};

/// A server that knows some paths, and records the calls it got.
#[derive(Clone)]
pub struct Server(pub Arc<Served>);

pub struct Served {
    /// The path, how many milliseconds it takes, and the answer.
    pub answers: Vec<(&'static str, u64, Result<&'static str, &'static str>)>,
    pub start: Instant,
    /// Each call that began, with the milliseconds at which it did.
    pub begun: Mutex<Vec<(String, u128)>>,
    pub finished: Count,
    /// Calls that are over: they finished or were dropped.
    pub gone: Count,
}

impl Server {
    pub fn new(answers: impl Into<Vec<(&'static str, u64, Result<&'static str, &'static str>)>>) -> Self {
        Self(Arc::new(Served {
            answers: answers.into(),
            start: Instant::now(),
            begun: Mutex::default(),
            finished: Count::default(),
            gone: Count::default(),
        }))
    }

    pub async fn get(&self, path: String) -> Result<String, String> {
        let _gone = self.0.gone.on_drop();
        self.0.begun.lock().unwrap().push((path.clone(), self.0.start.elapsed().as_millis()));
        let (_, millis, answer) =
            self.0.answers.iter().find(|(known, ..)| *known == path).expect("a known path");
        sleep(ms(*millis)).await;
        self.0.finished.add();
        answer.map(str::to_owned).map_err(str::to_owned)
    }

    pub fn begun(&self) -> Vec<(String, u128)> {
        self.0.begun.lock().unwrap().clone()
    }

    pub fn finished(&self) -> usize {
        self.0.finished.get()
    }

    pub fn gone(&self) -> usize {
        self.0.gone.get()
    }
}

pub fn calls<const N: usize>(calls: [(&str, u128); N]) -> Vec<(String, u128)> {
    calls.map(|(path, millis)| (path.to_owned(), millis)).into()
}

/// A task that counts its turns, until the handle is dropped.
pub fn heart_beat() -> (Count, AbortOnDropHandle<()>) {
    let beats = Count::default();
    let task = tokio::spawn({
        let beats = beats.clone();
        async move {
            loop {
                beats.add();
                yield_now().await;
            }
        }
    });
    (beats, AbortOnDropHandle::new(task))
}

/// What the lessons and the proofs of `call_and_await` share.
pub mod call_and_await {
    use async_await::call_and_await::{BalanceError, balance};

    use crate::work::Server;

    pub const ACCOUNT: &str = "/users/ada/account";

    pub const BALANCE: &str = "/accounts/7/balance";

    pub async fn ask(server: &Server) -> Result<i64, BalanceError<String>> {
        balance("ada", |path| server.get(path)).await
    }
}

/// What the lessons and the proofs of `sequential_or_concurrent` share.
pub mod sequential_or_concurrent {

    use crate::work::Server;

    pub const PROFILE: &str = "/users/ada";

    pub const ORDERS: &str = "/users/ada/orders";

    pub const OFFERS: &str = "/offers";

    pub fn server() -> Server {
        Server::new([(PROFILE, 300, Ok("Ada")), (ORDERS, 100, Ok("2")), (OFFERS, 200, Ok("3"))])
    }
}

/// What the lessons and the proofs of `yielding` share.
pub mod yielding {
    use std::num::NonZeroUsize;

    pub fn n(number: usize) -> NonZeroUsize {
        NonZeroUsize::new(number).unwrap()
    }

    pub fn lines(number: usize) -> impl Iterator<Item = &'static str> {
        ["plain", "a needle", "plain"].into_iter().cycle().take(number)
    }
}

/// What the lessons and the proofs of `many_readers` share.
pub mod many_readers {
    use tokio::time::sleep;

    use crate::support::{Count, ms};

    /// Takes 100 ms, counts that it ran to its end, and returns the count.
    pub async fn load(loads: Count) -> usize {
        sleep(ms(100)).await;
        loads.add();
        loads.get()
    }
}
