//! Lessons of the pattern `mock`, and of mocks that need none.

use std::cell::RefCell;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use testing::mock::Mock;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{Log, ms};
use crate::work::{Busy, alarm, panic_of, retry};

/// asyncio: `await_args_list`. Tokio: the arguments are values, and a comparison shows what differs.
#[tokio::test(start_paused = true)]
async fn each_call_is_kept_with_its_arguments() {
    let mailer = Mock::returning(Ok(()));
    alarm(&mailer, "ada").await;
    alarm(&mailer, "bob").await;
    assert_eq!(mailer.calls(), ["ada", "bob"]); // assert_has_awaits
    assert_eq!(mailer.calls().len(), 2); // await_count
}

/// asyncio: `side_effect=[...]`, with exceptions in the list. Tokio: a `Result` is a value as any other.
#[tokio::test(start_paused = true)]
async fn answers_come_in_their_order_errors_too() {
    let fetch = Mock::in_order([Err(Busy), Ok("page")]);
    let start = Instant::now();
    assert_eq!(retry(&fetch).await, Ok("page"));
    assert_eq!((fetch.calls().len(), start.elapsed()), (2, ms(1_000)));
}

/// asyncio: `StopAsyncIteration` after the last one. Tokio: a panic.
#[tokio::test]
async fn a_call_after_the_last_answer_panics() {
    let fetch = Mock::in_order([1]);
    assert_eq!(fetch.call(()).await, 1);
    assert_eq!(panic_of(fetch.call(())).await.unwrap(), "a call after the last answer");
}

/// asyncio: an await whose `side_effect` raises is in `await_args_list`. Tokio: a call whose answer panics is kept too.
#[tokio::test]
async fn a_call_whose_answer_panics_is_kept() {
    let fetch = Mock::in_order([1]);
    assert_eq!(fetch.call("one").await, 1);
    assert!(panic_of(fetch.call("two")).await.is_some());
    assert_eq!(fetch.calls(), ["one", "two"]);
}

/// asyncio: `side_effect` is a coroutine function. Tokio: a closure that returns a future, here one that is slow at first.
#[tokio::test(start_paused = true)]
async fn an_answer_may_wait_and_look_at_the_arguments() {
    let fetch = Mock::with(|page: &&str| {
        let slow = *page == "slow";
        async move {
            if slow {
                sleep(ms(60_000)).await
            }
        }
    });
    assert!(timeout(ms(50), fetch.call("slow")).await.is_err());
    assert!(timeout(ms(50), fetch.call("quick")).await.is_ok());
    assert_eq!(fetch.calls(), ["slow", "quick"]);
}

/// asyncio: a call without `await` is in `call_args_list`, and not in `await_args_list`. Tokio: a future does nothing before.
#[tokio::test]
async fn a_future_that_is_not_awaited_is_no_call() {
    let fetch = Mock::returning(1);
    drop(fetch.call("never"));
    assert_eq!(fetch.calls(), [""; 0]);
}

/// asyncio: any callable can be passed. Tokio: `impl AsyncFn` takes an async closure, which may borrow from the test.
#[tokio::test]
async fn a_closure_is_mock_enough() {
    async fn titles(pages: &[&str], fetch: impl AsyncFn(&str) -> String) -> Vec<String> {
        let mut titles = Vec::new();
        for page in pages {
            titles.push(fetch(page).await);
        }
        titles
    }
    let calls = RefCell::new(Vec::new());
    let fake = async |page: &str| {
        calls.borrow_mut().push(page.to_owned());
        page.to_uppercase()
    };
    assert_eq!(titles(&["home", "news"], fake).await, ["HOME", "NEWS"]);
    assert_eq!(calls.take(), ["home", "news"]);
}

/// asyncio: a mock goes anywhere. Tokio: code that spawns wants a `Send` future, and the trait has to promise it.
#[tokio::test]
async fn a_trait_for_code_that_spawns_promises_send() {
    trait Fetch: Send + Sync + 'static {
        fn fetch(&self, page: u32) -> impl Future<Output = String> + Send;
    }
    impl Fetch for Mock<u32, String> {
        async fn fetch(&self, page: u32) -> String {
            self.call(page).await
        }
    }
    async fn in_the_background(fetcher: Arc<impl Fetch>) -> String {
        tokio::spawn(async move { fetcher.fetch(1).await }).await.unwrap()
    }
    let fetcher = Arc::new(Mock::with(|page| futures::future::ready(format!("page {page}"))));
    assert_eq!(in_the_background(fetcher.clone()).await, "page 1");
    assert_eq!(fetcher.calls(), [1]);
}

/// asyncio: an attribute may be any object. Tokio: `dyn Trait` has no `async fn`, so the method returns a boxed future.
#[tokio::test]
async fn a_trait_object_returns_boxed_futures() {
    trait Fetch {
        fn fetch(&self, page: u32) -> BoxFuture<'_, String>;
    }
    impl Fetch for Mock<u32, String> {
        fn fetch(&self, page: u32) -> BoxFuture<'_, String> {
            self.call(page).boxed()
        }
    }
    let fetcher: Box<dyn Fetch> = Box::new(Mock::returning("page".to_owned()));
    assert_eq!(fetcher.fetch(7).await, "page");
}

/// asyncio: `AsyncMock(spec=Client)` has all methods. Tokio: a struct has a mock for each, and fails the compiler when one is missing.
#[tokio::test]
async fn a_trait_with_two_methods_has_two_mocks() {
    trait Store {
        async fn get(&self, key: &str) -> Option<u32>;
        async fn set(&self, key: &str, value: u32);
    }
    struct FakeStore {
        get: Mock<String, Option<u32>>,
        set: Mock<(String, u32), ()>,
    }
    impl Store for FakeStore {
        async fn get(&self, key: &str) -> Option<u32> {
            self.get.call(key.to_owned()).await
        }
        async fn set(&self, key: &str, value: u32) {
            self.set.call((key.to_owned(), value)).await;
        }
    }
    async fn count(store: &impl Store, key: &str) {
        let value = store.get(key).await.unwrap_or(0);
        store.set(key, value + 1).await;
    }
    let store = FakeStore { get: Mock::in_order([None, Some(1)]), set: Mock::returning(()) };
    count(&store, "visits").await;
    count(&store, "visits").await;
    assert_eq!(store.set.calls(), [("visits".to_owned(), 1), ("visits".to_owned(), 2)]);
}

/// A fake with its own state needs no mock: it does the same as the real one, in memory.
#[tokio::test]
async fn a_fake_in_memory_needs_no_answers() {
    struct Inbox(Log);
    impl crate::work::Mailer for Inbox {
        async fn send(&self, to: &str) -> Result<(), Busy> {
            self.0.add(to);
            Ok(())
        }
    }
    let inbox = Inbox(Log::default());
    alarm(&inbox, "ada").await;
    assert_eq!(inbox.0.take(), ["ada"]);
}
