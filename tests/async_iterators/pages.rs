//! Lessons of the pattern `pages`.

use std::pin::pin;
use std::sync::Arc;

use async_iterators::pages::{Page, items, pages};
use async_iterators::prefetch::prefetch;
use futures::{FutureExt, Stream, StreamExt, TryStreamExt};
use tokio::time::sleep;

use crate::support::{Gauge, Log, leaves_others_their_turn, limit, ms};
use crate::work::pages::fetch;

/// asyncio and Tokio: items come until the end, and the source is opened once.
#[tokio::test(start_paused = true)]
async fn the_items_of_all_pages_come_in_order_and_each_page_is_fetched_once() {
    let fetched = Log::default();
    let rows = items(pages(1, |page| fetch(page, 0, fetched.clone())));
    assert_eq!(rows.try_collect::<Vec<_>>().await.unwrap(), [10, 11, 20, 21, 30, 31]);
    assert_eq!(fetched.take(), ["1", "2", "3"]);
}

/// asyncio and Tokio: a generator is lazy, so a page that is never reached is never fetched.
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

/// asyncio and Tokio: every item before the error comes, then the error once, then the end. Reading ahead changes
/// nothing.
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

/// An empty page is not the end; a page without a next cursor is.
#[tokio::test]
async fn empty_pages_are_passed_over_and_of_nothing_there_is_an_end() {
    let sizes = [0, 2, 0, 0, 1, 0];
    let rows = items(pages(0, async |page: usize| {
        Ok::<_, ()>(Page { items: vec![page; sizes[page]], next: Some(page + 1).filter(|next| *next < 6) })
    }));
    assert_eq!(rows.try_collect::<Vec<_>>().await, Ok(vec![1, 1, 4]));

    let rows = items(pages(0, async |_| Ok::<_, ()>(Page { items: Vec::<u8>::new(), next: None })));
    assert_eq!(rows.try_collect::<Vec<_>>().await, Ok(vec![]));
}

/// One page is handled and one is ready; a third one is not in memory.
#[tokio::test]
async fn of_a_million_items_two_pages_are_in_memory() {
    let pages_alive = Gauge::default();
    let gauge = pages_alive.clone();
    let pages = pages(0, move |page: u32| {
        // All items of a page count as one in the gauge.
        let alive = Arc::new(gauge.enter());
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
    assert_eq!((pages_alive.peak(), pages_alive.now()), (2, 0));
}

/// The source answers at once, and only with empty pages. Other tasks get a turn in between.
#[tokio::test]
async fn empty_pages_without_an_end_leave_others_their_turn() {
    let fetch = |page: u32| {
        std::future::ready(Ok::<_, ()>(Page { items: vec![0], next: (page < 500_000).then_some(page + 1) }))
    };
    let empty = pages(0, fetch).map(|page| page.map(|_| Vec::<u8>::new()));
    leaves_others_their_turn(pin!(items(empty)).next()).await;
}

/// All pages are ready at once, so a loop over them never waits. Other tasks get a turn in between.
#[tokio::test]
async fn ready_pages_without_an_end_leave_others_their_turn() {
    let fetch = |page: u32| {
        std::future::ready(Ok::<_, ()>(Page { items: vec![0], next: (page < 500_000).then_some(page + 1) }))
    };
    leaves_others_their_turn(pages(0, fetch).for_each(async |_page| {})).await;
}
