use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use streams::dial::{Redial, dial, first, interleave};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{Log, busy, ends, leaves_others_their_turn, ms, soon};

const STAGGER: Duration = ms(250);

/// The address encodes how its attempt ends: after how many milliseconds, and whether it succeeds.
type Fate = (u64, bool);

const HANGS: Fate = (u64::MAX, true);

/// Tries, and logs starts, ends and drops with their times.
async fn raced<const N: usize>(stagger: Duration, fates: [Fate; N]) -> (io::Result<u64>, Vec<String>) {
    let log = Log::default();
    let attempt = |(number, (time, is_good)): (usize, Fate)| {
        log.at(format_args!("starts {number}"));
        let log = log.clone();
        async move {
            let dropped = log.at_drop("dropped");
            sleep(Duration::from_millis(time)).await;
            std::mem::forget(dropped);
            if is_good { Ok(time) } else { Err(io::Error::other(time.to_string())) }
        }
    };
    let outcome = ends(first(fates.into_iter().enumerate(), stagger, attempt)).await;
    (outcome, log.take())
}

/// asyncio: with `happy_eyeballs_delay=0.25`, the next address is tried when the one before has not answered in time.
#[tokio::test(start_paused = true)]
async fn the_next_address_is_tried_after_the_stagger() {
    let (outcome, log) = raced(STAGGER, [HANGS, HANGS, (100, true), (100, true)]).await;
    assert_eq!(outcome.unwrap(), 100);
    assert_eq!(log, ["  0 starts 0", "250 starts 1", "500 starts 2", "600 dropped", "600 dropped"]);
}

/// asyncio and here: a failure starts the next attempt at once.
#[tokio::test(start_paused = true)]
async fn a_failure_starts_the_next_at_once() {
    let (outcome, log) = raced(STAGGER, [(10, false), (20, false), (30, true)]).await;
    assert_eq!(outcome.unwrap(), 30);
    assert_eq!(log, ["  0 starts 0", " 10 starts 1", " 30 starts 2"]);
}

/// If a connection succeeds in the instant of the next start, the next does not start.
#[tokio::test(start_paused = true)]
async fn a_success_at_the_stagger_starts_no_other() {
    let (outcome, log) = raced(STAGGER, [(250, true), HANGS]).await;
    assert_eq!(outcome.unwrap(), 250);
    assert_eq!(log, ["  0 starts 0"]);
}

/// asyncio raises one error, or all of them as a group. Here the last error is returned.
#[tokio::test(start_paused = true)]
async fn when_all_fail_the_last_error_is_returned() {
    let (outcome, _log) = raced(STAGGER, [(10, false), (20, false)]).await;
    assert_eq!(outcome.unwrap_err().to_string(), "20");
    let (outcome, _log) = raced(STAGGER, []).await;
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::InvalidInput);
}

/// A stagger of zero starts all at once; an endless one starts the next at a failure only.
#[tokio::test(start_paused = true)]
async fn the_stagger_may_be_zero_or_endless() {
    let (outcome, log) = raced(Duration::ZERO, [(30, true), (20, true), (10, true)]).await;
    assert_eq!(outcome.unwrap(), 10);
    assert_eq!(&log[..3], ["  0 starts 0", "  0 starts 1", "  0 starts 2"]);
    let (outcome, log) = raced(Duration::MAX, [(1_000, false), (10, true)]).await;
    assert_eq!(outcome.unwrap(), 10);
    assert_eq!(log, ["  0 starts 0", "1000 starts 1"]);
}

/// asyncio: `interleave=1`. The families take turns, so one that does not work costs one stagger.
#[test]
fn the_families_take_turns() {
    let parsed = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<SocketAddr>>();
    let (six, four) = (["[::1]:1", "[::1]:2", "[::1]:3"], ["1.1.1.1:1"]);
    let all = interleave(parsed(&[&six[..], &four[..]].concat()));
    assert_eq!(all, parsed(&[six[0], four[0], six[1], six[2]]));
    assert_eq!(
        interleave(parsed(&["1.1.1.1:1", "1.1.1.2:1", "[::1]:1"])),
        parsed(&["1.1.1.1:1", "[::1]:1", "1.1.1.2:1"])
    );
    assert!(interleave([]).is_empty());
}

/// asyncio: `open_connection` with a list of addresses behind one name. Here over real sockets.
#[tokio::test]
async fn an_address_that_refuses_is_passed_over() {
    let (good, closed) =
        (TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let addresses = [closed.local_addr().unwrap(), good.local_addr().unwrap()];
    drop(closed);
    let stream = soon(dial(&addresses[..], Duration::MAX)).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), addresses[1]);
    assert!(stream.nodelay().unwrap());
}

/// The pauses that a seed draws: between a half and the whole of 100, 200, 400, 800, 1,000, 1,000 ... milliseconds.
fn pauses(seed: u64) -> impl Iterator<Item = Duration> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let wholes = [100, 200, 400, 800].into_iter().chain(std::iter::repeat(1_000));
    wholes.map(move |whole| ms(whole / 2) + ms(whole / 2).mul_f64(rng.f64()))
}

/// asyncio: `interleave=1`. Here always: after an address that fails comes one of the other family.
#[tokio::test]
async fn dial_takes_both_families_in_turn() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let fourth = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addresses = [closed.local_addr().unwrap(), fourth.local_addr().unwrap()];
    drop(closed);
    // Without IPv6 there is one family, and the next address of it comes.
    let listener = TcpListener::bind("[::1]:0").await.ok();
    let sixth = listener.as_ref().map(|listener| listener.local_addr().unwrap());
    let all: Vec<_> = addresses.into_iter().chain(sixth).collect();
    let stream = soon(dial(&all[..], Duration::MAX)).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), sixth.unwrap_or(addresses[1]));
}

/// Fails a number of times, then connects. Returns when each attempt was, to the millisecond.
async fn attempts(redial: &mut Redial, failures: usize) -> Vec<Duration> {
    let (start, mut at) = (Instant::now(), Vec::new());
    ends(redial.dial(
        || {
            at.push(start.elapsed());
            let is_good = at.len() > failures;
            async move { if is_good { Ok(()) } else { Err(()) } }
        },
        |()| {},
    ))
    .await;
    at
}

/// The timer's instants are whole milliseconds, rounded up.
fn rounded_up(time: Duration) -> Duration {
    ms(u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap())
}

/// asyncio: a loop with `sleep`, as each program writes it. Here each pause is twice the one before, with jitter.
#[tokio::test(start_paused = true)]
async fn the_pauses_grow_up_to_a_limit() {
    let mut redial = Redial::new(ms(100), ms(1_000)).with_seed(7);
    let at = attempts(&mut redial, 6).await;
    let mut expected = vec![ms(0)];
    for pause in pauses(7).take(6) {
        expected.push(expected[expected.len() - 1] + rounded_up(pause));
    }
    let slept: Vec<_> = at.windows(2).map(|two| two[1] - two[0]).collect();
    assert_eq!(at.len(), 7);
    for (slept, whole) in slept.iter().zip([100, 200, 400, 800, 1_000, 1_000]) {
        assert!((ms(whole / 2)..=ms(whole + 1)).contains(slept), "{slept:?} of {whole}");
    }
    assert_eq!(at, expected);
}

/// A peer that accepts and closes at once is no success: the pauses go on growing.
#[tokio::test(start_paused = true)]
async fn a_short_connection_does_not_reset_the_pauses() {
    let mut redial = Redial::new(ms(100), ms(1_000)).with_seed(7);
    assert_eq!(attempts(&mut redial, 0).await, [ms(0)]);
    sleep(ms(999)).await;
    let second = attempts(&mut redial, 0).await;
    assert_eq!(second, [rounded_up(pauses(7).next().unwrap())]);
}

/// A connection that has lasted for the longest pause resets them.
#[tokio::test(start_paused = true)]
async fn a_long_connection_resets_the_pauses() {
    let mut redial = Redial::new(ms(100), ms(1_000)).with_seed(7);
    attempts(&mut redial, 3).await;
    sleep(ms(1_000)).await;
    assert_eq!(attempts(&mut redial, 0).await, [ms(0)]);
}

/// Pauses of zero and without end are no overflow.
#[tokio::test(start_paused = true)]
async fn the_pauses_may_be_zero_or_endless() {
    let mut redial = Redial::new(Duration::ZERO, Duration::ZERO);
    assert_eq!(attempts(&mut redial, 3).await, [ms(0); 4]);
    let mut redial = Redial::new(Duration::MAX, Duration::MAX);
    let waiting = redial.dial(async || Err::<(), _>(()), |()| {});
    assert!(timeout(ms(1_000_000), waiting).await.is_err());
    // Tokio sleeps for thirty years at most, and virtual time gets there: then the pause is doubled.
    let mut failures = 0;
    let attempt = || {
        failures += 1;
        std::future::ready(if failures > 2 { Ok(()) } else { Err(()) })
    };
    redial.dial(attempt, |()| {}).await;
    assert_eq!(failures, 3);
}

/// asyncio: attempts that fail at once, one after the other, give no other task a turn. Here they do.
#[tokio::test]
async fn attempts_that_fail_at_once_leave_others_their_turn() {
    let attempt = |_| std::future::ready(Err::<(), _>(ErrorKind::ConnectionRefused.into()));
    leaves_others_their_turn(first(0..500_000, STAGGER, attempt)).await;
}

/// asyncio: an attempt that only ever yields lets the next one start. Here too, although it uses up its turn each time.
#[tokio::test]
async fn a_busy_attempt_does_not_hold_up_the_next() {
    let attempt = async |address| if address == 1 { busy().await } else { Ok(address) };
    assert_eq!(soon(first([1, 2], ms(1), attempt)).await.unwrap(), 2);
}
