//! Proofs of the pattern `exclusive`.

use std::sync::Arc;

use cancel_sweep::Outcome::{Cancelled, Finished};
use semaphores::exclusive::update;
use tokio::time::sleep;

use crate::support::ms;
use crate::work::exclusive::one_more;

/// Cancelled anywhere, the value is the old or the new one, and the lock is free.
#[test]
fn a_cancelled_update_has_changed_nothing_and_holds_no_lock() {
    let swept = cancel_sweep::sweep_with(
        || {
            let value = Arc::new(tokio::sync::Mutex::new(0));
            let (held, mine) = (value.clone().try_lock_owned().unwrap(), value.clone());
            tokio::spawn(async move {
                sleep(ms(10)).await;
                drop(held);
            });
            (value, async move { update(&mine, one_more).await })
        },
        |value, outcome| {
            let value = *value.try_lock().expect("the lock is free");
            match outcome {
                Finished(new) => assert_eq!((new, value), (Ok(1), 1)),
                Cancelled(_) => assert_eq!(value, 0),
            }
        },
    );
    assert_eq!(swept.points, 2, "the lock, and the database");
}
