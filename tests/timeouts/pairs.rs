//! The Rust half of the chapter's pairs: each function has the name, and asserts the same, as the one in `pairs.py`.

use std::sync::Mutex;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::support::ms;

/// Stands for a request.
async fn fetch(page: &str) -> String {
    sleep(ms(100)).await;
    format!("<{page}>")
}

/// asyncio: `timeout`. Tokio: `timeout`, whose error is a value.
#[tokio::test(start_paused = true)]
async fn a_time_limit() -> anyhow::Result<()> {
    let page = match tokio::time::timeout(ms(50), fetch("home")).await {
        Ok(page) => page,
        Err(_elapsed) => "too late".to_owned(),
    };

    assert_eq!(page, "too late");
    Ok(())
}

/// asyncio: `cancel`, and `CancelledError` from the await. Tokio: `abort`, and a `JoinError`.
#[tokio::test(start_paused = true)]
async fn cancel_a_task() -> anyhow::Result<()> {
    let task = tokio::spawn(fetch("home"));
    task.abort();
    let ended = match task.await {
        Ok(page) => page,
        Err(error) if error.is_cancelled() => "cancelled".to_owned(),
        Err(panicked) => return Err(panicked.into()),
    };

    assert_eq!(ended, "cancelled");
    Ok(())
}

/// asyncio: `wait_for` waits for the `finally`. Tokio: `timeout_and_wait` waits for work that has a token.
#[tokio::test(start_paused = true)]
async fn a_timeout_that_waits_for_the_clean_up() -> anyhow::Result<()> {
    use timeouts::timeout_and_wait::{LateValue, Limits, TimeoutFailure, timeout_and_wait};
    static LOG: Mutex<Vec<&str>> = Mutex::new(Vec::new());
    async fn close() {
        sleep(ms(10)).await;
        LOG.lock().unwrap().push("closed");
    }
    let program = CancellationToken::new();

    async fn session(stop: CancellationToken) -> Result<Option<String>, String> {
        let rows = stop.run_until_cancelled(fetch("history")).await; // `None` when cancelled
        close().await;
        Ok(rows)
    }

    let limits = Limits { time: Some(ms(50)), grace: Some(ms(500)), late_value: LateValue::Return };
    let rows = timeout_and_wait(&program, limits, session).await;

    assert_eq!(rows, Err(TimeoutFailure::TimedOut { cleaned_up: true }));
    assert_eq!(*LOG.lock().unwrap(), ["closed"]);
    Ok(())
}

/// asyncio: an `Event` is looked at between two steps. Tokio: a `CancellationToken`.
#[tokio::test(start_paused = true)]
async fn stop_between_two_steps() -> anyhow::Result<()> {
    let (stop, mut done) = (CancellationToken::new(), Vec::new());
    let stopper = stop.clone();
    tokio::spawn(async move {
        sleep(ms(150)).await;
        stopper.cancel();
    });

    for page in ["home", "news", "help"] {
        if stop.is_cancelled() {
            break;
        }
        done.push(fetch(page).await); // a step is never cut off
    }

    assert_eq!(done, ["<home>", "<news>"]);
    Ok(())
}

/// asyncio: `shield` inside `wait_for`. Tokio: a task, and `&mut` to its handle.
#[tokio::test(start_paused = true)]
async fn give_up_and_wait_again_later() -> anyhow::Result<()> {
    let mut payment = tokio::spawn(fetch("payment"));
    let receipt = match tokio::time::timeout(ms(50), &mut payment).await {
        Ok(receipt) => receipt?,
        Err(_elapsed) => format!("later: {}", payment.await?),
    };

    assert_eq!(receipt, "later: <payment>");
    Ok(())
}
