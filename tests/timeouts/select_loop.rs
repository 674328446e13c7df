//! Lessons of the pattern `select_loop`.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use timeouts::select_loop::{Event, ReadEnd, read_frames};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream, ReadBuf, duplex};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::yield_now;
use tokio::time::{MissedTickBehavior, interval};
use tokio::time::{advance, sleep, timeout};
use tokio_util::codec::{Decoder, FramedRead, LengthDelimitedCodec, LinesCodec, LinesCodecError};

use crate::support::{Log, busy, in_a_few_turns, ms};
use crate::work::select_loop::{lines, never, talk};
use crate::work::{A_YEAR, poll_once};

fn log_events(log: &Log) -> impl FnMut(Event<String>) {
    |event| match event {
        Event::Frame(line) => log.at(line),
        Event::Heartbeat => log.at("heartbeat"),
    }
}

/// Reads what the peer says meanwhile. The peer goes first: what it says in the instant of a limit is there then.
async fn read_from<D: Decoder>(
    peer: &mut DuplexStream,
    pieces: &[(u64, &str)],
    frames: &mut FramedRead<DuplexStream, D>,
    (heartbeat, idle): (Duration, Duration),
    on_event: impl FnMut(Event<D::Item>),
) -> Result<ReadEnd, D::Error> {
    let stop = never();
    let reading = read_frames(frames, &stop, heartbeat, idle, on_event);
    let both = async { tokio::join!(biased; talk(peer, pieces), reading).1 };
    timeout(Duration::from_secs(3_600), both).await.expect("it ends")
}

/// asyncio: a loop around `wait(FIRST_COMPLETED)`. Tokio: one `select!` over frames and two timers.
#[tokio::test(start_paused = true)]
async fn frames_heartbeats_and_the_end_of_a_silent_peer() {
    let ((mut lines, mut peer), log) = (lines(64), Log::default());
    let pieces = [(70, "one\ntw"), (50, "o\n"), (10, "three\n")];
    let end = read_from(&mut peer, &pieces, &mut lines, (ms(100), ms(150)), log_events(&log)).await;
    log.at("end");
    assert_eq!(end.unwrap(), ReadEnd::Idle);
    assert_eq!(log.take(), [" 70 one", "100 heartbeat", "120 two", "130 three", "200 heartbeat", "280 end"]);
}

/// The result says why the loop ended: a peer that closed is no request to stop.
#[tokio::test(start_paused = true)]
async fn it_ends_when_the_peer_closes_and_when_it_is_told() {
    let ((mut closed, peer), log, stop) = (lines(64), Log::default(), never());
    drop(peer);
    let end = read_frames(&mut closed, &stop, ms(100), ms(150), log_events(&log)).await;
    assert_eq!(end.unwrap(), ReadEnd::Closed);

    let (mut stopped, _peer) = lines(64);
    let telling = async {
        sleep(ms(120)).await;
        stop.cancel();
    };
    let reading = read_frames(&mut stopped, &stop, ms(100), ms(150), log_events(&log));
    let (end, ()) = tokio::join!(reading, telling);
    assert_eq!(end.unwrap(), ReadEnd::Cancelled);
    assert_eq!(log.take(), ["100 heartbeat"]);
}

/// The token comes before the frames: the second line stays in the reader, for a later call.
#[tokio::test(start_paused = true)]
async fn told_it_reads_no_further_frame() {
    let ((mut lines, mut peer), log, stop) = (lines(64), Log::default(), never());
    talk(&mut peer, &[(0, "one\ntwo\n")]).await;
    let stops = |_| {
        log.at("a line");
        stop.cancel();
    };
    assert_eq!(read_frames(&mut lines, &stop, ms(100), ms(150), stops).await.unwrap(), ReadEnd::Cancelled);
    assert_eq!(log.take(), ["  0 a line"]);
    let stop = never();
    let rest = read_frames(&mut lines, &stop, ms(100), ms(50), log_events(&log)).await;
    assert_eq!((rest.unwrap(), log.take()), (ReadEnd::Idle, vec!["  0 two".to_owned()]));
}

/// asyncio: the read raises for a line that is too long, or a frame cut short. Tokio: the codec's error.
#[tokio::test(start_paused = true)]
async fn an_error_of_the_decoder_or_the_reader_ends_it() {
    let (connection, mut peer) = duplex(64);
    let mut lines = FramedRead::new(connection, LinesCodec::new_with_max_length(4));
    talk(&mut peer, &[(0, "one\ntoo long\n")]).await;
    let (log, stop) = (Log::default(), never());
    let error = read_frames(&mut lines, &stop, ms(100), ms(150), log_events(&log)).await.unwrap_err();
    assert!(matches!(error, LinesCodecError::MaxLineLengthExceeded));
    assert_eq!(log.take(), ["  0 one"]);

    let ends_within_a_frame = [0, 0, 0, 9, b'h', b'a', b'l', b'f'].as_slice();
    let mut frames = FramedRead::new(ends_within_a_frame, LengthDelimitedCodec::new());
    let error = read_frames(&mut frames, &stop, ms(100), ms(150), |_| {}).await.unwrap_err();
    assert_eq!(error.to_string(), "bytes remaining on stream");
}

/// asyncio: `readline` and `readexactly` keep what they have when they are cancelled. Tokio: `FramedRead` does.
#[tokio::test(start_paused = true)]
async fn half_a_frame_survives_every_heartbeat() {
    let ((mut lines, mut peer), log) = (lines(64), Log::default());
    let pieces = [(5, "o"), (10, "n"), (10, "e"), (10, "\n")];
    let end = read_from(&mut peer, &pieces, &mut lines, (ms(10), ms(50)), log_events(&log)).await;
    assert_eq!(end.unwrap(), ReadEnd::Idle);
    let frames: Vec<_> = log.take().into_iter().filter(|line| !line.contains("heartbeat")).collect();
    assert_eq!(frames, [" 35 one"]);
}

/// Tokio: the future of `read_exact` keeps what it has read, and is dropped when another arm wins.
#[tokio::test(start_paused = true)]
async fn but_read_exact_in_a_select_loses_what_it_has_read() {
    let (mut connection, mut peer) = duplex(64);
    let pieces = [(5, "1"), (10, "234"), (10, "5678")];
    let reading = async {
        let mut tick = pin!(sleep(ms(10)));
        loop {
            let mut frame = [0; 4];
            tokio::select! {
                read = connection.read_exact(&mut frame) => break read.map(|_| frame),
                () = &mut tick, if !tick.is_elapsed() => {}
            }
        }
    };
    let (frame, ()) = tokio::join!(reading, talk(&mut peer, &pieces));
    assert_eq!(&frame.unwrap(), b"2345", "the 1 is lost, and every frame after it is wrong");
}

/// The heartbeat is due each 100 ms, whatever else happens.
#[tokio::test(start_paused = true)]
async fn the_heartbeat_keeps_its_pace_under_traffic() {
    let (mut lines, mut peer) = lines(64);
    let (mut frames, mut heartbeats) = (0, 0);
    let count = |event| match event {
        Event::Frame(_) => frames += 1,
        Event::Heartbeat => heartbeats += 1,
    };
    let pieces = [(30, "line\n"); 33];
    let end = read_from(&mut peer, &pieces, &mut lines, (ms(100), ms(40)), count).await;
    assert_eq!((end.unwrap(), frames, heartbeats), (ReadEnd::Idle, 33, 10));
}

/// The hazard: a timer that is made in the loop starts anew with each frame.
#[tokio::test(start_paused = true)]
async fn but_a_timer_made_in_the_loop_never_fires_under_traffic() {
    let (sender, mut frames) = mpsc::channel(1);
    let traffic = async move {
        for _ in 0..33 {
            sleep(ms(30)).await;
            sender.send(()).await.unwrap();
        }
    };
    let reading = async {
        let mut heartbeats = 0;
        loop {
            tokio::select! {
                frame = frames.recv() => if frame.is_none() { break heartbeats },
                () = sleep(ms(100)) => heartbeats += 1,
            }
        }
    };
    assert_eq!(tokio::join!(reading, traffic).0, 0);
}

/// A peer that always has something to say, and time that goes by meanwhile.
#[tokio::test(start_paused = true)]
async fn a_busy_peer_starves_neither_the_heartbeat_nor_the_request_to_stop() {
    let ((connection, mut peer), stop) = (duplex(1 << 16), never());
    let mut lines = FramedRead::with_capacity(connection, LinesCodec::new(), 64);
    peer.write_all("line\n".repeat(10_000).as_bytes()).await.unwrap();
    let (mut frames, mut heartbeats) = (0, 0);
    let reading = {
        let mut reading = pin!(read_frames(&mut lines, &stop, ms(100), ms(150), |event| match event {
            Event::Frame(_) => {
                frames += 1;
                if frames == 5_000 {
                    stop.cancel();
                }
            }
            Event::Heartbeat => heartbeats += 1,
        }));
        assert!(poll_once(&mut reading).await.is_none(), "it makes way now and then");
        advance(ms(100)).await;
        reading.await.unwrap()
    };
    assert_eq!((reading, frames, heartbeats), (ReadEnd::Cancelled, 5_000, 1));
}

/// The hazard: in `biased` order the arm that is always ready must not be first.
#[tokio::test]
async fn but_a_busy_arm_that_stands_first_starves_those_below_it() {
    let (busy, stop) = (Semaphore::new(1), never());
    stop.cancel();
    let (mut rounds, mut fair_rounds) = (0, 0);
    while rounds < 10_000 {
        tokio::select! {
            biased;
            _permit = busy.acquire() => rounds += 1,
            () = stop.cancelled() => break,
        }
    }
    assert_eq!(rounds, 10_000, "the request was there all the time");
    loop {
        tokio::select! {
            _permit = busy.acquire() => fair_rounds += 1,
            () = stop.cancelled() => break,
        }
    }
    assert!(fair_rounds < 10_000, "without `biased`, chance takes care of it");
}

/// asyncio: a loop of `sleep` and work drifts, and makes up for nothing. Tokio: an `interval` does, unless it is set not to.
#[tokio::test(start_paused = true)]
async fn after_a_pause_the_missed_heartbeats_are_not_made_up_for() {
    let ((mut lines, _peer), log, stop) = (lines(64), Log::default(), never());
    {
        let mut reading = pin!(read_frames(&mut lines, &stop, ms(100), Duration::MAX, log_events(&log)));
        assert!(poll_once(&mut reading).await.is_none());
        sleep(ms(1_050)).await;
        assert!(timeout(ms(120), &mut reading).await.is_err());
    }
    assert_eq!(log.take(), ["1050 heartbeat", "1150 heartbeat"]);
}

/// The default, `Burst`, gives eleven ticks within 101 ms; `Delay` and `Skip` give two.
#[tokio::test(start_paused = true)]
async fn but_an_interval_makes_up_for_them_in_a_burst() {
    for (behavior, ticks) in
        [(MissedTickBehavior::Burst, 11), (MissedTickBehavior::Delay, 2), (MissedTickBehavior::Skip, 2)]
    {
        let mut interval = interval(ms(100));
        interval.set_missed_tick_behavior(behavior);
        interval.tick().await; // the first is at once
        sleep(ms(1_050)).await;
        let mut counted = 0;
        let counting = async {
            loop {
                interval.tick().await;
                counted += 1;
            }
        };
        assert!(timeout(ms(101), counting).await.is_err());
        assert_eq!(counted, ticks, "{behavior:?}");
    }
}

/// Frame and idle limit in one instant: the frame counts, and the limit begins anew.
#[tokio::test(start_paused = true)]
async fn a_frame_in_the_instant_of_the_limit_is_in_time() {
    let ((mut lines, mut peer), log) = (lines(64), Log::default());
    let pieces = [(150, "just in time\n")];
    let end = read_from(&mut peer, &pieces, &mut lines, (Duration::MAX, ms(150)), log_events(&log)).await;
    log.at("end");
    assert_eq!(
        (end.unwrap(), log.take()),
        (ReadEnd::Idle, vec!["150 just in time".to_owned(), "300 end".to_owned()])
    );
}

/// No limit is so short or so long that it spins or panics.
#[tokio::test(start_paused = true)]
async fn a_limit_may_be_zero_or_never() {
    let ((mut lines, mut peer), log, stop) = (lines(64), Log::default(), never());
    let end = read_frames(&mut lines, &stop, Duration::MAX, Duration::ZERO, log_events(&log)).await;
    assert_eq!(end.unwrap(), ReadEnd::Idle);

    let (pieces, mut heartbeats) = ([(5, "one\n")], 0);
    let count = |_heartbeat| {
        heartbeats += 1;
        assert!(heartbeats < 1_000, "it spins");
    };
    let end = read_from(&mut peer, &pieces, &mut lines, (Duration::ZERO, ms(3)), count).await;
    assert_eq!((end.unwrap(), heartbeats), (ReadEnd::Idle, 3), "a heartbeat each millisecond");

    drop(peer);
    let reading = read_frames(&mut lines, &stop, Duration::MAX, Duration::MAX, log_events(&log));
    assert_eq!(reading.await.unwrap(), ReadEnd::Closed);
    assert_eq!(log.take(), ["  5 one"]);
}

/// asyncio: a cancelled `acquire` is out of the queue at once. Tokio: a future that is kept and not polled is not.
#[tokio::test(start_paused = true)]
async fn but_a_future_that_is_left_half_polled_can_hold_a_lock_for_ever() {
    async fn all(is_mended: bool) {
        let lock = Arc::new(tokio::sync::Mutex::new(()));
        let holder = lock.clone().lock_owned().await;
        tokio::spawn(async move {
            sleep(ms(50)).await;
            drop(holder);
        });
        let mut waiting = Some(Box::pin(lock.lock()));
        tokio::select! {
            _guard = waiting.as_mut().unwrap() => {}
            // While this arm runs, `waiting` is handed the lock, and is not polled.
            () = sleep(ms(10)) => {
                if is_mended {
                    waiting = None;
                }
                drop(lock.lock().await);
            }
        }
        drop(waiting);
    }
    assert!(timeout(A_YEAR, all(false)).await.is_err(), "a dead-lock");
    assert!(timeout(A_YEAR, all(true)).await.is_ok());
}

/// A peer that is never silent keeps its arm ready: no frame is lost, doubled or swapped.
#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_frames_pass_through_in_order() {
    let (connection, mut peer) = duplex(4_096);
    let mut frames = FramedRead::new(connection, LengthDelimitedCodec::new());
    let writing = async move {
        for number in 0..100_000_u32 {
            peer.write_all(&[0, 0, 0, 4]).await.unwrap();
            peer.write_all(&number.to_be_bytes()).await.unwrap();
        }
    };
    let (mut next, stop) = (0_u32, never());
    let in_order = |event: Event<<LengthDelimitedCodec as Decoder>::Item>| {
        if let Event::Frame(frame) = event {
            assert_eq!(frame[..], next.to_be_bytes());
            next += 1;
        }
    };
    let reading = read_frames(&mut frames, &stop, Duration::MAX, Duration::MAX, in_order);
    let (end, ()) = tokio::join!(reading, writing);
    assert_eq!((end.unwrap(), next), (ReadEnd::Closed, 100_000));
}

/// Also if what brings it has a timer that is set later than the limit.
#[tokio::test(start_paused = true)]
async fn a_frame_of_two_timers_in_the_instant_of_the_limit_is_in_time() {
    let ((mut lines, mut peer), log) = (lines(64), Log::default());
    let pieces = [(50, "o"), (50, "ne\n")];
    let end = read_from(&mut peer, &pieces, &mut lines, (Duration::MAX, ms(100)), log_events(&log)).await;
    log.at("end");
    assert_eq!((end.unwrap(), log.take()), (ReadEnd::Idle, vec!["100 one".to_owned(), "200 end".to_owned()]));
}

/// Frames that are all there already, without end: the loop yields, so that a timeout around it fires and another task
/// can tell it to stop.
#[tokio::test(start_paused = true)]
async fn frames_that_are_always_there_do_not_keep_others_from_their_turn() {
    struct Endless;

    impl Decoder for Endless {
        type Item = u8;
        type Error = std::io::Error;

        fn decode(&mut self, _: &mut tokio_util::bytes::BytesMut) -> std::io::Result<Option<u8>> {
            Ok(Some(7))
        }
    }

    let (stop, mut frames) = (never(), 0);
    let tells = tokio::spawn({
        let stop = stop.clone();
        async move { stop.cancel() }
    });
    let mut endless = FramedRead::new(tokio::io::repeat(7), Endless);
    let count = |_| {
        frames += 1;
        assert!(frames < 10_000, "nothing else runs");
    };
    let end = read_frames(&mut endless, &stop, Duration::MAX, Duration::MAX, count).await;
    assert_eq!(end.unwrap(), ReadEnd::Cancelled);
    tells.await.unwrap();
}

/// A reader that uses up its turn each time, and gives nothing, is idle at the limit as one that waits.
#[tokio::test(start_paused = true)]
async fn a_busy_reader_without_a_frame_is_idle() {
    struct Busy;
    impl AsyncRead for Busy {
        fn poll_read(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            pin!(busy()).poll(cx)
        }
    }
    let end = tokio::spawn(async {
        let mut frames = FramedRead::new(Busy, LinesCodec::new());
        read_frames(&mut frames, &never(), Duration::MAX, ms(100), |_| {}).await.unwrap()
    });
    yield_now().await;
    advance(ms(100)).await;
    assert_eq!(in_a_few_turns(end).await, ReadEnd::Idle);
}
