//! Lessons of the pattern `captured_log`.

use std::thread;

use testing::captured_log::CapturedLog;
use tokio::task::yield_now;
use tracing::instrument::WithSubscriber;
use tracing::{dispatcher, error, info, instrument, trace, warn};

#[instrument]
async fn fetch(page: &str) {
    yield_now().await;
    warn!(attempt = 1, "no answer");
}

/// asyncio: `assertLogs(...).output` has level, logger and message. Tokio: level, spans, message and fields.
#[tokio::test]
async fn a_line_has_level_spans_message_and_fields() {
    let (log, _this_thread) = CapturedLog::start();
    fetch("home").await;
    info!("done");
    trace!("of every level");
    let lines = [r#"WARN fetch{page="home"}: no answer attempt=1"#, "INFO done", "TRACE of every level"];
    assert_eq!(log.lines(), lines);
    assert!(log.contains("no answer") && !log.contains("ERROR"));
}

/// asyncio: `assertNoLogs`. Tokio: no line has the word; what is logged by tasks of this test is among them.
#[tokio::test]
async fn tasks_of_the_test_are_captured() {
    let (log, _this_thread) = CapturedLog::start();
    tokio::spawn(fetch("home")).await.unwrap();
    assert_eq!(log.lines().len(), 1);
    assert!(!log.contains("ERROR"));
}

/// caplog sees all threads. A captured log sees one thread; another thread logs to it if it is given the log.
#[test]
fn but_another_thread_has_to_be_given_the_log() {
    let (log, _this_thread) = CapturedLog::start();
    thread::spawn(|| error!("lost")).join().unwrap();
    assert!(!log.contains("lost"));

    let dispatch = log.dispatch();
    thread::spawn(move || dispatcher::with_default(&dispatch, || error!("kept"))).join().unwrap();
    assert_eq!(log.lines(), ["ERROR kept"]);
}

/// The tasks of a `multi_thread` runtime run on other threads. `with_subscriber` goes along with the task.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn but_a_task_on_another_thread_has_to_be_given_it_too() {
    let (log, _this_thread) = CapturedLog::start();
    tokio::spawn(fetch("lost")).await.unwrap();
    assert_eq!(log.lines(), [""; 0]);
    tokio::spawn(fetch("kept").with_subscriber(log.dispatch())).await.unwrap();
    assert_eq!(log.lines(), [r#"WARN fetch{page="kept"}: no answer attempt=1"#]);
}

/// Tests run in parallel, in one process. None sees the lines of another one, and none has to install a global log.
#[test]
fn tests_at_the_same_time_have_a_log_each() {
    let tests = ["one", "two"].map(|name| {
        thread::spawn(move || {
            let (log, _this_thread) = CapturedLog::start();
            info!("{name}");
            log.lines()
        })
    });
    assert_eq!(tests.map(|test| test.join().unwrap()), [["INFO one"], ["INFO two"]]);
}

/// asyncio: `assertLogs` ends with its `with`. Tokio: with the guard; the lines stay.
#[test]
fn dropping_the_guard_ends_the_capture() {
    let (log, guard) = CapturedLog::start();
    info!("inside");
    drop(guard);
    info!("outside");
    assert_eq!(log.lines(), ["INFO inside"]);
    // What is given the log still has it.
    dispatcher::with_default(&log.dispatch(), || info!("given"));
    assert_eq!(log.lines(), ["INFO inside", "INFO given"]);
}

/// A line that another thread reaches first is still captured when the test reaches it. Without the second subscriber,
/// tracing would remember that no subscriber wanted the line.
#[test]
fn a_line_that_another_thread_had_first_is_captured() {
    let (log, _this_thread) = CapturedLog::start();
    let line = || info!("from both");
    thread::spawn(line).join().unwrap();
    assert_eq!(log.lines(), [""; 0]);
    line();
    assert_eq!(log.lines(), ["INFO from both"]);
}
