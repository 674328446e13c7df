//! Lessons of the pattern `task_local_not_inherited`.

use futures::future::join_all;
use pitfalls::task_local_not_inherited::{REQUEST, broken, fixed};
use tokio::task::yield_now;

async fn request() -> Option<u64> {
    yield_now().await;
    REQUEST.try_get().ok()
}

/// asyncio: a task copies the context of its parent. Tokio: a task begins without one.
#[tokio::test]
async fn but_a_task_does_not_know_the_request_of_its_parent() {
    let known = REQUEST.scope(7, async { (REQUEST.get(), broken(request()).await.unwrap()) }).await;
    assert_eq!(known, (7, None));
}

/// asyncio: `ContextVar.get()` without a value raises `LookupError`. Tokio: `get` panics, `try_get` does not.
#[tokio::test]
#[should_panic(expected = "without setting it first")]
async fn but_who_asks_for_it_without_an_if_panics() {
    let asked = REQUEST.scope(7, async { broken(async { REQUEST.get() }).await }).await;
    std::panic::resume_unwind(asked.unwrap_err().into_panic());
}

/// asyncio: children and grandchildren copy the context. Here: each spawn opens the scope again.
#[tokio::test]
async fn handed_on_it_is_known_to_the_task_and_to_the_tasks_of_that() {
    let grandchild = async { (request().await, fixed(request()).await.unwrap()) };
    let known = REQUEST.scope(7, async { fixed(grandchild).await }).await;
    assert_eq!(known.unwrap(), (Some(7), Some(7)));
}

/// The spawn also works outside any request: the new task then has no value.
#[tokio::test]
async fn without_a_request_there_is_nothing_to_hand_on() {
    assert_eq!(fixed(request()).await.unwrap(), None);
}

/// asyncio: each task has its own context. Tokio: each scope has its own value; a hundred share one thread.
#[tokio::test]
async fn two_requests_at_once_stay_apart() {
    let known = (0..100).map(|number| REQUEST.scope(number, async { fixed(request()).await.unwrap() }));
    assert_eq!(join_all(known).await, (0..100).map(Some).collect::<Vec<_>>());
}
