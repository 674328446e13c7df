//! Lessons of the pattern `call_and_await`.

use std::pin::pin;

use async_await::call_and_await::BalanceError;
use tokio::task::yield_now;
use tokio::time::Instant;

use crate::support::ms;
use crate::work::call_and_await::{ACCOUNT, BALANCE, ask};
use crate::work::{Server, calls, heart_beat};

/// asyncio and Tokio: calls that are awaited one after the other run in this order; each begins when the one before it
/// has ended.
#[tokio::test(start_paused = true)]
async fn the_second_call_is_made_with_the_answer_of_the_first() {
    let server = Server::new([(ACCOUNT, 100, Ok("7")), (BALANCE, 200, Ok("250"))]);
    let start = Instant::now();
    assert_eq!(ask(&server).await, Ok(250));
    assert_eq!(start.elapsed(), ms(300));
    assert_eq!(server.begun(), calls([(ACCOUNT, 0), (BALANCE, 100)]));
}

/// asyncio: an exception leaves the function at the `await`. Tokio: `?` after the `.await` does.
#[tokio::test(start_paused = true)]
async fn an_error_returns_at_once_and_no_further_call_is_made() {
    let server = Server::new([(ACCOUNT, 100, Err("no such user"))]);
    let start = Instant::now();
    assert_eq!(ask(&server).await, Err(BalanceError::Fetch("no such user".to_owned())));
    assert_eq!((start.elapsed(), server.begun().len()), (ms(100), 1));
}

/// asyncio: two types of exception. Tokio: two variants of the error, and `?` converts to the second.
#[tokio::test(start_paused = true)]
async fn a_failed_call_and_a_senseless_answer_are_told_apart() {
    let server = Server::new([(ACCOUNT, 100, Ok("7")), (BALANCE, 200, Err("closed"))]);
    assert_eq!(ask(&server).await, Err(BalanceError::Fetch("closed".to_owned())));

    let server = Server::new([(ACCOUNT, 100, Ok("7")), (BALANCE, 200, Ok("a lot"))]);
    let error = ask(&server).await.unwrap_err();
    assert_eq!(error.to_string(), "the balance is not a number: invalid digit found in string");
}

/// asyncio: an `await` of something that does not suspend runs straight through, and no other task gets a turn.
/// Tokio: the same; an `.await` may suspend, and need not.
#[tokio::test]
async fn an_await_of_what_is_ready_does_not_suspend() {
    async fn nothing_to_wait_for() -> u8 {
        7
    }
    let (beats, _other_task) = heart_beat();
    assert_eq!(nothing_to_wait_for().await, 7);
    assert_eq!(beats.get(), 0);
    yield_now().await;
    assert_eq!(beats.get(), 1);
}

/// asyncio: the second `await` of a coroutine raises `RuntimeError`. Tokio: `.await` takes the future, so the
/// second one does not compile (E0382). A second await by reference compiles, and panics.
#[tokio::test]
#[should_panic(expected = "resumed after completion")]
async fn a_future_awaited_again_by_reference_panics() {
    let mut once = pin!(async { 7 });
    assert_eq!(once.as_mut().await, 7);
    once.as_mut().await;
}

/// asyncio: an async function may call itself, to a depth of about a thousand. Tokio: it may too, if each inner call is
/// in a `Box`. Without it the future would contain itself (E0733).
#[tokio::test]
async fn a_recursive_async_fn_boxes_its_inner_calls() {
    struct Folder {
        bytes: u64,
        folders: Vec<Folder>,
    }
    async fn size(folder: &Folder) -> u64 {
        yield_now().await;
        let mut bytes = folder.bytes;
        for inner in &folder.folders {
            bytes += Box::pin(size(inner)).await;
        }
        bytes
    }
    let leaf = |bytes| Folder { bytes, folders: vec![] };
    let root =
        Folder { bytes: 1, folders: vec![leaf(10), Folder { bytes: 100, folders: vec![leaf(1_000)] }] };
    assert_eq!(size(&root).await, 1_111);
}
