//! What Python has in the language and its library.
use std::cell::RefCell;

use futures::future::BoxFuture;
use futures::{Stream, StreamExt as _};

use crate::{Page, fetch, load};

/// `async for`.
pub async fn async_for(numbers: impl Stream<Item = u32>) {
    let mut numbers = std::pin::pin!(numbers); // not needed if it is Unpin
    while let Some(number) = numbers.next().await {
        println!("{number}");
    }
}

/// An async generator.
pub fn async_generator() -> impl Stream<Item = Page> {
    async_stream::stream! {
        for id in 0..3 {
            yield fetch(id).await;
        }
    }
}

/// `aclosing`.
pub async fn drop_stream(mut numbers: futures::stream::BoxStream<'_, u32>) {
    let first = numbers.next().await;
    drop(numbers); // its variables are dropped here
}

/// `asynccontextmanager`, when the clean-up awaits.
pub async fn scope<T>(body: impl AsyncFnOnce(&Page) -> T) -> T {
    let connection = fetch(1).await; // enter
    let value = body(&connection).await;
    fetch(2).await; // exit; the pattern runs it after a cancellation too
    value
}

/// `contextmanager`, when the clean-up need not await.
pub fn drop_guard() {
    let _guard = scopeguard::guard("resource", |resource| {
        println!("{resource} closed"); // at the end, whatever happens
    });
    println!("work");
}

/// `nullcontext`.
pub async fn nullcontext(
    limit: Option<&tokio::sync::Semaphore>,
) -> anyhow::Result<()> {
    let _permit = match limit {
        Some(limit) => Some(limit.acquire().await?),
        None => None,
    };
    Ok(())
}

/// `suppress(FileNotFoundError)`.
pub async fn suppress() -> std::io::Result<()> {
    match tokio::fs::remove_file("old.txt").await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// `ExceptionGroup`.
pub async fn exception_group() {
    let ends = futures::future::join_all([load(1), load(2)]).await;
    let (pages, errors): (Vec<_>, Vec<_>) =
        ends.into_iter().partition(Result::is_ok);
    println!("{} loaded, {} failed", pages.len(), errors.len());
}

/// `Awaitable[str]`.
pub async fn awaitable() {
    async fn both(page: impl Future<Output = Page>) -> Page {
        page.await
    }
    // in a field or a list
    let later: Vec<BoxFuture<'static, Page>> = vec![Box::pin(fetch(1))];
}

/// `Callable[[int], Awaitable[str]]`.
pub async fn async_callback() {
    async fn twice(call: impl AsyncFn(u32) -> Page) {
        println!("{} {}", call(1).await, call(2).await);
    }
    twice(fetch).await;
    twice(async |id| format!("page {id}")).await;
}

/// `inspect.isawaitable`.
pub async fn maybe_await() {
    async fn either(value: impl IntoFuture<Output = Page>) -> Page {
        value.await
    }
    either(fetch(1)).await;
    either(std::future::ready(Page::new())).await; // a plain value
}

tokio::task_local! {
    /// The number of the request.
    static REQUEST: u32;
}

/// `ContextVar`.
pub async fn context_var() {
    // tokio::task_local! { static REQUEST: u32; }
    REQUEST
        .scope(7, async {
            println!("request {}", REQUEST.get());
        })
        .await;
}

/// `ContextVar.get(default)`.
pub fn context_var_get() {
    let request = REQUEST.try_with(|request| *request).unwrap_or(0);
}

/// `copy_context`.
pub fn inherit() {
    let request = REQUEST.get();
    tokio::spawn(REQUEST.scope(request, fetch(1)));
}

/// The edge that a fake takes the place of.
pub trait Pages {
    /// Loads a page.
    fn page(&self, id: u32) -> impl Future<Output = Page>;
}

/// What a test calls.
pub(crate) async fn both(pages: &impl Pages) -> [Page; 2] {
    [pages.page(1).await, pages.page(2).await]
}

/// `IsolatedAsyncioTestCase`.
pub fn tokio_test() {
    #[tokio::test(start_paused = true)] // an hour takes no time
    async fn it_gives_up_after_an_hour() {
        let hour = std::time::Duration::from_secs(3600);
        let work = std::future::pending::<()>();
        assert!(tokio::time::timeout(hour, work).await.is_err());
    }
}

/// `AsyncMock`.
pub async fn fake() -> Vec<u32> {
    struct Fake(RefCell<Vec<u32>>); // its calls
    impl Pages for Fake {
        async fn page(&self, id: u32) -> Page {
            self.0.borrow_mut().push(id);
            format!("page {id}")
        }
    }
    let fake = Fake(RefCell::default());
    both(&fake).await; // what is tested
    fake.0.take()
}

/// A recursive async function.
pub async fn recursion() {
    async fn count(depth: u32) -> u32 {
        if depth == 0 {
            return 0;
        }
        1 + Box::pin(count(depth - 1)).await
    }
    println!("{}", count(3).await);
}

/// At most ten at a time, in order.
pub async fn buffered() -> Vec<Page> {
    let loads = futures::stream::iter((0..100).map(fetch));
    loads.buffered(10).collect().await // buffer_unordered: as they arrive
}
