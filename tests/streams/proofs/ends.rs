//! Every number and every time at its ends: zero, one, and the greatest.

use std::io;
use std::num::NonZeroUsize;
use std::time::Duration;

use streams::connect::{ask, open};
use streams::dial::{Redial, dial, first};
use streams::fan_out::Room;
use streams::lines::Lines;
use streams::relay::relay;
use streams::request_response::{answer, client};
use streams::tls::{accept, connect};
use tokio::io::duplex;
use tokio::net::TcpListener;

use crate::support::ends;
use crate::work::tls;

/// Times of zero and without end, over sockets.
#[tokio::test]
async fn a_time_to_connect_may_be_zero_or_endless() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    assert!(open(address, Duration::MAX).await.is_ok());
    // A connection that is there at once is in time; where the system takes a moment, it is not.
    if let Err(error) = open(address, Duration::ZERO).await {
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
    for stagger in [Duration::ZERO, Duration::MAX] {
        assert!(dial(address, stagger).await.is_ok());
    }
}

/// Limits of zero, one and the greatest, of what may be read.
#[tokio::test(start_paused = true)]
async fn a_limit_may_be_zero_or_the_greatest() {
    for limit in [0, 1, usize::MAX] {
        assert_eq!(Lines::new(&b"\n"[..], limit).next().await.unwrap().as_deref(), Some(&b""[..]));
        let (here, there) = duplex(64);
        drop(there);
        assert!(ends(ask(here, b"", limit)).await.unwrap().is_empty());
    }
}

/// A frame may be empty, or of any length that four bytes can say.
#[tokio::test(start_paused = true)]
async fn the_longest_body_may_be_zero_or_the_greatest() {
    for longest in [0, 1, usize::MAX] {
        for at_once in [0, 1, usize::MAX] {
            let (here, there) = duplex(64);
            let (client, connection) = client(here, longest);
            tokio::spawn(connection);
            tokio::spawn(answer(there, longest, at_once, |request| async move { request }));
            assert_eq!(ends(client.call("".into())).await.unwrap(), "");
        }
    }
}

/// A time of zero ends a silent relay at once, and one without end never does.
#[tokio::test(start_paused = true)]
async fn an_idle_time_may_be_zero_or_endless() {
    let ((_left, a), (b, _right)) = (duplex(64), duplex(64));
    assert_eq!(ends(relay(a, b, Duration::ZERO)).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    let ((left, a), (b, right)) = (duplex(64), duplex(64));
    drop((left, right));
    assert_eq!(ends(relay(a, b, Duration::MAX)).await.unwrap(), (0, 0));
}

/// Pauses and staggers of zero and without end; a room with a queue of one and of the greatest length.
#[tokio::test(start_paused = true)]
async fn a_stagger_a_pause_and_a_queue_have_no_overflow() {
    for time in [Duration::ZERO, Duration::MAX] {
        assert_eq!(ends(first([1], time, async |number| io::Result::Ok(number))).await.unwrap(), 1);
        for seed in [0, u64::MAX] {
            let mut redial = Redial::new(time, time).with_seed(seed);
            assert_eq!(ends(redial.dial(async || Ok::<_, ()>(1), |()| {})).await, 1);
        }
    }
    for queue in [NonZeroUsize::MIN, NonZeroUsize::MAX] {
        let room = Room::new(queue);
        let _member = room.join();
        assert_eq!(room.say("one".into()), 0);
    }
}

/// A handshake has no time, or all of it.
#[tokio::test(start_paused = true)]
async fn a_time_for_a_handshake_may_be_zero_or_endless() {
    let (connector, acceptor) = tls();
    let (here, there) = duplex(4_096);
    let no_time = Duration::ZERO;
    assert_eq!(
        connect(&connector, "localhost", here, no_time).await.unwrap_err().kind(),
        io::ErrorKind::TimedOut
    );
    let (_silent, other) = duplex(64);
    assert_eq!(accept(&acceptor, other, no_time).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    drop(there);
    let (here, there) = duplex(4_096);
    let endless = Duration::MAX;
    let (connected, accepted) = ends(async {
        tokio::join!(connect(&connector, "localhost", here, endless), accept(&acceptor, there, endless))
    })
    .await;
    assert!(connected.is_ok() && accepted.is_ok());
}
