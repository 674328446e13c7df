//! The Rust half of the chapter's pairs: each function has the name, and asserts the same, as the one in `pairs.py`.

use std::cell::Cell;
use std::time::Duration;

use testing::cancel_anywhere::cancel_anywhere;
use testing::fake_server::FakeServer;
use testing::fixture::with_fixture;
use testing::mock::Mock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout};

use crate::work::{Busy, alarm, retry};

/// asyncio: `asyncio.sleep` is replaced. Tokio: the clock is paused, and jumps to the next timer.
#[tokio::test(start_paused = true)]
async fn a_pause_takes_no_time() -> Result<(), Busy> {
    let fetch = Mock::in_order([Err(Busy), Err(Busy), Ok("page")]);

    let start = Instant::now();
    let page = retry(&fetch).await?; // sleeps for 1 s, and for 2 s
    let waited = start.elapsed(); // exactly

    assert_eq!((page, waited), ("page", Duration::from_secs(3)));
    Ok(())
}

/// asyncio: `asyncSetUp`, `asyncTearDown`. Tokio: `with_fixture`.
#[tokio::test]
async fn set_up_and_tear_down() {
    let removed = Cell::new(false);
    let create = async || vec!["ada", "bob"];
    let remove = async |table: Vec<&str>| removed.set(table.len() == 2);

    with_fixture(
        create(),
        async |table| assert_eq!(table.len(), 2), // awaits what it likes
        async |table| remove(table).await,        // after a failure too
    )
    .await;

    assert!(removed.get());
}

/// asyncio: `AsyncMock(side_effect=[...])`. Tokio: `Mock::in_order`.
#[tokio::test(start_paused = true)]
async fn a_mock_answers_and_keeps_its_calls() {
    let mailer = Mock::in_order([Err(Busy), Ok(())]);
    alarm(&mailer, "ada").await; // takes an `impl Mailer`
    let sent = mailer.calls();

    assert_eq!(sent, ["ada", "ada"]);
}

/// asyncio: `start_server` with port 0. Tokio: `FakeServer`.
#[tokio::test]
async fn a_server_on_a_free_port() -> anyhow::Result<()> {
    let server = FakeServer::start(|mut client| async move {
        let ping = client.read_u8().await?;
        client.write_all(&[ping + 1]).await
    })?;
    let mut client = TcpStream::connect(server.address()).await?;
    client.write_all(&[41]).await?;
    let reply = client.read_u8().await?;
    server.finish().await?; // fails if the server has failed

    assert_eq!(reply, 42);
    Ok(())
}

/// asyncio: a short wait for a timeout. Tokio: a long one, on paused time.
#[tokio::test(start_paused = true)]
async fn something_does_not_happen() {
    let bell = Notify::new();

    let hour = Duration::from_secs(3600); // takes no time
    let rang = timeout(hour, bell.notified()).await.is_ok();

    assert!(!rang);
}

/// asyncio: a task, some turns, `cancel`. Tokio: `cancel_anywhere`.
#[tokio::test]
async fn cancelled_at_each_await() {
    let accounts = [Cell::new(100), Cell::new(0)];
    let mut totals = Vec::new();
    let total = || accounts[0].get() + accounts[1].get();

    let transfer = async || {
        accounts[0].set(70);
        yield_now().await; // 30 are nowhere
        accounts[1].set(30);
        yield_now().await;
    };
    let suspensions = cancel_anywhere(transfer, |_at| totals.push(total())).await;

    assert_eq!((suspensions, totals), (2, vec![70, 100]));
}
