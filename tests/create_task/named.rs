//! Lessons of the pattern `named`.

use create_task::named::{NamedTask, Names, State};
use futures::FutureExt;
use futures::future::pending;
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::sleep;
use tokio_util::task::JoinMap;

use crate::support::{Entries, alive_tasks, ms};
use crate::work::load;

fn running(names: &Names) -> Vec<String> {
    names.running().iter().map(ToString::to_string).collect()
}

/// asyncio: `task.get_name()` returns the name, also after the end. Tokio: names need an unstable build; here they do
/// not.
#[tokio::test(start_paused = true)]
async fn a_task_tells_its_name_before_and_after_its_end() {
    let mut task = Names::default().spawn("loader", load(("a", 100)));
    assert_eq!(&*task.name(), "loader");
    task.result().await.as_ref().unwrap().as_ref().unwrap();
    assert_eq!(&*task.name(), "loader");
}

/// asyncio: `done()`, `cancelled()` and `exception()` return a task's state without awaiting it.
#[tokio::test(start_paused = true)]
async fn the_state_tells_how_a_task_is_doing_and_how_it_ended() {
    let names = Names::default();
    let mut tasks = ["good", "bad", "panics", "aborted"].map(|name| names.spawn(name, load((name, 100))));
    assert_eq!(tasks.each_mut().map(|task| task.state()), [State::Running; 4]);
    sleep(ms(50)).await;
    tasks[3].abort();
    assert_eq!(tasks[3].state(), State::Running, "an abort is a request");
    sleep(ms(100)).await;
    let expected = [State::Finished, State::Finished, State::Panicked, State::Cancelled];
    assert_eq!(tasks.each_mut().map(|task| task.state()), expected);
}

/// A caller that has used up its budget must yield. That does not mean that the task still runs.
#[tokio::test]
async fn the_state_is_true_for_a_caller_that_has_used_up_its_turn() {
    let mut task = Names::default().spawn("quick", async {});
    yield_now().await;
    while tokio::task::coop::consume_budget().now_or_never().is_some() {}
    assert_eq!(task.state(), State::Finished);
}

/// asyncio: `task.result()` can be called again and again. Tokio: a handle can be awaited once, and panics at the
/// second await.
#[tokio::test(start_paused = true)]
async fn the_result_can_be_asked_for_again_and_that_of_a_bare_handle_cannot() {
    let mut task = Names::default().spawn("loader", load(("a", 100)));
    assert_eq!(task.result().await.as_ref().unwrap(), &Ok("a"));
    assert_eq!((task.state(), task.result().await.as_ref().unwrap()), (State::Finished, &Ok("a")));

    let twice = tokio::spawn(async {
        let mut handle = tokio::spawn(load(("a", 100)));
        let _first = (&mut handle).await;
        (&mut handle).await
    });
    assert!(twice.await.unwrap_err().is_panic());
}

/// asyncio: `all_tasks()` has the tasks that are not done, as a set. Here they are in the order of their start.
#[tokio::test(start_paused = true)]
async fn only_tasks_that_run_are_listed() {
    let names = Names::default();
    let tasks = ["good", "bad", "panics", "aborted"].map(|name| names.spawn(name, load((name, 100))));
    let last = names.spawn("last", load(("a", 300)));
    assert_eq!(running(&names), ["good", "bad", "panics", "aborted", "last"]);
    tasks[3].abort();
    assert_eq!(running(&names), ["good", "bad", "panics", "aborted", "last"], "an abort is a request");
    yield_now().await;
    assert_eq!(running(&names), ["good", "bad", "panics", "last"], "ended before it began");
    sleep(ms(200)).await;
    assert_eq!((running(&names), alive_tasks()), (vec!["last".to_owned()], 1));
    last.abort();
    yield_now().await;
    assert!(running(&names).is_empty());
}

/// asyncio: the loop has only weak references; a task without another one may be collected and vanish from the list.
/// Tokio: it runs on, and is listed.
#[tokio::test(start_paused = true)]
async fn a_task_whose_handle_was_dropped_is_listed_until_it_ends() {
    let names = Names::default();
    drop(names.spawn("detached", load(("a", 100))));
    sleep(ms(50)).await;
    assert_eq!(running(&names), ["detached"]);
    sleep(ms(100)).await;
    assert!(running(&names).is_empty());
}

/// asyncio: names need not be unique. Here: the same.
#[tokio::test(start_paused = true)]
async fn two_tasks_may_share_a_name_and_a_name_may_be_used_again() {
    let names = Names::default();
    let mut first = names.spawn("worker", load(("a", 100)));
    let second = names.spawn("worker", load(("b", 300)));
    assert_eq!(running(&names), ["worker", "worker"]);
    sleep(ms(200)).await;
    assert_eq!(running(&names), ["worker"]);
    second.abort();
    yield_now().await;
    let third = names.clone().spawn("worker", load(("c", 100)));
    assert_eq!(running(&names), ["worker"], "clones share one list");
    assert_eq!(first.result().await.as_ref().unwrap(), &Ok("a"), "each keeps the result that is its own");
    drop(third);
}

/// The hazard: in a `JoinMap` a second task with the same name aborts the first. A key is listed until its task is
/// joined.
#[tokio::test(start_paused = true)]
async fn but_a_join_map_has_one_task_for_a_key_and_lists_finished_ones() {
    let log = Entries::default();
    let mut tasks = JoinMap::new();
    let guard = log.on_drop("first is gone");
    tasks.spawn("worker", async move {
        let _guard = guard;
        pending().await
    });
    tasks.spawn("worker", load(("b", 100)));
    sleep(ms(200)).await;
    assert_eq!(log.take(), ["first is gone"]);
    assert_eq!(tasks.keys().collect::<Vec<_>>(), [&"worker"], "finished, and still listed");
    let (name, result) = tasks.join_next().await.unwrap();
    assert_eq!((name, result.unwrap()), ("worker", Ok("b")));
    assert_eq!(tasks.len(), 0);
}

/// asyncio: any task may ask for `all_tasks()`. Here too: the list can be cloned into it.
#[tokio::test]
async fn a_task_sees_itself_on_the_list() {
    let names = Names::default();
    let mut task = names.spawn("watcher", {
        let names = names.clone();
        async move { running(&names) }
    });
    assert_eq!(task.result().await.as_ref().unwrap(), &["watcher"]);
}

/// asyncio: `asyncio.run` cancels the remaining tasks. Tokio: the runtime drops them; a runtime that has shut down also
/// drops each new task. The list is empty afterwards.
#[test]
fn a_runtime_that_shuts_down_leaves_nothing_on_the_list() {
    let names = Names::default();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let handle = runtime.handle().clone();
    let mut left = runtime.block_on(async { names.spawn("left", pending::<()>()) });
    assert_eq!(running(&names), ["left"]);
    drop(runtime);
    assert!(running(&names).is_empty());
    assert_eq!(left.state(), State::Cancelled);

    let _context = handle.enter();
    let mut late = names.spawn("late", async {});
    assert_eq!((running(&names).len(), late.state()), (0, State::Cancelled));
}

/// A list that kept finished tasks would grow without end: each entry is removed with its task.
#[tokio::test]
async fn the_list_of_a_hundred_thousand_tasks_is_empty_after_their_end() {
    let names = Names::default();
    for _ in 0..100_000 {
        names.spawn("short", async {});
    }
    assert_eq!(names.running().len(), 100_000);
    yield_now().await;
    while alive_tasks() > 0 {
        yield_now().await;
    }
    assert!(names.running().is_empty());
}

/// asyncio: `RuntimeError`, "Task cannot await on itself". Here: a panic of the task.
#[tokio::test(start_paused = true)]
async fn a_task_that_awaits_itself_panics() {
    let (names, (give, me)) = (Names::default(), oneshot::channel::<NamedTask<()>>());
    let task = names.spawn("itself", async move { assert!(me.await.unwrap().result().await.is_ok()) });
    assert!(give.send(task).is_ok());
    sleep(ms(1)).await;
    assert!(running(&names).is_empty());
}
