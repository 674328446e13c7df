use std::io;

use cancel_sweep::{sweep, sweep_with};
use streams::dial::{Redial, first};
use tokio::time::sleep;

use crate::support::{Count, ms};

/// Dropped anywhere, every attempt that has begun is dropped.
#[test]
fn cancelled_anywhere_no_attempt_is_left() {
    let swept = sweep_with(
        || {
            let (begun, dropped) = (Count::default(), Count::default());
            let counts = (begun.clone(), dropped.clone());
            let attempt = move |time| {
                begun.add();
                let left = dropped.on_drop();
                async move {
                    let _left = left;
                    sleep(ms(time)).await;
                    if time == 25 { Err(io::Error::other("refused")) } else { Ok(time) }
                }
            };
            (counts, async move { first([100, 25, 90], ms(20), attempt).await.unwrap() })
        },
        |(begun, dropped), outcome| {
            assert_eq!(begun.get(), dropped.get());
            if let cancel_sweep::Outcome::Finished(time) = outcome {
                assert_eq!((time, begun.get()), (100, 3));
            }
        },
    );
    assert!(swept.points >= 4, "{swept:?}");
}

/// A `Redial` that was dropped in a pause or an attempt can dial again.
#[test]
fn cancelled_anywhere_it_can_dial_again() {
    let swept = sweep(
        || async {
            let mut redial = Redial::new(ms(10), ms(100)).with_seed(1);
            let mut failures = 3;
            let attempt = || {
                failures -= 1;
                let is_good = failures == 0;
                async move {
                    sleep(ms(5)).await;
                    if is_good { Ok("connected") } else { Err("refused") }
                }
            };
            redial.dial(attempt, |error| assert_eq!(error, "refused")).await
        },
        |outcome| {
            if let cancel_sweep::Outcome::Finished(connected) = outcome {
                assert_eq!(connected, "connected");
            }
        },
    );
    assert_eq!(swept.points, 5);
}
