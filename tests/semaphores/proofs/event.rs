//! Proofs of the pattern `event`.

use std::sync::Arc;

use semaphores::event::Event;
use tokio::time::sleep;

use crate::support::ms;

/// Cancelled at any point, a wait leaves nothing behind, and the next `set` wakes the others.
#[test]
fn a_cancelled_wait_leaves_the_others_as_they_are() {
    let swept = cancel_sweep::sweep_with(
        || {
            let event = Arc::new(Event::new());
            let (mine, other) = (event.clone(), event.clone());
            let other = tokio::spawn(async move { other.wait().await });
            tokio::spawn({
                let event = event.clone();
                async move {
                    sleep(ms(10)).await;
                    event.set();
                    event.clear();
                    sleep(ms(10)).await;
                    event.set();
                }
            });
            ((event, other), async move {
                mine.wait().await;
                sleep(ms(1)).await;
                mine.wait().await;
            })
        },
        |(event, other), _| {
            assert!(event.is_set());
            assert!(other.is_finished());
        },
    );
    assert_eq!(swept.points, 3, "a pulse, a sleep, and a set");
}
