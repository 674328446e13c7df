//! Lessons on tests that run at the same time in one process: ports, variables of the environment, and races.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::ErrorKind;

use tokio::net::TcpListener;
use tokio::task::yield_now;

/// pytest runs one test after the other. `cargo test` runs them at once: port 0 is a free one for each.
#[tokio::test]
async fn port_zero_is_a_free_port_for_each() {
    let mut listeners = Vec::new();
    for _ in 0..20 {
        listeners.push(TcpListener::bind(("127.0.0.1", 0)).await.unwrap());
    }
    let mut ports: Vec<_> = listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!((ports.len(), ports.contains(&0)), (20, false));
}

/// pytest: `unused_tcp_port`. A port that was free a moment ago may be another test's by now. Keep the listener instead.
#[tokio::test]
async fn but_a_port_that_was_free_may_be_taken() {
    let found = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap();
    let _other_test = TcpListener::bind(found).await.unwrap();
    assert_eq!(TcpListener::bind(found).await.unwrap_err().kind(), ErrorKind::AddrInUse);
}

/// pytest: `monkeypatch.setenv`. `set_var` is unsafe, because other threads may read meanwhile: pass the lookup to the code.
#[test]
fn variables_of_the_environment_are_passed_as_a_function() {
    fn port(variable: impl Fn(&str) -> Option<String>) -> u16 {
        variable("PORT").and_then(|port| port.parse().ok()).unwrap_or(8080)
    }
    let of_the_program = |name: &str| std::env::var(name).ok();
    let of_the_test = HashMap::from([("PORT", "9000")]);
    assert_eq!(port(|name| of_the_test.get(name).map(|port| (*port).to_owned())), 9000);
    assert_eq!(port(|_name| None), 8080);
    assert_eq!(of_the_program("no variable has this name"), None);
}

/// asyncio and Tokio: between a read and its write, an await lets others run. On one thread the order is always the same.
#[tokio::test]
async fn but_an_await_between_read_and_write_loses_an_update() {
    let count = Cell::new(0);
    let broken = async || {
        let read = count.get();
        yield_now().await;
        count.set(read + 1);
    };
    tokio::join!(broken(), broken());
    assert_eq!(count.get(), 1, "each time, so it is no flaky test");

    let fixed = async || {
        yield_now().await;
        count.set(count.get() + 1);
    };
    count.set(0);
    tokio::join!(fixed(), fixed());
    assert_eq!(count.get(), 2);
}
