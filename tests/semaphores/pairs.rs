//! The Rust half of the chapter's pairs: each function has the name, and asserts the same, as the one in `pairs.py`.

use std::num::NonZeroUsize;
use std::sync::Arc;

use tokio::task::{JoinSet, yield_now};

use crate::support::{Gauge, ms};

/// asyncio: a `Semaphore`, taken inside the task. Tokio: a permit that is moved into the task.
#[tokio::test(start_paused = true)]
async fn at_most_three_at_a_time() -> anyhow::Result<()> {
    let busy = Gauge::default();
    let fetch = |page: u32| {
        let inside = busy.clone();
        async move {
            inside.stay(ms(10)).await;
            page
        }
    };

    let (permits, mut fetches) = (Arc::new(tokio::sync::Semaphore::new(3)), JoinSet::new());
    for page in 0..10 {
        let permit = permits.clone().acquire_owned().await?; // waits while three run
        let work = fetch(page);
        fetches.spawn(async move {
            let _permit = permit; // released however the task ends
            work.await
        });
    }
    let pages = fetches.join_all().await;

    assert_eq!((pages.len(), busy.peak()), (10, 3));
    Ok(())
}

/// asyncio: `Lock`. Tokio: `Mutex`, which contains the value that it guards.
#[tokio::test]
async fn one_at_a_time_over_an_await() -> anyhow::Result<()> {
    let count = tokio::sync::Mutex::new(0);
    let raise_count = async || {
        let mut count = count.lock().await;
        let value = *count;
        yield_now().await; // others run here
        *count = value + 1;
    };

    futures::future::join_all((0..100).map(|_| raise_count())).await;
    assert_eq!(count.into_inner(), 100);
    Ok(())
}

/// asyncio: `Event`. Tokio: `SetOnce` for an event that happens once, `Event` of this recipe if it may be cleared.
#[tokio::test(start_paused = true)]
async fn wait_until_something_has_happened() -> anyhow::Result<()> {
    let opened = Arc::new(semaphores::event::Event::new());
    let visitor = tokio::spawn({
        let opened = opened.clone();
        async move { opened.wait().await }
    });
    opened.set();
    visitor.await?;

    assert!(opened.is_set());
    Ok(())
}

/// asyncio: `Condition`, which has a lock. Tokio: `Condition`, beside the lock.
#[tokio::test(start_paused = true)]
async fn wait_for_a_change_under_a_lock() -> anyhow::Result<()> {
    let (loaves, baked) = (tokio::sync::Mutex::new(0), semaphores::condition::Condition::new());
    let buy = async {
        let mut loaves = baked.wait_for(loaves.lock().await, |loaves| *loaves > 0).await;
        *loaves -= 1;
    };
    let bake = async {
        *loaves.lock().await += 1;
        baked.notify(1);
    };
    tokio::join!(buy, bake);

    assert_eq!(loaves.into_inner(), 0);
    Ok(())
}

/// asyncio: `Barrier`. Tokio: `Barrier` of this recipe, if the index matters or a party may be cancelled.
#[tokio::test(start_paused = true)]
async fn wait_for_the_others() -> anyhow::Result<()> {
    let barrier = semaphores::barrier::Barrier::new(const { NonZeroUsize::new(2).unwrap() });
    let (first, second) = tokio::try_join!(barrier.wait(), barrier.wait())?;

    assert_eq!((first, second), (0, 1));
    Ok(())
}
