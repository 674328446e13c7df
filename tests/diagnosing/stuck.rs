//! Lessons of the pattern `stuck`.

use std::future::pending;

use diagnosing::stuck::{Task, WatchedTasks, at};
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::support::{alive_tasks, ms, panics, settle};

/// The names of the tasks, each with those of its waits.
fn names(tasks: &WatchedTasks) -> Vec<(String, Vec<String>)> {
    let waits = |task: &Task| task.waits.iter().map(|wait| wait.what.clone()).collect();
    tasks.list().iter().map(|task| (task.name.clone(), waits(task))).collect()
}

/// asyncio: `print_stack` names the line in which a task waits. Here: the line that calls `at`.
#[tokio::test(start_paused = true)]
async fn the_list_names_the_wait_its_line_and_its_time() {
    let tasks = WatchedTasks::default();
    let task = tokio::spawn(tasks.watch("client", async { at("an answer", pending::<()>()).await }));
    let line = line!() - 1;
    sleep(ms(1_500)).await;
    let [client] = &tasks.list()[..] else { panic!("one task") };
    let [wait] = &client.waits[..] else { panic!("one wait") };
    assert_eq!((wait.what.as_str(), wait.place.line(), wait.time), ("an answer", line, ms(1_500)));
    assert_eq!(client.to_string(), format!("client waits 1.5 s for an answer, at {}:{line}", file!()));
    task.abort();
}

/// asyncio: a coroutine that was never awaited is warned of when it is collected. Here it is on the list meanwhile.
#[tokio::test(start_paused = true)]
async fn a_future_that_nothing_polls_is_listed_as_such() {
    let tasks = WatchedTasks::default();
    let saving = tasks.watch("save", async {});
    sleep(ms(1_000)).await;
    assert_eq!(tasks.list()[0].to_string(), "save was never polled");
    saving.await;
    assert_eq!(tasks.list(), []);
}

/// asyncio: a task that is done is not in `all_tasks`. Here too, however it ends.
#[tokio::test(start_paused = true)]
async fn a_task_that_has_ended_is_off_the_list() {
    let tasks = WatchedTasks::default();
    drop(tasks.watch("dropped before it has run", async {}));
    let aborted = tokio::spawn(tasks.watch("aborted", pending::<()>()));
    let panicked =
        tokio::spawn(tasks.watch("panicked", async { at("nothing", async { panics::<()>("in it") }).await }));
    tasks.watch("returned", async {}).await;
    settle().await;
    assert_eq!(names(&tasks), [("aborted".to_owned(), vec![])]);
    aborted.abort();
    assert!(aborted.await.is_err() && panicked.await.is_err());
    assert_eq!(names(&tasks), []);
}

/// asyncio: a stack has all frames. Here: an inner wait follows the one around it, and ends before it.
#[tokio::test(start_paused = true)]
async fn an_inner_wait_follows_the_one_around_it() {
    let tasks = WatchedTasks::default();
    let page = async {
        at("the connection", sleep(ms(10))).await;
        at("the body", sleep(ms(10))).await;
    };
    let task = tokio::spawn(tasks.watch("client", async { at("the page", page).await }));
    let waits = |inner: &str| [("client".to_owned(), vec!["the page".to_owned(), inner.to_owned()])];
    sleep(ms(5)).await;
    assert_eq!(names(&tasks), waits("the connection"));
    sleep(ms(10)).await;
    assert_eq!(names(&tasks), waits("the body"));
    task.await.unwrap();
}

/// A task that awaits several things at once waits for each. asyncio has a task for each of them.
#[tokio::test(start_paused = true)]
async fn the_branches_of_a_join_are_all_listed() {
    let tasks = WatchedTasks::default();
    let both = async { tokio::join!(at("a", pending::<()>()), at("b", sleep(ms(10)))) };
    let task = tokio::spawn(tasks.watch("both", both));
    sleep(ms(5)).await;
    assert_eq!(names(&tasks), [("both".to_owned(), vec!["a".to_owned(), "b".to_owned()])]);
    sleep(ms(10)).await;
    assert_eq!(names(&tasks), [("both".to_owned(), vec!["a".to_owned()])]);
    task.abort();
}

/// A wait that loses a `select!` is over: its future is dropped.
#[tokio::test(start_paused = true)]
async fn a_wait_that_is_dropped_is_off_the_list() {
    let tasks = WatchedTasks::default();
    let (_answer, answered) = oneshot::channel::<()>();
    let work = async {
        let is_late = tokio::time::timeout(ms(10), at("an answer", answered)).await.is_err();
        at("the end", sleep(ms(10))).await;
        is_late
    };
    let task = tokio::spawn(tasks.watch("client", work));
    sleep(ms(15)).await;
    assert_eq!(names(&tasks), [("client".to_owned(), vec!["the end".to_owned()])]);
    assert!(task.await.unwrap());
}

/// The trap: asyncio lists every task. A child that a watched task spawns is not on this list; the runtime counts it.
#[tokio::test(start_paused = true)]
async fn but_a_child_that_is_spawned_is_not_listed() {
    let tasks = WatchedTasks::default();
    let parent = async { tokio::spawn(async { at("its turn", pending::<()>()).await }).await };
    let parent = tokio::spawn(tasks.watch("parent", parent));
    settle().await;
    assert_eq!(tasks.list()[0].to_string(), "parent runs, or waits at a line without a name");
    assert_eq!((tasks.list().len(), alive_tasks()), (1, 2));
    parent.abort();
}

/// A library may name its awaits, and its callers watch no task.
#[tokio::test(start_paused = true)]
async fn outside_a_watched_task_a_wait_only_waits() {
    assert_eq!(at("nothing", async { 3 }).await, 3);
}
