//! The Rust half of the chapter's pairs: each function has the name, and asserts the same, as the one in `pairs.py`.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use tokio::time::sleep;

use crate::support::{alive_tasks, ms, settle};

/// asyncio: a coroutine that is not awaited does nothing. Tokio: a future likewise.
#[tokio::test]
async fn a_call_alone_does_nothing() -> anyhow::Result<()> {
    let sent = RefCell::new(Vec::new());
    let greet = async |guest| sent.borrow_mut().push(guest);

    let greeting = greet("Ann"); // does nothing
    greet("Bob").await;

    drop(greeting);
    assert_eq!(*sent.borrow(), ["Bob"]);
    Ok(())
}

/// asyncio: `CancelledError` is raised between two changes. Tokio: the future is dropped between them.
#[tokio::test(start_paused = true)]
async fn any_await_may_be_the_last() -> anyhow::Result<()> {
    let (from, to) = (Cell::new(100), Cell::new(0));
    let approval = async || sleep(ms(50)).await;

    let transfer = async {
        from.set(from.get() - 30);
        approval().await;
        to.set(to.get() + 30);
    };
    let is_late = tokio::time::timeout(ms(10), transfer).await.is_err();

    assert_eq!((is_late, from.get() + to.get()), (true, 70));
    Ok(())
}

/// asyncio: `wait_for` cancels the task. Tokio: only if the handle aborts it.
#[tokio::test(start_paused = true)]
async fn a_timeout_around_a_task() -> anyhow::Result<()> {
    let task = tokio::spawn(sleep(Duration::from_secs(60)));
    let task = tokio_util::task::AbortOnDropHandle::new(task); // a bare handle lets it run on
    let is_late = tokio::time::timeout(ms(10), task).await.is_err();

    settle().await;
    assert_eq!((is_late, alive_tasks()), (true, 0));
    Ok(())
}

/// asyncio: a permit is held until `release()`. Tokio: as long as its value lives.
#[tokio::test]
async fn a_permit_that_is_held() -> anyhow::Result<()> {
    let seats = tokio::sync::Semaphore::new(1);
    let _seat = seats.acquire().await?; // `let _ = ...` would release it on this line

    assert_eq!(seats.available_permits(), 0);
    Ok(())
}
