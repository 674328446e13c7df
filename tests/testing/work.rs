//! The code that lessons of this recipe test.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use futures::FutureExt;
use testing::mock::Mock;
use tokio::runtime::Builder;
use tokio::time::sleep;

/// The reason why a mail is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

/// The service by which the code under test sends mails.
pub trait Mailer {
    fn send(&self, to: &str) -> impl Future<Output = Result<(), Busy>>;
}

impl Mailer for Mock<String, Result<(), Busy>> {
    async fn send(&self, to: &str) -> Result<(), Busy> {
        self.call(to.to_owned()).await
    }
}

/// Tries until it is sent, a second apart.
pub async fn alarm(mailer: &impl Mailer, to: &str) {
    while mailer.send(to).await.is_err() {
        sleep(Duration::from_secs(1)).await;
    }
}

/// Tries three times, with pauses of one second and of two.
pub async fn retry<T, E>(fetch: &Mock<(), Result<T, E>>) -> Result<T, E>
where
    T: Send + 'static,
    E: Send + 'static,
{
    for pause in [1, 2] {
        match fetch.call(()).await {
            Ok(page) => return Ok(page),
            Err(_) => sleep(Duration::from_secs(pause)).await,
        }
    }
    fetch.call(()).await
}

/// What `#[tokio::test]` makes of an `async fn`: a runtime of its own, which ends with the test.
pub fn as_a_test<T>(test: impl Future<Output = T>) -> T {
    Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}

/// Returns the message of a panic; `None` if `work` does not panic.
pub async fn panic_of<T>(work: impl Future<Output = T>) -> Option<String> {
    let panic = AssertUnwindSafe(work).catch_unwind().await.err()?;
    Some(said(&*panic))
}

/// The same, for work that does not wait.
pub fn panic_at_once<T>(work: impl FnOnce() -> T) -> Option<String> {
    let panic = catch_unwind(AssertUnwindSafe(work)).err()?;
    Some(said(&*panic))
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap()
}
