//! Permits, locks and guards that are dropped at once, or held too long.

use std::cell::RefCell;
use std::sync::PoisonError;

use tokio::sync::{Mutex, RwLock, Semaphore, mpsc};
use tokio::task::yield_now;
use tokio_util::sync::CancellationToken;

pub async fn a_bare_acquire(limit: &Semaphore) {
    limit.acquire().await; //~ default: unused_must_use
}

pub async fn an_acquire_that_is_given_to_an_underscore(limit: &Semaphore) {
    let _ = limit.acquire().await; //~ configured: clippy::let_underscore_must_use, let_underscore_drop
}

pub async fn a_permit_that_is_given_to_an_underscore(
    limit: &Semaphore,
) -> Result<(), tokio::sync::AcquireError> {
    let _ = limit.acquire().await?; //~ configured: clippy::let_underscore_must_use, let_underscore_drop
    Ok(())
}

pub async fn a_guard_of_tokio_that_is_given_to_an_underscore(lock: &Mutex<u32>) {
    let _ = lock.lock().await; //~ configured: clippy::let_underscore_must_use, let_underscore_drop
}

pub async fn a_read_guard_of_tokio_that_is_given_to_an_underscore(lock: &RwLock<u32>) {
    let _ = lock.read().await; //~ configured: clippy::let_underscore_must_use, let_underscore_drop
}

pub fn a_lock_of_std_that_is_given_to_an_underscore(lock: &std::sync::Mutex<u32>) {
    let _ = lock.lock(); //~ error: let_underscore_lock; configured: clippy::let_underscore_must_use
}

pub fn a_bare_drop_guard(token: CancellationToken) {
    token.drop_guard(); //~ strict: unused_results
}

pub fn a_drop_guard_that_is_given_to_an_underscore(token: CancellationToken) {
    let _ = token.drop_guard(); //~ configured: let_underscore_drop
}

pub async fn a_lock_of_std_over_an_await(lock: &std::sync::Mutex<u32>) {
    let _guard = lock.lock().unwrap_or_else(PoisonError::into_inner); //~ default: clippy::await_holding_lock
    yield_now().await;
}

pub async fn a_read_lock_of_std_over_an_await(lock: &std::sync::RwLock<u32>) {
    let _guard = lock.read().unwrap_or_else(PoisonError::into_inner); //~ default: clippy::await_holding_lock
    yield_now().await;
}

pub async fn a_lock_of_std_in_its_result_over_an_await(lock: &std::sync::Mutex<u32>) {
    let _guard = lock.lock();
    yield_now().await;
}

pub async fn a_borrow_of_a_cell_over_an_await(cell: &RefCell<u32>) {
    let _guard = cell.borrow_mut(); //~ default: clippy::await_holding_refcell_ref
    yield_now().await;
}

pub async fn a_lock_of_tokio_over_an_await(lock: &Mutex<u32>) {
    let _guard = lock.lock().await; //~ strict: clippy::await_holding_invalid_type
    yield_now().await;
}

pub async fn a_lock_of_tokio_in_the_head_of_a_loop(jobs: &Mutex<mpsc::Receiver<u32>>) {
    while let Some(_job) = jobs.lock().await.recv().await {
        //~^ strict: clippy::await_holding_invalid_type
        yield_now().await;
    }
}

pub async fn a_lock_of_tokio_for_one_line(jobs: &Mutex<mpsc::Receiver<u32>>) {
    let _job = jobs.lock().await.recv().await; //~ strict: clippy::await_holding_invalid_type
}

pub async fn a_span_that_is_entered_over_an_await(span: &tracing::Span) {
    let _entered = span.enter(); //~ configured: clippy::await_holding_invalid_type
    yield_now().await;
}
