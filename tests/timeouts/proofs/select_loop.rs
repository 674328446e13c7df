//! Proofs of the pattern `select_loop`.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use timeouts::select_loop::{ConnectionEvent, ReadEnd, read_frames};
use tokio::io::AsyncWriteExt;
use tokio::task::yield_now;

use crate::many_threads::{on_many_threads, some_turns};
use crate::support::ms;
use crate::work::poll_once;
use crate::work::select_loop::{lines, never, talk};

/// asyncio: a `StreamReader` keeps its bytes when a read is cancelled. Here: `FramedRead` does.
#[test]
fn dropped_anywhere_no_frame_is_lost() {
    let swept = cancel_sweep::sweep_with(
        || {
            let (frames, mut peer) = lines(64);
            tokio::spawn(async move {
                talk(&mut peer, &[(15, "on"), (10, "e\ntw"), (10, "o\nth"), (10, "ree\n")]).await;
            });
            let state = Arc::new((tokio::sync::Mutex::new(frames), Mutex::new(Vec::new())));
            let reader = state.clone();
            (state, async move {
                let (frames, seen) = &*reader;
                let see = |event| {
                    if let ConnectionEvent::Frame(line) = event {
                        seen.lock().unwrap().push(line);
                    }
                };
                read_frames(&mut *frames.lock().await, &never(), ms(10), ms(100), see).await
            })
        },
        |state, _| {
            let (frames, seen) = &*state;
            let (mut frames, stop) = (frames.try_lock().unwrap(), never());
            let mut seen = std::mem::take(&mut *seen.lock().unwrap());
            let rest = read_frames(&mut *frames, &stop, ms(10), ms(100), |event| {
                if let ConnectionEvent::Frame(line) = event {
                    seen.push(line);
                }
            });
            rest.now_or_never();
            assert_eq!(seen, ["one", "two", "three"]);
        },
    );
    assert!(swept.points >= 7);
}

/// The reading is dropped after a few polls, again and again: no frame is lost, split or doubled.
#[test]
fn on_many_threads_each_frame_comes_once_however_often_the_reading_is_dropped() {
    on_many_threads(50, async |mut rng| {
        let (mut frames, mut peer) = lines(rng.usize(1..16));
        let mut turns = rng.fork();
        let writing = tokio::spawn(async move {
            for number in 0..64 {
                for byte in format!("{number}\n").bytes() {
                    peer.write_all(&[byte]).await.unwrap();
                    if turns.u8(0..4) == 0 {
                        some_turns(&mut turns, 4).await;
                    }
                }
            }
        });
        let reading = tokio::spawn(async move {
            let (mut seen, stop) = (Vec::new(), never());
            let end = loop {
                let see = |event| {
                    if let ConnectionEvent::Frame(line) = event {
                        seen.push(line);
                    }
                };
                let mut reading = pin!(read_frames(&mut frames, &stop, ms(1), Duration::MAX, see));
                let polls = rng.u8(1..6);
                let mut ended = None;
                for _ in 0..polls {
                    ended = poll_once(&mut reading).await;
                    if ended.is_some() {
                        break;
                    }
                    yield_now().await;
                }
                if let Some(ended) = ended {
                    break ended.unwrap();
                }
            };
            (end, seen)
        });
        let (end, seen) = reading.await.unwrap();
        writing.await.unwrap();
        assert_eq!(end, ReadEnd::Closed);
        assert_eq!(seen, (0..64).map(|number| number.to_string()).collect::<Vec<_>>());
    });
}
