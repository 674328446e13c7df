//! The Rust half of the chapter's pairs: each function has the name, and asserts the same, as the one in `pairs.py`.

use std::time::Duration;

use futures::FutureExt;
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;

use crate::support::{Log, ms};

/// asyncio: `with` and `finally`. Tokio: a guard.
#[tokio::test(start_paused = true)]
async fn clean_up_that_does_not_wait() -> anyhow::Result<()> {
    let log = Log::default();
    let work = async || sleep(Duration::from_secs(60)).await;

    let backup = async {
        let _guard = scopeguard::guard((), |()| log.add("unlocked"));
        work().await;
    };
    let is_late = timeout(ms(10), backup).await.is_err();

    assert_eq!((is_late, log.take()), (true, vec!["unlocked".to_owned()]));
    Ok(())
}

/// asyncio: an `__aexit__` that awaits. Tokio: `with`, whose clean-up is a task.
#[tokio::test(start_paused = true)]
async fn clean_up_that_awaits() -> anyhow::Result<()> {
    let (log, cleanups) = (Log::default(), TaskTracker::new());
    let closes = log.clone();
    let open = async || anyhow::Ok(vec!["ada"]);
    let query = async |connection: &mut Vec<&'static str>| connection.len();

    async fn close(connection: Vec<&str>, log: Log) -> anyhow::Result<()> {
        sleep(ms(10)).await; // it may await, after a cancellation too
        log.add(format_args!("closed {}", connection.len()));
        Ok(())
    }

    let users = context_managers::scope::with(
        &cleanups,
        open(),
        async |connection, _inside| Ok(query(connection).await),
        |connection, _outcome| close(connection, closes).boxed(),
    );

    assert_eq!((users.await?, log.take()), (1, vec!["closed 1".to_owned()]));
    Ok(())
}

/// asyncio: `asyncio.run` waits for the exits that are left. Tokio: `main` waits for a tracker last.
#[tokio::test(start_paused = true)]
async fn the_end_waits_for_clean_ups() -> anyhow::Result<()> {
    let log = Log::default();
    let closes = log.clone();
    let close = async move || {
        sleep(ms(10)).await;
        closes.add("closed");
    };

    let serve = async |cleanups: &TaskTracker| {
        cleanups.spawn(async move { close().await });
        "served"
    };
    let (answer, drained) = context_managers::drain::run_and_drain(Duration::from_secs(10), serve).await;
    drained?; // an error if something was cut off

    assert_eq!((answer, log.take()), ("served", vec!["closed".to_owned()]));
    Ok(())
}

/// asyncio: `AsyncExitStack`. Tokio: `ExitStack`.
#[tokio::test(start_paused = true)]
async fn resources_whose_number_is_known_late() -> anyhow::Result<()> {
    let (log, closed) = std::sync::mpsc::channel();

    let mut stack = context_managers::exit_stack::ExitStack::new(&TaskTracker::new());
    for name in ["a.txt", "b.txt"] {
        let log = log.clone();
        stack.enter(async { Ok(name) }, async move |file| log.send(file)).await?;
    }
    let copied = stack.close(Ok("copied")).await;

    assert_eq!((copied, closed.try_iter().collect::<Vec<_>>()), (Ok(Some("copied")), vec!["b.txt", "a.txt"]));
    Ok(())
}

/// asyncio: `nullcontext`. Tokio: an `Option` of a guard.
#[tokio::test]
async fn a_limit_or_none() -> anyhow::Result<()> {
    let (two, mut pages) = (tokio::sync::Semaphore::new(2), Vec::new());
    let fetch = async || "page";

    for limit in [Some(&two), None] {
        let _permit = match limit {
            Some(limit) => Some(limit.acquire().await?),
            None => None,
        };
        pages.push(fetch().await);
    }

    assert_eq!(pages, ["page", "page"]);
    Ok(())
}
