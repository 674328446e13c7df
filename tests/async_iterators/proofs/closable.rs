//! Proofs of the pattern `closable`.
use futures::StreamExt;
use tokio_util::task::TaskTracker;

use crate::support::Log;
use crate::tools::sweep_loop;
use crate::work::closable::{End, rows, two_rows};

/// asyncio: a cancelled `anext` runs the `finally` of the generator. Here: any drop starts one clean-up.
#[test]
fn cancelled_anywhere_it_cleans_up_exactly_once() {
    for end in [End::Returns, End::Fails] {
        let swept = cancel_sweep::sweep_with(
            || {
                let log = Log::default();
                let mut rows = rows(&TaskTracker::new(), &log, end);
                (log, async move { while rows.next().await.is_some() {} })
            },
            |log, _| {
                let log = log.take();
                assert_eq!(log[log.len() - 2..], ["closing", "closed"]);
                assert_eq!(log.iter().filter(|entry| *entry == "closing").count(), 1);
            },
        );
        assert!(swept.points >= 4);
        sweep_loop(move || rows(&TaskTracker::new(), &Log::default(), end), &{
            let mut all = vec![Ok(1), Ok(2)];
            all.extend((end == End::Fails).then(|| Err("row 3 is locked".to_owned())));
            all
        });
    }
    let swept = cancel_sweep::sweep_with(
        || {
            let log = Log::default();
            let mut rows = rows(&TaskTracker::new(), &log, End::Never);
            (log, async move {
                two_rows(&mut rows).await;
                rows.close().await
            })
        },
        |log, _| {
            let log = log.take();
            assert_eq!(log[log.len() - 2..], ["closing", "closed"]);
            assert_eq!(log.iter().filter(|entry| *entry == "closing").count(), 1);
        },
    );
    assert!(swept.points >= 3);
}
