//! What the lessons of this recipe share.

use futures::{Stream, StreamExt};
use std::time::Duration;
use tokio::time::Instant;

/// Returns every item of `stream` with the time at which it came.
pub async fn timed<S: Stream>(stream: S) -> Vec<(S::Item, Duration)> {
    let start = Instant::now();
    stream.map(|item| (item, start.elapsed())).collect().await
}

/// The rounds of a lesson that drives a type from many threads. The number of a round is its seed.
pub const ROUNDS: u64 = 200;

/// Yields at random; the same seed gives the same yields.
pub fn pause(random: &mut fastrand::Rng) -> impl Future<Output = ()> + Send + use<> {
    let times = random.u32(0..4).saturating_sub(1);
    async move {
        for _ in 0..times {
            tokio::task::yield_now().await;
        }
    }
}

/// Lets the other threads run until `what` is true.
pub async fn until(what: impl Fn() -> bool) {
    while !what() {
        tokio::task::yield_now().await;
    }
}

/// What the lessons and the proofs of `next_method` share.
pub mod next_method {
    use tokio::io::{AsyncWriteExt, BufReader, DuplexStream, duplex};
    use tokio::time::sleep;

    use crate::support::ms;

    pub fn lines(text: &[&str]) -> Vec<String> {
        text.iter().map(|line| (*line).to_owned()).collect()
    }

    /// Returns a reader of pieces that are written 100 ms apart.
    pub fn slowly(pieces: &'static [&str]) -> BufReader<DuplexStream> {
        let (reader, mut writer) = duplex(1_024);
        tokio::spawn(async move {
            for piece in pieces {
                sleep(ms(100)).await;
                writer.write_all(piece.as_bytes()).await.expect("there is room");
            }
        });
        BufReader::new(reader)
    }
}

/// What the lessons and the proofs of `generator` share.
pub mod generator {
    use futures::FutureExt;
    use tokio::time::sleep;

    use crate::support::{Count, ms};

    pub type Answer = Result<Option<u32>, String>;

    /// Returns a load that answers in this order, 10 ms each, and counts its calls.
    pub fn load<const N: usize>(
        answers: [Answer; N],
        asked: &Count,
    ) -> impl FnMut() -> futures::future::BoxFuture<'static, Answer> + use<N> {
        let (mut answers, asked) = (answers.into_iter(), asked.clone());
        move || {
            asked.add();
            let answer = answers.next().expect("it is asked no more often than there are answers");
            async {
                sleep(ms(10)).await;
                answer
            }
            .boxed()
        }
    }
}

/// What the lessons and the proofs of `unfold` share.
pub mod unfold {
    use tokio::time::sleep;

    use crate::support::ms;

    /// A binary tree: the children of n are 2n and 2n + 1, up to 7. A call takes 10 ms; for `bad` it fails.
    pub async fn children(node: u32, bad: u32) -> Result<Vec<u32>, String> {
        sleep(ms(10)).await;
        match node {
            _ if node == bad => Err(format!("{node} is locked")),
            1..4 => Ok(vec![2 * node, 2 * node + 1]),
            _ => Ok(vec![]),
        }
    }
}

/// What the lessons and the proofs of `pages` share.
pub mod pages {
    use async_iterators::pages::Page;
    use tokio::time::sleep;

    use crate::support::{Log, ms};

    /// Fetches one of the pages 1 to 3 with two rows each, in 100 ms; fails for the page `missing`.
    pub async fn fetch(page: u32, missing: u32, fetched: Log) -> Result<Page<u32, u32>, String> {
        fetched.add(page.to_string());
        sleep(ms(100)).await;
        if page == missing {
            return Err(format!("page {page} is missing"));
        }
        Ok(Page { items: vec![10 * page, 10 * page + 1], next: (page < 3).then_some(page + 1) })
    }
}

/// What the lessons and the proofs of `prefetch` share.
pub mod prefetch {
    use futures::stream::{self};
    use futures::{Stream, StreamExt};
    use tokio::time::sleep;

    use crate::support::{Count, ms};

    /// Yields the numbers from 1 on, 100 ms each; `made` counts those begun.
    pub fn numbers(made: &Count) -> impl Stream<Item = usize> + Send + use<> {
        let made = made.clone();
        stream::iter(1..).then(move |number| {
            made.add();
            async move {
                sleep(ms(100)).await;
                number
            }
        })
    }
}

/// What the lessons and the proofs of `consume` share.
pub mod consume {
    use tokio::time::sleep;

    use crate::support::ms;

    /// Takes `millis`; fails or panics if the name says so.
    pub async fn work((name, millis): (&'static str, u64)) -> Result<&'static str, String> {
        sleep(ms(millis)).await;
        match name {
            "panics" => panic!("{name} after {millis}"),
            "bad" => Err(format!("{name} after {millis}")),
            _ => Ok(name),
        }
    }
}

/// What the lessons and the proofs of `break_early` share.
pub mod break_early {
    use async_iterators::break_early::holding;
    use futures::Stream;
    use futures::stream::{self};
    use tokio::sync::Semaphore;

    /// Yields the numbers from 1 on, and holds the semaphore's permit.
    pub fn numbers(limit: &Semaphore) -> impl Stream<Item = u32> + Unpin {
        holding(limit.try_acquire().expect("the permit is free"), stream::iter(1..))
    }
}

/// What the lessons and the proofs of `closable` share.
pub mod closable {

    use async_iterators::closable::{Closable, closable};
    use futures::StreamExt;
    use tokio::time::sleep;
    use tokio_util::task::TaskTracker;

    use crate::support::{Log, ms};

    #[derive(Clone, Copy, Debug, PartialEq)]
    pub enum End {
        Returns,
        Fails,
        Panics,
        Never,
    }

    /// Rows 1 and 2 of a table, 100 ms each, then the end. The clean-up takes 50 ms.
    pub fn rows(tracker: &TaskTracker, log: &Log, end: End) -> Closable<u32, String> {
        closable(
            tracker,
            log.clone(),
            move |log, rows| {
                Box::pin(async move {
                    for row in 1.. {
                        log.add(format!("read {row}"));
                        sleep(ms(100)).await;
                        match end {
                            End::Returns if row == 3 => return Ok(()),
                            End::Fails if row == 3 => return Err("row 3 is locked".to_owned()),
                            End::Panics if row == 3 => panic!("row 3"),
                            _ => rows.give(row).await,
                        }
                    }
                    Ok(())
                })
            },
            async |log: Log| {
                log.add("closing");
                sleep(ms(50)).await;
                log.add("closed");
                Ok(())
            },
        )
    }

    pub async fn two_rows(rows: &mut Closable<u32, String>) {
        assert_eq!((rows.next().await, rows.next().await), (Some(Ok(1)), Some(Ok(2))));
    }
}
