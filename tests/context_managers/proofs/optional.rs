//! Proofs of the pattern `optional`.

use std::sync::Arc;

use context_managers::optional::{given_or_opened, limited};
use futures::FutureExt;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::support::{Log, ms};

/// Cancelled at any point, the permit is back.
#[test]
fn cancelled_at_any_point_no_permit_is_lost() {
    let swept = cancel_sweep::sweep_with(
        || {
            let limit = Arc::new(Semaphore::new(1));
            let held = limit.clone().try_acquire_owned().unwrap();
            tokio::spawn(sleep(ms(10)).map(move |()| drop(held)));
            let limited_by = limit.clone();
            (limit, async move { limited(Some(&limited_by), sleep(ms(100))).await.is_ok() })
        },
        |limit, _| assert_eq!(limit.available_permits(), 1),
    );
    assert_eq!(swept.points, 2);
}

/// Cancelled at any point, what was opened is dropped.
#[test]
fn cancelled_at_any_point_what_was_opened_is_dropped() {
    let swept = cancel_sweep::sweep_with(
        || {
            let log = Log::default();
            let opened = log.clone();
            (log, async move {
                let open = sleep(ms(10)).map(|()| {
                    opened.add("open");
                    Ok::<_, ()>(opened.on_drop("dropped"))
                });
                given_or_opened(None, open, async |_| sleep(ms(10)).map(Ok).await).await
            })
        },
        |log, _| {
            assert!(
                [&[][..], &["open", "dropped"]]
                    .contains(&log.take().iter().map(String::as_str).collect::<Vec<_>>().as_slice())
            )
        },
    );
    assert_eq!(swept.points, 2);
}
