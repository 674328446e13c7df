//! Every time at its ends: at once, soon, and never.

use std::time::Duration;

use testing::cancel_anywhere::cancel_anywhere;
use testing::eventually::eventually;
use tokio::task::yield_now;

use crate::support::{TIMES, ends};

/// A limit of zero looks once; one without end has no overflow, and looks until the condition holds.
#[tokio::test(start_paused = true)]
async fn a_limit_may_be_zero_or_endless() {
    for limit in TIMES {
        ends(eventually(limit, || true)).await.unwrap();
        let mut looks = 0;
        let looked = ends(eventually(limit, || {
            looks += 1;
            looks == 1_000
        }))
        .await;
        assert_eq!(looked.is_ok(), limit == Duration::MAX, "{limit:?}: {looks}");
    }
}

/// Work without an await, with one, and with more than a task may take without giving way.
#[tokio::test]
async fn work_may_have_no_await_or_hundreds() {
    for awaits in [0, 1, 300] {
        let work = async || {
            for _ in 0..awaits {
                yield_now().await;
            }
        };
        let mut checks = 0;
        let suspensions = cancel_anywhere(work, |at| {
            checks += 1;
            assert_eq!(at, checks);
        });
        assert_eq!((suspensions.await, checks), (awaits, awaits));
    }
}
