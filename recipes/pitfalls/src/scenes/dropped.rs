//! Values that are dropped too early, too late, or in the middle.

use std::sync::Arc;

use futures::{FutureExt, join};
use tokio::io::{AsyncWriteExt, BufReader, duplex};
use tokio::sync::{Mutex, Semaphore, mpsc};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::Caught::{ByNothing, Configured};
use super::{Gauge, Group, Pitfall, Stage, ms, within_a_second, work};
use crate::{
    drop_guard_dropped_at_once, half_a_read, half_polled_future, ignored_token, permit_dropped_at_once,
    spare_sender, timeout_of_a_handle,
};

pub(super) const GROUP: Group = Group {
    title: "Dropped and cancelled",
    pitfalls: &[
        pitfall!(half_a_read, "select! drops half a line", ByNothing),
        pitfall!(half_polled_future, "a future that is left alone keeps a lock", ByNothing),
        pitfall!(timeout_of_a_handle, "a timeout ends the wait, and not the task", ByNothing),
        pitfall!(ignored_token, "a task does not look at its token", ByNothing),
        pitfall!(
            permit_dropped_at_once,
            "`let _ =` gives the permit back at once",
            Configured(&["clippy::let_underscore_must_use", "let_underscore_drop"])
        ),
        pitfall!(
            drop_guard_dropped_at_once,
            "`let _ =` cancels the token at once",
            Configured(&["let_underscore_drop"])
        ),
        pitfall!(spare_sender, "one sender is left, and its reader waits", ByNothing),
    ],
};

async fn half_a_read(stage: Stage) -> anyhow::Result<()> {
    /// Reads one line that comes in two halves, and returns what was read.
    async fn read(
        read_lines: impl AsyncFnOnce(BufReader<tokio::io::DuplexStream>, &mut Vec<String>) -> std::io::Result<()>,
    ) -> anyhow::Result<String> {
        let (near, mut far) = duplex(64);
        let write = async {
            far.write_all(b"hello, ").await?;
            work("between the halves", 100).await;
            far.write_all(b"world\n").await?;
            far.shutdown().await
        };
        let mut lines = Vec::new();
        let (read, written) = join!(read_lines(BufReader::new(near), &mut lines), write);
        read.and(written)?;
        Ok(format!("{lines:?}"))
    }
    stage
        .broken(read(async |reader, lines| {
            half_a_read::broken(reader, ms(70), |line| lines.push(line.to_owned()), || {}).await
        }))
        .await?;
    stage
        .fixed(read(async |reader, lines| {
            half_a_read::fixed(reader, ms(70), |line| lines.push(line.to_owned()), || {}).await
        }))
        .await
}

async fn half_polled_future(stage: Stage) -> anyhow::Result<()> {
    /// Returns a value whose lock another task holds for the next 200 ms.
    async fn held() -> (Arc<Mutex<u32>>, AbortOnDropHandle<()>) {
        let value = Arc::new(Mutex::new(0));
        let guard = Arc::clone(&value).lock_owned().await;
        let hold = async move {
            work("another holds the lock", 200).await;
            drop(guard);
        };
        let holding = tokio::spawn(hold.in_current_span());
        (value, AbortOnDropHandle::new(holding))
    }
    stage
        .broken(async {
            let (value, _holding) = held().await;
            let update = half_polled_future::broken(&value, |value| *value += 1, ms(100), drop);
            Ok(within_a_second(update, "updated", "not updated after a second").await)
        })
        .await?;
    stage
        .fixed(async {
            let (value, _holding) = held().await;
            let update = half_polled_future::fixed(value, |value| *value += 1, ms(100), drop);
            Ok(within_a_second(update, "updated", "not updated after a second").await)
        })
        .await
}

async fn timeout_of_a_handle(stage: Stage) -> anyhow::Result<()> {
    async fn write_twice(written: Gauge) {
        for part in 1..=2 {
            work(part, 100).await;
            written.enter();
        }
    }
    stage
        .broken(async {
            let written = Gauge::default();
            timeout_of_a_handle::broken(
                tokio::spawn(write_twice(written.clone()).in_current_span()),
                ms(150),
            )
            .await?;
            let at_the_timeout = written.now();
            sleep(ms(150)).await;
            Ok(format!("{at_the_timeout} part written at the timeout, {} later", written.now()))
        })
        .await?;
    stage
        .fixed(async {
            let written = Gauge::default();
            timeout_of_a_handle::fixed(tokio::spawn(write_twice(written.clone()).in_current_span()), ms(150))
                .await?;
            let at_the_timeout = written.now();
            sleep(ms(150)).await;
            Ok(format!("{at_the_timeout} part written at the timeout, {} later", written.now()))
        })
        .await
}

async fn ignored_token(stage: Stage) -> anyhow::Result<()> {
    async fn handle(job: &'static str) {
        work(job, 100).await;
    }
    /// Cancels the token after the only job is done, while the worker waits for another.
    async fn stop_soon(stop: &CancellationToken) {
        sleep(ms(150)).await;
        stop.cancel();
    }
    for is_fixed in [false, true] {
        let (queue, mut jobs) = mpsc::channel(1);
        let stop = CancellationToken::new();
        queue.send("job").await?;
        if is_fixed {
            stage
                .fixed(async {
                    let worker =
                        async { join!(ignored_token::fixed(&mut jobs, &stop, handle), stop_soon(&stop)) };
                    Ok(within_a_second(worker, "has stopped", "has not stopped after a second").await)
                })
                .await?;
        } else {
            stage
                .broken(async {
                    let worker =
                        async { join!(ignored_token::broken(&mut jobs, &stop, handle), stop_soon(&stop)) };
                    Ok(within_a_second(worker, "has stopped", "has not stopped after a second").await)
                })
                .await?;
        }
    }
    Ok(())
}

async fn permit_dropped_at_once(stage: Stage) -> anyhow::Result<()> {
    async fn use_seat(name: &'static str, seated: &Gauge) {
        seated.enter();
        work(name, 100).await;
        seated.leave();
    }
    stage
        .broken(async {
            let (seats, seated) = (Semaphore::new(1), Gauge::default());
            let (ann, bob) = join!(
                permit_dropped_at_once::broken(&seats, use_seat("Ann", &seated)),
                permit_dropped_at_once::broken(&seats, use_seat("Bob", &seated)),
            );
            ann.and(bob)?;
            Ok(format!("{} at a time on one seat", seated.most()))
        })
        .await?;
    stage
        .fixed(async {
            let (seats, seated) = (Semaphore::new(1), Gauge::default());
            let (ann, bob) = join!(
                permit_dropped_at_once::fixed(&seats, use_seat("Ann", &seated)),
                permit_dropped_at_once::fixed(&seats, use_seat("Bob", &seated)),
            );
            ann.and(bob)?;
            Ok(format!("{} at a time on one seat", seated.most()))
        })
        .await
}

async fn drop_guard_dropped_at_once(stage: Stage) -> anyhow::Result<()> {
    /// Returns a token, and a heart that beats every 30 ms until the token is cancelled.
    fn heart() -> (CancellationToken, Gauge, AbortOnDropHandle<()>) {
        let (stop, beats) = (CancellationToken::new(), Gauge::default());
        let beating = {
            let (stop, beats) = (stop.clone(), beats.clone());
            async move {
                while stop.run_until_cancelled(sleep(ms(30))).await.is_some() {
                    beats.enter();
                }
            }
        };
        (stop, beats, AbortOnDropHandle::new(tokio::spawn(beating)))
    }
    stage
        .broken(async {
            let (stop, beats, beating) = heart();
            drop_guard_dropped_at_once::broken(stop, work("session", 100)).await;
            beating.await?;
            Ok(format!("{} heart-beats during the session", beats.now()))
        })
        .await?;
    stage
        .fixed(async {
            let (stop, beats, beating) = heart();
            drop_guard_dropped_at_once::fixed(stop, work("session", 100)).await;
            beating.await?;
            Ok(format!("{} heart-beats during the session", beats.now()))
        })
        .await
}

async fn spare_sender(stage: Stage) -> anyhow::Result<()> {
    let producers = || [work("a", 100).in_current_span(), work("b", 200).in_current_span()];
    stage
        .broken(async {
            let all = spare_sender::broken(producers());
            Ok(within_a_second(all, "all received", "still waiting after a second").await)
        })
        .await?;
    stage
        .fixed(async {
            let all = spare_sender::fixed(producers());
            Ok(within_a_second(all, "all received", "still waiting after a second").await)
        })
        .await
}
