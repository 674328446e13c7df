//! Lessons of the pattern `not_send`.

use std::cell::RefCell;
use std::rc::Rc;

use event_loop::not_send::word_counts;
use futures::FutureExt;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};
use tokio_util::task::LocalPoolHandle;

use crate::support::{Count, ms, panics};
use crate::work::not_send::{counts, load};
use crate::work::text;

/// asyncio: all tasks run on one thread, and may share any value. Tokio: so may tasks of `spawn_local`, here on a
/// runtime of `#[tokio::main(flavor = "local")]`.
#[tokio::test(flavor = "local", start_paused = true)]
async fn tasks_of_one_thread_share_a_table_without_a_lock() {
    let start = Instant::now();
    let pages = [("to be or not to be", 300), ("be quick", 100), ("", 200)];
    let counted = word_counts(pages, load).await.unwrap();
    assert_eq!(counted, counts([("be", 3), ("not", 1), ("or", 1), ("quick", 1), ("to", 2)]));
    assert_eq!(start.elapsed(), ms(300), "the loads overlap");
}

/// Without a `LocalSet` or a `LocalRuntime`, `spawn_local` panics.
#[tokio::test]
#[should_panic(
    expected = "`spawn_local` called from outside of a `task::LocalSet` or `runtime::LocalRuntime`"
)]
async fn but_without_such_a_place_it_panics() {
    word_counts([("a", 1)], load).await.unwrap();
}

/// `tokio_util` has a pool of threads for futures that are not `Send`: the closure goes there, its future stays.
#[tokio::test]
async fn a_pool_of_threads_runs_futures_that_are_not_send() {
    let pool = LocalPoolHandle::new(2);
    let counted = pool.spawn_pinned(|| word_counts([("a b", 1), ("b", 1)], load)).await.unwrap();
    assert_eq!(counted.unwrap(), counts([("a", 1), ("b", 2)]));
}

/// The hazard: a borrow that is kept over an await is found by the next task. In Python two tasks would both change the
/// table, and silently lose an update.
#[tokio::test(flavor = "local", start_paused = true)]
#[expect(clippy::await_holding_refcell_ref, reason = "this is the hazard")]
async fn but_a_borrow_that_is_kept_over_an_await_makes_the_next_one_panic() {
    let table = Rc::new(RefCell::new(0));
    let tasks = [(); 2].map(|()| {
        let table = table.clone();
        tokio::task::spawn_local(async move {
            let mut table = table.borrow_mut();
            sleep(ms(10)).await;
            *table += 1;
        })
    });
    let [first, second] = tasks;
    first.await.unwrap();
    assert!(second.await.unwrap_err().is_panic());
    assert_eq!(table.take(), 1);
}

/// asyncio: a `TaskGroup` cancels the others when one fails. Here: so does a dropped set of local tasks.
#[tokio::test(flavor = "local", start_paused = true)]
async fn a_load_that_panics_is_the_error_and_the_others_are_dropped() {
    let (start, dropped) = (Instant::now(), Count::default());
    let counted = word_counts([("slow", 300), ("panics", 100)], |page| {
        let guard = dropped.on_drop();
        async move {
            let _guard = guard;
            load(page).await
        }
    });
    let error = counted.await.unwrap_err();
    assert_eq!((text(&*error.into_panic()), start.elapsed()), ("panics after 100".to_owned(), ms(100)));
    yield_now().await;
    assert_eq!(dropped.get(), 2);
}

/// `spawn_local` panics outside a local runtime: without a page it is never called.
#[tokio::test]
async fn of_nothing_there_is_nothing_to_count_and_no_place_is_needed() {
    assert_eq!(word_counts([], load).now_or_never().unwrap().unwrap(), counts([]));
}

/// One thread does not limit waiting: ten thousand loads of 100 ms take 100 ms.
#[tokio::test(flavor = "local", start_paused = true)]
async fn ten_thousand_pages_take_as_long_as_one() {
    let start = Instant::now();
    let counted = word_counts((0..10_000).map(|_| ("a b", 100)), load).await.unwrap();
    assert_eq!((counted, start.elapsed()), (counts([("a", 10_000), ("b", 10_000)]), ms(100)));
}

/// A closure can panic before it has made a future. That counts as a panic of its page.
#[tokio::test(flavor = "local", start_paused = true)]
async fn a_panic_before_there_is_a_load_is_the_error_too() {
    let counted = word_counts([("a", 100), ("panics", 0)], |page| match page {
        ("panics", _) => panics("no load"),
        page => load(page),
    });
    assert_eq!(text(&*counted.await.unwrap_err().into_panic()), "no load");
}
