//! Lessons of the pattern `task_group`.

use std::future::{pending, ready};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use Fault::{Disk, Page};
use futures::FutureExt;
use futures::future::BoxFuture;
use task_groups::task_group::{self as pattern, NoValue, TaskGroup};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, advance, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::support::{Count, Log, PanicsWhenDropped, alive_tasks, busy, ends, in_a_few_turns, ms, panics};
use crate::work::task_group::{Fault, errors, fails, forever, task_group, task_group_under, value};
use crate::work::{Life, panic_of};

/// Waits for its cancellation, then cleans up for a time and returns a value.
fn cleans_up<T: Send + 'static>(
    log: &Log,
    millis: u64,
    result: Result<T, Fault>,
) -> impl FnOnce(CancellationToken) -> BoxFuture<'static, Result<T, Fault>> + Send + 'static {
    let log = log.clone();
    move |cancelled| {
        async move {
            cancelled.cancelled().await;
            log.at("told");
            sleep(ms(millis)).await;
            log.at("cleaned up");
            result
        }
        .boxed()
    }
}

mod values {
    use super::*;

    /// asyncio: at the end of the block all tasks have finished, and `task.result()` has their values.
    #[tokio::test(start_paused = true)]
    async fn are_there_after_the_block() {
        let start = Instant::now();
        let children = task_group(async |group| Ok([300, 100, 200].map(|n| group.spawn(value(n, n)))));
        let children = children.await.unwrap();
        assert_eq!(start.elapsed(), ms(300), "they wait side by side");
        for (child, expected) in children.into_iter().zip([300, 100, 200]) {
            assert!(child.is_finished());
            assert_eq!(child.now_or_never(), Some(Ok(expected)));
        }
    }

    /// asyncio: a task can be awaited inside the block. Tokio: so can a child.
    #[tokio::test(start_paused = true)]
    async fn can_be_awaited_in_the_block() {
        let start = Instant::now();
        let sum = task_group(async |group| {
            let (a, b) = (group.spawn(value(100, 1)), group.spawn(value(200, 2)));
            group.spawn(value(500, 4));
            assert!(!a.is_finished());
            let sum = a.await.unwrap() + b.await.unwrap();
            assert_eq!(start.elapsed(), ms(200));
            Ok::<_, Fault>(sum)
        });
        assert_eq!((sum.await, start.elapsed()), (Ok(3), ms(500)), "the third was waited for");
    }

    /// asyncio: the group holds its tasks, and a reference to one may be dropped. Tokio: so may a child.
    #[tokio::test(start_paused = true)]
    async fn are_not_lost_with_the_child_and_neither_is_the_work() {
        let done = Count::default();
        let group = task_group(async |group| {
            let done = done.clone();
            drop(group.spawn(async move {
                sleep(ms(100)).await;
                done.add();
                Ok::<_, Fault>(())
            }));
            Ok(())
        });
        assert_eq!(group.await, Ok(()));
        assert_eq!(done.get(), 1);
    }

    /// asyncio: without tasks the block ends at once. Tokio: without a suspension.
    #[tokio::test(start_paused = true)]
    async fn of_an_empty_group_are_those_of_its_body() {
        assert_eq!(task_group(async |_| Ok::<_, Fault>(7)).now_or_never(), Some(Ok(7)));
    }

    /// asyncio: a task starts when the loop runs next. Tokio: a group does nothing before it is awaited, and its
    /// children are tasks.
    #[tokio::test(start_paused = true)]
    async fn begin_when_the_group_is_awaited() {
        let begun = Count::default();
        let group = task_group(async |group| {
            let begun = begun.clone();
            group.spawn(async move {
                begun.add();
                Ok::<_, Fault>(())
            });
            Ok(())
        });
        sleep(ms(10)).await;
        assert_eq!(begun.get(), 0);
        assert_eq!(group.await, Ok(()));
        assert_eq!(begun.get(), 1);
    }

    /// Each child is a task: on two threads they run at once. Here both wait for each other without yielding.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn are_made_on_all_cores() {
        let (to_one, from_other) = std::sync::mpsc::channel();
        let (to_other, from_one) = std::sync::mpsc::channel();
        let group = task_group(async |group| {
            let pairs = [(to_one, from_one), (to_other, from_other)];
            let children = pairs.map(|(to, from)| {
                group.spawn(async move {
                    to.send(()).unwrap();
                    Ok::<_, Fault>(from.recv_timeout(Duration::from_secs(20)))
                })
            });
            Ok(children)
        });
        let children = timeout(Duration::from_secs(60), group).await.expect("the group ends");
        for child in children.unwrap() {
            assert_eq!(child.await, Ok(Ok(())), "the other one runs at the same time");
        }
    }

    /// asyncio: a task has a copy of its creator's context. Tokio: a child sees only task-locals that it is given.
    #[tokio::test(start_paused = true)]
    async fn see_no_task_locals_but_those_they_are_given() {
        tokio::task_local! {
            static REQUEST: u32;
        }
        let group = task_group(async |group| {
            let without = group.spawn(async { Ok::<_, Fault>(REQUEST.try_get().ok()) });
            let with = group.spawn(REQUEST.scope(REQUEST.get(), async { Ok(REQUEST.try_get().ok()) }));
            Ok([without.await.unwrap(), with.await.unwrap(), REQUEST.try_get().ok()])
        });
        assert_eq!(REQUEST.scope(7, group).await, Ok([None, Some(7), Some(7)]));
    }

    /// A group may run in a task, on any thread, and its body may borrow.
    #[tokio::test(start_paused = true)]
    async fn of_a_group_in_a_task_and_of_a_body_that_borrows() {
        let task = tokio::spawn(async {
            let pages = vec![1, 2, 3];
            let mut sum = 0;
            let token = CancellationToken::new();
            let group = task_group_under(&token, async |group: TaskGroup<Fault>| {
                for page in &pages {
                    sum += group.spawn(value(10, *page)).await.unwrap();
                }
                group
                    .nested(async |inner| {
                        inner.spawn(value(10, pages.len())).await.map_err(|_| Page("inner"))
                    })
                    .await?;
                Ok(pages.len())
            });
            assert_eq!(group.await, Ok(Some(3)));
            sum
        });
        assert_eq!(task.await.unwrap(), 6);
    }
}

mod children {
    use super::*;

    /// asyncio: a task may add tasks, for as long as one runs. Tokio: through a clone of the group.
    #[tokio::test(start_paused = true)]
    async fn add_children_also_when_the_body_is_over() {
        let (log, start) = (Log::default(), Instant::now());
        fn descend(group: TaskGroup<Fault>, log: Log, depth: u32) -> BoxFuture<'static, Result<(), Fault>> {
            async move {
                sleep(ms(100)).await;
                log.at(depth);
                if depth < 3 {
                    group.spawn(descend(group.clone(), log, depth + 1));
                }
                Ok(())
            }
            .boxed()
        }
        let group = task_group(async |group| {
            group.spawn(descend(group.clone(), log.clone(), 1));
            Ok(())
        });
        assert_eq!((group.await, start.elapsed()), (Ok(()), ms(300)));
        assert_eq!(log.take(), ["100 1", "200 2", "300 3"]);
    }

    /// A task outside the group may also add children, while the group lasts.
    #[tokio::test(start_paused = true)]
    async fn are_added_from_outside_while_one_runs() {
        let (log, start) = (Log::default(), Instant::now());
        let group = task_group(async |group| {
            group.spawn(value(100, ()));
            let log = log.clone();
            tokio::spawn(async move {
                sleep(ms(50)).await;
                group.spawn(async move {
                    sleep(ms(200)).await;
                    log.at("the one from outside");
                    Ok::<_, Fault>(())
                });
            });
            Ok(())
        });
        assert_eq!((group.await, start.elapsed()), (Ok(()), ms(250)));
        assert_eq!(log.take(), ["250 the one from outside"]);
    }

    /// asyncio: a group that has finished raises `RuntimeError`, and the coroutine never runs.
    #[tokio::test(start_paused = true)]
    async fn of_a_finished_group_are_refused() {
        let log = Log::default();
        let group = task_group(async |group| Ok::<_, Fault>(group)).await.unwrap();
        let mut late = group.spawn(forever(log.clone(), "dropped"));
        assert_eq!((alive_tasks(), late.id(), late.is_finished()), (0, None, true));
        assert!(log.take().is_empty(), "it has never begun");
        assert_eq!((&mut late).await, Err(NoValue::Refused));
        assert_eq!(late.await, Err(NoValue::Refused), "it may be asked again");
        let late = group.spawn_with_grace(Duration::MAX, |_| async { panics::<Result<(), _>>("it begins") });
        assert_eq!(late.await, Err(NoValue::Refused));
    }

    /// asyncio: a group that is shutting down raises `RuntimeError`. Tokio: the child's value is an error, so a task that only
    /// adds children, perhaps on another thread, does not fail because another member has failed.
    #[tokio::test(start_paused = true)]
    async fn of_a_group_that_is_shutting_down_are_refused() {
        let (log, begun) = (Log::default(), Count::default());
        let group = task_group(async |group| {
            let (inside, log, begun) = (group.clone(), log.clone(), begun.clone());
            group.spawn_with_grace(Duration::MAX, move |cancelled| async move {
                cancelled.cancelled().await;
                let late = inside.spawn(async move {
                    begun.add();
                    Ok::<_, Fault>(())
                });
                log.at(late.await.unwrap_err());
                Ok(())
            });
            group.spawn(fails(100, Page("a")));
            Ok(())
        });
        assert_eq!(errors(group.await), [Page("a")], "to be refused is not to fail");
        assert_eq!(log.take(), ["100 the task group takes no more children"]);
        assert_eq!(begun.get(), 0);
    }

    /// Refused work is dropped outside the group's lock, because its drop may use the group.
    #[tokio::test(start_paused = true)]
    async fn that_are_refused_may_use_the_group_as_they_are_dropped() {
        struct SpawnsOnDrop(TaskGroup<Fault>, Count);
        impl Drop for SpawnsOnDrop {
            fn drop(&mut self) {
                if self.0.spawn(ready(Ok(()))).id().is_none() {
                    self.1.add();
                }
            }
        }
        let dropped = Count::default();
        let group = task_group(async |group| Ok::<_, Fault>(group)).await.unwrap();
        let guard = SpawnsOnDrop(group.clone(), dropped.clone());
        group.spawn(async move {
            drop(guard);
            Ok(())
        });
        assert_eq!(dropped.get(), 1);
    }

    /// asyncio: `task.cancel()` ends one task; the group goes on, because `CancelledError` is no failure.
    #[tokio::test(start_paused = true)]
    async fn that_are_cancelled_alone_have_not_failed() {
        let (log, start) = (Log::default(), Instant::now());
        let group = task_group(async |group| {
            let child = group.spawn(forever(log.clone(), "dropped"));
            let other = group.spawn(value(200, 2));
            sleep(ms(100)).await;
            child.cancel();
            assert_eq!(child.await, Err(NoValue::Cancelled));
            Ok::<_, Fault>(other.await.unwrap())
        });
        assert_eq!((group.await, start.elapsed()), (Ok(2), ms(200)));
        assert_eq!(log.take(), ["100 dropped"]);
    }

    /// asyncio and Tokio: a child that is cancelled before its first step never begins.
    #[tokio::test(start_paused = true)]
    async fn that_are_cancelled_before_their_first_step_never_begin() {
        let begun = Count::default();
        let group = task_group(async |group| {
            let (one, other) = (begun.clone(), begun.clone());
            group
                .spawn(async move {
                    one.add();
                    Ok(())
                })
                .cancel();
            group
                .spawn_with_grace(Duration::MAX, move |_| async move {
                    other.add();
                    Ok(())
                })
                .cancel();
            Ok::<_, Fault>(())
        });
        assert_eq!(group.await, Ok(()));
        assert_eq!(begun.get(), 0);
    }

    /// trio: `await nursery.start(task)` waits until the task says that it is ready. Tokio: a oneshot.
    #[tokio::test(start_paused = true)]
    async fn tell_by_a_oneshot_that_they_are_ready() {
        let log = Log::default();
        let group = task_group(async |group| {
            let (ready, started) = oneshot::channel();
            let server = group.spawn(async move {
                sleep(ms(100)).await;
                let _ignored = ready.send("port 8080");
                pending::<Result<(), Fault>>().await
            });
            log.at(started.await.map_err(|_| Page("not started"))?);
            server.cancel();
            Ok(())
        });
        assert_eq!(group.await, Ok(()));
        assert_eq!(log.take(), ["100 port 8080"]);
    }

    /// The body's end does not end the children: a child without an end holds the group, as in asyncio.
    #[tokio::test(start_paused = true)]
    async fn but_one_without_an_end_keeps_the_group_waiting() {
        let group = task_group(async |group| {
            drop(group.spawn(pending::<Result<(), Fault>>()));
            Ok(())
        });
        assert!(timeout(Duration::from_secs(3_600), group).await.is_err());
    }

    /// The hazard, in asyncio too: a task that a child spawns elsewhere is no child. It is detached when the child is dropped,
    /// and so is work on a thread.
    #[tokio::test(start_paused = true)]
    async fn but_what_a_child_starts_elsewhere_is_not_of_the_group() {
        let (task, thread) = (Count::default(), Count::default());
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let (begun, has_begun) = oneshot::channel();
        let group = task_group(async |group| {
            let (task, thread) = (task.clone(), thread.clone());
            group.spawn(async move {
                let spawned = tokio::spawn(async move {
                    sleep(ms(200)).await;
                    task.add();
                });
                let blocking = tokio::task::spawn_blocking(move || {
                    begun.send(()).unwrap();
                    // It ends when the lesson asks it to, or when the lesson has failed.
                    let _ended = wait.recv_timeout(Duration::from_secs(20));
                    thread.add();
                });
                spawned.await.and(blocking.await).map_err(|_| Page("task"))
            });
            has_begun.await.map_err(|_| Page("thread"))?;
            Err::<(), _>(Page("a"))
        });
        assert_eq!(errors(group.await), [Page("a")]);
        assert_eq!((task.get(), thread.get()), (0, 0), "the group is over, and they run on");
        go.send(()).unwrap();
        sleep(ms(300)).await;
        while thread.get() == 0 {
            yield_now().await;
        }
        assert_eq!((task.get(), thread.get()), (1, 1));
    }

    /// asyncio: a group lasts as long as its slowest task. Here: the same; the number adds no time.
    #[tokio::test(start_paused = true)]
    async fn of_a_group_of_ten_thousand_take_as_long_as_one() {
        let start = Instant::now();
        let sum = task_group(async |group| {
            let children: Vec<_> = (0..10_000_u64).map(|n| group.spawn(value(100, n))).collect();
            let mut sum = 0;
            for child in children {
                sum += child.await.unwrap();
            }
            Ok::<_, Fault>(sum)
        });
        assert_eq!((sum.await, start.elapsed()), (Ok(49_995_000), ms(100)));
    }

    /// One of ten thousand children fails: the others are dropped in that instant, each once.
    #[tokio::test(start_paused = true)]
    async fn of_a_group_of_ten_thousand_are_all_ended_by_one_that_fails() {
        let (life, start) = (Life::default(), Instant::now());
        let group = task_group(async |group| {
            for n in 0..10_000 {
                let life = life.clone();
                group.spawn(async move {
                    let _life = life.begin();
                    sleep(if n == 5_000 { ms(100) } else { ms(1_000) }).await;
                    if n == 5_000 { Err(Page("5000")) } else { Ok(()) }
                });
            }
            Ok(())
        });
        assert_eq!(errors(group.await), [Page("5000")]);
        assert_eq!((life.get(), start.elapsed()), ((10_000, 10_000), ms(100)));
    }

    /// All children fail in one instant: each error is reported.
    #[tokio::test(start_paused = true)]
    async fn of_a_group_of_ten_thousand_may_all_fail() {
        let group = task_group(async |group| {
            for _ in 0..10_000 {
                group.spawn_with_grace(Duration::MAX, |cancelled| async move {
                    cancelled.cancelled().await;
                    Err::<(), _>(Page("clean-up"))
                });
            }
            // They have all begun by then.
            sleep(ms(1)).await;
            Err::<(), _>(Page("body"))
        });
        assert_eq!(errors(group.await).len(), 10_001);
    }

    /// A group keeps nothing of a finished child, so it may go on forever.
    #[tokio::test(start_paused = true)]
    async fn that_have_ended_leave_nothing_behind() {
        let kept = Arc::new(());
        let group = task_group(async |group| {
            for _ in 0..20_000 {
                let held = kept.clone();
                group.spawn(async move { Ok::<_, Fault>(held) }).await.unwrap();
                assert_eq!((Arc::strong_count(&kept), alive_tasks()), (1, 0));
            }
            Ok(())
        });
        assert_eq!(group.await, Ok(()));
    }
}

mod failures {
    use super::*;

    /// asyncio: the first exception cancels the other tasks and the body. The group waits for all, and raises a group of
    /// exceptions.
    #[tokio::test(start_paused = true)]
    async fn cancel_the_siblings_and_the_body_and_all_are_waited_for() {
        let log = Log::default();
        let group = task_group(async |group| {
            let _body = log.at_drop("the body is dropped");
            group.spawn(forever(log.clone(), "a sibling is dropped"));
            group.spawn_with_grace(Duration::MAX, cleans_up(&log, 50, Ok(())));
            group.spawn(fails(100, Page("a")));
            pending::<Result<(), _>>().await
        });
        let result = group.await;
        log.at("over");
        assert_eq!(errors(result), [Page("a")]);
        let mut entries = log.take();
        // Which of the three is woken first is not promised.
        entries[..3].sort();
        assert_eq!(
            entries,
            ["100 a sibling is dropped", "100 the body is dropped", "100 told", "150 cleaned up", "150 over"]
        );
    }

    /// Tokio: a bare `JoinSet` does not know the body. While the body waits for something else, no code sees the failure.
    #[tokio::test(start_paused = true)]
    async fn but_a_join_set_does_not_end_the_body() {
        let start = Instant::now();
        let mut tasks = JoinSet::from_iter([fails(100, Page("a"))]);
        sleep(ms(1_000)).await; // the body
        assert!(tasks.join_next().await.unwrap().unwrap().is_err());
        assert_eq!(start.elapsed(), ms(1_000));
    }

    /// asyncio: an exception of the body does the same as one of a task.
    #[tokio::test(start_paused = true)]
    async fn of_the_body_cancel_the_children() {
        let log = Log::default();
        let group = task_group(async |group| {
            group.spawn(forever(log.clone(), "dropped"));
            group.spawn_with_grace(Duration::MAX, cleans_up(&log, 50, Ok(())));
            fails(100, Page("body")).await
        });
        assert_eq!(errors(group.await), [Page("body")]);
        let mut entries = log.take();
        entries[..2].sort();
        assert_eq!(entries, ["100 dropped", "100 told", "150 cleaned up"]);
    }

    /// asyncio: a body that fails before it awaits cancels tasks that have not begun, and they never do.
    #[tokio::test(start_paused = true)]
    async fn of_a_body_that_never_awaits_keep_the_children_from_beginning() {
        let begun = Count::default();
        let group = task_group(async |group| {
            let counted = begun.clone();
            group.spawn(async move {
                counted.add();
                Ok(())
            });
            Err::<(), _>(Page("body"))
        });
        assert_eq!(errors(group.await), [Page("body")]);
        assert_eq!((begun.get(), alive_tasks()), (0, 0));
    }

    /// asyncio: an exception during the cancellation is in the group too, and the body's exception is the last. Tokio: errors
    /// are in the order in which they happened.
    #[tokio::test(start_paused = true)]
    async fn come_out_together_in_the_order_in_which_they_happened() {
        let log = Log::default();
        let group = task_group(async |group| {
            group.spawn_with_grace(Duration::MAX, cleans_up(&log, 100, Err::<(), _>(Disk("slow"))));
            group.spawn_with_grace(Duration::MAX, cleans_up(&log, 50, Err::<(), _>(Disk("quick"))));
            group.spawn_with_grace(Duration::MAX, cleans_up(&log, 75, Ok(())));
            fails(100, Page("body")).await
        });
        assert_eq!(errors(group.await), [Page("body"), Disk("quick"), Disk("slow")]);
    }

    /// asyncio: two tasks that fail in one pass of the loop are both in the group. Tokio: in one instant.
    #[tokio::test(start_paused = true)]
    async fn of_one_instant_are_all_reported() {
        let group = task_group(async |group| {
            for name in ["a", "b", "c"] {
                group.spawn(fails(100, Page(name)));
            }
            group.spawn(fails(101, Page("late")));
            Ok(())
        });
        assert_eq!(errors(group.await), [Page("a"), Page("b"), Page("c")]);

        let group = task_group(async |group| {
            group.spawn(fails(100, Page("child")));
            fails(100, Page("body")).await
        });
        // Which of the two is polled first is not promised.
        let mut both = errors(group.await);
        both.sort();
        assert_eq!(both, [Page("body"), Page("child")]);
    }

    /// asyncio: a task that is to start in the same pass of the loop still starts, and may fail too. Tokio: a child
    /// that has not begun when another fails never begins.
    #[tokio::test(start_paused = true)]
    async fn keep_what_has_not_begun_from_beginning() {
        let begun = Count::default();
        let group = task_group(async |group| {
            let counted = begun.clone();
            group.spawn(ready(Err::<(), _>(Page("a"))));
            group.spawn(async move {
                counted.add();
                Ok(())
            });
            Ok(())
        });
        assert_eq!(errors(group.await), [Page("a")]);
        assert_eq!(begun.get(), 0);
    }

    /// asyncio and Tokio: work that is ready in the instant of the failure takes one more step, and not two.
    #[tokio::test(start_paused = true)]
    async fn let_what_is_ready_take_one_more_step() {
        let log = Log::default();
        let group = task_group(async |group| {
            group.spawn(fails(100, Page("a")));
            let steps = log.clone();
            group.spawn(async move {
                sleep(ms(100)).await;
                steps.at("one step");
                yield_now().await;
                steps.at("two steps");
                Ok(())
            });
            Ok(())
        });
        assert_eq!(errors(group.await), [Page("a")]);
        assert_eq!(log.take(), ["100 one step"]);
    }

    /// asyncio: a task in the group that awaits the failing task is cancelled at that await, and the error comes once.
    #[tokio::test(start_paused = true)]
    async fn cancel_whoever_awaits_the_child_before_it_hears_of_them() {
        let group = task_group(async |group| {
            let first = group.spawn(fails(100, Page("a")));
            let second = group.spawn(async { first.await.map_err(|_| Page("doubled by a sibling")) });
            let third = group.nested(async |_| second.await.map_err(|_| Page("doubled in a group inside")));
            third.await?.ok_or(Page("doubled by the body"))
        });
        assert_eq!(errors(group.await), [Page("a")]);
    }

    /// The same holds when the group is cancelled from outside: no member fails because of it, nor because of a refused child.
    #[tokio::test(start_paused = true)]
    async fn do_not_come_of_a_cancellation() {
        let token = CancellationToken::new();
        let group = task_group_under(&token, async |group: TaskGroup<Fault>| {
            let first = group.spawn(pending::<Result<(), _>>());
            let second = group.spawn(async { first.await.map_err(|_| Page("a sibling")) });
            let (parent, late) = (group.clone(), token.clone());
            group.spawn(async move {
                late.cancelled().await;
                parent.spawn(ready(Ok(()))).await.map_err(|_| Page("refused"))
            });
            let third = group.nested(async |_| second.await.map_err(|_| Page("inside")));
            third.await?.ok_or(Page("the body"))
        });
        let (result, ()) = tokio::join!(group, sleep(ms(100)).map(|()| token.cancel()));
        assert_eq!(result, Ok(None));
    }

    /// A child with grace is cancelled by its token, and can still learn how another child ended: by a failure or a cancellation.
    #[tokio::test(start_paused = true)]
    async fn are_told_to_a_child_with_grace_that_awaits_another() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let group = task_group(async |group| {
            let others = [group.spawn(fails(100, Page("a"))), group.spawn(pending())];
            for other in others {
                let heard = heard.clone();
                group.spawn_with_grace(Duration::MAX, |_| async move {
                    let result = other.await;
                    heard.lock().unwrap().push(result);
                    Ok(())
                });
            }
            Ok(())
        });
        assert_eq!(errors(group.await), [Page("a")]);
        assert_eq!(*heard.lock().unwrap(), [Err(NoValue::Failed), Err(NoValue::Cancelled)]);
    }

    /// Grandchildren belong to the group like children, whenever they were added.
    #[tokio::test(start_paused = true)]
    async fn end_grandchildren_too() {
        let (life, log) = (Life::default(), Log::default());
        fn family(group: TaskGroup<Fault>, life: Life, depth: u32) -> BoxFuture<'static, Result<(), Fault>> {
            async move {
                let _life = life.begin();
                if depth < 5 {
                    for _ in 0..2 {
                        group.spawn(family(group.clone(), life.clone(), depth + 1));
                    }
                    sleep(ms(10)).await;
                    group.spawn(family(group.clone(), life.clone(), 5));
                }
                pending().await
            }
            .boxed()
        }
        let group = task_group(async |group| {
            group.spawn(family(group.clone(), life.clone(), 1));
            fails(100, Page("a")).await
        });
        let result = group.await;
        log.at("over");
        assert_eq!((errors(result), log.take()), (vec![Page("a")], vec!["100 over".to_owned()]));
        assert_eq!(life.get(), (31 + 15, 31 + 15));
        assert_eq!(alive_tasks(), 0);
    }

    /// asyncio: an exception holds no task. Tokio: a failure has the id of the child.
    #[tokio::test(start_paused = true)]
    async fn tell_whose_they_are() {
        let ids = Arc::new(Mutex::new(Vec::new()));
        let group = task_group(async |group| {
            let quick = group
                .spawn_with_grace(Duration::MAX, cleans_up(&Log::default(), 10, Err::<(), _>(Page("a"))));
            let slow = group
                .spawn_with_grace(Duration::MAX, cleans_up(&Log::default(), 20, Err::<(), _>(Page("b"))));
            *ids.lock().unwrap() = vec![None, quick.id(), slow.id()];
            fails(100, Page("body")).await
        });
        let failures = group.await.unwrap_err().failures;
        let whose: Vec<_> = failures.iter().map(|failure| failure.child).collect();
        assert_eq!(whose, *ids.lock().unwrap());
        assert!(whose[1].is_some() && whose[1] != whose[2]);
    }

    /// asyncio: `except*` takes errors by type. Rust: a `match` over an enum, or a downcast.
    #[tokio::test(start_paused = true)]
    async fn are_picked_by_type() {
        let group = task_group(async |group| {
            group.spawn_with_grace(Duration::MAX, cleans_up(&Log::default(), 10, Err::<(), _>(Disk("b"))));
            fails(100, Page("a")).await
        });
        let (pages, rest): (Vec<_>, Vec<_>) =
            group.await.unwrap_err().into_errors().partition(|error| matches!(error, Page(_)));
        assert_eq!((pages, rest), (vec![Page("a")], vec![Disk("b")]));

        let group = task_group(async |group| {
            group.spawn(fails(10, anyhow::Error::new(std::fmt::Error)));
            group.spawn(fails(10, "x".parse::<u8>().unwrap_err().into()));
            Ok(())
        });
        let errors = group.await.unwrap_err();
        let parse: Vec<_> = errors
            .into_errors()
            .filter_map(|error| error.downcast::<std::num::ParseIntError>().ok())
            .collect();
        assert_eq!(parse, ["x".parse::<u8>().unwrap_err()]);
    }

    /// The message counts the errors and shows each, with its causes.
    #[tokio::test(start_paused = true)]
    async fn are_shown_on_one_line() {
        use anyhow::anyhow;
        let group = task_group(async |outer: TaskGroup<anyhow::Error>| {
            outer.spawn(async { Err::<(), _>(anyhow!("no index").context("home")) });
            let inner = outer.nested(async |inner| {
                sleep(ms(10)).await;
                drop(inner);
                Ok::<(), anyhow::Error>(())
            });
            inner.await?;
            Ok(())
        });
        let error = anyhow::Error::new(group.await.unwrap_err());
        assert_eq!(error.to_string(), "1 error in a task group [home: no index]");

        let group = task_group(async |outer: TaskGroup<anyhow::Error>| {
            let inner = outer.nested(async |inner| {
                for name in ["a", "b"] {
                    inner.spawn(fails(10, anyhow!(name)));
                }
                Ok::<(), anyhow::Error>(())
            });
            inner.await?;
            Ok(())
        });
        assert_eq!(
            group.await.unwrap_err().to_string(),
            "1 error in a task group [2 errors in a task group [a; b]]"
        );
    }

    /// asyncio's documentation ends a group by a task that raises an exception made for it, and ignores that.
    #[tokio::test(start_paused = true)]
    async fn can_be_made_to_end_a_group_from_inside() {
        let log = Log::default();
        let group = task_group(async |group| {
            group.spawn(forever(log.clone(), "dropped"));
            fails(100, Page("enough")).await
        });
        let others: Vec<_> =
            errors(group.await).into_iter().filter(|error| *error != Page("enough")).collect();
        assert_eq!((others, log.take()), (vec![], vec!["100 dropped".to_owned()]));
    }
}

mod grace {
    use super::*;

    /// asyncio: a cancelled task cleans up in `finally`, with awaits, as long as it takes. Tokio: a child with grace is
    /// notified by its token.
    #[tokio::test(start_paused = true)]
    async fn is_time_to_clean_up_with_awaits() {
        let log = Log::default();
        let group = task_group(async |group| {
            group.spawn_with_grace(Duration::MAX, cleans_up(&log, 10_000, Ok(())));
            fails(100, Page("a")).await
        });
        assert_eq!(errors(group.await), [Page("a")]);
        assert_eq!(log.take(), ["100 told", "10100 cleaned up"]);
    }

    /// The hazard: a plain child is dropped at its await, and the code after the await never runs.
    #[tokio::test(start_paused = true)]
    async fn but_without_it_nothing_behind_the_await_runs() {
        let cleaned = Count::default();
        let group = task_group(async |group| {
            let cleaned = cleaned.clone();
            group.spawn(async move {
                sleep(ms(1_000)).await;
                cleaned.add();
                Ok(())
            });
            fails(100, Page("a")).await
        });
        assert_eq!(errors(group.await), [Page("a")]);
        assert_eq!(cleaned.get(), 0);
    }

    /// asyncio: a task that swallows its cancellation holds up the group. Tokio: for its grace.
    #[tokio::test(start_paused = true)]
    async fn that_is_over_ends_the_child_where_it_stands() {
        let log = Log::default();
        let group = task_group(async |group| {
            let deaf = log.clone();
            group.spawn_with_grace(ms(30), |_| forever(deaf, "dropped"));
            group.spawn_with_grace(ms(30), cleans_up(&log, 31, Ok(())));
            group.spawn_with_grace(ms(60), cleans_up(&log, 50, Ok(())));
            fails(100, Page("a")).await
        });
        let result = group.await;
        log.at("over");
        assert_eq!(errors(result), [Page("a")], "to be cut off is not to fail");
        assert_eq!(log.take(), ["100 told", "100 told", "130 dropped", "150 cleaned up", "150 over"]);
    }

    /// The grace period begins with the cancellation, and not with the child.
    #[tokio::test(start_paused = true)]
    async fn begins_with_the_cancellation() {
        let start = Instant::now();
        let group =
            task_group(async |group| Ok::<_, Fault>(group.spawn_with_grace(ms(30), |_| value(100, "done"))));
        assert_eq!(group.await.unwrap().await, Ok("done"));
        assert_eq!(start.elapsed(), ms(100));
    }

    /// A clean-up that ends in the last instant of the grace period is in time.
    #[tokio::test(start_paused = true)]
    async fn that_ends_in_the_instant_of_the_clean_up_has_sufficed() {
        let log = Log::default();
        let group = task_group(async |group| {
            group.spawn_with_grace(ms(50), cleans_up(&log, 50, Err::<(), _>(Disk("full"))));
            fails(100, Page("a")).await
        });
        assert_eq!(errors(group.await), [Page("a"), Disk("full")]);
    }

    /// asyncio: a task may return a value although it was cancelled. Tokio: so may a child, in its grace.
    #[tokio::test(start_paused = true)]
    async fn lets_a_cancelled_child_give_a_value() {
        let child = Arc::new(Mutex::new(None));
        let group = task_group(async |group| {
            *child.lock().unwrap() =
                Some(group.spawn_with_grace(ms(100), cleans_up(&Log::default(), 50, Ok("half"))));
            fails(100, Page("a")).await
        });
        assert_eq!(errors(group.await), [Page("a")]);
        let child = child.lock().unwrap().take().unwrap();
        assert_eq!(child.await, Ok("half"));
    }

    /// asyncio: `task.cancel()` on one task. Tokio: only this child is cancelled, and it has its grace period.
    #[tokio::test(start_paused = true)]
    async fn is_given_to_a_child_that_is_cancelled_alone_too() {
        let log = Log::default();
        let group = task_group(async |group| {
            let first = group.spawn_with_grace(Duration::MAX, cleans_up(&log, 50, Ok("cleaned up")));
            let second = group.spawn_with_grace(ms(30), cleans_up(&log, 50, Ok("cleaned up")));
            let other = group.spawn(value(500, "undisturbed"));
            sleep(ms(100)).await;
            first.cancel();
            second.cancel();
            assert_eq!(first.await, Ok("cleaned up"));
            assert_eq!(second.await, Err(NoValue::Cancelled));
            Ok::<_, Fault>(other.await.unwrap())
        });
        assert_eq!(group.await, Ok("undisturbed"));
        assert_eq!(log.take(), ["100 told", "100 told", "150 cleaned up"]);
    }

    /// A child's token is its own: cancelling it ends no other child.
    #[tokio::test(start_paused = true)]
    async fn has_a_token_that_is_the_childs_alone() {
        let group = task_group(async |group| {
            let one = group.spawn_with_grace(ms(50), |cancelled| async move {
                cancelled.cancel();
                pending::<Result<(), Fault>>().await
            });
            let other = group.spawn(value(100, 1));
            assert_eq!(one.await, Err(NoValue::Cancelled));
            Ok::<_, Fault>(other.await.unwrap())
        });
        assert_eq!(group.await, Ok(1));
    }

    /// The cancellation of a plain child needs no timer.
    #[test]
    fn of_zero_needs_no_timer() {
        let (send, ended) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = Builder::new_current_thread().build().unwrap();
            let result = runtime.block_on(pattern::task_group(async |group| {
                group.spawn(pending::<Result<(), Fault>>());
                yield_now().await;
                Err::<(), _>(Page("a"))
            }));
            send.send(errors(result)).unwrap();
        });
        assert_eq!(ended.recv_timeout(Duration::from_secs(20)), Ok(vec![Page("a")]));
    }
}

mod panics {
    use super::*;

    /// asyncio: `SystemExit` cancels the group, and is raised instead of a group when all have ended. Tokio: a panic
    /// does that.
    #[tokio::test(start_paused = true)]
    async fn of_a_child_cancel_the_group_and_go_on_when_all_have_ended() {
        let log = Log::default();
        let group = task_group(async |group| {
            let _body = log.at_drop("the body is dropped");
            group.spawn_with_grace(Duration::MAX, cleans_up(&log, 50, Ok(())));
            group.spawn(sleep(ms(100)).map(|()| panics::<Result<(), Fault>>("child")));
            pending::<Result<(), _>>().await
        });
        assert_eq!(panic_of(group).await, "child");
        log.at("over");
        let mut entries = log.take();
        entries[..2].sort();
        assert_eq!(entries, ["100 the body is dropped", "100 told", "150 cleaned up", "150 over"]);
    }

    /// asyncio: an exception of the body cancels the children. Here: so does a panic, which waits for them.
    #[tokio::test(start_paused = true)]
    async fn of_the_body_do_the_same_before_and_after_its_first_await() {
        for awaits in [false, true] {
            let log = Log::default();
            let group = task_group(async |group: TaskGroup<Fault>| {
                group.spawn(value(10, ())).await.unwrap();
                group.spawn_with_grace(Duration::MAX, cleans_up(&log, 50, Ok(())));
                if awaits {
                    sleep(ms(90)).await;
                }
                panics::<Result<(), _>>("body")
            });
            assert_eq!(panic_of(group).await, "body");
            log.at("over");
            let expected: &[_] =
                if awaits { &["100 told", "150 cleaned up", "150 over"] } else { &[" 10 over"] };
            assert_eq!(log.take(), expected, "a child that has not begun never does");
        }
        // The body panics when it is called, before there is a future.
        #[expect(clippy::redundant_closure_call, reason = "the future is never made")]
        let group = task_group(|_: TaskGroup<Fault>| ready((|| panics::<Result<(), _>>("no body"))()));
        assert_eq!(panic_of(group).await, "no body");
    }

    /// Of several panics the first goes on, and errors are lost.
    #[tokio::test(start_paused = true)]
    async fn go_on_before_errors_and_the_first_of_them_alone() {
        let group = task_group(async |group| {
            for name in ["first", "second"] {
                group.spawn_with_grace(Duration::MAX, move |cancelled| async move {
                    cancelled.cancelled().await;
                    sleep(if name == "first" { ms(10) } else { ms(20) }).await;
                    panics::<Result<(), _>>(name)
                });
            }
            fails(100, Page("a")).await
        });
        assert_eq!(panic_of(group).await, "first");
    }

    /// An awaiter of a child that panics gets an error, and does not panic.
    #[tokio::test(start_paused = true)]
    async fn are_told_to_whoever_awaits_the_child() {
        let outcome = Arc::new(Mutex::new(None));
        let group = task_group(async |group| {
            let child = group.spawn(sleep(ms(100)).map(|()| panics::<Result<(), Fault>>("child")));
            let outcome = outcome.clone();
            group.spawn_with_grace(Duration::MAX, |_| async move {
                *outcome.lock().unwrap() = Some(child.await);
                Ok(())
            });
            Ok(())
        });
        assert_eq!(panic_of(group).await, "child");
        assert_eq!(*outcome.lock().unwrap(), Some(Err(NoValue::Panicked)));
    }

    /// A closure may panic before it returns a future: that counts as a panic of the child.
    #[tokio::test(start_paused = true)]
    async fn of_the_function_that_makes_the_child_are_the_childs() {
        let group = task_group(async |group| {
            group.spawn_with_grace(Duration::MAX, |_| {
                panics::<std::future::Ready<Result<(), Fault>>>("no future")
            });
            Ok(())
        });
        assert_eq!(panic_of(group).await, "no future");
    }

    struct PanicsOnDrop(&'static str);

    impl Drop for PanicsOnDrop {
        fn drop(&mut self) {
            panics::<()>(self.0);
        }
    }

    /// A child's values are dropped before it has ended, so a panic in their drop is reported like any other. That holds for a
    /// child that is cancelled before it begins, for one that is cancelled later, and for one that has its value.
    #[tokio::test(start_paused = true)]
    async fn in_what_a_child_drops_are_told_to_whoever_awaits_it() {
        for (cancel_after, works) in [(0, 9), (5, 9), (9, 5)] {
            let mut outcome = None;
            let group = task_group(async |group| {
                let held = PanicsOnDrop("dropped");
                let child = group.spawn(async move {
                    let _held = &held;
                    sleep(ms(works)).await;
                    Ok::<_, Fault>(())
                });
                if cancel_after == 0 {
                    child.cancel();
                }
                // Spawned outside the group, because the panic cancels the group.
                outcome = Some(tokio::spawn(async move {
                    sleep(ms(cancel_after)).await;
                    child.cancel();
                    child.await
                }));
                pending::<Result<(), _>>().await
            });
            assert_eq!(panic_of(group).await, "dropped");
            let outcome = outcome.unwrap().await.unwrap();
            assert_eq!(outcome, Err(NoValue::Panicked), "cancelled after {cancel_after} of {works} ms");
        }
    }

    /// A cancelled child drops its values, and a drop may panic. The group still waits for all.
    #[tokio::test(start_paused = true)]
    async fn in_what_a_cancelled_child_drops_are_heard() {
        let log = Log::default();
        let group = task_group(async |group| {
            let held = PanicsOnDrop("dropped");
            group.spawn(async move {
                let _held = held;
                pending::<Result<(), _>>().await
            });
            group.spawn_with_grace(Duration::MAX, cleans_up(&log, 50, Ok(())));
            fails(100, Page("a")).await
        });
        assert_eq!(panic_of(group).await, "dropped");
        log.at("over");
        assert_eq!(log.take(), ["100 told", "150 cleaned up", "150 over"]);
    }

    /// The same holds for a child that is cancelled alone, for a child that never begins, and for a body.
    #[tokio::test(start_paused = true)]
    async fn in_what_is_dropped_unbegun_or_alone_or_by_the_body_are_heard() {
        let group = task_group(async |group| {
            let held = PanicsOnDrop("alone");
            let child = group.spawn(async move {
                let _held = held;
                pending::<Result<(), Fault>>().await
            });
            sleep(ms(10)).await;
            child.cancel();
            pending::<Result<(), _>>().await
        });
        assert_eq!(panic_of(group).await, "alone");

        let group = task_group(async |group| {
            let held = PanicsOnDrop("unbegun");
            let child = group.spawn(async move {
                let _held = held;
                Ok::<_, Fault>(())
            });
            child.cancel();
            pending::<Result<(), _>>().await
        });
        assert_eq!(panic_of(group).await, "unbegun");

        let group = task_group(async |group| {
            group.spawn(fails(10, Page("a")));
            let _held = PanicsOnDrop("body");
            pending::<Result<(), _>>().await
        });
        assert_eq!(panic_of(group).await, "body");
    }
}

mod outside {
    use super::*;

    /// asyncio: cancelling the task of the block cancels the children; when they have ended, `CancelledError` goes on. Tokio:
    /// a token cancels the group, which returns `None`.
    #[tokio::test(start_paused = true)]
    async fn a_token_cancels_the_group_and_all_are_waited_for() {
        let (log, token) = (Log::default(), CancellationToken::new());
        let group = task_group_under(&token, async |group| {
            let _body = log.at_drop("the body is dropped");
            group.spawn_with_grace(Duration::MAX, cleans_up(&log, 50, Ok(())));
            pending::<Result<(), Fault>>().await
        });
        let (result, ()) = tokio::join!(group, sleep(ms(100)).map(|()| token.cancel()));
        log.at("over");
        assert_eq!(result, Ok(None));
        let mut entries = log.take();
        entries[..2].sort();
        assert_eq!(entries, ["100 the body is dropped", "100 told", "150 cleaned up", "150 over"]);
    }

    /// asyncio: the same holds while the block waits for its children.
    #[tokio::test(start_paused = true)]
    async fn a_token_cancels_the_children_also_when_the_body_is_over() {
        let (log, token) = (Log::default(), CancellationToken::new());
        let group = task_group_under(&token, async |group| {
            group.spawn(forever(log.clone(), "dropped"));
            Ok::<_, Fault>("a value that is not given")
        });
        let (result, ()) = tokio::join!(group, sleep(ms(100)).map(|()| token.cancel()));
        assert_eq!((result, log.take()), (Ok(None), vec!["100 dropped".to_owned()]));
    }

    /// asyncio: in a task that is already cancelled, the first await of the block raises. Here the body does not begin.
    #[tokio::test(start_paused = true)]
    async fn a_token_that_is_cancelled_already_lets_nothing_begin() {
        let (begun, token) = (Count::default(), CancellationToken::new());
        token.cancel();
        let group = task_group_under(&token, async |_| {
            begun.add();
            Ok::<_, Fault>(())
        });
        assert_eq!(group.now_or_never(), Some(Ok(None)));
        assert_eq!(begun.get(), 0);
    }

    /// Without a cancellation there is a value, and the token is as it was.
    #[tokio::test(start_paused = true)]
    async fn a_token_that_is_not_cancelled_changes_nothing() {
        let token = CancellationToken::new();
        let group = task_group_under(&token, async |group| {
            group.spawn(value(100, ()));
            Ok::<_, Fault>(1)
        });
        assert_eq!(group.await, Ok(Some(1)));
        let group = task_group_under(&token, async |_| Err::<(), _>(Page("a")));
        assert_eq!(errors(group.await), [Page("a")]);
        assert!(!token.is_cancelled(), "a failure stays in its group");
    }

    /// asyncio: exceptions win over the cancellation, which from Python 3.13 on stays visible. Tokio: in the token.
    #[tokio::test(start_paused = true)]
    async fn errors_win_over_the_cancellation_which_stays_in_the_token() {
        let token = CancellationToken::new();
        let group = task_group_under(&token, async |group| {
            group.spawn_with_grace(Duration::MAX, cleans_up(&Log::default(), 50, Err::<(), _>(Disk("full"))));
            pending::<Result<(), _>>().await
        });
        let (result, ()) = tokio::join!(group, sleep(ms(100)).map(|()| token.cancel()));
        assert_eq!(errors(result), [Disk("full")]);
        assert!(token.is_cancelled());
    }

    /// asyncio: a second `cancel()` during the clean-up reaches no child: the block goes on waiting. Tokio: a token is
    /// cancelled only once.
    #[tokio::test(start_paused = true)]
    async fn a_second_cancellation_does_not_cut_the_clean_up_short() {
        let (log, token) = (Log::default(), CancellationToken::new());
        let group = task_group_under(&token, async |group| {
            group.spawn_with_grace(Duration::MAX, cleans_up(&log, 50, Ok(())));
            Ok::<_, Fault>(())
        });
        let twice = async {
            sleep(ms(100)).await;
            token.cancel();
            sleep(ms(20)).await;
            token.cancel();
        };
        let (result, ()) = tokio::join!(group, twice);
        assert_eq!(result, Ok(None));
        assert_eq!(log.take(), ["100 told", "150 cleaned up"]);
    }

    /// Once the group is cancelled from outside, it takes no new child, even before a child or the body has noticed.
    #[tokio::test(start_paused = true)]
    async fn a_cancelled_group_takes_no_more_children() {
        let (begun, token) = (Count::default(), CancellationToken::new());
        let group = task_group_under(&token, async |group| {
            token.cancel();
            let begun = begun.clone();
            let late = group.spawn(async move {
                begun.add();
                Ok::<_, Fault>(())
            });
            assert_eq!((late.id(), late.is_finished()), (None, true));
            let inner = group.nested(async |_| panics::<Result<(), Fault>>("it begins"));
            assert_eq!(inner.await, Ok(None));
            panics::<Result<(), _>>("the body goes on")
        });
        assert_eq!(group.await, Ok(None));
        assert_eq!(begun.get(), 0);
    }

    /// asyncio: a `timeout` around a group cancels it and waits. Tokio: a timer that cancels its token.
    #[tokio::test(start_paused = true)]
    async fn a_timer_and_a_token_make_a_timeout_that_waits() {
        let (log, token) = (Log::default(), CancellationToken::new());
        let group = task_group_under(&token, async |group| {
            group.spawn_with_grace(Duration::MAX, cleans_up(&log, 50, Ok(())));
            Ok::<_, Fault>(())
        });
        let timer = sleep(ms(100)).map(|()| token.cancel()).then(|()| pending());
        let result = tokio::select! { result = group => result, never = timer => never };
        log.at("over");
        assert_eq!(result, Ok(None));
        assert_eq!(log.take(), ["100 told", "150 cleaned up", "150 over"]);
    }

    /// Cancelled at each moment of its life in turn, a group ends and leaves nothing behind.
    #[tokio::test(start_paused = true)]
    async fn a_token_may_be_cancelled_at_any_moment() {
        for at in 0..12 {
            let (life, token) = (Life::default(), CancellationToken::new());
            let group = task_group_under(&token, async |group| {
                for step in 1..4 {
                    let life = life.clone();
                    group.spawn(async move {
                        let _life = life.begin();
                        sleep(ms(3 * step)).await;
                        Ok::<_, Fault>(())
                    });
                    sleep(ms(1)).await;
                }
                Ok(())
            });
            let (result, ()) = tokio::join!(group, sleep(ms(at)).map(|()| token.cancel()));
            // The last child is over at 2 + 9 ms.
            assert_eq!(result, Ok((at > 11).then_some(())), "cancelled at {at} ms");
            assert_eq!(life.begun.get(), life.ended.get());
            assert_eq!(alive_tasks(), 0);
        }
    }
}

mod owner_dropped {
    use super::*;

    /// asyncio: cancelling the owner waits for the children. Tokio: a dropped future cannot wait. The children are
    /// cancelled, and are still there when `timeout` returns.
    #[tokio::test(start_paused = true)]
    async fn the_children_are_cancelled_and_not_waited_for() {
        let log = Log::default();
        let group = task_group(async |group| {
            let _body = log.at_drop("the body is dropped");
            group.spawn(forever(log.clone(), "a child is dropped"));
            group.spawn_with_grace(Duration::MAX, cleans_up(&log, 50, Ok(())));
            pending::<Result<(), Fault>>().await
        });
        assert!(timeout(ms(100), group).await.is_err());
        log.at("the owner goes on");
        assert_eq!(alive_tasks(), 2);
        sleep(ms(100)).await;
        assert_eq!(alive_tasks(), 0);
        let mut entries = log.take();
        entries[2..4].sort();
        assert_eq!(
            entries,
            [
                "100 the body is dropped",
                "100 the owner goes on",
                "100 a child is dropped",
                "100 told",
                "150 cleaned up"
            ]
        );
    }

    /// That is why a child cannot borrow from its parent: for a while the child lives without the parent.
    #[tokio::test(start_paused = true)]
    async fn a_child_lives_on_without_its_parent() {
        let parents = Arc::new("what the parent owns");
        let group = task_group(async |group| {
            let shared = parents.clone();
            group.spawn(async move {
                let _shared = shared;
                pending::<Result<(), Fault>>().await
            });
            pending::<Result<(), _>>().await
        });
        assert!(timeout(ms(100), group).await.is_err());
        assert_eq!(Arc::strong_count(&parents), 2, "the parent is gone, and a child still holds this");
        yield_now().await;
        assert_eq!(Arc::strong_count(&parents), 1);
    }

    /// Dropped before its first poll, it has done nothing.
    #[tokio::test(start_paused = true)]
    async fn before_the_first_poll_nothing_has_begun() {
        let begun = Count::default();
        drop(task_group(async |_| {
            begun.add();
            Ok::<_, Fault>(())
        }));
        assert_eq!((begun.get(), alive_tasks()), (0, 0));
    }

    /// The same holds while the group waits for its children.
    #[tokio::test(start_paused = true)]
    async fn after_the_body_the_children_are_cancelled_too() {
        let log = Log::default();
        let group = task_group(async |group| {
            drop(group.spawn(forever(log.clone(), "dropped")));
            Ok(())
        });
        assert!(timeout(ms(100), group).await.is_err());
        yield_now().await;
        assert_eq!((log.take(), alive_tasks()), (vec!["100 dropped".to_owned()], 0));
    }

    /// From then on the group refuses children, while others still clean up and after that.
    #[tokio::test(start_paused = true)]
    async fn nobody_comes_in_any_more() {
        let handle = Arc::new(Mutex::new(None));
        let group = task_group(async |group| {
            *handle.lock().unwrap() = Some(group.clone());
            group.spawn_with_grace(Duration::MAX, cleans_up(&Log::default(), 50, Ok(())));
            pending::<Result<(), Fault>>().await
        });
        assert!(timeout(ms(100), group).await.is_err());
        let group = handle.lock().unwrap().take().unwrap();
        for alive in [1, 0] {
            assert_eq!(alive_tasks(), alive);
            assert_eq!(group.spawn(ready(Ok(()))).await, Err(NoValue::Refused));
            sleep(ms(100)).await;
        }
    }

    /// Errors of children are then lost. In asyncio the owner gets them.
    #[tokio::test(start_paused = true)]
    async fn errors_of_the_clean_up_are_lost() {
        let failed = Count::default();
        let group = task_group(async |group| {
            let failed = failed.clone();
            group.spawn_with_grace(Duration::MAX, |cancelled| async move {
                cancelled.cancelled().await;
                failed.add();
                Err::<(), _>(Disk("full"))
            });
            pending::<Result<(), _>>().await
        });
        assert!(timeout(ms(100), group).await.is_err());
        sleep(ms(100)).await;
        assert_eq!(failed.get(), 1);
    }

    /// A runtime that ends drops the owner and the children, in whatever order, and nothing hangs.
    #[test]
    fn by_the_end_of_the_runtime_everything_is_dropped() {
        for threads in [0, 2] {
            let mut builder =
                if threads == 0 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
            let runtime = builder.worker_threads(threads.max(1)).enable_time().build().unwrap();
            let life = Life::default();
            let begun = life.clone();
            runtime.block_on(async move {
                let (ready, all_there) = oneshot::channel();
                tokio::spawn(async move {
                    task_group(async |group| {
                        for _ in 0..3 {
                            let life = begun.clone();
                            group.spawn_with_grace(Duration::MAX, move |_| async move {
                                let _life = life.begin();
                                pending::<Result<(), Fault>>().await
                            });
                        }
                        while begun.begun.get() < 3 {
                            yield_now().await;
                        }
                        ready.send(()).unwrap();
                        group.nested(async |_| pending::<Result<(), Fault>>().await).await?;
                        Ok(())
                    })
                    .await
                });
                all_there.await.unwrap();
            });
            drop(runtime);
            assert_eq!(life.get(), (3, 3));
        }
    }

    /// A child whose runtime has ended was cancelled; so is one that is added after that.
    #[test]
    fn a_child_of_a_runtime_that_has_ended_gives_no_value() {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
        let (begun, added) = runtime.block_on(async {
            let (send, children) = oneshot::channel();
            tokio::spawn(task_group(async |group: TaskGroup<Fault>| {
                let child = group.spawn(pending::<Result<(), _>>());
                assert!(send.send((child, group)).is_ok());
                pending::<Result<(), _>>().await
            }));
            children.await.unwrap()
        });
        drop(runtime);
        let other = Builder::new_current_thread().build().unwrap();
        assert_eq!(other.block_on(begun), Err(NoValue::Cancelled));
        assert!(other.block_on(added.spawn(ready(Ok(())))).is_err());
    }
}

mod nested {
    use super::*;

    /// asyncio: an inner block in the body of another is cancelled with it, and waits for its tasks before the outer
    /// block goes on. Tokio: the body is dropped, and the outer group waits for the inner children itself.
    #[tokio::test(start_paused = true)]
    async fn a_failure_outside_cancels_the_inner_group_and_waits_for_it() {
        let log = Log::default();
        let group = task_group(async |outer: TaskGroup<Fault>| {
            outer.spawn(fails(100, Page("outer")));
            let inner = outer.nested(async |inner: TaskGroup<Fault>| {
                inner.spawn(forever(log.clone(), "dropped"));
                inner.spawn_with_grace(Duration::MAX, cleans_up(&log, 50, Ok(())));
                Ok(())
            });
            inner.await?;
            panics("the body goes on")
        });
        let result: Result<(), _> = group.await;
        log.at("over");
        assert_eq!(errors(result), [Page("outer")], "nobody has failed inside");
        let mut entries = log.take();
        entries[..2].sort();
        assert_eq!(entries, ["100 dropped", "100 told", "150 cleaned up", "150 over"]);
    }

    /// The same holds for a group that a child has opened, and for a group inside that.
    #[tokio::test(start_paused = true)]
    async fn a_failure_outside_reaches_groups_of_any_depth_and_waits_for_them() {
        let log = Log::default();
        let group = task_group(async |outer: TaskGroup<Fault>| {
            let (group, logged) = (outer.clone(), log.clone());
            outer.spawn(async move {
                let middle = group.nested(async |middle: TaskGroup<Fault>| {
                    middle.spawn_with_grace(
                        Duration::MAX,
                        cleans_up(&logged, 30, Err::<(), _>(Disk("middle"))),
                    );
                    let innermost = middle.nested(async |innermost| {
                        innermost.spawn_with_grace(
                            Duration::MAX,
                            cleans_up(&logged, 50, Err::<(), _>(Disk("innermost"))),
                        );
                        Ok(())
                    });
                    innermost.await?;
                    Ok(())
                });
                middle.await?;
                Ok(())
            });
            fails(100, Page("outer")).await
        });
        let result = group.await;
        log.at("over");
        let innermost = Fault::Group(vec![Disk("innermost")]);
        assert_eq!(errors(result), [Page("outer"), Fault::Group(vec![Disk("middle"), innermost])]);
        assert_eq!(log.take(), ["100 told", "100 told", "130 cleaned up", "150 cleaned up", "150 over"]);
        assert_eq!(alive_tasks(), 0);
    }

    /// asyncio: the group of exceptions of the inner block is one exception of the outer group.
    #[tokio::test(start_paused = true)]
    async fn a_failure_inside_is_one_error_of_the_outer_group() {
        let log = Log::default();
        let group = task_group(async |outer: TaskGroup<Fault>| {
            outer.spawn_with_grace(Duration::MAX, cleans_up(&log, 50, Ok(())));
            let inner = outer.nested(async |inner| {
                inner.spawn_with_grace(Duration::MAX, cleans_up(&log, 20, Err::<(), _>(Disk("inner"))));
                fails(100, Page("inner")).await
            });
            inner.await?;
            Ok(())
        });
        assert_eq!(errors(group.await), [Fault::Group(vec![Page("inner"), Disk("inner")])]);
        // The outer group gets the error when the inner group has ended.
        assert_eq!(log.take(), ["100 told", "120 cleaned up", "120 told", "170 cleaned up"]);
    }

    /// asyncio: when both fail in one pass of the loop, all exceptions are reported, those inside as a group.
    #[tokio::test(start_paused = true)]
    async fn failures_of_both_in_one_instant_are_both_reported() {
        let group = task_group(async |outer: TaskGroup<Fault>| {
            outer.spawn(fails(100, Page("outer")));
            let inner = outer.nested(async |inner| {
                inner.spawn(fails(100, Page("inner")));
                Ok(())
            });
            inner.await?;
            Ok(())
        });
        assert_eq!(errors(group.await), [Page("outer"), Fault::Group(vec![Page("inner")])]);
    }

    /// asyncio: an exception in an inner clean-up is reported too. Tokio: even though the awaiter of the inner group has been
    /// dropped.
    #[tokio::test(start_paused = true)]
    async fn errors_inside_of_a_group_that_is_cancelled_come_out() {
        let group = task_group(async |outer: TaskGroup<Fault>| {
            outer.spawn(fails(100, Page("outer")));
            let inner = outer.nested(async |inner| {
                inner
                    .spawn_with_grace(Duration::MAX, cleans_up(&Log::default(), 50, Err::<(), _>(Disk("a"))));
                inner
                    .spawn_with_grace(Duration::MAX, cleans_up(&Log::default(), 60, Err::<(), _>(Disk("b"))));
                Ok(())
            });
            inner.await?;
            Ok(())
        });
        let failures = group.await.unwrap_err().failures;
        assert_eq!(failures.iter().map(|failure| failure.child).collect::<Vec<_>>()[1..], [None]);
        let errors: Vec<_> = failures.into_iter().map(|failure| failure.error).collect();
        assert_eq!(errors, [Page("outer"), Fault::Group(vec![Disk("a"), Disk("b")])]);
    }

    /// A panic inside comes out too, before the errors.
    #[tokio::test(start_paused = true)]
    async fn a_panic_inside_goes_on_in_the_owner_of_the_outer_group() {
        for dropped in [false, true] {
            let log = Log::default();
            let group = task_group(async |outer: TaskGroup<Fault>| {
                outer.spawn_with_grace(Duration::MAX, cleans_up(&log, 50, Ok(())));
                if dropped {
                    outer.spawn(fails(100, Page("outer")));
                }
                let inner = outer.nested(async |inner| {
                    inner.spawn_with_grace(Duration::MAX, |cancelled| async move {
                        let _cancelled = timeout(ms(100), cancelled.cancelled()).await;
                        sleep(ms(20)).await;
                        panics::<Result<(), Fault>>("inside")
                    });
                    Ok(())
                });
                inner.await?;
                Ok(())
            });
            assert_eq!(panic_of(group).await, "inside");
            log.at("over");
            let expected = if dropped {
                ["100 told", "150 cleaned up", "150 over"]
            } else {
                ["120 told", "170 cleaned up", "170 over"]
            };
            assert_eq!(log.take(), expected);
        }
    }

    /// asyncio: `except*` around the inner block keeps its failure from the outer one. Tokio: a `match`.
    #[tokio::test(start_paused = true)]
    async fn a_failure_inside_that_is_handled_leaves_the_outer_group_alone() {
        let start = Instant::now();
        let group = task_group(async |outer: TaskGroup<Fault>| {
            let sibling = outer.spawn(value(200, "undisturbed"));
            let inner = outer.nested(async |inner| {
                inner.spawn(fails(100, Page("inner")));
                pending::<Result<(), Fault>>().await
            });
            assert_eq!(errors(inner.await), [Page("inner")]);
            assert_eq!(start.elapsed(), ms(100));
            Ok(sibling.await.unwrap())
        });
        assert_eq!((group.await, start.elapsed()), (Ok("undisturbed"), ms(200)));
    }

    /// An inner group gives a value, and its body may borrow from the outer one.
    #[tokio::test(start_paused = true)]
    async fn a_body_inside_may_borrow_and_gives_a_value() {
        let group = task_group(async |outer: TaskGroup<Fault>| {
            let mut pages = vec![1];
            let more = outer.nested(async |inner: TaskGroup<Fault>| {
                pages.push(inner.spawn(value(10, 2)).await.unwrap());
                Ok(pages.len())
            });
            assert_eq!(more.await?, Some(2));
            Ok(pages)
        });
        assert_eq!(group.await, Ok(vec![1, 2]));
    }

    /// A `timeout` inside the body drops only the inner group. The outer group goes on, waits for the inner children, and gets
    /// their errors.
    #[tokio::test(start_paused = true)]
    async fn an_inner_group_that_is_dropped_is_waited_for_by_the_outer_one() {
        for fails in [false, true] {
            let log = Log::default();
            let group = task_group(async |outer: TaskGroup<Fault>| {
                let result = if fails { Err(Disk("inner")) } else { Ok(()) };
                let inner = outer.nested(async |inner| {
                    inner.spawn_with_grace(Duration::MAX, cleans_up(&log, 50, result));
                    Ok::<_, Fault>(())
                });
                assert!(timeout(ms(100), inner).await.is_err());
                sleep(ms(10)).await;
                log.at("the body goes on");
                Ok(())
            });
            let result = group.await;
            log.at("over");
            if fails {
                assert_eq!(errors(result), [Fault::Group(vec![Disk("inner")])]);
            } else {
                assert_eq!(result, Ok(()));
            }
            assert_eq!(log.take(), ["100 told", "110 the body goes on", "150 cleaned up", "150 over"]);
        }
    }

    /// When a child is cancelled alone, the group that it has opened is cancelled too, and no other.
    #[tokio::test(start_paused = true)]
    async fn a_cancelled_child_takes_its_own_group_with_it() {
        let log = Log::default();
        let group = task_group(async |outer: TaskGroup<Fault>| {
            let (group, logged) = (outer.clone(), log.clone());
            let child = outer.spawn(async move {
                let inner = group.nested(async |inner: TaskGroup<Fault>| {
                    inner.spawn_with_grace(Duration::MAX, cleans_up(&logged, 50, Ok(())));
                    Ok(())
                });
                inner.await?;
                Ok(())
            });
            let sibling = outer.spawn(value(300, "undisturbed"));
            sleep(ms(100)).await;
            child.cancel();
            assert_eq!(child.await, Err(NoValue::Cancelled));
            log.at("the child is over");
            Ok(sibling.await.unwrap())
        });
        assert_eq!(group.await, Ok("undisturbed"));
        let mut entries = log.take();
        entries[..2].sort();
        assert_eq!(entries, ["100 the child is over", "100 told", "150 cleaned up"]);
    }

    /// A child with grace is not dropped, and neither is its inner group, whose result the child gets.
    #[tokio::test(start_paused = true)]
    async fn a_child_with_grace_hears_how_its_group_has_ended() {
        for fails in [false, true] {
            let log = Log::default();
            let group = task_group(async |outer: TaskGroup<Fault>| {
                let logged = log.clone();
                let result = if fails { Err(Disk("inner")) } else { Ok(()) };
                outer.spawn_with_grace(Duration::MAX, move |cancelled| async move {
                    let inner = task_group_under(&cancelled, async |inner| {
                        inner.spawn_with_grace(Duration::MAX, cleans_up(&logged, 50, result));
                        Ok::<_, Fault>("a value that is not given")
                    });
                    let ended = inner.await?;
                    logged.at(ended.unwrap_or("cancelled"));
                    Ok(())
                });
                super::fails(100, Page("outer")).await
            });
            let result = group.await;
            log.at("over");
            if fails {
                assert_eq!(errors(result), [Page("outer"), Fault::Group(vec![Disk("inner")])]);
                assert_eq!(log.take(), ["100 told", "150 cleaned up", "150 over"]);
            } else {
                assert_eq!(errors(result), [Page("outer")], "to be cancelled is not to fail");
                assert_eq!(log.take(), ["100 told", "150 cleaned up", "150 cancelled", "150 over"]);
            }
        }
    }

    /// The hazard: a group that is not nested does not know the group around it, which does not wait for it.
    #[tokio::test(start_paused = true)]
    async fn but_a_group_that_is_not_nested_is_not_waited_for() {
        let log = Log::default();
        let group = task_group(async |outer: TaskGroup<Fault>| {
            outer.spawn(fails(100, Page("outer")));
            let inner = task_group(async |inner| {
                inner.spawn_with_grace(Duration::MAX, cleans_up(&log, 50, Ok(())));
                Ok::<_, Fault>(())
            });
            inner.await?;
            Ok(())
        });
        assert_eq!(errors(group.await), [Page("outer")]);
        log.at("over");
        sleep(ms(100)).await;
        assert_eq!(log.take(), ["100 over", "100 told", "150 cleaned up"]);
    }

    /// A task outside may also open a nested group: the outer group ends only after it.
    #[tokio::test(start_paused = true)]
    async fn a_group_opened_from_outside_is_waited_for_by_the_outer_one() {
        let log = Log::default();
        let group = task_group(async |outer: TaskGroup<Fault>| {
            let logged = log.clone();
            let task = tokio::spawn(async move {
                outer
                    .nested(async |_| {
                        sleep(ms(100)).await;
                        Ok::<_, Fault>(())
                    })
                    .await
                    .unwrap();
                logged.at("inner is over");
                outer
            });
            // It has entered by then.
            yield_now().await;
            Ok(task)
        });
        let task = group.await.unwrap();
        log.at("outer is over");
        let outer = task.await.unwrap();
        assert_eq!(log.take(), ["100 inner is over", "100 outer is over"]);
        let late = outer.nested(async |_| panics::<Result<(), Fault>>("it begins"));
        assert_eq!(ends(late).await, Ok(None), "a finished group takes no groups either");
    }

    /// The outer group cannot drop that owner. The nested group is cancelled by its token, and returns no value.
    #[tokio::test(start_paused = true)]
    async fn a_group_opened_from_outside_is_cancelled_by_the_outer_one() {
        let (log, mut task) = (Log::default(), None);
        let group = task_group(async |outer: TaskGroup<Fault>| {
            let (group, logged) = (outer.clone(), log.clone());
            task = Some(tokio::spawn(async move {
                let inner = group.nested(async |inner: TaskGroup<Fault>| {
                    inner.spawn_with_grace(Duration::MAX, cleans_up(&logged, 50, Ok(())));
                    pending::<Result<(), _>>().await
                });
                inner.await
            }));
            fails(100, Page("outer")).await
        });
        assert_eq!(errors(group.await), [Page("outer")]);
        log.at("over");
        assert_eq!(ends(task.unwrap()).await.unwrap(), Ok(None));
        assert_eq!(log.take(), ["100 told", "150 cleaned up", "150 over"]);
    }

    /// Groups in groups, a hundred deep: a failure of the innermost comes out, and a failure of the outermost ends all.
    #[tokio::test(start_paused = true)]
    async fn a_hundred_levels_end_together() {
        fn descend<'a>(
            group: &'a TaskGroup<Fault>,
            log: &'a Log,
            depth: u32,
            fail: bool,
        ) -> BoxFuture<'a, Result<(), Fault>> {
            async move {
                if depth == 100 {
                    group.spawn_with_grace(Duration::MAX, cleans_up(log, 50, Ok(())));
                    sleep(if fail { ms(100) } else { ms(1_000) }).await;
                    return Err(Page("innermost"));
                }
                group.nested(async |inner| descend(&inner, log, depth + 1, fail).await).await?;
                Ok(())
            }
            .boxed()
        }
        let log = Log::default();
        let group = task_group(async |outer: TaskGroup<Fault>| {
            outer.spawn(fails(100, Page("outermost")));
            descend(&outer, &log, 1, false).await
        });
        assert_eq!(errors(group.await), [Page("outermost")]);
        log.at("over");
        assert_eq!(log.take(), ["100 told", "150 cleaned up", "150 over"]);

        let group = task_group(async |outer: TaskGroup<Fault>| descend(&outer, &log, 1, true).await);
        let mut error = errors(group.await);
        for _ in 1..100 {
            let [Fault::Group(inner)] = &error[..] else { panic!("{error:?} is not one group") };
            error = inner.clone();
        }
        assert_eq!(error, [Page("innermost")]);
    }
}

mod hostile {
    use super::*;

    /// asyncio: "Task cannot await on itself". Tokio: a task that awaits its own handle waits forever; a child has an error.
    #[tokio::test(start_paused = true)]
    async fn a_child_that_awaits_itself_gets_an_error() {
        let (send, own) = oneshot::channel::<pattern::Child<&'static str>>();
        let outcome = task_group(async |group| {
            let child = group.spawn(async move {
                let waited = own.await.unwrap().await;
                assert_eq!(waited, Err(NoValue::Itself));
                Ok::<_, Fault>("goes on")
            });
            assert!(send.send(child).is_ok());
            Ok(())
        });
        assert_eq!(ends(outcome).await, Ok(()));
    }

    /// A panic may hold a value whose destructor panics: the first one goes on in the owner, the others are dropped.
    #[tokio::test(start_paused = true)]
    async fn panics_whose_drops_panic_leave_the_first_one() {
        let outcome = task_group(async |group| {
            // All of them have begun when the first one panics.
            group.spawn::<(), _>(async {
                sleep(ms(1)).await;
                panics("the first")
            });
            for _ in 0..2 {
                group.spawn::<(), _>(async {
                    sleep(ms(1)).await;
                    std::panic::panic_any(PanicsWhenDropped)
                });
            }
            pending::<Result<(), Fault>>().await
        });
        assert_eq!(panic_of::<()>(async { drop(outcome.await) }).await, "the first");
    }

    /// With a timer that is set later than that of the grace period.
    #[tokio::test(start_paused = true)]
    async fn a_child_that_ends_with_its_grace_period_is_in_time() {
        let ended = Count::default();
        let (token, counter) = (CancellationToken::new(), ended.clone());
        let outcome = task_group_under(&token, async |group| {
            group.spawn_with_grace(ms(100), |stop| async move {
                stop.cancelled().await;
                sleep(ms(50)).await;
                sleep(ms(50)).await;
                counter.add();
                Ok::<_, Fault>(())
            });
            sleep(ms(1)).await;
            token.cancel();
            Ok(())
        });
        assert_eq!((ends(outcome).await, ended.get()), (Ok(None), 1));
    }

    /// asyncio refuses to cancel a `gather` whose results are there. Here a cancellation drops values that are there with the
    /// body. Children that send them out of the group keep them.
    #[tokio::test(start_paused = true)]
    async fn but_a_cancellation_drops_values_that_are_there() {
        let (token, (send, mut sent)) = (CancellationToken::new(), tokio::sync::mpsc::channel(2));
        let outcome = task_group_under(&token, async |group| {
            let children = [1, 2].map(|number| {
                let send = send.clone();
                group.spawn(async move {
                    send.try_send(number).unwrap();
                    Ok::<_, Fault>(number)
                })
            });
            while children.iter().any(|child| !child.is_finished()) {
                yield_now().await;
            }
            token.cancel();
            let mut values = Vec::new();
            for child in children {
                values.push(child.await.unwrap());
            }
            sleep(ms(1)).await;
            Ok(values)
        });
        assert_eq!(ends(outcome).await, Ok(None));
        drop(send);
        let mut kept = Vec::new();
        while let Some(number) = sent.recv().await {
            kept.push(number);
        }
        assert_eq!(kept, [1, 2]);
    }
}

/// asyncio has no grace period. Here it ends even for a child that uses up its budget each time.
#[tokio::test(start_paused = true)]
async fn a_busy_child_is_cut_off_after_its_grace() {
    let group = tokio::spawn(task_group(async |group| {
        group.spawn_with_grace(ms(100), |_stop| busy::<Result<(), _>>());
        yield_now().await;
        Err::<(), _>(Page("a"))
    }));
    for _ in 0..10 {
        yield_now().await;
    }
    advance(ms(100)).await;
    assert_eq!(errors(in_a_few_turns(group).await), [Page("a")]);
}
