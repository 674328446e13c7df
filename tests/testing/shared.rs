//! Lessons of the pattern `shared`.

use testing::shared::Shared;
use tokio::sync::OnceCell;
use tokio::sync::mpsc::{self, Sender};
use tokio::sync::oneshot;

use crate::support::{Count, panics, soon};
use crate::work::{as_a_test, panic_of};

type Server = Sender<oneshot::Sender<&'static str>>;

/// A task that answers, in place of a connection pool or a server.
async fn start() -> Server {
    let (sender, mut calls) = mpsc::channel::<oneshot::Sender<&str>>(1);
    tokio::spawn(async move {
        while let Some(reply) = calls.recv().await {
            let _has_gone = reply.send("pong");
        }
    });
    sender
}

/// `None` if the server is gone.
async fn ping(server: &Server) -> Option<&'static str> {
    let (sender, reply) = oneshot::channel();
    server.send(sender).await.ok()?;
    reply.await.ok()
}

/// asyncio: "attached to a different loop". Tokio: the task has died with the runtime of the first test.
#[test]
fn but_a_once_cell_keeps_what_has_died_with_the_first_test() {
    static SERVER: OnceCell<Server> = OnceCell::const_new();
    assert_eq!(as_a_test(async { ping(SERVER.get_or_init(start).await).await }), Some("pong"));
    assert_eq!(as_a_test(async { ping(SERVER.get_or_init(start).await).await }), None);
}

/// pytest-asyncio: `scope="session"` and `loop_scope="session"`. Tokio: the fixture is made on a runtime that stays.
#[test]
fn a_shared_fixture_outlives_the_test_that_has_made_it() {
    static SERVER: Shared<Server> = Shared::new();
    for _test in 0..3 {
        assert_eq!(as_a_test(async { ping(SERVER.get(start).await).await }), Some("pong"));
    }
}

/// pytest makes a fixture of a session once. Tokio: the first test does, the others wait for it.
#[tokio::test]
async fn it_is_made_once_for_tests_at_the_same_time() {
    static NUMBER: Shared<usize> = Shared::new();
    let made = Count::default();
    let make = || {
        let made = made.clone();
        async move {
            tokio::task::yield_now().await;
            made.add();
            made.get()
        }
    };
    let all = tokio::join!(NUMBER.get(make), NUMBER.get(make), NUMBER.get(make));
    assert_eq!(all, (&1, &1, &1));
}

/// pytest keeps the error of a session's fixture for each of its tests. Tokio: the test fails, and the next one tries again.
#[tokio::test]
async fn after_a_failure_the_next_test_makes_it() {
    static NUMBER: Shared<u32> = Shared::new();
    let failed = panic_of(async { *NUMBER.get(|| async { panics("no database") }).await }).await;
    assert_eq!(failed.unwrap(), "no database");
    assert_eq!(NUMBER.get(|| async { 7 }).await, &7);
}

/// A fixture that is made of itself would wait forever. It panics, and the next test can make it.
#[tokio::test]
async fn a_fixture_that_awaits_itself_panics() {
    static OUTER: Shared<u32> = Shared::new();
    static INNER: Shared<u32> = Shared::new();
    let circle = || async { *INNER.get(|| async { *OUTER.get(|| async { 1 }).await + 1 }).await };
    let failed = panic_of(soon(OUTER.get(circle))).await.unwrap();
    assert_eq!(failed, "a fixture awaits itself");
    let apart = || async { *INNER.get(|| async { 1 }).await + 1 };
    assert_eq!(soon(OUTER.get(apart)).await, &2);
}

/// A value without tasks and sockets needs no runtime: a plain `OnceCell` serves each test.
#[test]
fn a_once_cell_is_enough_for_a_plain_value() {
    static SETTINGS: OnceCell<String> = OnceCell::const_new();
    let load = || async { "debug".to_owned() };
    for _test in 0..2 {
        assert_eq!(as_a_test(async { SETTINGS.get_or_init(load).await }), "debug");
    }
}
