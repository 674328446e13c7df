//! Lessons of the pattern `half_polled_future`.

use std::sync::Arc;

use pitfalls::half_polled_future::{broken, fixed};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use crate::support::ms;
use crate::work::FOR_EVER;

/// A value whose lock another task holds for a time.
async fn held(millis: u64) -> Arc<Mutex<u32>> {
    let value = Arc::new(Mutex::new(0));
    let guard = Arc::clone(&value).lock_owned().await;
    tokio::spawn(async move {
        sleep(ms(millis)).await;
        drop(guard);
    });
    value
}

/// asyncio: the update is a task and goes on. Tokio: the update has been handed the lock, but is not polled.
#[tokio::test(start_paused = true)]
async fn but_a_future_that_is_left_alone_keeps_the_lock_that_it_was_handed() {
    let value = held(200).await;
    let update = broken(&value, |value| *value += 1, ms(100), drop);
    assert!(timeout(FOR_EVER, update).await.is_err());
    assert_eq!(*value.lock().await, 0, "it was dropped, and with it the lock is free");
}

/// If the lock becomes free soon enough, the mistake does not show.
#[tokio::test(start_paused = true)]
async fn but_with_a_quick_lock_it_goes_well() {
    let value = held(50).await;
    broken(&value, |value| *value += 1, ms(100), |_| panic!("it was quick")).await;
    assert_eq!(*value.lock().await, 1);
}

/// asyncio: a task that waits for a `Lock` takes it without its creator. Tokio: so does a spawned task.
#[tokio::test(start_paused = true)]
async fn a_task_takes_the_lock_that_it_is_handed() {
    let (value, start) = (held(200).await, Instant::now());
    let reported = std::cell::Cell::new(None);
    fixed(Arc::clone(&value), |value| *value += 1, ms(100), |so_far| reported.set(Some(so_far)))
        .await
        .unwrap();
    assert_eq!((reported.get(), start.elapsed()), (Some(1), ms(200)), "the update stood before the report");
    assert_eq!(*value.lock().await, 1);
}

/// An update within `patience` wins the `select!`, so the report never asks for the lock.
#[tokio::test(start_paused = true)]
async fn what_is_quick_is_not_reported() {
    let value = held(50).await;
    fixed(Arc::clone(&value), |value| *value += 1, ms(100), |_| panic!("it was quick")).await.unwrap();
    assert_eq!(*value.lock().await, 1);
}

/// asyncio: `async with lock` releases after an exception. Tokio: a panic drops the guard; no poison.
#[tokio::test(start_paused = true)]
async fn a_panic_of_the_update_goes_on_in_the_caller() {
    let value = held(200).await;
    let caller = tokio::spawn(fixed(Arc::clone(&value), |_| panic!("division by zero"), ms(100), drop));
    assert!(caller.await.unwrap_err().is_panic());
    assert_eq!(*value.lock().await, 0, "the lock is free");
}
