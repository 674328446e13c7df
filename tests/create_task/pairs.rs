//! The Rust half of the chapter's pairs: each function has the name, and asserts the same, as the one in `pairs.py`.

use std::time::Duration;

use tokio::time::sleep;

use crate::support::{alive_tasks, ms, settle};

/// asyncio: `create_task`, then `await`. Tokio: `spawn`, then `await`.
#[tokio::test(start_paused = true)]
async fn start_now_and_await_later() -> anyhow::Result<()> {
    let start = tokio::time::Instant::now();
    let fetch = async |page: &'static str| {
        sleep(ms(100)).await;
        format!("<{page}>")
    };

    let task = tokio::spawn(async move { fetch("home").await });
    sleep(ms(100)).await; // other work meanwhile
    let page = task.await?; // an error if it panicked or was aborted

    assert_eq!((page.as_str(), start.elapsed()), ("<home>", ms(100)));
    Ok(())
}

/// asyncio: exceptions of the work and of a cancellation. Tokio: three ends of one `match`.
#[tokio::test(start_paused = true)]
async fn three_ways_to_end() -> anyhow::Result<()> {
    let task = tokio::spawn(async {
        sleep(Duration::from_secs(60)).await;
        Err::<&str, _>("missing")
    });
    task.abort();

    let ended = match task.await {
        Ok(Ok(page)) => page,
        Ok(Err(reason)) => reason, // the work's own error
        Err(error) if error.is_cancelled() => "cancelled",
        Err(panicked) => return Err(panicked.into()),
    };

    assert_eq!(ended, "cancelled");
    Ok(())
}

/// asyncio: an owner that cancels its task. Tokio: a handle that aborts when it is dropped.
#[tokio::test(start_paused = true)]
async fn a_task_that_ends_with_its_owner() -> anyhow::Result<()> {
    async fn heartbeat() {
        sleep(Duration::from_secs(3_600)).await;
    }

    struct Session {
        _heartbeat: tokio_util::task::AbortOnDropHandle<()>, // aborts when it is dropped
    }
    let task = tokio::spawn(heartbeat());
    let session = Session { _heartbeat: tokio_util::task::AbortOnDropHandle::new(task) };
    drop(session);

    settle().await;
    assert_eq!(alive_tasks(), 0);
    Ok(())
}

/// asyncio: a task copies the context. Tokio: `inherit` does.
#[tokio::test]
async fn the_context_of_the_parent() -> anyhow::Result<()> {
    use create_task::context::inherit;
    tokio::task_local! {
        static REQUEST: u32;
    }

    let seen = REQUEST.scope(7, async {
        let child = tokio::spawn(inherit(&REQUEST, async { REQUEST.get() }));
        child.await
    });

    assert_eq!(seen.await?, 7);
    Ok(())
}

/// asyncio: `add_done_callback`. Tokio: `Announced`, or code after the await.
#[tokio::test]
async fn call_a_function_at_the_end() -> anyhow::Result<()> {
    let (log, lines) = std::sync::mpsc::channel();
    let task = tokio::spawn(async { 3 });

    let upload = create_task::done_callback::Announced::new(task);
    upload.add_done_callback(move |outcome| drop(log.send(format!("{:?}", outcome.as_ref().ok()))));
    let uploaded = upload.join().await?;

    assert_eq!((uploaded, lines.recv()?.as_str()), (3, "Some(3)"));
    Ok(())
}
