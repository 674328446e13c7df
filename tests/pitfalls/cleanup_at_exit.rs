//! Lessons of the pattern `cleanup_at_exit`.

use std::io;

use futures::future::pending;
use pitfalls::cleanup_at_exit::{broken, fixed};
use tokio::task::yield_now;

use crate::support::ms;
use crate::work::{IN_TIME, Visits};

/// A goodbye that takes two turns, and a count of whether it was sent.
fn goodbye() -> (Visits, impl Future<Output = ()> + Send + 'static) {
    let sent = Visits::default();
    let sending = sent.clone();
    (sent, async move {
        yield_now().await;
        sending.enter();
    })
}

/// asyncio: `asyncio.run` waits for the remaining tasks. Tokio: the runtime drops them.
#[test]
fn but_what_a_drop_has_spawned_is_lost_at_the_end() {
    let (sent, goodbye) = goodbye();
    assert_eq!(broken(async { 42 }, goodbye).unwrap(), 42);
    assert_eq!(sent.came(), 0);
}

/// While the program goes on, the mistake does not show.
#[tokio::test]
async fn but_in_the_middle_of_a_program_it_is_sent() {
    let (sent, goodbye) = goodbye();
    drop(scopeguard::guard(goodbye, |goodbye| drop(tokio::spawn(goodbye))));
    yield_now().await;
    yield_now().await;
    assert_eq!(sent.came(), 1);
}

/// asyncio: `asyncio.run` cancels and awaits the remaining tasks. Here: the program awaits a tracker.
#[test]
fn on_a_tracker_it_is_waited_for() {
    let (sent, goodbye) = goodbye();
    assert_eq!(fixed(async { 42 }, goodbye, IN_TIME).unwrap(), 42);
    assert_eq!(sent.came(), 1);
}

/// asyncio: after an exception in `main`, tasks are awaited too. Here: the tracker is awaited, then the panic resumes.
#[test]
fn after_a_panic_of_the_work_it_is_sent_and_the_panic_goes_on() {
    let (sent, goodbye) = goodbye();
    let program = std::panic::AssertUnwindSafe(|| fixed(async { panic!("no index") }, goodbye, IN_TIME));
    let ended: Result<io::Result<()>, _> = std::panic::catch_unwind(program);
    assert_eq!(ended.unwrap_err().downcast_ref(), Some(&"no index"));
    assert_eq!(sent.came(), 1);
}

/// asyncio: `asyncio.run` waits forever for a task that ignores its cancellation. Here: it waits for a grace period.
#[test]
fn a_goodbye_without_an_end_is_given_up_after_its_grace() {
    let error = fixed(async {}, pending(), ms(20)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

/// asyncio: `asyncio.run` reports a task that fails at the end. Tokio: a tracker counts it as done.
#[test]
fn a_goodbye_that_panics_does_not_hold_up_the_end() {
    let begun = Visits::default();
    let goodbye = {
        let begun = begun.clone();
        async move {
            begun.enter();
            panic!("nobody is there")
        }
    };
    assert_eq!(fixed(async { 42 }, goodbye, IN_TIME).unwrap(), 42);
    assert_eq!(begun.came(), 1);
}
