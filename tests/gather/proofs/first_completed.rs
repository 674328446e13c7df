//! Proofs of the pattern `first_completed`.

use std::sync::Arc;

use cancel_sweep::Outcome::{Cancelled, Finished};
use futures::FutureExt;
use gather::first_completed::{First, each_as_it_comes, first_completed};
use tokio::sync::Mutex;
use tokio::time::sleep;

use crate::support::{Count, ms};
use crate::work::first_completed::page;

/// asyncio: cancelling the waiter of `wait` leaves its tasks alone. Tokio: dropping the wait leaves both to the caller.
#[test]
fn cancelled_anywhere_it_leaves_both_to_the_caller() {
    let swept = cancel_sweep::sweep_with(
        || {
            let loaded = Count::default();
            let home = tokio::spawn(async move { page(300, &loaded).await });
            let both = Arc::new(Mutex::new((home, tokio::spawn(sleep(ms(500))))));
            (both.clone(), async move {
                let mut both = both.lock().await;
                let (home, hint) = &mut *both;
                first_completed(home, hint).await
            })
        },
        |both, outcome| {
            let mut both = both.try_lock().expect("the cancelled one has let go");
            match outcome {
                Finished(first) => assert!(matches!(first, First::Left(Ok("<home>")))),
                Cancelled(_) => assert!(matches!((&mut both.0).now_or_never(), Some(Ok("<home>")))),
            }
            assert!(matches!((&mut both.1).now_or_never(), Some(Ok(()))));
        },
    );
    assert_eq!(swept.points, 1);
}

/// Dropped anywhere, it has passed on the values that were ready, and drops the rest.
#[test]
fn cancelled_anywhere_it_drops_what_is_not_done() {
    let swept = cancel_sweep::sweep_with(
        || {
            let (came, dropped) = (Count::default(), Count::default());
            let load = |millis| {
                let guard = dropped.on_drop();
                async move {
                    let _guard = guard;
                    sleep(ms(millis)).await;
                }
            };
            let (left, right, counts) = (load(300), load(100), came.clone());
            ((came, dropped), async move { each_as_it_comes(left, right, |_| counts.add()).await })
        },
        |(came, dropped), outcome| {
            assert_eq!(dropped.get(), 2);
            let expected = match outcome {
                Finished(()) => 2,
                Cancelled(at) => at.suspension.saturating_sub(1),
            };
            assert_eq!(came.get(), expected);
        },
    );
    assert_eq!(swept.points, 2);
}
