//! Lessons of the pattern `cancelled_halfway`.

use std::sync::{Arc, Mutex};

use futures::future::join_all;
use pitfalls::cancelled_halfway::{Accounts, Refused, broken, fixed};
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::support::ms;
use crate::work::cancelled_halfway::{MOVED, START, approval, held};

/// asyncio: the await raises `CancelledError`. Tokio: the code after the await does not run.
#[tokio::test(start_paused = true)]
async fn but_a_timeout_between_taking_and_giving_loses_the_amount() {
    let accounts = Mutex::new(START);
    assert!(timeout(ms(50), broken(&accounts, 30, approval())).await.is_err());
    assert_eq!(held(&accounts), Accounts { from: 70, to: 0 });
}

/// asyncio and Tokio: a cancellation arrives at an await. The only await comes before both changes.
#[tokio::test(start_paused = true)]
async fn a_timeout_before_both_changes_loses_nothing() {
    let accounts = Mutex::new(START);
    assert!(timeout(ms(50), fixed(&accounts, 30, approval())).await.is_err());
    assert_eq!(held(&accounts), START);
    assert_eq!(fixed(&accounts, 30, approval()).await, Ok(()));
    assert_eq!(held(&accounts), MOVED);
}

/// The balance is checked after the approval, because it may have changed.
#[tokio::test(start_paused = true)]
async fn an_amount_that_is_not_there_or_does_not_fit_changes_nothing() {
    let accounts = Mutex::new(Accounts { from: 50, to: u64::MAX - 40 });
    let start = held(&accounts);
    assert_eq!(fixed(&accounts, 51, approval()).await, Err(Refused::TooLittle));
    assert_eq!(fixed(&accounts, 41, approval()).await, Err(Refused::TooMuch));
    assert_eq!(held(&accounts), start);
    let both = futures::join!(fixed(&accounts, 40, approval()), fixed(&accounts, 40, approval()));
    assert_eq!((both, held(&accounts).from), ((Ok(()), Err(Refused::TooLittle)), 10));
}

/// Forty transfers on four threads, a quarter of them aborted: the sum of both accounts stays 100.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_many_threads_no_money_is_lost() {
    let mut random = fastrand::Rng::with_seed(1);
    for _round in 0..50 {
        let accounts = Arc::new(Mutex::new(Accounts { from: 100, to: 0 }));
        let transfers = (0..40).map(|_| {
            let (accounts, amount, yields) = (Arc::clone(&accounts), random.u64(1..5), random.u8(0..4));
            let transfer = tokio::spawn(async move {
                let approval = async {
                    for _ in 0..yields {
                        yield_now().await;
                    }
                };
                fixed(&accounts, amount, approval).await.map(|()| amount)
            });
            if random.u8(0..4) == 0 {
                transfer.abort();
            }
            transfer
        });
        let moved: u64 = join_all(transfers.collect::<Vec<_>>())
            .await
            .into_iter()
            .filter_map(|ended| ended.ok()?.ok())
            .sum();
        let Accounts { from, to } = held(&accounts);
        // An abort may come after the change: the money has moved, without a report.
        assert!(from + to == 100 && to >= moved, "{from} + {to}, of which {moved}");
    }
}
