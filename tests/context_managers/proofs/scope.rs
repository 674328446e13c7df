//! Proofs of the pattern `scope`.

use context_managers::scope::{ScopeError, with};
use fastrand::Rng;
use futures::FutureExt;
use futures::future::pending;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::task::TaskTracker;

use crate::many_threads::on_many_threads;
use crate::support::{Count, Log, ms, panics};
use crate::work::scope::nested;
use crate::work::{all_over, random_turns};

/// Two nested scopes are cancelled at any point: entering, the body or the clean-up. Each is cleaned up once and
/// completely, the inner one first.
#[test]
fn cancelled_at_any_point_each_scope_is_cleaned_up_once_and_in_order() {
    type Body = fn() -> futures::future::BoxFuture<'static, Result<(), &'static str>>;
    let bodies: [Body; 2] = [|| sleep(ms(10)).map(Ok).boxed(), || sleep(ms(10)).map(|()| Err("bad")).boxed()];
    for body in bodies {
        let swept = cancel_sweep::sweep_with(
            || {
                let log = Log::default();
                (log.clone(), nested(TaskTracker::new(), log, body()))
            },
            |log, outcome| {
                let entries: Vec<_> = log.take().iter().map(|entry| entry[4..].to_owned()).collect();
                match outcome {
                    cancel_sweep::Outcome::Cancelled(cancel_sweep::At { suspension: 0, .. }) => {
                        assert!(entries.is_empty());
                    }
                    _ => assert_eq!(entries, ["inner closed", "outer begins", "outer closed"]),
                }
            },
        );
        assert_eq!(swept.points, 3, "the body, the inner clean-up, the outer one");
    }
}

/// The same for a scope whose entering and clean-up suspend several times, for each way to end.
#[test]
fn cancelled_at_any_point_what_was_opened_is_closed_once() {
    async fn steps(n: u64) {
        for _ in 0..n {
            sleep(ms(10)).await;
        }
    }
    for fails in [false, true] {
        let swept = cancel_sweep::sweep_with(
            || {
                let (opened, closed) = (Count::default(), Count::default());
                let state = (opened.clone(), closed.clone());
                let cleanups = TaskTracker::new();
                let enter = async move {
                    steps(3).await;
                    opened.add();
                    Ok(closed)
                };
                let body = async move |_: &mut Count, _: &TaskTracker| {
                    steps(3).await;
                    if fails { Err("bad") } else { Ok(()) }
                };
                let scope = async move {
                    with(&cleanups, enter, body, |closed, _| {
                        steps(3).map(move |()| closed.add()).map(Ok).boxed()
                    })
                    .await
                };
                (state, scope)
            },
            |(opened, closed), _| assert_eq!(opened.get(), closed.get()),
        );
        assert_eq!(swept.points, 7, "three to enter, three of the body, one wait for the clean-up");
    }
}

/// 200 rounds of 24 pairs of scopes, one inside the other, on four threads. Each ends in its own way, most are
/// aborted somewhere, many of them twice.
#[test]
fn on_many_threads_each_scope_is_cleaned_up_once_and_in_order() {
    /// Opened, closed.
    type Pair = [Count; 2];

    async fn pair(
        cleanups: TaskTracker,
        mut rng: Rng,
        outer: Pair,
        inner: Pair,
    ) -> Result<(), ScopeError<()>> {
        let ends = [rng.u8(0..4), rng.u8(0..4)];
        let rngs = [(); 5].map(|()| rng.fork());
        let inner_for_check = inner.clone();
        let [r0, r1, r2, r3, r4] = rngs;
        let ended = async |kind| match kind {
            0 => Ok(()),
            1 => Err(()),
            2 => panics("a panic"),
            _ => pending().await,
        };
        with(
            &cleanups,
            async {
                random_turns(r0).await;
                outer[0].add();
                Ok(outer[1].clone())
            },
            async |_, inside| {
                let scope = with(
                    inside,
                    async {
                        random_turns(r1).await;
                        inner[0].add();
                        Ok(inner[1].clone())
                    },
                    async |_, _| {
                        random_turns(r2).await;
                        ended(ends[0]).await
                    },
                    |closed, _| random_turns(r3).map(move |()| closed.add()).map(Ok).boxed(),
                );
                scope.await.map_err(|_| ())?;
                ended(ends[1]).await
            },
            move |closed, _| {
                let [opened, inner_closed] = inner_for_check;
                assert_eq!(opened.get(), inner_closed.get(), "the inner one is closed before");
                random_turns(r4).map(move |()| closed.add()).map(Ok).boxed()
            },
        )
        .await
    }

    on_many_threads(200, async |mut rng| {
        let cleanups = TaskTracker::new();
        let mut tasks = JoinSet::new();
        let mut counts = Vec::new();
        for _ in 0..24 {
            let (outer, inner) = (Pair::default(), Pair::default());
            counts.extend([outer.clone(), inner.clone()]);
            let task = tasks.spawn(pair(cleanups.clone(), rng.fork(), outer, inner));
            let turns = [rng.fork(), rng.fork()];
            tasks.spawn(async move {
                for turns in turns {
                    random_turns(turns).await;
                    task.abort();
                }
                Ok(())
            });
        }
        while tasks.join_next().await.is_some() {}
        all_over(&cleanups).await;
        for [opened, closed] in counts {
            assert!(opened.get() <= 1);
            assert_eq!(opened.get(), closed.get());
        }
    });
}
