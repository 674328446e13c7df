//! Proofs of the pattern `half_polled_future`.

use std::sync::Arc;

use pitfalls::half_polled_future::fixed;
use tokio::sync::Mutex;
use tokio::time::sleep;

use crate::support::ms;

/// A drop aborts the update in its wait for the lock; between lock and change there is no await.
#[test]
fn cancelled_anywhere_the_lock_is_free_and_the_update_is_made_once_or_never() {
    let run = || {
        let value = Arc::new(Mutex::new(0));
        let updating = Arc::clone(&value);
        let all = async move {
            let guard = Arc::clone(&updating).lock_owned().await;
            let hold = tokio::spawn(async move {
                sleep(ms(200)).await;
                drop(guard);
            });
            let updated = fixed(updating, |value| *value += 1, ms(100), drop).await;
            hold.await.unwrap();
            updated
        };
        (value, all)
    };
    let swept = cancel_sweep::sweep_with(run, |value, outcome| {
        let value = *value.try_lock().expect("the lock is free");
        assert!(value == 1 || value == 0 && matches!(outcome, cancel_sweep::Outcome::Cancelled(_)));
    });
    assert!(swept.points >= 2);
}
