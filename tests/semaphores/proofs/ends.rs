//! Numbers and durations at their ends: zero, one and the greatest.

use std::num::{NonZeroU32, NonZeroUsize};

use futures::FutureExt;
use semaphores::barrier::Barrier;
use semaphores::budget::{Budget, TooMuch};
use semaphores::condition::Condition;
use semaphores::limit::Limit;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::support::soon;

/// One party goes on at once; the greatest number never meets.
#[tokio::test]
async fn a_barrier_at_its_ends() {
    let one = Barrier::new(NonZeroUsize::MIN);
    assert_eq!((soon(one.wait()).await, soon(one.wait()).await), (Ok(0), Ok(0)));
    let most = Barrier::new(NonZeroUsize::MAX);
    assert_eq!((most.wait().now_or_never(), most.waiting()), (None, 0));
}

/// Zero units are always free. The greatest request needs the greatest budget.
#[tokio::test]
async fn a_budget_at_its_ends() {
    for total in [NonZeroU32::MIN, NonZeroU32::MAX] {
        let budget = Budget::new(total);
        let all = soon(budget.take(total.get())).await.unwrap();
        assert!(soon(budget.take(0)).await.is_ok());
        assert_eq!(budget.take(1).now_or_never().map(|taken| taken.map(drop)), None);
        drop(all);
        assert!(soon(budget.take(1)).await.is_ok());
    }
    let one = Budget::new(NonZeroU32::MIN);
    let too_much = TooMuch { wanted: u32::MAX, total: 1 };
    assert_eq!(soon(one.take(u32::MAX)).await.map(drop), Err(too_much));
}

/// `notify` of zero, of one, and of the greatest number.
#[tokio::test]
async fn a_notification_at_its_ends() {
    for (count, woken) in [(0, 0), (1, 1), (usize::MAX, 2)] {
        let (lock, condition) = (Mutex::new(()), Condition::new());
        let wait = async || drop(condition.wait(lock.lock().await).await);
        let (mut one, mut other) = (Box::pin(wait()), Box::pin(wait()));
        assert!((&mut one).now_or_never().is_none() && (&mut other).now_or_never().is_none());
        condition.notify(count);
        let went_on = [(&mut one).now_or_never(), (&mut other).now_or_never()];
        assert_eq!(went_on.iter().flatten().count(), woken);
    }
}

/// With a limit of one, and with the greatest, all work is run.
#[tokio::test]
async fn a_limit_at_its_ends() {
    for at_most in [NonZeroUsize::MIN, NonZeroUsize::MAX] {
        let (limit, mut tasks) = (Limit::new(at_most), JoinSet::new());
        for number in 0..100 {
            soon(limit.spawn(&mut tasks, async move { number })).await;
        }
        assert_eq!(soon(tasks.join_all()).await.len(), 100);
        assert_eq!((soon(limit.run(async { 1 })).await, limit.try_run(async { 2 }).await), (1, Ok(2)));
        assert!(!limit.is_full());
    }
}
