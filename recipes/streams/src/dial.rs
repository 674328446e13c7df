// SPDX-License-Identifier: 0BSD
//! Connects to the first of several addresses that answers, and connects again with growing pauses. The attempts start one
//! shortly after the other (`happy_eyeballs_delay`).
//!
//! ```sh
//! cargo add fastrand
//! cargo add futures
//! cargo add tokio --features macros,net,rt,time
//! ```
//!
//! ```
//! use std::{net::SocketAddr, time::Duration};
//!
//! use streams::dial::{Redial, dial};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> std::io::Result<()> {
//!     let server = std::net::TcpListener::bind("127.0.0.1:0")?;
//!     let nothing = SocketAddr::from(([127, 0, 0, 1], 1));
//!     let addresses = [nothing, server.local_addr()?];
//!     let mut redial = Redial::new(Duration::from_millis(100), Duration::from_secs(30));
//!     let stream = redial.dial(|| dial(&addresses[..], Duration::from_millis(250)), |_error| {}).await;
//!     assert_eq!(stream.peer_addr()?, server.local_addr()?);
//!     Ok(())
//! }
//! ```
//!
//! `TcpStream::connect((host, port))` is enough for one address. It tries several addresses one after the other, and waits
//! for each until the system gives up: minutes, if packets are lost.
//!
//! # Cancel safety
//!
//! Dropping the future drops all attempts.
//!
//! # Errors
//!
//! The error of the last attempt. `Redial::dial` has no error: it tries until it succeeds. Put a `timeout` around it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use tokio::net::{TcpStream, ToSocketAddrs, lookup_host};
use tokio::task::coop::{consume_budget, unconstrained};
use tokio::time::{Instant, sleep};

/// Looks up `target` and connects to the first of its addresses that answers. 250 ms is a usual `stagger`.
pub async fn dial(target: impl ToSocketAddrs, stagger: Duration) -> io::Result<TcpStream> {
    let addresses = interleave(lookup_host(target).await?);
    let stream = first(addresses, stagger, TcpStream::connect).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Orders the addresses so that both families alternate, beginning with the family of the first. A family that does not
/// work then costs one `stagger`.
pub fn interleave(addresses: impl IntoIterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut addresses = addresses.into_iter().peekable();
    let Some(begins_with_v6) = addresses.peek().map(SocketAddr::is_ipv6) else { return Vec::new() };
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.partition(|address| address.is_ipv6() == begins_with_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut all = Vec::new();
    loop {
        let pair = [first.next(), second.next()];
        if pair == [None, None] {
            return all;
        }
        all.extend(IntoIterator::into_iter(pair).flatten());
    }
}

/// Starts `attempt` for each address, `stagger` after the attempt before or as soon as one has failed. Returns the first
/// success, and drops the other attempts.
///
/// # Errors
///
/// If all attempts have failed, the error that came last. `InvalidInput` if there is no address.
pub async fn first<A, T, Fut>(
    addresses: impl IntoIterator<Item = A>,
    stagger: Duration,
    mut attempt: impl FnMut(A) -> Fut,
) -> io::Result<T>
where
    Fut: Future<Output = io::Result<T>>,
{
    let mut addresses = addresses.into_iter().peekable();
    let mut attempts = FuturesUnordered::new();
    let mut failure = io::Error::new(io::ErrorKind::InvalidInput, "there is no address");
    loop {
        // Lets other tasks run even if attempts fail without waiting.
        consume_budget().await;
        attempts.extend(addresses.next().map(&mut attempt));
        let has_more = addresses.peek().is_some();
        tokio::select! {
            // If an attempt succeeds in the instant of the next start, the next does not start.
            biased;
            ended = attempts.next() => match ended {
                Some(Ok(connected)) => return Ok(connected),
                Some(Err(error)) => failure = error,
                None => return Err(failure),
            },
            // Unconstrained, because an attempt that uses up the budget of this task would delay the next start.
            () = unconstrained(sleep(stagger)), if has_more => {}
        }
    }
}

/// Connects again and again. Each pause between attempts is twice the one before, up to a limit.
///
/// A connection that has lasted for the longest pause resets the pauses. If the peer closes a connection at once, the pauses
/// go on growing.
#[derive(Debug)]
pub struct Redial {
    shortest: Duration,
    longest: Duration,
    next: Option<Duration>,
    connected: Option<Instant>,
    rng: fastrand::Rng,
}

impl Redial {
    /// Makes pauses from `shortest` to `longest`.
    pub fn new(shortest: Duration, longest: Duration) -> Self {
        Self { shortest, longest, next: None, connected: None, rng: fastrand::Rng::new() }
    }

    /// Sets the seed of the jitter, for tests.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.rng = fastrand::Rng::with_seed(seed);
        self
    }

    /// Calls `attempt` until it succeeds. The first call comes at once, unless the last connection was short.
    ///
    /// Each pause is drawn between half of it and all of it, so that a thousand clients do not come back in one instant.
    pub async fn dial<T, E, Fut>(
        &mut self,
        mut attempt: impl FnMut() -> Fut,
        mut on_error: impl FnMut(E),
    ) -> T
    where
        Fut: Future<Output = Result<T, E>>,
    {
        if self.connected.take().is_some_and(|since| since.elapsed() >= self.longest) {
            self.next = None;
        }
        loop {
            if let Some(pause) = self.next {
                let half = pause / 2;
                sleep(half + half.mul_f64(self.rng.f64())).await;
            }
            let next = self.next.map_or(self.shortest, |pause| pause.saturating_mul(2));
            self.next = Some(next.min(self.longest));
            match attempt().await {
                Ok(connected) => {
                    self.connected = Some(Instant::now());
                    return connected;
                }
                Err(error) => on_error(error),
            }
        }
    }
}
