//! Lessons on `start_paused`: a clock that jumps to the next timer when all tasks wait.

use std::time::{Duration, SystemTime};

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, MissedTickBehavior, advance, interval, sleep, timeout};

use crate::support::{Count, Log, ms};

/// Longer than any lesson takes.
const AN_HOUR: Duration = Duration::from_secs(3600);

/// asyncio has no such clock. Tokio's jumps to the next timer when all tasks wait, so an hour is exact and takes no time.
#[tokio::test(start_paused = true)]
async fn an_hour_takes_no_time_and_is_exact() {
    let start = Instant::now();
    sleep(AN_HOUR).await;
    assert_eq!(start.elapsed(), AN_HOUR);
}

/// On real time, two sleeps of nearly one length end in any order. On paused time each timer has its instant.
#[tokio::test(start_paused = true)]
async fn timers_end_in_their_order_one_by_one() {
    let log = Log::default();
    let entry = async |millis| {
        sleep(ms(millis)).await;
        log.at(millis);
    };
    tokio::join!(entry(3), entry(1), entry(2));
    assert_eq!(log.take(), ["  1 1", "  2 2", "  3 3"]);
}

/// freezegun stops `time.time`. A paused clock is only Tokio's: the clocks of std go on. See the pattern `clock`.
#[tokio::test(start_paused = true)]
async fn but_the_clocks_of_std_are_not_paused() {
    let start = SystemTime::now();
    sleep(AN_HOUR).await;
    assert!(start.elapsed().unwrap() < AN_HOUR);
}

/// `sleep` stops at each timer on the way, so a worker's loop runs each time. `advance` sets the clock in one step.
#[tokio::test(start_paused = true)]
async fn but_advance_skips_the_timers_on_the_way() {
    let rounds = Count::default();
    let counted = rounds.clone();
    tokio::spawn(async move {
        loop {
            sleep(AN_HOUR).await;
            counted.add();
        }
    });
    tokio::task::yield_now().await;
    advance(AN_HOUR * 3).await;
    tokio::task::yield_now().await;
    assert_eq!(rounds.get(), 1, "the next hour begins when the clock is three on");

    sleep(AN_HOUR * 3 + ms(1)).await;
    assert_eq!(rounds.get(), 4);
}

/// The first tick of an interval is at once. A test that counts ticks sleeps half a period more than it counts.
#[tokio::test(start_paused = true)]
async fn the_first_tick_of_an_interval_is_at_once() {
    let ticks = Count::default();
    let counted = ticks.clone();
    tokio::spawn(async move {
        let mut interval = interval(ms(10));
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            counted.add();
        }
    });
    sleep(ms(25)).await;
    assert_eq!(ticks.get(), 3, "at 0, 10 and 20 ms");
}

/// A blocking job runs on real time. While it does, the clock does not jump, so no timeout around it is early.
#[tokio::test(start_paused = true)]
async fn a_blocking_job_stops_the_clock() {
    let start = Instant::now();
    let sum = timeout(ms(1), spawn_blocking(|| (0..100_000_u64).sum::<u64>())).await;
    assert_eq!(sum.unwrap().unwrap(), 4_999_950_000);
    assert_eq!(start.elapsed(), Duration::ZERO);
}

/// A socket does not stop the clock: a reply that would come in a moment is an hour late. Use real time, or no socket.
#[tokio::test(start_paused = true)]
async fn but_a_timeout_fires_at_once_while_a_socket_is_waited_for() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    let mut reply = [0];
    assert!(timeout(AN_HOUR, client.read_exact(&mut reply)).await.is_err());

    tokio::time::resume(); // real time from here on
    server.write_all(b"!").await.unwrap();
    assert!(timeout(AN_HOUR, client.read_exact(&mut reply)).await.is_ok());
}

/// `duplex` is a connection in memory: the peer may take its time, and the clock knows.
#[tokio::test(start_paused = true)]
async fn a_duplex_and_a_paused_clock_agree() {
    let (mut client, mut server) = duplex(64);
    let start = Instant::now();
    tokio::spawn(async move {
        sleep(ms(59_000)).await;
        server.write_all(b"!").await.unwrap();
    });
    let reply = timeout(ms(60_000), client.read_u8()).await;
    assert_eq!((reply.unwrap().unwrap(), start.elapsed()), (b'!', ms(59_000)));
}

/// The connection is made on real time, and the clock is paused once only timers follow. It pauses between two
/// milliseconds, and a timer ends at a whole millisecond, so an hour takes a fraction of a millisecond more.
#[tokio::test]
async fn a_clock_may_be_paused_after_the_set_up() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    tokio::time::pause();
    let start = Instant::now();
    sleep(AN_HOUR).await;
    assert!((AN_HOUR..=AN_HOUR + ms(1)).contains(&start.elapsed()));
    drop(client);
}
