//! Lessons of the pattern `lock_across_await`.

use std::cell::RefCell;
use std::sync::{Arc, Mutex};

use pitfalls::lock_across_await::{broken, fixed};

use crate::support::ms;
use crate::work::lock_across_await::price;
use crate::work::{IN_TIME, elsewhere, paused};

/// Returns the sum of two additions on one thread.
fn twice(add: impl AsyncFn(&Mutex<u64>)) -> u64 {
    let total = Mutex::new(0);
    paused().block_on(async { tokio::join!(add(&total), add(&total)) });
    total.into_inner().unwrap()
}

/// asyncio: a `threading.Lock` over an await stops the loop at its second use. Tokio: a lock of `std` blocks the thread.
#[test]
fn but_the_second_who_wants_the_lock_stops_the_thread_for_the_first() {
    assert_eq!(elsewhere(|| twice(async |sum| broken(sum, price()).await), ms(200)), None);
}

/// asyncio: a `threading.Lock` over lines without an await is never contended. Here: the await comes first.
#[test]
fn with_the_lock_for_the_change_alone_both_add() {
    assert_eq!(elsewhere(|| twice(async |sum| fixed(sum, price()).await), IN_TIME), Some(20));
}

/// Without a second task the mistake does not show.
#[tokio::test]
async fn but_alone_it_goes_well() {
    let sum = Mutex::new(0);
    broken(&sum, price()).await;
    assert_eq!(sum.into_inner().unwrap(), 10);
}

/// asyncio: an `asyncio.Lock` held over an await lets other tasks run. Tokio: so does `tokio::sync::Mutex`.
#[tokio::test]
async fn a_lock_of_tokio_may_be_held_over_an_await() {
    let sum = tokio::sync::Mutex::new(0);
    let add = async || {
        let mut sum = sum.lock().await;
        *sum += price().await;
    };
    tokio::join!(add(), add());
    assert_eq!(sum.into_inner(), 20);
}

/// The same with a `RefCell`, on one thread: the second task panics.
#[tokio::test]
#[should_panic(expected = "already")]
#[allow(clippy::await_holding_refcell_ref, reason = "the pitfall")]
async fn but_a_cell_that_is_borrowed_over_an_await_panics() {
    let sum = RefCell::new(0);
    let add = async || {
        let mut sum = sum.borrow_mut();
        *sum += price().await;
    };
    tokio::join!(add(), add());
}

/// Python: no integer overflows, no lock is poisoned. Rust: the pattern saturates, and takes a poisoned lock.
#[tokio::test]
async fn the_sum_does_not_wrap_and_a_panic_elsewhere_does_not_stop_it() {
    let sum = Arc::new(Mutex::new(u64::MAX - 5));
    let poisoning = Arc::clone(&sum);
    let poisoned = std::thread::spawn(move || {
        let _guard = poisoning.lock().unwrap();
        panic!("while it holds the lock");
    });
    assert!(poisoned.join().is_err());
    fixed(&sum, price()).await;
    assert_eq!(*sum.lock().unwrap_err().into_inner(), u64::MAX);
}
