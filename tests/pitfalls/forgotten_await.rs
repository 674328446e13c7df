//! Lessons of the pattern `forgotten_await`.

use futures::future::join_all;
use pitfalls::forgotten_await::{Outbox, broken, fixed};
use tokio::task::yield_now;

/// asyncio: a call makes a coroutine that does nothing; a warning comes when it is collected. Tokio: the compiler warns,
/// and nothing warns at run time.
#[tokio::test]
async fn but_a_call_alone_sends_nothing() {
    let outbox = Outbox::default();
    broken(&outbox, &["Ann", "Bob"]).await;
    yield_now().await;
    assert_eq!(outbox.sent(), [""; 0]);
}

/// asyncio and Tokio: an async function runs where it is awaited, so the greetings leave in order.
#[tokio::test]
async fn an_awaited_call_sends() {
    let outbox = Outbox::default();
    fixed(&outbox, &["Ann", "Bob"]).await;
    assert_eq!(outbox.sent(), ["Welcome, Ann", "Welcome, Bob"]);
}

/// The forms that no lint sees.
#[tokio::test]
async fn but_a_call_that_is_dropped_named_or_collected_sends_nothing_either() {
    let outbox = Outbox::default();
    drop(outbox.greet("Ann"));
    let _greeted = outbox.greet("Bob");
    let greetings: Vec<_> = ["Cy", "Di"].map(|guest| outbox.greet(guest)).into();
    yield_now().await;
    assert_eq!(outbox.sent(), [""; 0]);
    join_all(greetings).await;
    assert_eq!(outbox.sent(), ["Welcome, Cy", "Welcome, Di"]);
}

/// Each await that is ready at once returns before the next, so many in a row do not fill the stack.
#[tokio::test]
async fn nobody_is_greeted_if_nobody_comes_and_a_hundred_thousand_if_they_do() {
    let outbox = Outbox::default();
    fixed(&outbox, &[]).await;
    assert_eq!(outbox.sent().len(), 0);
    fixed(&outbox, &["Ann"; 100_000]).await;
    assert_eq!(outbox.sent().len(), 100_000);
}
