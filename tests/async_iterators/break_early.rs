//! Lessons of the pattern `break_early`.

use async_iterators::break_early::{first_match, holding};
use futures::stream::{self};
use futures::{Stream, StreamExt};
use tokio::sync::Semaphore;

use crate::support::{Count, Log, leaves_others_their_turn, settle};
use crate::work::break_early::numbers;

/// asyncio: a generator that is left is closed when it is collected. Tokio: it is dropped when its owner goes out of
/// scope.
#[tokio::test]
async fn by_value_the_stream_is_dropped_when_the_loop_is_left() {
    let limit = Semaphore::new(1);
    assert_eq!(first_match(numbers(&limit), |number| number % 7 == 0).await, Some(7));
    assert_eq!(limit.available_permits(), 1);
}

/// asyncio: a second loop over the same iterator goes on after the first, too.
#[tokio::test]
async fn lent_it_goes_on_behind_the_item_where_the_loop_was_left() {
    let limit = Semaphore::new(1);
    let mut numbers = numbers(&limit);
    assert_eq!(first_match(&mut numbers, |number| number % 7 == 0).await, Some(7));
    assert_eq!(limit.available_permits(), 0);
    assert_eq!(first_match(&mut numbers, |_| true).await, Some(8));
}

/// The hazard: a `break` leaves the loop, not the scope of the stream. The stream holds its guard until that scope
/// ends.
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

/// asyncio: the `finally` of a generator that is left runs, later and on its own. Tokio: code after the `yield` never
/// runs. Variables are dropped, at once.
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

/// A stream that has ended is often dropped much later. It releases its guard when it ends.
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

/// asyncio: the context entered last is left first. Here the rows are dropped before the connection they are read from.
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

/// A stream may end before anything matches: the result is `None`.
#[tokio::test]
async fn of_nothing_there_is_no_match() {
    assert_eq!(first_match(stream::empty::<u32>(), |_| true).await, None);
}

/// asyncio: a loop over an iterator that is always ready never gives up its turn. Here it does, so a timeout ends it.
#[tokio::test]
async fn a_search_without_an_end_leaves_others_their_turn() {
    leaves_others_their_turn(first_match(stream::iter(0..2_000_000_u64), |_| false)).await;
}
