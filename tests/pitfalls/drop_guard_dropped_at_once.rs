//! Lessons of the pattern `drop_guard_dropped_at_once`.

use pitfalls::drop_guard_dropped_at_once::{broken, fixed};
use tokio_util::sync::CancellationToken;

use crate::work::drop_guard_dropped_at_once::work;

/// asyncio: `finally: helper.cancel()` is at the end. Rust: a guard without a name is dropped on its line.
#[tokio::test(start_paused = true)]
async fn but_helpers_are_cancelled_before_the_work_begins() {
    let helpers = CancellationToken::new();
    assert!(broken(helpers.clone(), work(helpers)).await);
}

/// asyncio: `finally` cancels the helper at the end. Rust: a guard with a name is dropped there.
#[tokio::test(start_paused = true)]
async fn helpers_live_as_long_as_the_work() {
    let helpers = CancellationToken::new();
    assert!(!fixed(helpers.clone(), work(helpers.clone())).await);
    assert!(helpers.is_cancelled());
}

/// asyncio: `finally` runs after an exception too. Rust: unwinding drops the guard.
#[tokio::test]
async fn after_a_panic_they_are_cancelled_too() {
    let helpers = CancellationToken::new();
    let caller = tokio::spawn(fixed::<()>(helpers.clone(), async { panic!("no index") }));
    assert!(caller.await.unwrap_err().is_panic());
    assert!(helpers.is_cancelled());
}
