//! Lessons of the pattern `one_after_the_other`.

use pitfalls::one_after_the_other::{broken, fixed};
use tokio::time::{Instant, sleep};

use crate::support::{Entries, ms};
use crate::work::one_after_the_other::{PAGES, fetch};

/// asyncio and Tokio: an await in a loop waits for one future.
#[tokio::test(start_paused = true)]
async fn but_in_a_loop_it_takes_the_sum() {
    let start = Instant::now();
    assert_eq!(broken(PAGES, fetch).await, Ok(vec!["home", "news", "help"]));
    assert_eq!(start.elapsed(), ms(600));
}

/// asyncio: `gather` takes the time of the longest, and keeps the order. Tokio: so does `try_join_all`.
#[tokio::test(start_paused = true)]
async fn at_once_it_takes_the_time_of_the_longest() {
    let start = Instant::now();
    assert_eq!(fixed(PAGES, fetch).await, Ok(vec!["home", "news", "help"]));
    assert_eq!(start.elapsed(), ms(300));
    assert_eq!(fixed([], fetch).await, Ok(vec![]));
}

/// asyncio: tasks that are made before the loop have begun. Tokio: futures have not.
#[tokio::test(start_paused = true)]
async fn but_futures_that_are_made_before_the_loop_have_not_begun() {
    let (start, futures) = (Instant::now(), PAGES.map(fetch));
    for future in futures {
        future.await.unwrap();
    }
    assert_eq!(start.elapsed(), ms(600));
}

/// asyncio: `gather` raises the first error in time. Tokio: `try_join_all` returns it, and drops the rest.
#[tokio::test(start_paused = true)]
async fn the_first_error_ends_it() {
    let start = Instant::now();
    assert_eq!(fixed([("home", 300), ("missing", 100)], fetch).await, Err("not found"));
    assert_eq!(start.elapsed(), ms(100));

    let (start, fetched) = (Instant::now(), Entries::new());
    let recorded = async |(page, millis)| {
        let _under_way = fetched.on_drop((page, "dropped"));
        sleep(ms(millis)).await;
        fetched.add((page, "answered"));
        Err::<(), _>(page)
    };
    let pages = [("home", 300), ("news", 200), ("help", 100)];
    assert_eq!(fixed(pages, &recorded).await, Err("help"), "the last in the list, the first in time");
    assert_eq!(start.elapsed(), ms(100));
    sleep(ms(500)).await;
    let mut others = fetched.take();
    assert_eq!(others.drain(..2).collect::<Vec<_>>(), [("help", "answered"), ("help", "dropped")]);
    others.sort_unstable();
    assert_eq!(others, [("home", "dropped"), ("news", "dropped")]);
}
