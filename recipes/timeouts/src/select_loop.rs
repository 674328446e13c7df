// SPDX-License-Identifier: 0BSD
//! Loops around `select!` without losing data, starving an arm or restarting a timer: in asyncio a loop around
//! `asyncio.wait(..., return_when=FIRST_COMPLETED)`, or around a `timeout`.
//!
//! ```sh
//! cargo add futures
//! cargo add tokio --features macros,rt,time
//! cargo add tokio-util --features codec
//! ```
//!
//! ```
//! use std::time::Duration;
//!
//! use timeouts::select_loop::{Event, ReadEnd, read_frames};
//! use tokio_util::codec::{FramedRead, LinesCodec};
//! use tokio_util::sync::CancellationToken;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let connection = "first\nsecond\n".as_bytes(); // in a program, a TcpStream
//!     let mut frames = FramedRead::new(connection, LinesCodec::new());
//!     let (heartbeat, idle) = (Duration::from_secs(10), Duration::from_secs(30));
//!     let mut events = Vec::new();
//!     let stop = CancellationToken::new();
//!     let end = read_frames(&mut frames, &stop, heartbeat, idle, |event| events.push(event)).await?;
//!     assert_eq!(end, ReadEnd::Closed);
//!     assert_eq!(events, ["first", "second"].map(|line| Event::Frame(line.to_owned())));
//!     Ok(())
//! }
//! ```
//!
//! A `timeout` around `frames.next()` is enough without a heartbeat and without a request to stop.
//!
//! Each turn of the loop drops the futures of the arms that lost. Four rules follow:
//!
//! - An arm's future must lose nothing when it is dropped. `FramedRead` keeps half a frame in itself; `read_exact` and
//!   `read_line` keep it in their future, and it is lost.
//! - A timer that is made in the arm starts anew with each turn, and under traffic never fires. So it is pinned
//!   outside the loop.
//! - `select!` picks at random among the arms that are ready. `biased` takes them from the top: then the rare arms come
//!   first and the one that is always ready last, or it starves those below it.
//! - The body of an arm ends before any arm is polled again. So it must not wait, least of all for a lock or permit that
//!   another arm's future may hold.
//!
//! # Cancel safety
//!
//! Cancel safe: half a frame stays in `frames`. The timers start anew with the next call.
//!
//! # Errors
//!
//! Those of the decoder and of the reader.
//!
//! # Panics
//!
//! If called outside a Tokio runtime with a clock. A panic in `on_event` goes on in the caller.

use std::pin::pin;
use std::time::Duration;

use futures::StreamExt;
use tokio::io::AsyncRead;
use tokio::task::coop::{consume_budget, unconstrained};
use tokio::time::sleep;
use tokio_util::codec::{Decoder, FramedRead};
use tokio_util::sync::CancellationToken;

/// An event on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event<F> {
    /// A whole frame has arrived.
    Frame(F),
    /// The heartbeat is due.
    Heartbeat,
}

/// The reason why the reading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadEnd {
    /// The peer has closed the connection.
    Closed,
    /// No frame has come for the time `idle`.
    Idle,
    /// `stop` was cancelled.
    Cancelled,
}

/// Reads frames, and calls `on_event` for each, and every `heartbeat`. Ends when the peer closes, no frame has come for
/// `idle`, or `stop` is cancelled. `Duration::MAX` is never.
///
/// A heartbeat shorter than Tokio's tick of one millisecond counts as one millisecond.
pub async fn read_frames<R, D>(
    frames: &mut FramedRead<R, D>,
    stop: &CancellationToken,
    heartbeat: Duration,
    idle: Duration,
    mut on_event: impl FnMut(Event<D::Item>),
) -> Result<ReadEnd, D::Error>
where
    R: AsyncRead + Unpin,
    D: Decoder,
{
    let heartbeat = heartbeat.max(Duration::from_millis(1));
    let (mut heartbeat_due, mut idle_over) = (pin!(sleep(heartbeat)), pin!(sleep(idle)));
    let mut stopped = pin!(stop.cancelled());
    loop {
        tokio::select! {
            biased;
            () = &mut stopped => return Ok(ReadEnd::Cancelled),
            () = &mut heartbeat_due => {
                // Counted from now, so that missed heartbeats do not come in a burst after a pause, as with an `interval`.
                heartbeat_due.set(sleep(heartbeat));
                on_event(Event::Heartbeat);
            }
            frame = frames.next() => match frame.transpose()? {
                Some(frame) => {
                    idle_over.set(sleep(idle));
                    on_event(Event::Frame(frame));
                    // If all frames are ready, every other task and the timers would get no turn.
                    consume_budget().await;
                }
                None => return Ok(ReadEnd::Closed),
            },
            // Last, because a frame in the instant of the limit is in time.
            // Unconstrained, because a reader that uses up the budget of this task without a frame is idle too.
            () = unconstrained(&mut idle_over) => return Ok(ReadEnd::Idle),
        }
    }
}
