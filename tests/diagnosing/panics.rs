//! Lessons of the pattern `panics`. The hook is the process's: each lesson looks for its own message.

use std::sync::mpsc;

use diagnosing::panics::report_panics;

use crate::support::{panics, settle};

/// The reports that come from now on, as their texts, if they have this message.
fn reports(message: &'static str) -> mpsc::Receiver<String> {
    let (log, logged) = mpsc::channel();
    // The lesson may be over.
    report_panics(move |panic| {
        if panic.message.contains(message) {
            drop(log.send(panic.to_string()))
        }
    });
    logged
}

/// asyncio: "Task exception was never retrieved", when the task is collected. Here: at once, with the task and the line.
#[tokio::test(start_paused = true)]
async fn a_task_that_panics_is_reported_with_its_line() {
    let reports = reports("no such page");
    let task = tokio::spawn(async { panic!("no such {}", "page") });
    let line = line!() - 1;
    settle().await;
    let expected = format!("task {} panicked at {}:{line}: no such page", task.id(), file!());
    assert_eq!(reports.try_iter().collect::<Vec<_>>(), [expected]);
    assert!(task.is_finished(), "and the others run on");
}

/// The error of the handle has the message, and no line.
#[tokio::test(start_paused = true)]
async fn the_handle_has_the_message_without_the_line() {
    let task = tokio::spawn(async { panic!("no such user") });
    let id = task.id();
    let error = task.await.unwrap_err();
    assert_eq!(error.to_string(), format!("task {id} panicked with message \"no such user\""));
}

/// asyncio: an exception that is awaited is not reported. A panic is, before its owner sees it.
#[tokio::test(start_paused = true)]
async fn but_a_panic_that_is_awaited_is_reported_too() {
    let reports = reports("no such key");
    assert!(tokio::spawn(async { panic!("no such key") }).await.is_err());
    assert_eq!(reports.try_iter().count(), 1);
}

/// A parent that passes on its child's panic adds no report.
#[tokio::test(start_paused = true)]
async fn a_panic_that_is_passed_on_is_reported_once() {
    let reports = reports("no such child");
    let parent = tokio::spawn(async {
        let child = tokio::spawn(async { panic!("no such child") });
        let error = child.await.unwrap_err();
        std::panic::resume_unwind(error.into_panic())
    });
    assert!(parent.await.is_err());
    assert_eq!(reports.try_iter().count(), 1);
}

/// The trap: what calls no hook is not reported. `resume_unwind` with a payload of one's own is such a panic.
#[tokio::test(start_paused = true)]
async fn but_an_unwind_without_a_panic_is_not_reported() {
    let reports = reports("quiet");
    assert!(tokio::spawn(async { panics::<()>("quiet") }).await.is_err());
    assert_eq!(reports.try_iter().count(), 0);
}

/// Outside a task there is no id; the thread has a name.
#[test]
fn a_thread_that_panics_is_reported_with_its_name() {
    let reports = reports("no such thread");
    let thread = std::thread::Builder::new().name("worker".to_owned());
    let line = line!() + 1;
    assert!(thread.spawn(|| panic!("no such thread")).unwrap().join().is_err());
    let expected = format!("thread worker panicked at {}:{line}: no such thread", file!());
    assert_eq!(reports.try_iter().collect::<Vec<_>>(), [expected]);
}

/// Two calls report twice: the hook before is called, too.
#[test]
fn what_has_reported_before_reports_on() {
    let (first, second) = (reports("both hear"), reports("both hear"));
    assert!(std::panic::catch_unwind(|| panic!("both hear")).is_err());
    assert_eq!((first.try_iter().count(), second.try_iter().count()), (1, 1));
}
