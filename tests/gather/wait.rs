//! Lessons of the pattern `wait`.

use std::time::Duration;

use futures::FutureExt;
use gather::wait::ReturnWhen::{AllCompleted, FirstCompleted, FirstError};
use gather::wait::{MaybeDone, NothingToWaitFor, take_done, wait};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep, timeout};

use crate::support::{Count, alive_tasks, leaves_others_their_turn, ms, soon};
use crate::work::ABC;
use crate::work::wait::{spawn, waited};
use crate::work::{load, try_load};

/// asyncio: `wait` returns sets of done and pending; waiting again for finished tasks takes no time.
#[tokio::test(start_paused = true)]
async fn waiting_again_for_finished_tasks_costs_no_time() {
    let mut tasks = spawn(ABC);
    let start = Instant::now();
    assert_eq!(wait(&mut tasks, AllCompleted, None).await, waited([0, 1, 2], []));
    assert_eq!(start.elapsed(), ms(300));
    assert_eq!(wait(&mut tasks, AllCompleted, None).await, waited([0, 1, 2], []));
    assert_eq!(start.elapsed(), ms(300));
    let values = tasks.map(|task| match task {
        MaybeDone::Done(result) => result.unwrap().unwrap(),
        MaybeDone::Pending(_) => panic!("all are done"),
    });
    assert_eq!(values, ["a", "b", "c"]);
}

/// asyncio: `ValueError` for an empty set. Tokio: `JoinSet::join_next` returns `None`; a wait for the first of no tasks
/// would never end.
#[tokio::test]
async fn of_nothing_is_an_error_and_not_a_hang() {
    for return_when in [FirstCompleted, FirstError, AllCompleted] {
        let result = wait::<(), ()>(&mut [], return_when, None).now_or_never();
        assert_eq!(result, Some(Err(NothingToWaitFor)));
    }
    assert!(JoinSet::<()>::new().join_next().now_or_never().unwrap().is_none());
    assert_eq!(take_done(&mut JoinSet::<()>::new()).await.unwrap_err(), NothingToWaitFor);
    assert_eq!(NothingToWaitFor.to_string(), "there are no tasks to wait for");
}

/// asyncio: `FIRST_COMPLETED` reports the others pending, and they keep running.
#[tokio::test(start_paused = true)]
async fn after_the_first_completed_the_others_run_on() {
    let mut tasks = spawn(ABC);
    assert_eq!(wait(&mut tasks, FirstCompleted, None).await, waited([1], [0, 2]));
    assert_eq!(alive_tasks(), 2);
    assert_eq!(wait(&mut tasks, AllCompleted, None).await, waited([0, 1, 2], []));
}

/// The hazard: `select!` over owned futures drops the losers.
#[tokio::test(start_paused = true)]
async fn but_select_drops_the_losers() {
    let finished = Count::default();
    let load = async |millis| {
        sleep(ms(millis)).await;
        finished.add();
    };
    tokio::select! {
        () = load(100) => {}
        () = load(200) => {}
    }
    sleep(ms(500)).await;
    assert_eq!(finished.get(), 1);
}

/// asyncio: a second task that finishes before the waiter runs is in `done` as well.
#[tokio::test(start_paused = true)]
async fn two_that_finish_in_the_same_instant_are_both_done() {
    let mut tasks = spawn([("a", 100), ("b", 100), ("c", 200)]);
    assert_eq!(wait(&mut tasks, FirstCompleted, None).await, waited([0, 1], [2]));
}

/// Tokio gives a task a budget of 128 operations a turn; the wait must not report only the first 128.
#[tokio::test(start_paused = true)]
async fn a_thousand_that_finish_in_the_same_instant_are_all_done() {
    let mut tasks: Vec<_> = (0..1_000).map(|_| MaybeDone::from(tokio::spawn(try_load(("a", 100))))).collect();
    let waited = tokio::spawn(async move { wait(&mut tasks, FirstCompleted, None).await.unwrap() });
    let waited = waited.await.unwrap();
    assert_eq!((waited.done.len(), waited.pending.len()), (1_000, 0));
}

/// asyncio: `while pending: done, pending = await wait(pending, return_when=FIRST_COMPLETED)` takes all tasks that are
/// done in each turn. Tokio: a `JoinSet` keeps the pending tasks, so a turn checks only those that are done.
#[tokio::test(start_paused = true)]
async fn a_loop_takes_all_that_are_done_each_time() {
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    let inputs = [("a", 300), ("b", 100), ("c", 200), ("bad", 100), ("panics", 200)];
    let ids = inputs.map(|input| tasks.spawn(try_load(input)).id());
    let mut turns = Vec::new();
    while let Ok(done) = take_done(&mut tasks).await {
        let index = |id| ids.iter().position(|other| *other == id).unwrap();
        let mut names: Vec<_> = done
            .into_iter()
            .map(|end| inputs[index(end.map_or_else(|error| error.id(), |(id, _)| id))].0)
            .collect();
        names.sort_unstable();
        turns.push((start.elapsed(), names));
    }
    let expected = [(ms(100), vec!["b", "bad"]), (ms(200), vec!["c", "panics"]), (ms(300), vec!["a"])];
    assert_eq!(turns, expected);
}

/// The budget of 128 operations a turn does not limit it: it returns all tasks that are done at once.
#[tokio::test(start_paused = true)]
async fn a_loop_takes_a_thousand_that_are_done_at_once() {
    let mut tasks: JoinSet<_> = (0..1_000).map(|_| try_load(("a", 100))).collect();
    tokio::spawn(async move {
        assert_eq!(take_done(&mut tasks).await.unwrap().len(), 1_000);
        assert!(tasks.is_empty());
    })
    .await
    .unwrap();
}

/// asyncio: `FIRST_EXCEPTION` returns when a task raises.
#[tokio::test(start_paused = true)]
async fn the_first_error_ends_the_wait_and_the_others_run_on() {
    let mut tasks = spawn([("a", 300), ("bad", 200), ("c", 100)]);
    let start = Instant::now();
    assert_eq!(wait(&mut tasks, FirstError, None).await, waited([1, 2], [0]));
    assert_eq!((start.elapsed(), alive_tasks()), (ms(200), 1));
}

/// asyncio: a task that had failed before the wait counts at once.
#[tokio::test(start_paused = true)]
async fn an_error_from_before_the_wait_counts() {
    let mut tasks = spawn([("a", 300), ("bad", 100)]);
    sleep(ms(150)).await;
    let start = Instant::now();
    assert_eq!(wait(&mut tasks, FirstError, None).await, waited([1], [0]));
    assert_eq!(start.elapsed(), ms(0));
}

/// asyncio: `FIRST_EXCEPTION` counts an exception and not a cancellation. Tokio: a panic and not an abort.
#[tokio::test(start_paused = true)]
async fn a_panic_counts_as_an_error_and_an_abort_does_not() {
    let mut tasks = spawn([("a", 300), ("panics", 200), ("aborted", 1_000)]);
    let MaybeDone::Pending(aborted) = &tasks[2] else { panic!("it is pending") };
    aborted.abort();
    assert_eq!(wait(&mut tasks, FirstError, None).await, waited([1, 2], [0]));

    let mut tasks = spawn([("a", 300), ("aborted", 1_000)]);
    let MaybeDone::Pending(aborted) = &tasks[1] else { panic!("it is pending") };
    aborted.abort();
    let start = Instant::now();
    assert_eq!(wait(&mut tasks, FirstError, None).await, waited([0, 1], []));
    assert_eq!(start.elapsed(), ms(300), "nothing failed, so all were waited for");
}

/// asyncio: after a timeout `wait` returns the done and the pending tasks. It neither raises nor cancels.
#[tokio::test(start_paused = true)]
async fn a_timeout_leaves_the_pending_tasks_running() {
    let mut tasks = spawn(ABC);
    let start = Instant::now();
    assert_eq!(wait(&mut tasks, AllCompleted, Some(ms(150))).await, waited([1], [0, 2]));
    assert_eq!((start.elapsed(), alive_tasks()), (ms(150), 2));
    assert_eq!(wait(&mut tasks, AllCompleted, None).await, waited([0, 1, 2], []));
    assert_eq!(start.elapsed(), ms(300));
}

/// The hazard: a `JoinSet` moved into the timed future is dropped with it, and aborts its tasks.
#[tokio::test(start_paused = true)]
async fn but_a_join_set_moved_into_a_timeout_aborts_them() {
    let mut tasks: tokio::task::JoinSet<_> = ABC.map(load).into_iter().collect();
    let all = async move { while tasks.join_next().await.is_some() {} };
    assert!(timeout(ms(150), all).await.is_err());
    yield_now().await;
    assert_eq!(alive_tasks(), 0);
}

/// asyncio: a task due in the same instant as the timeout is reported done.
#[tokio::test(start_paused = true)]
async fn a_task_that_finishes_in_the_instant_of_the_timeout_is_done() {
    let mut tasks = spawn([("a", 100), ("b", 150)]);
    assert_eq!(wait(&mut tasks, AllCompleted, Some(ms(100))).await, waited([0], [1]));
}

/// asyncio: `wait(timeout=0)` reports the tasks that are done. Tokio: the same.
#[tokio::test(start_paused = true)]
async fn no_time_at_all_still_reports_what_is_done() {
    let mut tasks = spawn([("a", 0), ("b", 100)]);
    assert_eq!(wait(&mut tasks, AllCompleted, Some(Duration::ZERO)).await, waited([0], [1]));
}

/// `Duration::MAX` means no limit, as `timeout=None` in asyncio.
#[tokio::test(start_paused = true)]
async fn an_endless_time_limit_is_no_limit() {
    let mut tasks = spawn(ABC);
    assert_eq!(wait(&mut tasks, AllCompleted, Some(Duration::MAX)).await, waited([0, 1, 2], []));
}

/// asyncio: of timers due in one instant the timer that was set first decides. Tokio: one more turn lets 61 tasks run.
/// The wait looks again, turn by turn, while more of them end.
#[tokio::test(start_paused = true)]
async fn a_thousand_due_in_the_instant_of_the_timeout_are_done() {
    let mut tasks: Vec<_> = (0..1_000).map(|_| MaybeDone::from(tokio::spawn(try_load(("a", 100))))).collect();
    let start = Instant::now();
    let from_main = wait(&mut tasks, AllCompleted, Some(ms(100))).await.unwrap();
    assert_eq!((from_main.done.len(), from_main.pending.len(), start.elapsed()), (1_000, 0, ms(100)));

    let mut tasks: Vec<_> = (0..1_000).map(|_| MaybeDone::from(tokio::spawn(try_load(("a", 100))))).collect();
    let waited = tokio::spawn(async move { wait(&mut tasks, AllCompleted, Some(ms(100))).await.unwrap() });
    assert_eq!(waited.await.unwrap().done.len(), 1_000);
}

/// Two timers of 50 ms end in the same instant as one of 100 ms.
#[tokio::test(start_paused = true)]
async fn a_task_with_two_timers_that_is_due_with_the_timeout_is_done() {
    let two_timers = async |_| {
        sleep(ms(50)).await;
        sleep(ms(50)).await;
        Ok::<_, ()>(())
    };
    let mut tasks: Vec<_> = (0..200).map(|n| MaybeDone::from(tokio::spawn(two_timers(n)))).collect();
    let waited = wait(&mut tasks, AllCompleted, Some(ms(100))).await.unwrap();
    assert_eq!((waited.done.len(), waited.pending.len()), (200, 0));
}

/// The tie that remains: Tokio does not show when all tasks that are due have run. A task that needs many more turns in
/// the instant of the timeout is pending. asyncio: a task that is not done when the timeout fires is pending, too.
#[tokio::test(start_paused = true)]
async fn but_one_that_needs_many_turns_in_that_instant_is_pending() {
    let turns = async |turns: u32| {
        sleep(ms(100)).await;
        for _ in 0..turns {
            yield_now().await;
        }
        Ok::<_, ()>(())
    };
    let mut tasks = [1, 100].map(|n| MaybeDone::from(tokio::spawn(turns(n))));
    assert_eq!(wait(&mut tasks, AllCompleted, Some(ms(100))).await, waited([0], [1]));
    assert_eq!(wait(&mut tasks, AllCompleted, None).await, waited([0, 1], []));
}

/// A wait that never ended leaves nothing behind in its tasks: another list may hold them in any order.
#[tokio::test(start_paused = true)]
async fn tasks_may_move_from_list_to_list_between_two_waits() {
    let mut tasks: Vec<_> = spawn([("a", 300), ("b", 100), ("c", 200), ("d", 400)]).into();
    assert_eq!(wait(&mut tasks, FirstCompleted, None).await, waited([1], [0, 2, 3]));
    let mut others = vec![tasks.pop().unwrap(), tasks.remove(0)];
    assert!(timeout(ms(50), wait(&mut others, FirstCompleted, None)).await.is_err());
    others.swap(0, 1);
    others.insert(0, MaybeDone::from(tokio::spawn(try_load(("e", 10)))));
    assert_eq!(wait(&mut others, FirstCompleted, None).await, waited([0], [1, 2]));
    others.remove(0);
    assert_eq!(wait(&mut others, FirstCompleted, None).await, waited([0], [1]));
    others.append(&mut tasks);
    assert_eq!(soon(wait(&mut others, AllCompleted, None)).await, waited([0, 1, 2, 3], []));
}

/// Two waits run at the same time, over the halves of a list that was waited for as a whole. Each gets the reports of its
/// own half, whichever is polled first.
#[tokio::test(start_paused = true)]
async fn two_waits_at_once_take_nothing_from_each_other() {
    for left_is_first in [true, false] {
        let mut tasks = spawn([("a", 100), ("b", 400), ("c", 300), ("d", 200), ("e", 500)]);
        assert_eq!(wait(&mut tasks, FirstCompleted, None).await, waited([0], [1, 2, 3, 4]));
        let (left, right) = tasks.split_at_mut(2);
        let start = Instant::now();
        let left = async { (wait(left, AllCompleted, None).await, start.elapsed()) };
        let right = async { (wait(right, FirstCompleted, None).await, start.elapsed()) };
        let (left, right) = if left_is_first {
            soon(futures::future::join(left, right)).await
        } else {
            let (right, left) = soon(futures::future::join(right, left)).await;
            (left, right)
        };
        assert_eq!(left, (waited([0, 1], []), ms(300)));
        assert_eq!(right, (waited([1], [0, 2]), ms(100)));
        assert_eq!(soon(wait(&mut tasks, AllCompleted, None)).await, waited([0, 1, 2, 3, 4], []));
    }
}

/// asyncio: `wait` suspends even if all tasks are done. Here: in a loop over them other tasks get turns.
#[tokio::test]
async fn a_loop_over_what_is_done_leaves_others_their_turn() {
    let mut tasks = spawn([("a", 0)]);
    let loops = async {
        for _ in 0..100_000 {
            wait(&mut tasks, FirstCompleted, None).await.unwrap();
        }
    };
    leaves_others_their_turn(loops).await;
}

/// The hazard. asyncio: a task that waits for itself hangs. Here too.
#[tokio::test(start_paused = true)]
async fn but_a_task_that_waits_for_itself_hangs() {
    let (give, me) = tokio::sync::oneshot::channel::<MaybeDone<Result<(), ()>>>();
    let task = tokio::spawn(async move {
        wait(&mut [me.await.unwrap()], AllCompleted, None).await.map(drop).map_err(drop)
    });
    let itself = task.abort_handle();
    assert!(give.send(task.into()).is_ok());
    sleep(ms(1_000)).await;
    assert!(!itself.is_finished());
}
