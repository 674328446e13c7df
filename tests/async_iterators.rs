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
    fn load<const N: usize>(
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

    #[tokio::test(start_paused = true)]
    async fn a_value_is_given_when_it_differs_from_the_one_before() {
        let asked = Count::default();
        let load = load([Ok(Some(1)), Ok(Some(1)), Ok(Some(2)), Ok(Some(1)), Ok(None)], &asked);
        let came = timed(changes(load, ms(90))).await;
        assert_eq!(came, [(Ok(1), ms(10)), (Ok(2), ms(210)), (Ok(1), ms(310))]);
        assert_eq!(asked.get(), 5);
    }

    /// asyncio: a generator that raises has given the items before, and is over. Tokio: `try_stream!` the same.
    #[tokio::test(start_paused = true)]
    async fn an_error_comes_after_the_values_before_it_and_is_the_last_item() {
        let load = load([Ok(Some(1)), Err("down".to_owned()), Ok(Some(2))], &Count::default());
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
        let load = load([Ok(Some(1)), Ok(Some(2)), Ok(None)], &asked);
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
        let load = load([Ok(Some(1)), Ok(None)], &asked);
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
        let came = timed(changes(load([Ok(None)], &Count::default()), ms(90))).await;
        assert_eq!(came, []);
    }

    #[test]
    fn a_cancelled_next_loses_no_value() {
        let answers = [Ok(Some(1)), Ok(Some(1)), Ok(Some(2)), Ok(None)];
        sweep_loop(|| changes(load(answers.clone(), &Count::default()), ms(90)), &[Ok(1), Ok(2)]);
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

    /// The task waits for an item that never comes: only an abort ends it.
    #[tokio::test(start_paused = true)]
    async fn dropping_it_drops_a_stream_that_waits() {
        let sources = Gauge::default();
        let source = sources.one();
        let ahead = prefetch(stream::pending::<()>().map(move |()| (&source, ()).1), limit(1));
        settle().await;
        drop(ahead);
        settle().await;
        assert_eq!((sources.now(), alive_tasks()), (0, 0));
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
    async fn of_two_hundred_thousand_items_no_more_than_the_limit_and_one_in_hand_are_in_memory() {
        let alive = Gauge::default();
        let gauge = alive.clone();
        let numbers = stream::iter(0..200_000_u64).map(move |number| (number, gauge.one()));
        let mut numbers = prefetch(numbers, limit(100));
        let mut sum = 0;
        while let Some((number, _alive)) = numbers.next().await {
            sum += number;
            if number % 1_000 == 0 {
                tokio::task::yield_now().await; // the task that is ahead runs meanwhile
            }
        }
        assert_eq!(sum, 19_999_900_000);
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

    /// A source may panic when it is polled after its end, as `unfold` does. It is not.
    #[tokio::test(start_paused = true)]
    async fn a_source_that_has_ended_is_not_asked_again() {
        let two = || stream::unfold(0, async |sent| (sent < 2).then_some((("a", 100 * sent), sent + 1)));
        let results: Vec<_> = in_order(two(), limit(3), work).collect().await;
        assert_eq!(results, [Ok("a"), Ok("a")]);
        let results: Vec<_> = out_of_order(two(), limit(3), work).collect().await;
        assert_eq!(results, [Ok("a"), Ok("a")]);
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
    async fn of_twenty_thousand_items_no_more_than_the_limit_are_in_memory() {
        for ordered in [true, false] {
            let alive = Gauge::default();
            let source = stream::iter(0..20_000_u64).map(|number| (number, alive.one()));
            let work = async |item| Ok::<_, ()>(item);
            let results = if ordered {
                in_order(source, limit(100), work).left_stream()
            } else {
                out_of_order(source, limit(100), work).right_stream()
            };
            let sum = results.try_fold(0, async |sum, (number, _alive)| Ok(sum + number)).await;
            assert_eq!(sum, Ok(199_990_000));
            assert_eq!((alive.most(), alive.now()), (100, 0));
        }
    }

    #[test]
    fn a_cancelled_next_loses_no_result() {
        let source = || stream::iter([("a", 300), ("b", 100), ("c", 250), ("d", 100)]);
        sweep_loop(move || in_order(source(), limit(2), work), &["a", "b", "c", "d"].map(Ok));
        sweep_loop(move || out_of_order(source(), limit(2), work), &["b", "a", "c", "d"].map(Ok));
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

mod break_early {
    use super::*;
    use async_iterators::break_early::{first_match, holding};
    use tokio::sync::Semaphore;

    /// Numbers from 1 on that hold the semaphore's permit.
    fn numbers(limit: &Semaphore) -> impl Stream<Item = u32> + Unpin {
        holding(limit.try_acquire().expect("the permit is free"), stream::iter(1..))
    }

    /// asyncio: a generator that is left is closed when it is collected. Tokio: dropped when its owner is left.
    #[tokio::test]
    async fn by_value_the_stream_is_dropped_when_the_loop_is_left() {
        let limit = Semaphore::new(1);
        assert_eq!(first_match(numbers(&limit), |number| number % 7 == 0).await, Some(7));
        assert_eq!(limit.available_permits(), 1);
    }

    /// asyncio: two loops over one iterator read on behind each other, too.
    #[tokio::test]
    async fn lent_it_goes_on_behind_the_item_where_the_loop_was_left() {
        let limit = Semaphore::new(1);
        let mut numbers = numbers(&limit);
        assert_eq!(first_match(&mut numbers, |number| number % 7 == 0).await, Some(7));
        assert_eq!(limit.available_permits(), 0);
        assert_eq!(first_match(&mut numbers, |_| true).await, Some(8));
    }

    /// The hazard: a `break` leaves the loop, not the scope of the stream. What it holds is held until that ends.
    #[tokio::test]
    async fn but_a_break_alone_releases_nothing() {
        let limit = Semaphore::new(1);
        let mut numbers = numbers(&limit);
        while let Some(number) = numbers.next().await {
            if number == 3 {
                break;
            }
        }
        assert_eq!(limit.available_permits(), 0);
        drop(numbers);
        assert_eq!(limit.available_permits(), 1);
    }

    /// asyncio: the consumer's exception closes the generator if `aclosing` is around it. Tokio: `?` drops it.
    #[tokio::test]
    async fn an_error_of_the_consumer_releases_at_once_what_the_stream_holds() {
        async fn consume(numbers: impl Stream<Item = u32> + Unpin) -> Result<(), String> {
            let mut numbers = numbers;
            while let Some(number) = numbers.next().await {
                (number < 3).then_some(()).ok_or("three is too much")?;
            }
            Ok(())
        }
        let limit = Semaphore::new(1);
        assert_eq!(consume(numbers(&limit)).await, Err("three is too much".to_owned()));
        assert_eq!(limit.available_permits(), 1);
    }

    /// asyncio: the `finally` of a generator that is left runs, later and on its own. Tokio: code behind the `yield`
    /// never runs. Variables are dropped, at once.
    #[tokio::test(start_paused = true)]
    async fn code_behind_the_yield_never_runs_and_variables_are_dropped_at_once() {
        let log = Log::default();
        let (inner, dropped) = (log.clone(), Count::default());
        let guard = dropped.on_drop();
        let mut numbers = Box::pin(async_stream::stream! {
            let _guard = guard;
            inner.add("before");
            yield 1;
            inner.add("behind");
        });
        assert_eq!(numbers.next().await, Some(1));
        drop(numbers);
        assert_eq!(dropped.get(), 1);
        settle().await;
        assert_eq!(log.take(), ["before"]);
    }

    /// A stream that has ended is often dropped much later. What it holds is free at its end.
    #[tokio::test]
    async fn at_the_end_the_guard_is_released_though_the_stream_is_still_there() {
        let limit = Semaphore::new(1);
        let mut numbers = holding(limit.try_acquire().unwrap(), stream::iter([1]));
        assert_eq!((numbers.next().await, limit.available_permits()), (Some(1), 0));
        assert_eq!((numbers.next().await, limit.available_permits()), (None, 1));
        for _ in 0..3 {
            assert_eq!(numbers.next().await, None);
        }
    }

    struct Told(Log, &'static str);

    impl Drop for Told {
        fn drop(&mut self) {
            self.0.add(self.1);
        }
    }

    /// asyncio: what was entered last is left first. Here the rows go before the connection they are read from.
    #[tokio::test]
    async fn the_stream_goes_before_the_guard_at_the_end_early_and_never_started() {
        let log = Log::default();
        let rows = || {
            let rows = Told(log.clone(), "rows");
            stream::iter(0..2).map(move |number| (&rows, number).1)
        };
        for asked in 0..4 {
            let mut numbers = holding(Told(log.clone(), "connection"), rows());
            for _ in 0..asked {
                numbers.next().await;
            }
            drop(numbers);
            assert_eq!(log.take(), ["rows", "connection"], "asked {asked} times");
        }
    }

    #[tokio::test]
    async fn of_nothing_there_is_no_match() {
        assert_eq!(first_match(stream::empty::<u32>(), |_| true).await, None);
    }

    #[test]
    fn a_cancelled_search_holds_no_permit_and_a_lent_stream_loses_no_item() {
        let swept = cancel_sweep::sweep_with(
            || {
                let limit: &Semaphore = Box::leak(Box::new(Semaphore::new(1)));
                let slowly = numbers(limit).then(async |number| {
                    sleep(ms(10)).await;
                    number
                });
                (limit, first_match(slowly, |number| *number == 3))
            },
            |limit, _| assert_eq!(limit.available_permits(), 1, "the permit is back"),
        );
        assert_eq!(swept.points, 3);
        let slowly = || {
            stream::iter(1..4).then(async |number| {
                sleep(ms(10)).await;
                number
            })
        };
        sweep_loop(move || holding((), slowly()), &[1, 2, 3]);
    }
}

mod closable {
    use super::*;
    use async_iterators::closable::{Closable, closable};
    use tokio_util::task::TaskTracker;

    #[derive(Clone, Copy, Debug, PartialEq)]
    enum End {
        Returns,
        Fails,
        Panics,
        Never,
    }

    /// Rows 1 and 2 of a table, 100 ms each, then the end. The clean-up takes 50 ms.
    fn rows(tracker: &TaskTracker, log: &Log, end: End) -> Closable<u32, String> {
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

    async fn two_rows(rows: &mut Closable<u32, String>) {
        assert_eq!((rows.next().await, rows.next().await), (Some(Ok(1)), Some(Ok(2))));
    }

    /// asyncio: so a `finally` with an `await` in it. The loop ends when the clean-up has.
    #[tokio::test(start_paused = true)]
    async fn at_the_end_the_clean_up_has_run_when_the_loop_ends() {
        let (tracker, log) = (TaskTracker::new(), Log::default());
        let start = Instant::now();
        let mut rows = rows(&tracker, &log, End::Returns);
        two_rows(&mut rows).await;
        for _ in 0..3 {
            assert_eq!(rows.next().await, None);
            assert_eq!(start.elapsed(), ms(350));
        }
        drop(rows);
        settle().await;
        assert_eq!(log.take(), ["read 1", "read 2", "read 3", "closing", "closed"]);
    }

    /// asyncio: the exception comes when the `finally` is done.
    #[tokio::test(start_paused = true)]
    async fn an_error_comes_after_the_items_before_it_and_after_the_clean_up() {
        let (tracker, log) = (TaskTracker::new(), Log::default());
        let start = Instant::now();
        let mut rows = rows(&tracker, &log, End::Fails);
        two_rows(&mut rows).await;
        assert_eq!(rows.next().await, Some(Err("row 3 is locked".to_owned())));
        assert_eq!(start.elapsed(), ms(350));
        assert_eq!((rows.next().await, rows.next().await), (None, None));
        assert_eq!(rows.close().await, Ok(()), "the error has been told");
        assert_eq!(log.take(), ["read 1", "read 2", "read 3", "closing", "closed"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_of_the_body_goes_on_after_the_clean_up() {
        let (tracker, log) = (TaskTracker::new(), Log::default());
        let mut rows = rows(&tracker, &log, End::Panics);
        two_rows(&mut rows).await;
        let panic = std::panic::AssertUnwindSafe(rows.next()).catch_unwind().await.unwrap_err();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"row 3"));
        assert_eq!(log.take(), ["read 1", "read 2", "read 3", "closing", "closed"]);
        assert_eq!((rows.next().await, rows.next().await), (None, None));
    }

    /// asyncio: `aclose()` runs the `finally` and nothing after it. The `try` ends at its `yield`.
    #[tokio::test(start_paused = true)]
    async fn close_drops_the_body_at_its_yield_and_waits_for_the_clean_up() {
        let (tracker, log) = (TaskTracker::new(), Log::default());
        let mut rows = rows(&tracker, &log, End::Never);
        two_rows(&mut rows).await;
        let start = Instant::now();
        assert_eq!(rows.close().await, Ok(()));
        assert_eq!(start.elapsed(), ms(50));
        assert_eq!(log.take(), ["read 1", "read 2", "closing", "closed"]);
    }

    /// asyncio: the loop's hook starts the clean-up of a generator that was forgotten. Tokio: the drop does.
    #[tokio::test(start_paused = true)]
    async fn dropped_after_a_break_it_cleans_up_on_a_task_that_the_tracker_knows() {
        let (tracker, log) = (TaskTracker::new(), Log::default());
        let mut rows = rows(&tracker, &log, End::Never);
        two_rows(&mut rows).await;
        drop(rows);
        assert_eq!((log.take().len(), tracker.len()), (2, 1), "nothing has run yet");
        let start = Instant::now();
        tracker.close();
        tracker.wait().await;
        assert_eq!(start.elapsed(), ms(50));
        assert_eq!(log.take(), ["closing", "closed"]);
    }

    /// asyncio: cancelling an `anext` raises in the generator, whose `finally` runs on the cancelled task. Tokio: the
    /// body waits, and goes on at the next `next()`; dropped there, it cleans up as everywhere.
    #[tokio::test(start_paused = true)]
    async fn dropped_in_the_middle_of_a_next_it_cleans_up_all_the_same() {
        let (tracker, log) = (TaskTracker::new(), Log::default());
        let mut cancelled = rows(&tracker, &log, End::Never);
        assert!(timeout(ms(50), cancelled.next()).await.is_err());
        assert_eq!(cancelled.next().await, Some(Ok(1)), "a cancelled next has lost nothing");
        assert!(timeout(ms(50), cancelled.next()).await.is_err());
        drop(cancelled);

        let consumer = tokio::spawn(rows(&tracker, &log, End::Never).for_each(async |_| {}));
        sleep(ms(40)).await;
        consumer.abort();
        tracker.close();
        tracker.wait().await;
        assert_eq!(log.take(), ["read 1", "read 2", "closing", "read 1", "closing", "closed", "closed"]);
    }

    /// asyncio: a second cancellation interrupts the `finally`, and what comes after its `await` is lost.
    #[tokio::test(start_paused = true)]
    async fn a_second_cancellation_does_not_reach_the_clean_up() {
        let (tracker, log) = (TaskTracker::new(), Log::default());
        let mut closed = rows(&tracker, &log, End::Never);
        two_rows(&mut closed).await;
        assert!(timeout(ms(20), closed.close()).await.is_err());
        assert_eq!(log.take(), ["read 1", "read 2", "closing"]);
        tracker.close();
        tracker.wait().await;
        assert_eq!(log.take(), ["closed"]);

        // At the end of the body the clean-up runs inside `next()`, and moves to a task when that is dropped.
        let mut ended = rows(&tracker, &log, End::Returns);
        two_rows(&mut ended).await;
        assert!(timeout(ms(120), ended.next()).await.is_err());
        drop(ended);
        tracker.wait().await;
        assert_eq!(log.take(), ["read 1", "read 2", "read 3", "closing", "closed"]);
    }

    /// asyncio: the `finally` of a generator that was never started does not run, for its `try` was not entered.
    /// Here the resource is there from the beginning.
    #[tokio::test(start_paused = true)]
    async fn never_started_it_cleans_up_and_does_not_run_the_body() {
        let (tracker, log) = (TaskTracker::new(), Log::default());
        assert_eq!(rows(&tracker, &log, End::Never).close().await, Ok(()));
        drop(rows(&tracker, &log, End::Never));
        tracker.close();
        tracker.wait().await;
        assert_eq!(log.take(), ["closing", "closed", "closing", "closed"]);
    }

    /// asyncio and here: the code behind a `yield` runs when the next item is asked for, and not before.
    #[tokio::test(start_paused = true)]
    async fn the_body_runs_only_while_it_is_asked_for_the_next_item() {
        let (tracker, log) = (TaskTracker::new(), Log::default());
        let mut rows = rows(&tracker, &log, End::Never);
        sleep(ms(1_000)).await;
        assert!(log.take().is_empty());
        assert_eq!(rows.next().await, Some(Ok(1)));
        sleep(ms(1_000)).await;
        assert_eq!(log.take(), ["read 1"]);
    }

    fn fails(tracker: &TaskTracker, body: Result<(), &'static str>) -> Closable<(), &'static str> {
        closable(tracker, (), move |(), _| async move { body }.boxed(), async |()| Err("cannot close"))
    }

    /// asyncio: the exception of the `finally` comes, with that of the body as its context. Here the first cause.
    #[tokio::test]
    async fn an_error_of_the_clean_up_is_told_if_the_body_had_none() {
        let tracker = TaskTracker::new();
        let mut ended = fails(&tracker, Ok(()));
        assert_eq!((ended.next().await, ended.next().await), (Some(Err("cannot close")), None));
        let mut failed = fails(&tracker, Err("cannot read"));
        assert_eq!((failed.next().await, failed.next().await), (Some(Err("cannot read")), None));
        assert_eq!(fails(&tracker, Ok(())).close().await, Err("cannot close"));
    }

    /// A panic in the clean-up is no way to a second one.
    #[tokio::test]
    async fn a_panic_of_the_clean_up_goes_on_in_the_consumer_and_it_is_over() {
        let cleaned = Count::default();
        let panics = || {
            let cleaned = cleaned.clone();
            let clean_up = async move |()| {
                cleaned.add();
                panic!("cannot close")
            };
            closable::<_, (), (), _>(&TaskTracker::new(), (), |(), _| async { Ok(()) }.boxed(), clean_up)
        };
        let mut ended = panics();
        let panic = std::panic::AssertUnwindSafe(ended.next()).catch_unwind().await.unwrap_err();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"cannot close"));
        assert_eq!(ended.next().await, None);
        drop(ended);
        let panic = std::panic::AssertUnwindSafe(panics().close()).catch_unwind().await.unwrap_err();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"cannot close"));
        assert_eq!(cleaned.get(), 2);
    }

    /// A body that gives up on a slow consumer has given the item all the same.
    #[tokio::test(start_paused = true)]
    async fn an_item_whose_give_was_dropped_still_comes_before_the_end() {
        let mut impatient = closable(
            &TaskTracker::new(),
            (),
            |(), out| {
                Box::pin(async move {
                    let _given_up = out.give(1).now_or_never();
                    Err("gave up")
                })
            },
            async |()| Ok(()),
        );
        assert_eq!(impatient.next().await, Some(Ok(1)));
        assert_eq!(impatient.next().await, Some(Err("gave up")));
        assert_eq!(impatient.next().await, None);
    }

    /// asyncio: `asyncio.run` closes the generators that are left, and waits. The hazard: a runtime drops them.
    #[test]
    fn but_a_runtime_that_ends_drops_a_clean_up_unless_the_tracker_was_waited_for() {
        for waits in [true, false] {
            let log = Log::default();
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
            runtime.unwrap().block_on(async {
                let tracker = TaskTracker::new();
                two_rows(&mut rows(&tracker, &log, End::Never)).await;
                if waits {
                    tracker.close();
                    tracker.wait().await;
                }
            });
            let expected: &[_] =
                if waits { &["read 1", "read 2", "closing", "closed"] } else { &["read 1", "read 2"] };
            assert_eq!(log.take(), expected);
        }
    }

    /// A drop must not panic, wherever it happens.
    #[test]
    fn dropped_after_its_runtime_it_is_dropped_without_clean_up_and_without_panic() {
        let (log, tracker) = (Log::default(), TaskTracker::new());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let rows = runtime.block_on(async { rows(&tracker, &log, End::Never) });
        drop(runtime);
        drop(rows);
        assert!(log.take().is_empty());
        assert_eq!(tracker.len(), 0);
    }

    #[test]
    fn cancelled_anywhere_it_cleans_up_exactly_once() {
        for end in [End::Returns, End::Fails] {
            let swept = cancel_sweep::sweep_with(
                || {
                    let log = Log::default();
                    let mut rows = rows(&TaskTracker::new(), &log, end);
                    (log, async move { while rows.next().await.is_some() {} })
                },
                |log, _| {
                    let log = log.take();
                    assert_eq!(log[log.len() - 2..], ["closing", "closed"]);
                    assert_eq!(log.iter().filter(|entry| *entry == "closing").count(), 1);
                },
            );
            assert!(swept.points >= 4);
            sweep_loop(move || rows(&TaskTracker::new(), &Log::default(), end), &{
                let mut all = vec![Ok(1), Ok(2)];
                all.extend((end == End::Fails).then(|| Err("row 3 is locked".to_owned())));
                all
            });
        }
        let swept = cancel_sweep::sweep_with(
            || {
                let log = Log::default();
                let mut rows = rows(&TaskTracker::new(), &log, End::Never);
                (log, async move {
                    two_rows(&mut rows).await;
                    rows.close().await
                })
            },
            |log, _| {
                let log = log.take();
                assert_eq!(log[log.len() - 2..], ["closing", "closed"]);
                assert_eq!(log.iter().filter(|entry| *entry == "closing").count(), 1);
            },
        );
        assert!(swept.points >= 3);
    }

    /// Closed, dropped, aborted or read to its end, each on another thread than the one that made it.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn on_many_threads_each_clean_up_runs_exactly_once() {
        let (tracker, cleaned) = (TaskTracker::new(), Count::default());
        let mut alive = Vec::new();
        for round in 0..ROUNDS {
            let mut random = fastrand::Rng::with_seed(round);
            let (length, leave_at, way) = (random.usize(0..20), random.usize(0..30), random.u32(0..3));
            let (mut in_body, mut in_clean_up, cleaned) = (random.fork(), random.fork(), cleaned.clone());
            let mut numbers = closable(
                &tracker,
                0,
                move |given, out| {
                    Box::pin(async move {
                        while *given < length {
                            pause(&mut in_body).await;
                            out.give(*given).await;
                            *given += 1;
                        }
                        Ok::<_, usize>(())
                    })
                },
                async move |given| {
                    pause(&mut in_clean_up).await;
                    cleaned.add();
                    if given < length { Err(given) } else { Ok(()) }
                },
            );
            let consumer = tokio::spawn(async move {
                for taken in 0..leave_at {
                    match numbers.next().await {
                        Some(number) => assert_eq!(number, Ok(taken)),
                        None => {
                            assert_eq!(taken, length);
                            return;
                        }
                    }
                    pause(&mut random).await;
                }
                match way {
                    0 => drop(numbers),
                    1 => {
                        let closed = numbers.close().await;
                        // The last number taken counts when the next is asked for.
                        let given = leave_at.saturating_sub(1);
                        assert_eq!(closed, if given < length { Err(given) } else { Ok(()) });
                    }
                    _ => std::future::pending().await,
                }
            });
            pause(&mut fastrand::Rng::with_seed(round)).await;
            if way == 2 {
                consumer.abort();
            }
            alive.push(consumer);
        }
        for consumer in alive {
            if let Err(error) = consumer.await {
                assert!(error.is_cancelled(), "{error}");
            }
        }
        tracker.close();
        tracker.wait().await;
        assert_eq!(cleaned.get(), usize::try_from(ROUNDS).unwrap());
    }
}

mod two_way {
    use super::*;
    use async_iterators::two_way::{TwoWay, two_way};

    /// The average of all values sent so far, 10 ms each.
    fn averages() -> TwoWay<'static, u32, u32> {
        two_way(async |mut value, mut caller| {
            let (mut total, mut count) = (0, 0);
            loop {
                sleep(ms(10)).await;
                total += value;
                count += 1;
                value = caller.give(total / count).await;
            }
        })
    }

    /// asyncio: `asend(value)` returns what the generator yields next.
    #[tokio::test(start_paused = true)]
    async fn each_value_sent_is_answered_by_the_next_item() {
        let mut averages = averages();
        let start = Instant::now();
        let mut answers = Vec::new();
        for value in [10, 20, 60] {
            answers.push(averages.send(value).await.unwrap());
        }
        assert_eq!((answers, start.elapsed()), (vec![10, 15, 30], ms(30)));
    }

    /// asyncio: the first `asend` must be `None`, another value is a `TypeError`. Here it is the body's argument.
    #[tokio::test(start_paused = true)]
    async fn the_first_value_sent_reaches_the_body() {
        assert_eq!(averages().send(7).await, Some(7));
    }

    #[tokio::test(start_paused = true)]
    async fn between_two_sends_the_body_stands_still() {
        let log = Log::default();
        let mut echo = two_way(async |mut value: &str, mut caller| {
            loop {
                log.add(value);
                value = caller.give(()).await;
                sleep(ms(10)).await;
            }
        });
        assert!(log.take().is_empty(), "not started");
        echo.send("a").await;
        sleep(ms(1_000)).await;
        let back = Instant::now();
        echo.send("b").await;
        assert_eq!((log.take(), back.elapsed()), (vec!["a".to_owned(), "b".to_owned()], ms(10)));
    }

    /// asyncio: `athrow` raises at the `yield`; if the generator catches it and yields, that is the result.
    #[tokio::test]
    async fn an_error_sent_in_may_be_answered() {
        let mut patient = two_way(async |mut value: Result<u32, &str>, mut caller| {
            loop {
                value = match value {
                    Ok(value) => caller.give(format!("got {value}")).await,
                    Err(error) => caller.give(format!("never mind {error}")).await,
                };
            }
        });
        assert_eq!(patient.send(Ok(1)).await.as_deref(), Some("got 1"));
        assert_eq!(patient.send(Err("the noise")).await.as_deref(), Some("never mind the noise"));
        assert_eq!(patient.send(Ok(2)).await.as_deref(), Some("got 2"));
    }

    /// asyncio: an exception that the generator does not catch ends it, and comes out of `athrow`.
    #[tokio::test]
    async fn an_error_sent_in_may_end_it() {
        let mut strict = two_way(async |mut value: Result<u32, String>, mut caller| {
            let error = loop {
                match value {
                    Ok(number) => value = caller.give(Ok(number)).await,
                    Err(error) => break error,
                }
            };
            let _nobody_is_asked_again = caller.give(Err(error)).await;
        });
        assert_eq!(strict.send(Ok(1)).await, Some(Ok(1)));
        assert_eq!(strict.send(Err("stop".to_owned())).await, Some(Err("stop".to_owned())));
        assert_eq!(strict.send(Ok(2)).await, None);
        assert_eq!(strict.send(Ok(3)).await, None);
    }

    /// asyncio: `asend` after the end raises `StopAsyncIteration`, again and again.
    #[tokio::test]
    async fn after_the_end_every_send_gives_none() {
        let mut once = two_way(async |value: u32, mut caller| {
            caller.give(value).await;
        });
        assert_eq!(once.send(1).await, Some(1));
        for _ in 0..3 {
            assert_eq!(once.send(2).await, None);
        }
    }

    /// asyncio: a cancelled `asend` raises in the generator, and it is over. Here its variables are dropped at once.
    #[tokio::test(start_paused = true)]
    async fn a_send_that_is_dropped_half_way_ends_it() {
        let dropped = Count::default();
        let guard = dropped.on_drop();
        let mut slow = two_way(async move |value: u32, mut caller| {
            let _guard = guard;
            sleep(ms(100)).await;
            caller.give(value).await;
        });
        drop(slow.send(1));
        assert_eq!(dropped.get(), 0, "before its first poll a send is nothing");
        assert!(timeout(ms(50), slow.send(2)).await.is_err());
        assert_eq!(dropped.get(), 1);
        assert_eq!(slow.send(3).await, None);
    }

    #[tokio::test]
    async fn a_panic_goes_on_in_the_sender_and_it_is_over() {
        let mut panics = two_way::<u32, u32, _>(async |value, _caller| panic!("{value}"));
        let panic = std::panic::AssertUnwindSafe(panics.send(1)).catch_unwind().await.unwrap_err();
        assert_eq!(panic.downcast_ref::<String>().unwrap(), "1");
        assert_eq!(panics.send(2).await, None);
    }

    #[tokio::test]
    async fn dropping_it_drops_the_bodys_variables_at_once() {
        let dropped = Count::default();
        let guard = dropped.on_drop();
        let mut held = two_way(async move |value: u32, mut caller| {
            let _guard = guard;
            caller.give(value).await;
        });
        assert_eq!(held.send(1).await, Some(1));
        assert_eq!(dropped.get(), 0);
        drop(held);
        assert_eq!(dropped.get(), 1);
    }

    /// asyncio: an `asend` that meets no other `await` does not give way to the loop.
    #[tokio::test]
    async fn an_answer_that_need_not_be_waited_for_is_there_at_once() {
        let mut double = two_way(async |mut value: u32, mut caller| {
            loop {
                value = caller.give(2 * value).await;
            }
        });
        for value in 0..5 {
            assert_eq!(double.send(value).now_or_never(), Some(Some(2 * value)));
        }
    }

    /// A body that gives up on its caller has answered all the same, and the next value finds the next `give`.
    #[tokio::test]
    async fn an_item_whose_give_was_dropped_is_an_answer() {
        let mut impatient = two_way(async |value: u32, mut caller| {
            let _given_up = caller.give(value).now_or_never();
            let value = caller.give(100).await;
            caller.give(value).await;
        });
        assert_eq!(impatient.send(1).await, Some(1));
        assert_eq!(impatient.send(2).await, Some(100));
    }

    /// The body has returned; its caller lives on in a task, and the conversation goes on there.
    #[tokio::test]
    async fn a_caller_that_was_given_to_a_task_still_answers() {
        let tasks = Arc::new(Mutex::new(tokio::task::JoinSet::new()));
        let spawner = tasks.clone();
        let mut handed_on = two_way(async move |mut value: u32, mut caller| {
            spawner.lock().unwrap().spawn(async move {
                loop {
                    value = caller.give(2 * value).await;
                }
            });
        });
        for value in 1..4 {
            assert_eq!(handed_on.send(value).await, Some(2 * value));
        }
    }

    /// It may borrow from the function that made it, and move to another thread between two sends.
    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn it_may_borrow_and_it_may_move() {
        let factor = 3;
        let mut multiply = two_way(async |mut value: u32, mut caller| {
            loop {
                value = caller.give(value * factor).await;
            }
        });
        assert_eq!(multiply.send(2).await, Some(6));

        let mut averages = two_way(async |mut value: u32, mut caller| {
            loop {
                value = caller.give(value).await;
            }
        });
        assert_eq!(averages.send(10).await, Some(10));
        let moved = tokio::spawn(async move { averages.send(30).await });
        assert_eq!(moved.await.unwrap(), Some(30));
    }

    #[tokio::test]
    async fn a_hundred_thousand_exchanges_keep_nothing_in_memory() {
        let alive = Gauge::default();
        let mut echo = two_way(async |mut value: One, mut caller| {
            loop {
                value = caller.give(value).await;
            }
        });
        for _ in 0..100_000 {
            drop(echo.send(alive.one()).await.unwrap());
        }
        assert_eq!((alive.most(), alive.now()), (1, 0));
    }

    /// Wherever a conversation is dropped, nothing of it is left, and no answer is for another question.
    #[test]
    fn a_cancelled_send_ends_it_and_never_answers_another_value() {
        let swept = cancel_sweep::sweep_with(
            || {
                let answers = Arc::new(Mutex::new(Vec::new()));
                let dropped = Count::default();
                let (log, guard) = (answers.clone(), dropped.on_drop());
                ((answers, dropped), async move {
                    let mut echo = two_way(async move |mut value: u32, mut caller| {
                        let _guard = guard;
                        loop {
                            sleep(ms(10)).await;
                            value = caller.give(value).await;
                        }
                    });
                    for value in 0..3 {
                        let answer = echo.send(value).await;
                        log.lock().unwrap().push((value, answer));
                    }
                })
            },
            |(answers, dropped), _| {
                assert!(answers.lock().unwrap().iter().all(|(value, answer)| *answer == Some(*value)));
                assert_eq!(dropped.get(), 1);
            },
        );
        assert!(swept.points >= 3);
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
