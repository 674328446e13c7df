//! Proofs of the pattern `limit`.

use futures::FutureExt;
use semaphores::limit::Limit;
use tokio::task::JoinSet;

use crate::support::{Gauge, ONE, alive_tasks, ms};
use crate::work::all;

/// Cancelled anywhere, no permit is lost, and the work has either not begun or been dropped.
#[test]
fn cancelled_anywhere_no_permit_is_lost() {
    type Work = fn(Limit, Gauge) -> futures::future::BoxFuture<'static, ()>;
    let forms: [(Work, usize); 3] = [
        (|limit, gauge| async move { limit.run(gauge.stay(ms(10))).await }.boxed(), 2),
        (
            |limit, gauge| {
                async move {
                    limit.try_run(gauge.stay(ms(10))).await.unwrap_err();
                }
                .boxed()
            },
            0,
        ),
        (
            |limit, gauge| {
                async move {
                    let mut tasks = JoinSet::new();
                    for _ in 0..2 {
                        limit.spawn(&mut tasks, gauge.clone().stay(ms(10))).await;
                    }
                    all(tasks).await;
                }
                .boxed()
            },
            3,
        ),
    ];
    for (work, points) in forms {
        let swept = cancel_sweep::sweep_with(
            || {
                let (limit, gauge) = (Limit::new(ONE), Gauge::default());
                let (other, held) = (limit.clone(), gauge.clone());
                let mut held = Box::pin(async move { other.run(held.stay(ms(20))).await });
                assert!(held.as_mut().now_or_never().is_none(), "it has the permit");
                tokio::spawn(held);
                ((limit.clone(), gauge.clone()), work(limit, gauge))
            },
            |(limit, gauge), _| {
                assert_eq!((limit.is_full(), gauge.now(), gauge.peak()), (false, 0, 1));
                assert_eq!(alive_tasks(), 0);
            },
        );
        assert_eq!(swept.points, points);
    }
}
