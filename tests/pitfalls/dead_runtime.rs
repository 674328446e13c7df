//! Lessons of the pattern `dead_runtime`.

use std::cell::RefCell;

use pitfalls::dead_runtime::{broken, fixed};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::support::ms;
use crate::work::{IN_TIME, paused};

/// A server on a thread of its own. It ends with its only connection.
fn with_server<T>(ask: impl FnOnce(std::net::SocketAddr) -> T) -> T {
    let (address, server) = std::sync::mpsc::channel();
    let serving = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (server, serving) = crate::blocking_io::echo().await;
            address.send(server).unwrap();
            // A client that is gone is no failure.
            let _served = timeout(IN_TIME, serving).await.unwrap().unwrap();
        });
    });
    let answer = ask(server.recv_timeout(IN_TIME).unwrap());
    serving.join().unwrap();
    answer
}

/// asyncio: "attached to a different loop". Tokio: a socket whose runtime has ended returns an error.
#[test]
fn but_a_connection_is_dead_when_its_runtime_is() {
    let error = with_server(|server| broken(server, "hello")).unwrap_err();
    assert!(error.to_string().contains("being shutdown"), "{error}");
}

/// asyncio: one `Runner` runs several coroutines on one loop. Tokio: one `Runtime` takes several `block_on`.
#[test]
fn on_one_runtime_it_lives() {
    assert_eq!(with_server(|server| fixed(server, "hello")).unwrap(), "hello");
}

/// An answer of 64 KiB and one byte loses its last byte: no server can fill the memory.
#[test]
fn of_an_answer_no_more_is_read_than_its_limit() {
    let long = "x".repeat(64 * 1024 + 1);
    assert_eq!(with_server(|server| fixed(server, &long)).unwrap(), long[1..]);
}

/// A timer whose runtime has ended panics.
#[test]
#[should_panic(expected = "being shutdown")]
fn but_a_timer_whose_runtime_has_ended_panics() {
    let (timer, runtime) = (RefCell::default(), paused());
    runtime.block_on(async { timer.replace(Some(Box::pin(sleep(ms(10))))) });
    drop(runtime);
    paused().block_on(timer.into_inner().unwrap());
}

/// asyncio: a `Lock` that had a waiter in one loop raises in another. Tokio: locks and channels never do.
#[test]
fn a_channel_and_a_lock_belong_to_no_runtime() {
    let (queue, mut items) = paused().block_on(async { mpsc::channel(1) });
    let lock = paused().block_on(async { tokio::sync::Mutex::new(queue) });
    paused().block_on(async {
        lock.lock().await.send(1).await.unwrap();
        assert_eq!(items.recv().await, Some(1));
    });
}

/// asyncio: `asyncio.run` in a running loop raises `RuntimeError`. Tokio: `block_on` in a runtime panics.
#[tokio::test]
#[should_panic(expected = "Cannot start a runtime from within a runtime")]
async fn inside_of_a_runtime_it_panics() {
    let _answer = fixed(([127, 0, 0, 1], 9).into(), "hello");
}
