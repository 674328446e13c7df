//! Lessons of the pattern `generator`.

use std::pin::pin;

use async_iterators::generator::changes;
use futures::stream::{self};
use futures::{FutureExt, StreamExt, TryStreamExt};
use tokio::time::{Instant, sleep, timeout};

use crate::support::{Count, ms};
use crate::work::generator::load;
use crate::work::timed;

/// asyncio: a `yield` inside an `if` of an async generator. Tokio: the same in `try_stream!`.
#[tokio::test(start_paused = true)]
async fn a_value_is_given_when_it_differs_from_the_one_before() {
    let asked = Count::default();
    let load = load([Ok(Some(1)), Ok(Some(1)), Ok(Some(2)), Ok(Some(1)), Ok(None)], &asked);
    let came = timed(changes(load, ms(90))).await;
    assert_eq!(came, [(Ok(1), ms(10)), (Ok(2), ms(210)), (Ok(1), ms(310))]);
    assert_eq!(asked.get(), 5);
}

/// asyncio: a generator that raises has yielded the items before, and ends. Tokio: so does `try_stream!`.
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

/// The hazard: in a stream that was not written with `?` an error is an item like the others. `try_` adapters and a
/// loop with `?` stop there. A `while let Some(Ok(..))` stops silently.
#[tokio::test]
async fn but_a_stream_of_results_may_go_on_after_an_error() {
    let results = || stream::iter([Ok(1), Err("down"), Ok(2)]);
    assert_eq!(results().collect::<Vec<_>>().await, [Ok(1), Err("down"), Ok(2)]);
    assert_eq!(results().try_collect::<Vec<_>>().await, Err("down"));
}

/// asyncio and Tokio: a generator does nothing before the first request for an item, and nothing between two items.
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

/// asyncio: a cancelled `anext` raises inside the generator and so ends it. Tokio: the generator keeps its state, and
/// the next `next()` goes on there.
#[tokio::test(start_paused = true)]
async fn a_cancelled_next_does_not_end_it() {
    let asked = Count::default();
    let load = load([Ok(Some(1)), Ok(None)], &asked);
    let mut values = pin!(changes(load, ms(90)));
    assert!(timeout(ms(5), values.next()).await.is_err());
    assert_eq!(values.next().await, Some(Ok(1)));
    assert_eq!(asked.get(), 1, "the load that was under way was used");
}

/// asyncio: an async comprehension may await in its condition and in its result. Tokio: so may `filter_map`, also one
/// item after the other.
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

/// The first load returns `None`: no pause follows it.
#[tokio::test(start_paused = true)]
async fn of_nothing_it_ends_after_the_first_load() {
    let came = timed(changes(load([Ok(None)], &Count::default()), ms(90))).await;
    assert_eq!(came, []);
}
