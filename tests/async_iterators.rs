//! Lessons of `recipes/async_iterators`: what `async for` and async generators promise, and what streams on Tokio do.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]

use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use futures::stream::{self, FusedStream};
use futures::{FutureExt, Stream, StreamExt, TryStreamExt};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn limit(limit: usize) -> NonZeroUsize {
    NonZeroUsize::new(limit).unwrap()
}

/// Counts what happens, from many places.
#[derive(Clone, Debug, Default)]
struct Count(Arc<AtomicUsize>);

impl Count {
    fn add(&self) {
        self.0.fetch_add(1, SeqCst);
    }

    fn get(&self) -> usize {
        self.0.load(SeqCst)
    }

    /// Counts when the returned value is dropped.
    fn on_drop(&self) -> OnDrop {
        OnDrop(self.clone())
    }
}

#[derive(Debug)]
struct OnDrop(Count);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.add();
    }
}

/// How many there are at this moment, and how many there were at most.
#[derive(Clone, Debug, Default)]
struct Gauge(Arc<(AtomicUsize, AtomicUsize)>);

impl Gauge {
    /// One more, until the returned value is dropped.
    fn one(&self) -> One {
        let now = self.0.0.fetch_add(1, SeqCst) + 1;
        self.0.1.fetch_max(now, SeqCst);
        One(self.clone())
    }

    fn now(&self) -> usize {
        self.0.0.load(SeqCst)
    }

    fn most(&self) -> usize {
        self.0.1.load(SeqCst)
    }
}

#[derive(Debug)]
struct One(Gauge);

impl Drop for One {
    fn drop(&mut self) {
        self.0.0.0.fetch_sub(1, SeqCst);
    }
}

/// What happened, in its order, told from many places.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, entry: impl Into<String>) {
        self.0.lock().unwrap().push(entry.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// Every item of `stream` with the time at which it came.
async fn timed<S: Stream>(stream: S) -> Vec<(S::Item, Duration)> {
    let start = Instant::now();
    stream.map(|item| (item, start.elapsed())).collect().await
}

fn alive_tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// Lets every task run until all of them wait.
async fn settle() {
    sleep(ms(1)).await;
}

/// The rounds of a lesson that drives a type from many threads. Each has the seed of its number.
const ROUNDS: u64 = 200;

/// Now and then, makes way for others; at random, but the same for the same seed.
fn pause(random: &mut fastrand::Rng) -> impl Future<Output = ()> + Send + use<> {
    let times = random.u32(0..4).saturating_sub(1);
    async move {
        for _ in 0..times {
            tokio::task::yield_now().await;
        }
    }
}

/// Lets the other threads run until `what` holds.
async fn until(what: impl Fn() -> bool) {
    while !what() {
        tokio::task::yield_now().await;
    }
}

/// Sweeps a loop over a stream: wherever a `next()` is dropped, what was given and what comes later is `all`.
fn sweep_loop<S>(make: impl Fn() -> S, all: &[S::Item])
where
    S: Stream<Item: PartialEq + std::fmt::Debug> + 'static,
{
    let swept = cancel_sweep::sweep_with(
        || {
            let stream = Arc::new(tokio::sync::Mutex::new(Box::pin(make())));
            let given = Arc::new(Mutex::new(Vec::new()));
            let read = async |stream: &tokio::sync::Mutex<std::pin::Pin<Box<S>>>, given: &Mutex<Vec<_>>| {
                let mut stream = stream.lock().await;
                while let Some(item) = stream.next().await {
                    given.lock().unwrap().push(item);
                }
            };
            let (cancelled, read_on) = tokio::sync::oneshot::channel::<()>();
            tokio::task::spawn_local({
                let (stream, given) = (stream.clone(), given.clone());
                async move {
                    let _dropped = read_on.await;
                    read(&stream, &given).await;
                }
            });
            (given.clone(), async move {
                let _cancelled = cancelled;
                read(&stream, &given).await;
            })
        },
        |given, _| assert_eq!(*given.lock().unwrap(), all),
    );
    assert!(swept.points >= 1, "there was nothing to cancel");
}

mod by_hand {
    use super::*;
    use async_iterators::by_hand::Countdown;
    use tokio::time::{MissedTickBehavior, interval};

    /// asyncio: `async for` over a class with `__anext__` gives the items, then ends. Tokio: `while let Some(..)`.
    #[tokio::test(start_paused = true)]
    async fn the_numbers_come_a_period_apart_and_then_the_end() {
        let start = Instant::now();
        let mut numbers = pin!(Countdown::new(3, ms(100)));
        let mut came = Vec::new();
        while let Some(number) = numbers.next().await {
            came.push((number, start.elapsed()));
        }
        assert_eq!(came, [(3, ms(100)), (2, ms(200)), (1, ms(300))]);
        assert_eq!(start.elapsed(), ms(300));
    }

    /// asyncio: what `anext` does after the end is up to the class. Tokio: up to `poll_next`; a stream that says
    /// `FusedStream` stays at its end.
    #[tokio::test(start_paused = true)]
    async fn polled_after_the_end_it_stays_at_the_end() {
        let mut numbers = pin!(Countdown::new(1, ms(100)));
        assert!(!numbers.is_terminated());
        assert_eq!(numbers.next().await, Some(1));
        assert!(numbers.is_terminated());
        for _ in 0..3 {
            assert_eq!(numbers.next().now_or_never(), Some(None));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn of_nothing_it_ends_at_once() {
        assert_eq!(Countdown::new(0, ms(100)).collect::<Vec<_>>().now_or_never(), Some(vec![]));
    }

    /// asyncio: an iterator has no length. Tokio: a stream may say what is left, and a generator cannot.
    #[tokio::test(start_paused = true)]
    async fn it_knows_how_much_is_left_and_a_generator_does_not() {
        let mut numbers = pin!(Countdown::new(3, ms(100)));
        assert_eq!(numbers.size_hint(), (3, Some(3)));
        numbers.next().await;
        assert_eq!(numbers.size_hint(), (2, Some(2)));

        let numbers = async_stream::stream! { yield 3; };
        assert_eq!(numbers.size_hint(), (0, None));
    }

    /// A consumer that was away gets one number at once, and the next one a period later.
    #[tokio::test(start_paused = true)]
    async fn a_consumer_that_is_late_does_not_get_two_at_once() {
        let mut numbers = pin!(Countdown::new(3, ms(100)));
        assert_eq!(numbers.next().await, Some(3));
        sleep(ms(450)).await;
        let back = Instant::now();
        assert_eq!((numbers.next().await, back.elapsed()), (Some(2), ms(0)));
        assert_eq!((numbers.next().await, back.elapsed()), (Some(1), ms(100)));
    }

    /// The hazard: an `interval` makes up for the ticks that were missed, all at once, unless it is told not to.
    #[tokio::test(start_paused = true)]
    async fn but_an_interval_gives_the_missed_ticks_all_at_once() {
        for (behavior, at_once) in [(MissedTickBehavior::Burst, 10), (MissedTickBehavior::Delay, 1)] {
            let mut ticks = interval(ms(100));
            assert_eq!(ticks.missed_tick_behavior(), MissedTickBehavior::Burst, "the default");
            ticks.set_missed_tick_behavior(behavior);
            ticks.tick().await;
            sleep(ms(1_050)).await;
            let ready = std::iter::from_fn(|| ticks.tick().now_or_never()).count();
            assert_eq!(ready, at_once, "{behavior:?}");
        }
    }

    /// The hazard: whoever returns `Pending` without having polled anything is never polled again.
    #[tokio::test(start_paused = true)]
    async fn but_pending_without_a_waker_is_for_ever() {
        let due = Instant::now() + ms(100);
        let mut numbers =
            stream::poll_fn(
                move |_cx| {
                    if Instant::now() < due { Poll::Pending } else { Poll::Ready(Some(1)) }
                },
            );
        let waiting = tokio::spawn(async move { numbers.next().await });
        sleep(Duration::from_secs(86_400)).await;
        assert!(!waiting.is_finished());
        waiting.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_period_without_end_is_no_panic() {
        let mut numbers = pin!(Countdown::new(2, Duration::MAX));
        assert_eq!(numbers.next().now_or_never(), None);
    }

    #[test]
    fn a_cancelled_next_loses_no_number() {
        sweep_loop(|| Countdown::new(3, ms(100)), &[3, 2, 1]);
    }
}

mod next_method {
    use super::*;
    use async_iterators::next_method::Paragraphs;
    use std::io;
    use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, duplex};

    fn lines(text: &[&str]) -> Vec<String> {
        text.iter().map(|line| (*line).to_owned()).collect()
    }

    /// A reader of what is written piece by piece, 100 ms apart.
    fn slowly(pieces: &'static [&str]) -> BufReader<DuplexStream> {
        let (reader, mut writer) = duplex(1_024);
        tokio::spawn(async move {
            for piece in pieces {
                sleep(ms(100)).await;
                writer.write_all(piece.as_bytes()).await.expect("there is room");
            }
        });
        BufReader::new(reader)
    }

    #[tokio::test]
    async fn paragraphs_come_whole_and_empty_lines_between_them_are_passed_over() -> io::Result<()> {
        let mut paragraphs = Paragraphs::new(&b"\n\na\nb\n\n\n\nc\n\nd"[..]);
        assert_eq!(paragraphs.next().await?, Some(lines(&["a", "b"])));
        assert_eq!(paragraphs.next().await?, Some(lines(&["c"])));
        assert_eq!(
            paragraphs.next().await?,
            Some(lines(&["d"])),
            "the last one needs no empty line behind it"
        );
        for _ in 0..3 {
            assert_eq!(paragraphs.next().await?, None);
        }
        Ok(())
    }

    #[tokio::test]
    async fn of_nothing_there_are_none() -> io::Result<()> {
        assert_eq!(Paragraphs::new(&b""[..]).next().await?, None);
        assert_eq!(Paragraphs::new(&b"\n\n"[..]).next().await?, None);
        Ok(())
    }

    /// asyncio: a cancelled `anext` of a class keeps what the class keeps. Tokio: what is in `self`.
    #[tokio::test(start_paused = true)]
    async fn a_cancelled_next_keeps_half_a_paragraph() -> io::Result<()> {
        let mut paragraphs = Paragraphs::new(slowly(&["a\nb", "\nc\n", "\nd\n\n"]));
        assert!(timeout(ms(150), paragraphs.next()).await.is_err(), "a and half of b have come");
        assert!(timeout(ms(100), paragraphs.next()).await.is_err(), "all but the empty line");
        assert_eq!(paragraphs.next().await?, Some(lines(&["a", "b", "c"])));
        assert_eq!(paragraphs.next().await?, Some(lines(&["d"])));
        Ok(())
    }

    /// The hazard: the same loop with the lines in a variable of the future.
    #[tokio::test(start_paused = true)]
    async fn but_lines_in_a_local_variable_are_lost_with_it() -> io::Result<()> {
        async fn next(reader: &mut tokio::io::Lines<BufReader<DuplexStream>>) -> io::Result<Vec<String>> {
            let mut paragraph = Vec::new();
            while let Some(line) = reader.next_line().await?
                && !line.is_empty()
            {
                paragraph.push(line);
            }
            Ok(paragraph)
        }
        let mut reader = slowly(&["a\n", "b\n\n"]).lines();
        assert!(timeout(ms(150), next(&mut reader)).await.is_err());
        assert_eq!(next(&mut reader).await?, ["b"]);
        Ok(())
    }

    /// The hazard: `read_exact` and `read_line` keep the bytes read so far in the future, `next_line` in the reader.
    #[tokio::test(start_paused = true)]
    async fn but_read_exact_in_a_timeout_loses_what_it_has_read() -> io::Result<()> {
        let mut reader = slowly(&["ab", "cd", "ef"]);
        let mut frame = [0; 4];
        assert!(timeout(ms(150), reader.read_exact(&mut frame)).await.is_err());
        reader.read_exact(&mut frame).await?;
        assert_eq!(&frame, b"cdef", "the frame was abcd");
        Ok(())
    }

    #[tokio::test]
    async fn after_an_error_the_lines_before_it_are_still_there() -> io::Result<()> {
        let mut paragraphs = Paragraphs::new(&b"a\n\xff\nb\n"[..]);
        assert_eq!(paragraphs.next().await.unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(paragraphs.next().await?, Some(lines(&["a", "b"])));
        Ok(())
    }

    #[tokio::test]
    async fn unfold_makes_a_stream_of_it() -> io::Result<()> {
        let paragraphs = Paragraphs::new(&b"a\n\nb\nc\n"[..]);
        let paragraphs = stream::try_unfold(paragraphs, async |mut paragraphs| {
            Ok::<_, io::Error>(paragraphs.next().await?.map(|paragraph| (paragraph, paragraphs)))
        });
        let lengths: Vec<_> = paragraphs.map_ok(|lines| lines.len()).try_collect().await?;
        assert_eq!(lengths, [1, 2]);
        Ok(())
    }

    #[test]
    fn a_cancelled_next_loses_no_line() {
        let swept = cancel_sweep::sweep_with(
            || {
                let paragraphs = Paragraphs::new(slowly(&["a\n", "b\n", "\nc\n"]));
                let paragraphs = Arc::new(tokio::sync::Mutex::new(paragraphs));
                let reader = paragraphs.clone();
                (paragraphs, async move { reader.lock().await.next().await.unwrap() })
            },
            |paragraphs, outcome| {
                let mut paragraphs = paragraphs.try_lock().expect("the cancelled reader has let go");
                let mut rest = std::iter::from_fn(|| {
                    paragraphs.next().now_or_never().expect("the writer has written all").unwrap()
                });
                if let cancel_sweep::Outcome::Finished(first) = outcome {
                    assert_eq!(first, Some(lines(&["a", "b"])));
                } else {
                    assert_eq!(rest.next(), Some(lines(&["a", "b"])));
                }
                assert_eq!(rest.next(), Some(lines(&["c"])));
                assert_eq!(rest.next(), None);
            },
        );
        assert!(swept.points >= 3);
    }
}

mod generator {
    use super::*;
    use async_iterators::generator::changes;

    type Answer = Result<Option<u32>, String>;

    /// Gives the answers one after the other, 10 ms each, and counts how often it is asked.
    fn load(
        answers: &[Answer],
        asked: &Count,
    ) -> impl FnMut() -> futures::future::BoxFuture<'static, Answer> + use<> {
        let (mut answers, asked) = (answers.to_vec().into_iter(), asked.clone());
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

    #[tokio::test(start_paused = true)]
    async fn a_value_is_given_when_it_differs_from_the_one_before() {
        let asked = Count::default();
        let load = load(&[Ok(Some(1)), Ok(Some(1)), Ok(Some(2)), Ok(Some(1)), Ok(None)], &asked);
        let came = timed(changes(load, ms(90))).await;
        assert_eq!(came, [(Ok(1), ms(10)), (Ok(2), ms(210)), (Ok(1), ms(310))]);
        assert_eq!(asked.get(), 5);
    }

    /// asyncio: a generator that raises has given the items before, and is over. Tokio: `try_stream!` the same.
    #[tokio::test(start_paused = true)]
    async fn an_error_comes_after_the_values_before_it_and_is_the_last_item() {
        let load = load(&[Ok(Some(1)), Err("down".to_owned()), Ok(Some(2))], &Count::default());
        let mut values = pin!(changes(load, ms(90)));
        assert_eq!(values.next().await, Some(Ok(1)));
        assert_eq!(values.next().await, Some(Err("down".to_owned())));
        for _ in 0..3 {
            assert_eq!(values.next().now_or_never(), Some(None));
        }
    }

    /// The hazard: in a stream that was not written with `?` an error is an item like the others. `try_` adapters
    /// and a loop with `?` stop there; a `while let Some(Ok(..))` stops too, and says nothing.
    #[tokio::test]
    async fn but_a_stream_of_results_may_go_on_after_an_error() {
        let results = || stream::iter([Ok(1), Err("down"), Ok(2)]);
        assert_eq!(results().collect::<Vec<_>>().await, [Ok(1), Err("down"), Ok(2)]);
        assert_eq!(results().try_collect::<Vec<_>>().await, Err("down"));
    }

    /// asyncio and Tokio: a generator does nothing until it is asked, and nothing between two items.
    #[tokio::test(start_paused = true)]
    async fn it_runs_only_while_it_is_asked_for_the_next_item() {
        let asked = Count::default();
        let load = load(&[Ok(Some(1)), Ok(Some(2)), Ok(None)], &asked);
        let mut values = pin!(changes(load, ms(90)));
        sleep(ms(1_000)).await;
        assert_eq!(asked.get(), 0);
        assert_eq!(values.next().await, Some(Ok(1)));
        sleep(ms(1_000)).await;
        assert_eq!(asked.get(), 1, "the pause has not even begun");
        let back = Instant::now();
        assert_eq!((values.next().await, back.elapsed()), (Some(Ok(2)), ms(100)));
    }

    /// asyncio: a cancelled `anext` raises inside the generator and so ends it. Tokio: the generator waits where it
    /// was, and the next `next()` goes on there.
    #[tokio::test(start_paused = true)]
    async fn a_cancelled_next_does_not_end_it() {
        let asked = Count::default();
        let load = load(&[Ok(Some(1)), Ok(None)], &asked);
        let mut values = pin!(changes(load, ms(90)));
        assert!(timeout(ms(5), values.next()).await.is_err());
        assert_eq!(values.next().await, Some(Ok(1)));
        assert_eq!(asked.get(), 1, "the load that was under way was used");
    }

    /// asyncio: an async comprehension may await in its condition and in its result. Tokio: `filter_map`, one item
    /// after the other, too.
    #[tokio::test(start_paused = true)]
    async fn a_comprehension_with_awaits_is_a_filter_map() {
        let start = Instant::now();
        let even_tenfold = stream::iter(0..4).filter_map(async |number| {
            sleep(ms(10)).await;
            (number % 2 == 0).then_some(number * 10)
        });
        assert_eq!(even_tenfold.collect::<Vec<_>>().await, [0, 20]);
        assert_eq!(start.elapsed(), ms(40));
    }

    #[tokio::test(start_paused = true)]
    async fn of_nothing_it_ends_after_the_first_load() {
        let came = timed(changes(load(&[Ok(None)], &Count::default()), ms(90))).await;
        assert_eq!(came, []);
    }

    #[test]
    fn a_cancelled_next_loses_no_value() {
        let answers = [Ok(Some(1)), Ok(Some(1)), Ok(Some(2)), Ok(None)];
        sweep_loop(|| changes(load(&answers, &Count::default()), ms(90)), &[Ok(1), Ok(2)]);
    }
}

mod unfold {
    use super::*;
    use async_iterators::unfold::walk;

    /// A binary tree: the children of n are 2n and 2n + 1, up to 7. Asking takes 10 ms; `bad` cannot be asked.
    async fn children(node: u32, bad: u32) -> Result<Vec<u32>, String> {
        sleep(ms(10)).await;
        match node {
            _ if node == bad => Err(format!("{node} is locked")),
            1..4 => Ok(vec![2 * node, 2 * node + 1]),
            _ => Ok(vec![]),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nodes_come_level_by_level_each_after_its_children_are_known() {
        let came = timed(walk(1, async |node| children(*node, 0).await).map(Result::unwrap)).await;
        let every_10_ms: Vec<_> = (1..8).map(|node| (node, ms(10 * u64::from(node)))).collect();
        assert_eq!(came, every_10_ms);
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_comes_after_the_nodes_before_it_and_is_the_last_item() {
        let mut nodes = pin!(walk(1, async |node| children(*node, 3).await));
        assert_eq!(nodes.next().await, Some(Ok(1)));
        assert_eq!(nodes.next().await, Some(Ok(2)));
        assert_eq!(nodes.next().await, Some(Err("3 is locked".to_owned())));
        for _ in 0..3 {
            assert_eq!(nodes.next().now_or_never(), Some(None));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn polled_after_the_end_it_stays_at_the_end() {
        let mut nodes = pin!(walk(7, async |node| children(*node, 0).await));
        assert_eq!(nodes.next().await, Some(Ok(7)));
        for _ in 0..3 {
            assert_eq!(nodes.next().now_or_never(), Some(None));
        }
    }

    /// The hazard: `unfold`, the one without errors, panics there. `fuse` mends it.
    #[tokio::test]
    async fn but_unfold_panics_when_it_is_polled_after_its_end() {
        let one = || stream::unfold(1, async |left: u32| (left > 0).then(|| (left, left - 1)));
        let mut bare = Box::pin(one());
        assert_eq!((bare.next().await, bare.next().await), (Some(1), None));
        let again = std::panic::AssertUnwindSafe(bare.next()).catch_unwind().await;
        let message = again.unwrap_err();
        let message = message.downcast_ref::<&str>().copied().unwrap();
        assert_eq!(message, "Unfold must not be polled after it returned `Poll::Ready(None)`");

        let mut fused = Box::pin(one().fuse());
        assert_eq!((fused.next().await, fused.next().await, fused.next().await), (Some(1), None, None));
    }

    /// Nodes that wait are in memory, those that were given out are not.
    #[tokio::test]
    async fn a_chain_of_a_million_nodes_keeps_two_of_them_in_memory() {
        let nodes = Gauge::default();
        let root = (1_000_000_u32, nodes.one());
        let walked = walk(root, async |(left, _)| {
            Ok::<_, ()>(
                left.checked_sub(1)
                    .filter(|left| *left > 0)
                    .map(|left| (left, nodes.one()))
                    .into_iter()
                    .collect(),
            )
        });
        assert_eq!(walked.fold(0, async |count, _node| count + 1).await, 1_000_000);
        assert_eq!((nodes.most(), nodes.now()), (2, 0));
    }

    /// An async closure may borrow, and its stream still moves to another thread.
    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn it_may_run_on_another_thread() {
        let walked = walk(7, async |_: &u32| Ok::<_, ()>(vec![]));
        assert_eq!(tokio::spawn(walked.collect::<Vec<_>>()).await.unwrap(), [Ok(7)]);
    }

    #[test]
    fn a_cancelled_next_loses_no_node() {
        sweep_loop(|| walk(2, async |node| children(*node, 0).await), &[Ok(2), Ok(4), Ok(5)]);
    }
}

mod pages {
    use super::*;
    use async_iterators::pages::{Page, items, pages};
    use async_iterators::prefetch::prefetch;

    /// Pages 1 to 3 with two rows each, 100 ms a page; `missing` is the one that is not there.
    async fn fetch(page: u32, missing: u32, fetched: Log) -> Result<Page<u32, u32>, String> {
        fetched.add(page.to_string());
        sleep(ms(100)).await;
        if page == missing {
            return Err(format!("page {page} is missing"));
        }
        Ok(Page { items: vec![10 * page, 10 * page + 1], next: (page < 3).then_some(page + 1) })
    }

    /// asyncio and Tokio: items come until the end, and the source is opened once.
    #[tokio::test(start_paused = true)]
    async fn the_items_of_all_pages_come_in_order_and_each_page_is_fetched_once() {
        let fetched = Log::default();
        let rows = items(pages(1, |page| fetch(page, 0, fetched.clone())));
        assert_eq!(rows.try_collect::<Vec<_>>().await.unwrap(), [10, 11, 20, 21, 30, 31]);
        assert_eq!(fetched.take(), ["1", "2", "3"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_is_fetched_when_its_first_item_is_asked_for() {
        let fetched = Log::default();
        let mut rows = pin!(items(pages(1, |page| fetch(page, 0, fetched.clone()))));
        sleep(ms(1_000)).await;
        assert!(fetched.take().is_empty());
        assert_eq!((rows.next().await, rows.next().await), (Some(Ok(10)), Some(Ok(11))));
        sleep(ms(1_000)).await;
        assert_eq!(fetched.take(), ["1"]);
    }

    /// asyncio and Tokio: every item before the error, the error once, the end. Read ahead or not.
    #[tokio::test(start_paused = true)]
    async fn an_error_in_the_middle_comes_after_the_items_before_it_and_then_the_end() {
        let mut plain = pin!(items(pages(1, |page| fetch(page, 2, Log::default()))));
        let mut ahead = pin!(items(prefetch(pages(1, |page| fetch(page, 2, Log::default())), limit(5))));
        sleep(ms(1_000)).await; // the one that is ahead has met the error by now
        for rows in [&mut plain as &mut (dyn Stream<Item = _> + Unpin), &mut ahead] {
            assert_eq!((rows.next().await, rows.next().await), (Some(Ok(10)), Some(Ok(11))));
            assert_eq!(rows.next().await, Some(Err("page 2 is missing".to_owned())));
            for _ in 0..3 {
                assert_eq!(rows.next().now_or_never(), Some(None));
            }
        }
    }

    #[tokio::test]
    async fn empty_pages_are_passed_over_and_of_nothing_there_is_an_end() {
        let sizes = [0, 2, 0, 0, 1, 0];
        let rows = items(pages(0, async |page: usize| {
            Ok::<_, ()>(Page {
                items: vec![page; sizes[page]],
                next: Some(page + 1).filter(|next| *next < 6),
            })
        }));
        assert_eq!(rows.try_collect::<Vec<_>>().await, Ok(vec![1, 1, 4]));

        let rows = items(pages(0, async |_| Ok::<_, ()>(Page { items: Vec::<u8>::new(), next: None })));
        assert_eq!(rows.try_collect::<Vec<_>>().await, Ok(vec![]));
    }

    /// One page is handled, one is ready, and no third one is in memory.
    #[tokio::test]
    async fn of_a_million_items_two_pages_are_in_memory() {
        let pages_alive = Gauge::default();
        let gauge = pages_alive.clone();
        let pages = pages(0, move |page: u32| {
            // All items of a page share its place in the gauge.
            let alive = Arc::new(gauge.one());
            let items = (0..1_000).map(|row| (page * 1_000 + row, alive.clone())).collect();
            std::future::ready(Ok::<_, ()>(Page { items, next: (page < 999).then_some(page + 1) }))
        });
        let rows = items(prefetch(pages, limit(1)));
        let sum = rows.try_fold(0_u64, async |sum, (row, _alive)| {
            if row % 1_000 == 0 {
                tokio::task::yield_now().await; // the task that is ahead runs meanwhile
            }
            Ok(sum + u64::from(row))
        });
        let sum = sum.await;
        assert_eq!(sum, Ok(499_999_500_000));
        assert_eq!((pages_alive.most(), pages_alive.now()), (2, 0));
    }

    #[test]
    fn a_cancelled_next_loses_no_item() {
        let all = [10, 11, 20, 21, 30, 31].map(Ok);
        sweep_loop(|| items(pages(1, |page| fetch(page, 0, Log::default()))), &all);
        sweep_loop(|| items(prefetch(pages(1, |page| fetch(page, 0, Log::default())), limit(1))), &all);
    }
}

mod prefetch {
    use super::*;
    use async_iterators::prefetch::prefetch;

    /// The numbers from 1 on, 100 ms each; `made` counts the ones begun.
    fn numbers(made: &Count) -> impl Stream<Item = usize> + Send + use<> {
        let made = made.clone();
        stream::iter(1..).then(move |number| {
            made.add();
            async move {
                sleep(ms(100)).await;
                number
            }
        })
    }

    /// asyncio: a task that fills a queue of one. 100 ms to make an item and 100 ms to handle it take 100 ms together.
    #[tokio::test(start_paused = true)]
    async fn the_next_item_is_made_while_this_one_is_handled() {
        let start = Instant::now();
        let mut ahead = pin!(prefetch(numbers(&Count::default()), limit(1)).take(3));
        while ahead.next().await.is_some() {
            sleep(ms(100)).await;
        }
        assert_eq!(start.elapsed(), ms(400));

        let start = Instant::now();
        let mut plain = pin!(numbers(&Count::default()).take(3));
        while plain.next().await.is_some() {
            sleep(ms(100)).await;
        }
        assert_eq!(start.elapsed(), ms(600));
    }

    /// The limit counts what is made or being made and not yet taken.
    #[tokio::test(start_paused = true)]
    async fn no_item_is_made_past_the_limit() {
        for ahead in [1, 2, 5] {
            let made = Count::default();
            let mut numbers = pin!(prefetch(numbers(&made), limit(ahead)));
            sleep(ms(10_000)).await;
            assert_eq!(made.get(), ahead);
            for taken in 1..=3 {
                assert_eq!(numbers.next().await, Some(taken));
                sleep(ms(10_000)).await;
                assert_eq!(made.get(), taken + ahead);
            }
        }
    }

    /// The hazard: an item that is made before there is a place for it. asyncio's `await queue.put(item)` too.
    #[tokio::test(start_paused = true)]
    async fn but_an_item_made_before_it_has_a_place_is_one_too_many() {
        let made = Count::default();
        let mut source = Box::pin(numbers(&made));
        let (sender, _receiver) = tokio::sync::mpsc::channel(1);
        let task = tokio::spawn(async move {
            while let Some(item) = source.next().await {
                if sender.send(item).await.is_err() {
                    break;
                }
            }
        });
        sleep(ms(10_000)).await;
        assert_eq!(made.get(), 2);
        task.abort();
    }

    /// asyncio: a task starts by itself, too. The stream alone would wait for the first `next()`.
    #[tokio::test(start_paused = true)]
    async fn it_starts_at_the_call() {
        let made = Count::default();
        let _ahead = prefetch(numbers(&made), limit(1));
        settle().await;
        assert_eq!(made.get(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_comes_after_the_items_before_it_and_then_the_end() {
        let numbers = stream::iter(1..).map(|number| if number == 3 { panic!("three") } else { number });
        let mut ahead = prefetch(numbers, limit(5));
        settle().await;
        assert_eq!((ahead.next().await, ahead.next().await), (Some(1), Some(2)));
        let panic = std::panic::AssertUnwindSafe(ahead.next()).catch_unwind().await.unwrap_err();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"three"));
        for _ in 0..3 {
            assert_eq!(ahead.next().now_or_never(), Some(None));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn dropping_it_drops_the_stream_and_the_items_that_wait() {
        let (sources, waiting) = (Gauge::default(), Gauge::default());
        let (source, gauge) = (sources.one(), waiting.clone());
        let items = stream::iter(0..).map(move |_| (&source, gauge.one()).1);
        let mut ahead = prefetch(items, limit(3));
        let first = ahead.next().await;
        settle().await;
        assert_eq!((sources.now(), waiting.now()), (1, 4));
        drop(ahead);
        settle().await;
        assert_eq!((sources.now(), waiting.now(), alive_tasks()), (0, 1, 0), "all but the one taken");
        drop(first);
    }

    #[tokio::test]
    async fn polled_after_the_end_it_stays_at_the_end_and_of_nothing_it_ends() {
        let mut ahead = prefetch(stream::iter(1..3), NonZeroUsize::MAX);
        assert_eq!((ahead.next().await, ahead.next().await), (Some(1), Some(2)));
        for _ in 0..3 {
            assert_eq!(ahead.next().await, None);
        }
        assert_eq!(prefetch(stream::empty::<()>(), limit(1)).next().await, None);
    }

    #[tokio::test]
    async fn of_a_million_items_no_more_than_the_limit_and_one_in_hand_are_in_memory() {
        let alive = Gauge::default();
        let gauge = alive.clone();
        let numbers = stream::iter(0..1_000_000_u64).map(move |number| (number, gauge.one()));
        let mut numbers = prefetch(numbers, limit(100));
        let mut sum = 0;
        while let Some((number, _alive)) = numbers.next().await {
            sum += number;
            if number % 1_000 == 0 {
                tokio::task::yield_now().await; // the task that is ahead runs meanwhile
            }
        }
        assert_eq!(sum, 499_999_500_000);
        assert_eq!((alive.most(), alive.now()), (101, 0));
    }

    #[test]
    fn a_cancelled_next_loses_no_item() {
        for ahead in [1, 2] {
            sweep_loop(move || prefetch(numbers(&Count::default()).take(4), limit(ahead)), &[1, 2, 3, 4]);
        }
    }

    /// Source and consumer on threads of their own, each now and then making way for the other.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn on_many_threads_each_item_comes_once_in_order_and_none_past_the_limit() {
        for round in 0..ROUNDS {
            let mut random = fastrand::Rng::with_seed(round);
            let (ahead, length, leave_at) = (random.usize(1..=4), random.usize(0..60), random.usize(0..80));
            let (asked, alive) = (Count::default(), Gauge::default());
            let source = {
                let (asked, mut random, one) = (asked.clone(), random.fork(), alive.one());
                stream::iter(0..length).then(move |number| {
                    let _held = &one;
                    // The one that is asked for now may be taken already, but not counted yet.
                    assert!(number < asked.get() + ahead, "{number} is past the limit of round {round}");
                    pause(&mut random).map(move |()| number)
                })
            };
            let mut numbers = prefetch(source, limit(ahead));
            let consumer = tokio::spawn(async move {
                for taken in 0.. {
                    if taken == leave_at {
                        return taken;
                    }
                    asked.add();
                    match numbers.next().await {
                        Some(number) => assert_eq!(number, taken),
                        None => return taken,
                    }
                    pause(&mut random).await;
                }
                unreachable!("no round is endless")
            });
            assert_eq!(consumer.await.unwrap(), length.min(leave_at), "round {round}");
            until(|| alive.now() == 0).await;
        }
    }
}

mod consume {
    use super::*;
    use async_iterators::consume::{in_order, out_of_order};

    /// Takes `millis`; fails or panics if the name says so.
    async fn work((name, millis): (&'static str, u64)) -> Result<&'static str, String> {
        sleep(ms(millis)).await;
        match name {
            "panics" => panic!("{name} after {millis}"),
            "bad" => Err(format!("{name} after {millis}")),
            _ => Ok(name),
        }
    }

    const SIX: [(&str, u64); 6] = [("a", 350), ("b", 100), ("c", 200), ("d", 200), ("e", 200), ("f", 150)];

    /// asyncio and Tokio: `async for` asks for the next item when its body is done, so the source has its pace.
    #[tokio::test(start_paused = true)]
    async fn a_plain_loop_slows_the_source_down_to_its_own_pace() {
        let made = Count::default();
        let mut numbers = pin!(stream::iter(1..).inspect(|_| made.add()));
        while let Some(number) = numbers.next().await {
            sleep(ms(100)).await;
            assert_eq!(made.get(), number);
            if number == 5 {
                break;
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn in_order_the_results_come_in_the_order_of_the_items() {
        let came = timed(in_order(stream::iter(SIX), limit(3), work)).await;
        let came: Vec<_> = came.into_iter().map(|(name, at)| (name.unwrap(), at.as_millis())).collect();
        assert_eq!(came, [("a", 350), ("b", 350), ("c", 350), ("d", 550), ("e", 550), ("f", 550)]);
    }

    #[tokio::test(start_paused = true)]
    async fn out_of_order_each_result_comes_when_it_is_there() {
        let came = timed(out_of_order(stream::iter(SIX), limit(3), work)).await;
        let came: Vec<_> = came.into_iter().map(|(name, at)| (name.unwrap(), at.as_millis())).collect();
        assert_eq!(came, [("b", 100), ("c", 200), ("d", 300), ("a", 350), ("e", 400), ("f", 450)]);
    }

    /// A result that waits for an earlier one takes room, and so does one that nobody has asked for.
    #[tokio::test(start_paused = true)]
    async fn an_item_is_taken_only_when_there_is_room() {
        for at_most in [1, 2, 3, 7] {
            for ordered in [true, false] {
                let (taken, running) = (Count::default(), Gauge::default());
                let source = stream::iter(0..20_u64).inspect(|_| taken.add());
                let work = |number| {
                    let one = running.one();
                    async move {
                        let _running = one;
                        sleep(ms(100 * (number % 3))).await;
                        Ok::<_, ()>(number)
                    }
                };
                let results = if ordered {
                    in_order(source, limit(at_most), work).left_stream()
                } else {
                    out_of_order(source, limit(at_most), work).right_stream()
                };
                let mut results = pin!(results);
                let mut given = 0;
                while results.next().await.is_some() {
                    // What is in hand counts until the next is asked for.
                    assert!(taken.get() <= given + at_most, "{} taken, {given} given", taken.get());
                    given += 1;
                    sleep(ms(1_000)).await;
                    assert_eq!(running.now(), 0, "all that was started has ended meanwhile");
                    assert!(taken.get() < given + at_most, "and nothing new was started");
                }
                assert_eq!((given, running.most()), (20, at_most));
            }
        }
    }

    const HUNG_UP: Result<u32, &str> = Err("the server has hung up");

    /// The server hangs up when it has not heard of its client for 100 ms; a request speaks every 60 ms.
    async fn request(number: u32) -> Result<u32, &'static str> {
        for _ in 0..2 {
            let asked = Instant::now();
            sleep(ms(60)).await;
            if asked.elapsed() > ms(100) {
                return HUNG_UP;
            }
        }
        Ok(number)
    }

    #[tokio::test(start_paused = true)]
    async fn the_work_goes_on_while_the_consumer_is_busy() {
        let mut results = pin!(in_order(stream::iter(1..=4), limit(2), request));
        while let Some(result) = results.next().await {
            result.expect("no server had to wait");
            sleep(ms(300)).await;
        }
    }

    /// The hazard: the work of `buffered` is polled by the consumer's `next()` and stands still while it does
    /// something else. Here a server takes that for a dead client.
    #[tokio::test(start_paused = true)]
    async fn but_that_of_buffered_stands_still() {
        let mut results = pin!(stream::iter(1..=4).map(request).buffered(2));
        let mut came = Vec::new();
        while let Some(result) = results.next().await {
            came.push(result);
            sleep(ms(300)).await;
        }
        assert_eq!(came, [Ok(1), HUNG_UP, Ok(3), HUNG_UP]);
    }

    /// asyncio: a `TaskGroup` ends at the first error in time too, and waits until the rest has ended.
    #[tokio::test(start_paused = true)]
    async fn the_first_error_in_time_ends_it_when_the_rest_has_ended() {
        let running = Gauge::default();
        let source = || stream::iter([("slow", 500), ("quick", 100), ("bad", 200), ("late", 10)]);
        let work = |item| {
            let one = running.one();
            async move {
                let _running = one;
                work(item).await
            }
        };
        let error = || Err("bad after 200".to_owned());

        let start = Instant::now();
        let mut results = pin!(in_order(source(), limit(3), work));
        assert_eq!(results.next().await, Some(error()), "quick waited for slow, and is dropped with it");
        assert_eq!((start.elapsed(), running.now()), (ms(200), 0));
        assert_eq!((results.next().await, results.next().await), (None, None));

        let start = Instant::now();
        let mut results = pin!(out_of_order(source(), limit(3), work));
        assert_eq!(results.next().await, Some(Ok("quick")));
        assert_eq!(results.next().await, Some(Ok("late")));
        assert_eq!(results.next().await, Some(error()));
        assert_eq!((start.elapsed(), running.now()), (ms(200), 0));
        assert_eq!((results.next().await, results.next().await), (None, None));
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_of_the_source_ends_it_too() {
        let source = stream::iter([Ok(("a", 500)), Err("no more files".to_owned()), Ok(("b", 100))]);
        let mut results = pin!(out_of_order(source, limit(2), async |file| work(file?).await));
        assert_eq!(results.next().await, Some(Err("no more files".to_owned())));
        assert_eq!(results.next().await, None);
        assert_eq!(alive_tasks(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_goes_on_in_the_consumer_and_aborts_the_rest() {
        let source = || stream::iter([("a", 500), ("panics", 100)]);
        for ordered in [true, false] {
            let results = if ordered {
                in_order(source(), limit(2), work).boxed()
            } else {
                out_of_order(source(), limit(2), work).boxed()
            };
            let panic =
                std::panic::AssertUnwindSafe(results.collect::<Vec<_>>()).catch_unwind().await.unwrap_err();
            assert_eq!(panic.downcast_ref::<String>().unwrap(), "panics after 100");
            settle().await;
            assert_eq!(alive_tasks(), 0);
        }
    }

    /// asyncio: tasks of a generator that is left run on, unless its `finally` cancels them.
    #[tokio::test(start_paused = true)]
    async fn a_break_drops_the_source_and_aborts_the_work() {
        let (sources, running) = (Gauge::default(), Gauge::default());
        let held = sources.one();
        let source = stream::iter(1..).map(move |number| (&held, number).1);
        let gauge = running.clone();
        let mut results = Box::pin(out_of_order(source, limit(3), move |number: u64| {
            let one = gauge.one();
            async move {
                let _running = one;
                sleep(ms(100 * number)).await;
                Ok::<_, ()>(number)
            }
        }));
        assert_eq!(results.next().await, Some(Ok(1)));
        drop(results);
        settle().await;
        assert_eq!((sources.now(), running.now(), alive_tasks()), (0, 0, 0));
    }

    #[tokio::test]
    async fn of_nothing_it_ends_and_stays_at_the_end() {
        let mut results = pin!(in_order(stream::empty(), limit(3), work));
        assert_eq!((results.next().await, results.next().await), (None, None));
        let mut results = pin!(out_of_order(stream::empty(), limit(3), work));
        assert_eq!((results.next().await, results.next().await), (None, None));
    }

    /// Zero is no value of the type. The hazard: `buffered(0)` waits for ever, `for_each_concurrent(0)` has no limit.
    #[tokio::test(start_paused = true)]
    async fn a_limit_of_zero_cannot_be_given_and_elsewhere_it_means_never_or_always() {
        assert_eq!(NonZeroUsize::new(0), None);
        let mut buffered = stream::iter(1..=4).map(request).buffered(0);
        assert!(timeout(Duration::from_secs(86_400), buffered.next()).await.is_err());

        let running = Gauge::default();
        let each = stream::iter(0..100).for_each_concurrent(0, async |_| {
            let _running = running.one();
            sleep(ms(10)).await;
        });
        each.await;
        assert_eq!(running.most(), 100);
    }

    #[tokio::test]
    async fn of_a_hundred_thousand_items_no_more_than_the_limit_are_in_memory() {
        for ordered in [true, false] {
            let alive = Gauge::default();
            let source = stream::iter(0..100_000_u64).map(|number| (number, alive.one()));
            let work = async |item| Ok::<_, ()>(item);
            let results = if ordered {
                in_order(source, limit(100), work).left_stream()
            } else {
                out_of_order(source, limit(100), work).right_stream()
            };
            let sum = results.try_fold(0, async |sum, (number, _alive)| Ok(sum + number)).await;
            assert_eq!(sum, Ok(4_999_950_000));
            assert_eq!((alive.most(), alive.now()), (100, 0));
        }
    }

    #[test]
    fn a_cancelled_next_loses_no_result() {
        let source = || stream::iter([("a", 300), ("b", 100), ("c", 250), ("d", 100)]);
        sweep_loop(move || in_order(source(), limit(2), work), &["a", "b", "c", "d"].map(|name| Ok(name)));
        sweep_loop(
            move || out_of_order(source(), limit(2), work),
            &["b", "a", "c", "d"].map(|name| Ok(name)),
        );
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn on_many_threads_each_result_comes_once_and_nothing_is_left_behind() {
        for round in 0..ROUNDS {
            let mut random = fastrand::Rng::with_seed(round);
            let (at_most, length, leave_at) = (random.usize(1..=5), random.usize(0..40), random.usize(0..60));
            let ordered = random.bool();
            let running = Gauge::default();
            let (gauge, mut seeds) = (running.clone(), random.fork());
            let work = move |number: usize| {
                let (one, mut random) = (gauge.one(), seeds.fork());
                async move {
                    let _running = one;
                    pause(&mut random).await;
                    Ok::<_, ()>(number)
                }
            };
            let results = if ordered {
                in_order(stream::iter(0..length), limit(at_most), work).boxed()
            } else {
                out_of_order(stream::iter(0..length), limit(at_most), work).boxed()
            };
            let given: Vec<_> = results.take(leave_at).map(Result::unwrap).collect().await;
            assert_eq!(given.len(), length.min(leave_at), "round {round}");
            let mut sorted = given.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), given.len(), "none came twice in round {round}");
            assert!(!ordered || given == sorted, "round {round}");
            assert!(running.most() <= at_most, "round {round}");
            until(|| running.now() == 0).await;
        }
    }
}

mod demo {
    use async_iterators::demo;
    use expect_test::expect_file;

    #[test]
    fn prints_the_transcript_and_draws_the_picture() {
        let rehearsal = common::rehearse(demo::run());
        rehearsal.output.expect("the demo succeeds");
        expect_file!["../recipes/async_iterators/transcript.txt"].assert_eq(&rehearsal.transcript);
        expect_file!["../recipes/async_iterators/timeline.svg"]
            .assert_eq(&rehearsal.timeline.svg("async_iterators"));
    }
}
