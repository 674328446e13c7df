//! Proofs of the pattern `task_group`.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use Fault::{Disk, Page};
use fastrand::Rng;
use futures::FutureExt;
use futures::future::BoxFuture;
use task_groups::task_group::{Child, NoValue, TaskGroup};
use tokio::sync::oneshot;
use tokio::task::{JoinSet, yield_now};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::many_threads::{on_many_threads, some_turns};
use crate::support::{Count, alive_tasks, ms, panics};
use crate::work::Life;
use crate::work::task_group::{Fault, errors, task_group, task_group_under, value};

mod swept {
    use super::*;
    use cancel_sweep::{At, Outcome, sweep_with};

    /// Waits twice, also after its cancellation, and logs each step.
    async fn two_steps(life: Life, cancelled: CancellationToken) -> Result<u32, Fault> {
        let _life = life.begin();
        for _ in 0..2 {
            cancelled.run_until_cancelled(sleep(ms(10))).await;
            sleep(ms(5)).await;
        }
        Ok(2)
    }

    /// A body that waits for children of both kinds and for a group inside, and children that add children.
    async fn family(group: TaskGroup<Fault>, life: Life) -> Result<u32, Fault> {
        let _life = life.begin();
        group.spawn(value(200, ()));
        let mut sum = 0;
        for _ in 0..2 {
            let (parent, grown) = (group.clone(), life.clone());
            group.spawn(async move {
                let _life = grown.begin();
                sleep(ms(5)).await;
                let grandchild = grown.clone();
                parent.spawn_with_grace(ms(100), |cancelled| two_steps(grandchild, cancelled));
                sleep(ms(5)).await;
                Ok(())
            });
            let child = life.clone();
            sum += group
                .spawn_with_grace(ms(100), |cancelled| two_steps(child, cancelled))
                .await
                .map_err(|_| Page("child"))?;
        }
        let inner = group.nested(async |inner: TaskGroup<Fault>| {
            let (child, other) = (life.clone(), life.clone());
            inner.spawn_with_grace(ms(100), |cancelled| two_steps(child, cancelled));
            inner
                .spawn_with_grace(ms(100), |cancelled| two_steps(other, cancelled))
                .await
                .map_err(|_| Page("inner"))
        });
        Ok(sum + inner.await?.unwrap_or(0))
    }

    /// Dropped at any point, a group leaves no task behind, and each of its children ends once.
    #[test]
    fn dropped_at_any_point_a_group_leaves_nobody_behind() {
        let swept = sweep_with(
            || {
                let life = Life::default();
                (life.clone(), async move { task_group(async |group| family(group, life).await).await })
            },
            |life, outcome| {
                assert_eq!((life.begun.get(), alive_tasks()), (life.ended.get(), 0));
                match outcome {
                    Outcome::Finished(result) => assert_eq!((result, life.get()), (Ok(6), (9, 9))),
                    Outcome::Cancelled(At { suspension: 0, .. }) => assert_eq!(life.get(), (0, 0)),
                    Outcome::Cancelled(_) => {}
                }
            },
        );
        assert_eq!(swept.points, 4, "three children that are awaited, and one that is waited for at the end");
    }

    /// The same holds for a group that fails or is cancelled by its token, and is then dropped at any point of its end.
    #[test]
    fn dropped_at_any_point_of_its_end_a_group_leaves_nobody_behind() {
        for fails in [false, true] {
            let swept = sweep_with(
                || {
                    let (life, token) = (Life::default(), CancellationToken::new());
                    (life.clone(), async move {
                        let group = task_group_under(&token, async |group| {
                            let (child, other) = (life.clone(), life.clone());
                            group.spawn_with_grace(ms(100), |cancelled| two_steps(child, cancelled));
                            group.spawn(async move {
                                let _life = other.begin();
                                pending::<Result<(), _>>().await
                            });
                            sleep(ms(3)).await;
                            if fails {
                                return Err(Page("a"));
                            }
                            token.cancel();
                            sleep(ms(1)).await;
                            Ok(())
                        });
                        group.await
                    })
                },
                |life, outcome| {
                    assert_eq!((life.begun.get(), alive_tasks()), (life.ended.get(), 0));
                    if let Outcome::Finished(result) = outcome {
                        assert_eq!(life.get(), (2, 2));
                        assert_eq!(result.is_err(), fails);
                        assert_eq!(result.unwrap_or(None), None);
                    }
                },
            );
            assert!(swept.points >= 2);
        }
    }

    /// An inner group is dropped at any point by its awaiter. The outer group waits for the inner children, goes on itself,
    /// and gets an inner error once.
    #[test]
    fn dropped_at_any_point_an_inner_group_gives_all_to_the_outer_one() {
        let swept = sweep_with(
            || {
                let (life, failed) = (Life::default(), Count::default());
                let (outer_is_over, result) = oneshot::channel();
                let (send, handle) = oneshot::channel();
                tokio::spawn(async move {
                    let group = task_group(async |outer: TaskGroup<Fault>| {
                        let _ignored = send.send(outer);
                        sleep(ms(1_000)).await;
                        Ok(())
                    });
                    let _ignored = outer_is_over.send(group.await);
                });
                let state = (life.clone(), failed.clone(), result);
                (state, async move {
                    let outer: TaskGroup<Fault> = handle.await.unwrap();
                    let inner = outer.nested(async |inner: TaskGroup<Fault>| {
                        let (child, other) = (life.clone(), life.clone());
                        inner.spawn_with_grace(ms(100), |cancelled| two_steps(child, cancelled));
                        inner.spawn_with_grace(ms(100), |cancelled| async move {
                            two_steps(other, cancelled).await?;
                            failed.add();
                            Err::<(), _>(Disk("inner"))
                        });
                        sleep(ms(20)).await;
                        Ok(())
                    });
                    inner.await
                })
            },
            |(life, failed, mut result), outcome| {
                assert_eq!((life.begun.get(), alive_tasks()), (life.ended.get(), 0));
                let inner = Fault::Group(vec![Disk("inner")]);
                let heard = match outcome {
                    Outcome::Finished(result) => {
                        assert_eq!(errors(result), [Disk("inner")]);
                        vec![]
                    }
                    Outcome::Cancelled(_) => vec![inner; failed.get()],
                };
                let outer = result.try_recv().expect("the outer group is over");
                assert_eq!(outer.map_or_else(|error| error.into_errors().collect(), |()| vec![]), heard);
            },
        );
        assert_eq!(swept.points, 3, "the outer group, the body inside, the children inside");
    }

    /// Dropping the await of a child loses nothing: the child runs on, and may be awaited again.
    #[test]
    fn dropped_at_any_point_the_wait_for_a_child_loses_nothing() {
        let swept = sweep_with(
            || {
                let child = Arc::new(tokio::sync::Mutex::new(None));
                let (place, awaited) = (child.clone(), child.clone());
                tokio::spawn(task_group(async move |group: TaskGroup<Fault>| {
                    *place.try_lock().unwrap() = Some(group.spawn(value(50, "a value")));
                    Ok(())
                }));
                (child, async move {
                    yield_now().await;
                    awaited.lock().await.as_mut().unwrap().await
                })
            },
            |child, outcome| match outcome {
                Outcome::Finished(result) => assert_eq!(result, Ok("a value")),
                Outcome::Cancelled(_) => {
                    let child = child.try_lock().unwrap().take().unwrap();
                    assert_eq!(child.now_or_never(), Some(Ok("a value")));
                }
            },
        );
        assert_eq!(swept.points, 2);
    }
}

mod on_many_threads {
    use super::*;

    /// The record of the members of a round.
    #[derive(Clone, Default)]
    struct Ledger {
        life: Life,
        failed: Count,
        panicked: Count,
        doubled: Count,
    }

    /// A member of a group: it waits, adds children, opens a group, and ends in its own way.
    fn member(
        group: TaskGroup<Fault>,
        ledger: Ledger,
        mut rng: Rng,
        depth: u8,
        has_grace: bool,
    ) -> BoxFuture<'static, Result<u8, Fault>> {
        let life = ledger.life.begin();
        async move {
            let _life = life;
            some_turns(&mut rng, 3).await;
            if depth < 4 {
                for _ in 0..rng.u8(0..3) {
                    add(&group, &ledger, &mut rng, depth, has_grace).await;
                }
                if rng.u8(0..4) == 0 {
                    let mut inside = rng.fork();
                    let inner = group.nested(async |inner: TaskGroup<Fault>| {
                        for _ in 0..inside.u8(1..4) {
                            add(&inner, &ledger, &mut inside, depth, has_grace).await;
                        }
                        end(&ledger, &mut inside).await
                    });
                    inner.await?;
                }
            }
            end(&ledger, &mut rng).await
        }
        .boxed()
    }

    async fn add(group: &TaskGroup<Fault>, ledger: &Ledger, rng: &mut Rng, depth: u8, has_grace: bool) {
        let (inside, theirs, seed) = (group.clone(), ledger.clone(), rng.fork());
        let child: Child<u8> = match rng.u8(0..2) {
            0 => group.spawn(member(inside, theirs, seed, depth + 1, has_grace)),
            _ => group.spawn_with_grace(Duration::MAX, move |cancelled| async move {
                let mut clean_up = seed.clone();
                let _life = theirs.life.begin();
                let work = member(inside, theirs.clone(), seed, depth + 1, true);
                match cancelled.run_until_cancelled(work).await {
                    Some(result) => result,
                    None => {
                        some_turns(&mut clean_up, 3).await;
                        match clean_up.u8(0..3) {
                            0 => fail(&theirs),
                            _ => Ok(0),
                        }
                    }
                }
            }),
        };
        match rng.u8(0..8) {
            0 => child.cancel(),
            // No other task can cancel only this child: if it has no value, the group is cancelled, and this member with it.
            1 if child.await.is_err() && !has_grace => ledger.doubled.add(),
            _ => {}
        }
    }

    fn fail<T>(ledger: &Ledger) -> Result<T, Fault> {
        ledger.failed.add();
        Err(Page("a"))
    }

    async fn end(ledger: &Ledger, rng: &mut Rng) -> Result<u8, Fault> {
        some_turns(rng, 5).await;
        match rng.u8(0..40) {
            0 => fail(ledger),
            1 if rng.bool() => {
                ledger.panicked.add();
                panics("a")
            }
            2 | 3 => pending().await,
            _ => Ok(1),
        }
    }

    /// The errors of a group, and of the groups in it.
    fn count(errors: &[Fault]) -> usize {
        errors.iter().map(|error| if let Fault::Group(errors) = error { count(errors) } else { 1 }).sum()
    }

    /// 500 rounds of a tree of groups on four threads. Each member ends in its own way: with a value, an error or a panic, or
    /// never. A token ends the tree at some time. When the group has ended, no member is left; each error has come out once,
    /// or a panic has.
    #[test]
    fn a_tree_of_groups_ends_whole_and_every_error_comes_out_once() {
        let seen = [(); 4].map(|()| Count::default());
        on_many_threads(500, async |mut rng| {
            let (ledger, token) = (Ledger::default(), CancellationToken::new());
            let canceller = tokio::spawn({
                let (token, mut rng) = (token.clone(), rng.fork());
                async move {
                    for _ in 0..rng.u8(1..40) {
                        some_turns(&mut rng, 9).await;
                    }
                    token.cancel();
                }
            });
            let group = tokio::spawn({
                let (ledger, token, rng) = (ledger.clone(), token.clone(), rng.fork());
                async move {
                    let group =
                        task_group_under(&token, async |group| member(group, ledger, rng, 0, false).await);
                    group.await
                }
            });
            let result = group.await;
            let (begun, ended) = ledger.life.get();
            assert_eq!(begun, ended, "nobody is left");
            assert_eq!(ledger.doubled.get(), 0);
            let kind = match result {
                Ok(Ok(value)) => {
                    assert_eq!((ledger.failed.get(), ledger.panicked.get()), (0, 0));
                    assert!(value.is_some() || token.is_cancelled());
                    usize::from(value.is_none())
                }
                Ok(Err(error)) => {
                    let errors: Vec<_> = error.into_errors().collect();
                    assert_eq!((count(&errors), ledger.panicked.get()), (ledger.failed.get(), 0));
                    2
                }
                Err(panic) => {
                    assert!(panic.is_panic() && ledger.panicked.get() > 0);
                    3
                }
            };
            seen[kind].add();
            canceller.await.unwrap();
            assert_eq!(ledger.life.get(), (begun, begun), "and nobody has begun after that");
        });
        let seen = seen.map(|count| count.get());
        assert!(seen.iter().all(|&rounds| rounds >= 20), "value, cancelled, errors, panic: {seen:?}");
    }

    /// The same trees, whose owner is dropped at some time: every member ends.
    #[test]
    fn a_tree_of_groups_whose_owner_is_dropped_comes_to_an_end() {
        on_many_threads(300, async |mut rng| {
            let ledger = Ledger::default();
            let group = tokio::spawn({
                let (ledger, rng) = (ledger.clone(), rng.fork());
                task_group(async |group| member(group, ledger, rng, 0, false).await)
            });
            for _ in 0..rng.u8(1..20) {
                some_turns(&mut rng, 9).await;
            }
            group.abort();
            let _ended = group.await;
            // A round that does not end fails at its time limit.
            while alive_tasks() > 0 {
                yield_now().await;
            }
            let (begun, ended) = ledger.life.get();
            assert_eq!(begun, ended);
        });
    }

    /// The last child fails while the body ends: the error comes out.
    #[test]
    fn an_error_in_the_last_moment_comes_out() {
        on_many_threads(2_000, async |mut rng| {
            let (mut body, mut child) = (rng.fork(), rng.fork());
            let group = task_group(async |group| {
                group.spawn(async move {
                    some_turns(&mut child, 3).await;
                    Err::<(), _>(Page("a"))
                });
                some_turns(&mut body, 3).await;
                Ok(())
            });
            assert_eq!(errors(group.await), [Page("a")]);
        });
    }

    /// Some members await an endless child, child after child, or group after group. A token cancels a thousand others before
    /// it reaches them, and no member fails because of a cancellation that it sees meanwhile.
    #[test]
    fn whoever_awaits_a_child_does_not_fail_for_the_cancellation() {
        async fn forever() -> Result<(), Fault> {
            loop {
                yield_now().await;
            }
        }
        async fn awaits(
            group: TaskGroup<Fault>,
            all_there: CancellationToken,
            begun: Count,
            kind: usize,
        ) -> Result<(), Fault> {
            let no_value = |why| match why {
                NoValue::Refused => Page("refused"),
                _ => Page("cancelled"),
            };
            all_there.cancelled().await;
            begun.add();
            loop {
                match kind {
                    0 => group.spawn(forever()).await.map_err(no_value)?,
                    1 => group.spawn(yield_now().map(Ok)).await.map_err(no_value)?,
                    _ => group
                        .nested(async |_| {
                            yield_now().await;
                            Ok::<_, Fault>(())
                        })
                        .await?
                        .ok_or(Page("none"))?,
                }
            }
        }
        for kind in 0..3 {
            on_many_threads(10, async |mut rng| {
                let (token, begun) = (CancellationToken::new(), Count::default());
                let group = task_group_under(&token, async |group: TaskGroup<Fault>| {
                    // The cancellation reaches the group first, then these, then the group's children, the newest first.
                    let _others: Vec<_> = (0..5_000).map(|_| token.child_token()).collect();
                    let all_there = CancellationToken::new();
                    for _ in 0..50 {
                        group.spawn(awaits(group.clone(), all_there.clone(), begun.clone(), kind));
                    }
                    for _ in 0..500 {
                        group.spawn(pending::<Result<(), _>>());
                    }
                    all_there.cancel();
                    pending::<Result<(), _>>().await
                });
                let canceller = tokio::spawn({
                    let (token, begun) = (token.clone(), begun.clone());
                    async move {
                        while begun.get() < 50 {
                            yield_now().await;
                        }
                        some_turns(&mut rng, 9).await;
                        token.cancel();
                    }
                });
                assert_eq!(group.await, Ok(None));
                canceller.await.unwrap();
            });
        }
    }

    /// Other threads add children while the group ends: each child is refused, or waited for.
    #[test]
    fn a_child_added_in_the_last_moment_is_waited_for_or_refused() {
        on_many_threads(1_000, async |mut rng| {
            let (begun, ended) = (Count::default(), Count::default());
            let (taken, refused) = (Count::default(), Count::default());
            let is_over = CancellationToken::new();
            let mut others = JoinSet::new();
            let group = task_group(async |group: TaskGroup<Fault>| {
                for _ in 0..3 {
                    let (group, begun, ended, mut rng) =
                        (group.clone(), begun.clone(), ended.clone(), rng.fork());
                    let (taken, refused, is_over) = (taken.clone(), refused.clone(), is_over.clone());
                    others.spawn(async move {
                        for turn in 0..5 {
                            some_turns(&mut rng, 2).await;
                            if turn == 4 {
                                is_over.cancelled().await;
                            }
                            let (begun, ended) = (begun.clone(), ended.clone());
                            let child = group.spawn(async move {
                                begun.add();
                                yield_now().await;
                                ended.add();
                                Ok::<_, Fault>(())
                            });
                            if child.id().is_some() { taken.add() } else { refused.add() }
                        }
                    });
                }
                // The end comes when a number of the twelve are there, by the seed. Otherwise, under load, it would come first.
                let enough = rng.usize(0..=12);
                while taken.get() < enough {
                    yield_now().await;
                }
                Ok(enough)
            });
            let enough = group.await.unwrap();
            is_over.cancel();
            let over = (begun.get(), ended.get());
            assert_eq!(over.0, over.1);
            while others.join_next().await.is_some() {}
            while alive_tasks() > 0 {
                yield_now().await;
            }
            assert_eq!((begun.get(), ended.get()), over, "nobody begins when the group is over");
            assert_eq!((begun.get(), taken.get() + refused.get()), (taken.get(), 15));
            assert!(taken.get() >= enough, "what comes before the end is taken");
            assert!(refused.get() >= 3, "what comes after it is refused");
        });
    }
}
