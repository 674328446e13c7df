//! Lessons on mocks that the crate mockall generates from a trait.

use std::sync::Arc;

use mockall::automock;
use mockall::predicate::eq;
use tokio::time::{Instant, sleep};

use crate::support::ms;
use crate::work::{panic_at_once, panic_of};

#[automock]
trait Store: Send + Sync {
    async fn get(&self, key: &str) -> Option<u32>;
}

/// The same method, written out: its answers may wait.
#[automock]
trait SlowStore {
    fn get(&self, key: &str) -> impl Future<Output = Option<u32>> + Send;
}

async fn value_of(store: &impl Store, key: &str) -> u32 {
    store.get(key).await.unwrap_or(0)
}

/// asyncio: `assert_awaited_once_with` after the call. mockall: the expectation comes first, and is checked when it is dropped.
#[tokio::test]
async fn an_expectation_is_stated_before_the_call() {
    let mut store = MockStore::new();
    store.expect_get().with(eq("visits")).times(1).returning(|_| Some(7));
    assert_eq!(value_of(&store, "visits").await, 7);
}

/// asyncio: a mock answers anything with another mock. mockall: a call that no expectation fits panics at the call.
#[tokio::test]
async fn a_call_without_an_expectation_panics() {
    let mut store = MockStore::new();
    store.expect_get().with(eq("visits")).returning(|_| Some(7));
    assert!(panic_of(value_of(&store, "users")).await.unwrap().contains("No matching expectation found"));
}

/// asyncio: without an assertion a mock checks nothing. mockall: a call that did not come panics when the mock is dropped.
#[test]
fn a_missing_call_panics_at_the_drop() {
    let mut store = MockStore::new();
    store.expect_get().times(1).returning(|_| Some(7));
    assert!(panic_at_once(|| drop(store)).unwrap().contains("fewer than expected"));
}

/// The drop is in a task that no one awaits, so its panic fails no test. Keep an `Arc` of the mock in the test, or await it.
#[tokio::test]
async fn but_in_a_task_a_missing_call_passes() {
    let in_a_task = |store: Arc<MockStore>| async move {
        drop(tokio::spawn(async move { drop(store) }));
        tokio::task::yield_now().await;
    };
    let expecting = || {
        let mut store = MockStore::new();
        store.expect_get().times(1).returning(|_| Some(7));
        Arc::new(store)
    };
    assert_eq!(panic_of(in_a_task(expecting())).await, None);

    let store = expecting();
    in_a_task(store.clone()).await;
    assert!(panic_at_once(|| drop(store)).is_some());
}

/// asyncio: `side_effect` may be a coroutine function. mockall: the trait's method has to return `impl Future` for that.
#[tokio::test(start_paused = true)]
async fn an_answer_that_waits_needs_a_method_that_returns_a_future() {
    let mut store = MockSlowStore::new();
    store.expect_get().returning(|_| {
        Box::pin(async {
            sleep(ms(50)).await;
            Some(7)
        })
    });
    let start = Instant::now();
    assert_eq!((store.get("visits").await, start.elapsed()), (Some(7), ms(50)));
}
