//! Proofs of the pattern `condition`.

use std::sync::Arc;

use cancel_sweep::Outcome::{Cancelled, Finished};
use tokio::time::sleep;

use crate::support::ms;
use crate::work::condition::Shared;

/// Two tasks wait for one item each, and two items come, with a notification each. Cancelled at any point, the first has
/// one item or none, the second always gets one, and the lock is free.
#[test]
fn a_cancelled_wait_forgets_nobody_and_holds_no_lock() {
    async fn take(shared: Arc<Shared<u32>>, by_hand: bool) {
        let mut items = shared.value.lock().await;
        if by_hand {
            while *items == 0 {
                items = shared.changed.wait(items).await;
            }
        } else {
            items = shared.changed.wait_for(items, |items| *items > 0).await;
        }
        *items -= 1;
    }
    for by_hand in [false, true] {
        let swept = cancel_sweep::sweep_with(
            || {
                let shared = Arc::new(Shared::<u32>::default());
                let (mine, other) = (shared.clone(), shared.clone());
                let other = tokio::spawn(async move {
                    sleep(ms(1)).await; // the second in line
                    take(other, false).await;
                });
                tokio::spawn({
                    let shared = shared.clone();
                    async move {
                        for _ in 0..2 {
                            sleep(ms(10)).await;
                            let mut items = shared.value.lock().await;
                            *items += 1;
                            shared.changed.notify(1);
                            sleep(ms(10)).await; // the notified waiter waits for the lock
                        }
                    }
                });
                ((shared, other), take(mine, by_hand))
            },
            |(shared, other), outcome| {
                assert!(other.is_finished(), "a wake-up is lost");
                let items = *shared.value.try_lock().expect("the lock is free");
                match outcome {
                    Finished(()) => assert_eq!(items, 0),
                    Cancelled(_) => assert_eq!(items, 1),
                }
            },
        );
        assert_eq!(swept.points, 2, "the notification, and the lock");
    }
}
