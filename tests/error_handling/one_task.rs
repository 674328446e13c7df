//! Lessons of the pattern `one_task`.

use std::error::Error;
use std::io;

use error_handling::one_task::{LoadError, page_or};
use futures::FutureExt;
use futures::future::pending;

/// asyncio: `except NotFound` around `await task`. Tokio: an arm for the inner `Err`.
#[tokio::test]
async fn the_error_that_is_named_is_caught() {
    let task = tokio::spawn(async { Err(LoadError::NotFound("home".to_owned())) });
    assert_eq!(page_or("default", task).await.unwrap(), "default");
}

/// asyncio: `await task` gives the value. Tokio: the value is in two results, one of the task and one of its work.
#[tokio::test]
async fn a_value_passes() {
    let task = tokio::spawn(async { Ok("page".to_owned()) });
    assert_eq!(page_or("default", task).await.unwrap(), "page");
}

/// asyncio: an exception that no `except` names propagates. Tokio: the last arm returns the error, with its cause.
#[tokio::test]
async fn any_other_error_is_handed_on_with_its_cause() {
    let task = tokio::spawn(async {
        let cause = io::Error::other("disk full");
        Err(LoadError::Unreadable { page: "home".to_owned(), cause })
    });
    let error = page_or("default", task).await.unwrap_err();
    assert_eq!(error.to_string(), "home cannot be read");
    assert_eq!(error.source().unwrap().to_string(), "disk full");
}

/// asyncio: a bug in a task is raised where the task is awaited. Tokio: a panic becomes a `JoinError` of its task. It
/// goes on in the caller if the caller resumes it.
#[tokio::test]
async fn a_panic_goes_on_in_the_caller() {
    let task = tokio::spawn(async { panic!("a bug") });
    let panic = std::panic::AssertUnwindSafe(page_or("default", task)).catch_unwind().await.unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"a bug"));
}

/// asyncio: `CancelledError` of an awaited task looks like a cancellation of the awaiter. Tokio: it is a value.
#[tokio::test]
async fn the_cancellation_of_the_task_is_an_error_and_not_one_of_the_caller() {
    let task = tokio::spawn(pending());
    task.abort();
    let caller = tokio::spawn(page_or("default", task));
    assert!(matches!(caller.await.unwrap(), Err(LoadError::Cancelled)));
}

/// The hazard. asyncio: `RuntimeError`, "Task cannot await on itself". Here: the task does not notice, and hangs.
#[tokio::test(start_paused = true)]
async fn but_a_task_that_awaits_itself_hangs() {
    let (give, me) = tokio::sync::oneshot::channel::<tokio::task::JoinHandle<Result<String, LoadError>>>();
    let task = tokio::spawn(async move { page_or("default", me.await.unwrap()).await });
    let itself = task.abort_handle();
    assert!(give.send(task).is_ok());
    tokio::time::sleep(crate::support::ms(1_000)).await;
    assert!(!itself.is_finished());
}
