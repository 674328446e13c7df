//! Lessons of the pattern `drop_guard`.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use context_managers::drop_guard::{Seats, book, unless_busy};
use futures::FutureExt;
use futures::future::pending;
use futures::{StreamExt, stream};
use tokio::runtime::Handle;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{Count, Log, LogOnDrop, ms, panics};

/// Python: `with` runs `__exit__` at the end of the block. Rust: a value is dropped there.
#[test]
fn a_seat_is_free_again_when_its_value_is_dropped() {
    let seats = Seats::new([1, 2]);
    {
        let _seat = seats.take().unwrap();
        assert_eq!(seats.free(), 1);
    }
    assert_eq!(seats.free(), 2);
    assert_eq!(seats.take().unwrap().keep(), 1);
    assert_eq!(seats.free(), 1, "the one that was kept is gone for good");
}

/// asyncio: a success, an exception and a cancellation all run `__exit__`. Rust: all of them drop the value.
#[tokio::test(start_paused = true)]
async fn an_error_a_panic_and_a_cancellation_all_give_the_seat_back() {
    let seats = Arc::new(Seats::new([7]));
    assert_eq!(book(&seats, async { Err("no money") }).await, Err("no money"));
    assert_eq!(seats.free(), 1);

    let panicked = tokio::spawn({
        let seats = seats.clone();
        async move { book(&seats, async { panics::<Result<(), ()>>("a panic") }).await }
    });
    assert!(panicked.await.unwrap_err().is_panic());
    assert_eq!(seats.free(), 1);

    assert!(timeout(ms(10), book(&seats, pending::<Result<(), ()>>())).await.is_err());
    assert_eq!(seats.free(), 1);

    assert_eq!(book(&seats, async { Ok::<_, ()>(()) }).await, Ok(Some(7)));
    assert_eq!(book(&seats, async { Ok::<_, ()>(()) }).await, Ok(None), "no seat is left");
}

/// The hazard: a cancellation may end the function at any await, and leaves the work half done.
#[tokio::test(start_paused = true)]
async fn but_without_a_guard_a_cancellation_leaves_things_half_done() {
    let free = Count::default();
    let without_a_guard = async {
        let taken = free.clone();
        sleep(ms(100)).await;
        taken.add();
    };
    assert!(timeout(ms(50), without_a_guard).await.is_err());
    assert_eq!(free.get(), 0, "it was not given back");
}

/// asyncio: `async with a, b:` exits `b` first. Rust: locals are dropped in the reverse order.
#[tokio::test(start_paused = true)]
async fn locals_are_dropped_last_one_first() {
    let log = Log::default();
    let two = async {
        let _a = log.on_drop("a");
        let _b = log.on_drop("b");
        pending::<()>().await;
    };
    assert!(timeout(ms(10), two).await.is_err());
    assert_eq!(log.take(), ["b", "a"]);
}

/// The hazard: the fields of a struct are dropped in the order of their declaration.
#[test]
fn but_fields_are_dropped_first_one_first() {
    struct Both {
        _a: LogOnDrop,
        _b: LogOnDrop,
    }
    let log = Log::default();
    drop(Both { _b: log.on_drop("b"), _a: log.on_drop("a") });
    assert_eq!(log.take(), ["a", "b"]);
}

/// The hazard: `_` is no variable, so it does not keep the value.
#[test]
fn an_underscore_drops_at_once_and_a_name_at_the_end() {
    let log = Log::default();
    {
        #[expect(let_underscore_drop, reason = "the lesson")]
        let _ = log.on_drop("dropped");
        log.add("the work");
    }
    assert_eq!(log.take(), ["dropped", "the work"]);
    {
        let _kept = log.on_drop("dropped");
        log.add("the work");
    }
    assert_eq!(log.take(), ["the work", "dropped"]);
}

/// asyncio: `aclosing(generator)` closes a generator that is left early. Rust: the stream is dropped, with all its
/// resources.
#[tokio::test]
async fn a_stream_that_is_left_early_releases_what_it_holds_at_once() {
    let log = Log::default();
    let rows = stream::unfold((0, log.on_drop("connection")), async |(row, connection)| {
        Some((row, (row + 1, connection)))
    });
    let found = async {
        let mut rows = std::pin::pin!(rows);
        while let Some(row) = rows.next().await {
            if row == 2 {
                return Err("row 2 is bad");
            }
        }
        Ok(())
    };
    assert_eq!(found.await, Err("row 2 is bad"));
    assert_eq!(log.take(), ["connection"]);
}

/// Python: `__aexit__` awaits. Rust: `drop` is no async function, and must not block either.
#[tokio::test]
async fn drop_cannot_wait_for_anything() {
    struct Flushed(Arc<Mutex<Option<String>>>);
    impl Drop for Flushed {
        fn drop(&mut self) {
            let blocked = std::panic::catch_unwind(|| Handle::current().block_on(yield_now()));
            let panic = blocked.unwrap_err();
            *self.0.lock().unwrap() = panic.downcast_ref::<&str>().map(ToString::to_string);
        }
    }
    let panic = Arc::new(Mutex::new(None));
    drop(Flushed(panic.clone()));
    let panic = panic.lock().unwrap().take().unwrap();
    assert!(panic.starts_with("Cannot start a runtime from within a runtime"), "{panic}");
}

/// asyncio: check `lock.locked()`, then `async with`. Rust: one atomic swap checks and takes; a guard releases.
#[tokio::test(start_paused = true)]
async fn whoever_is_second_does_not_wait_and_does_not_work() {
    let busy = AtomicBool::new(false);
    let first = unless_busy(&busy, sleep(ms(100)));
    let second = unless_busy(&busy, async { unreachable!("the first one is at work") });
    let (first, second) = tokio::join!(first, second.map(|second: Option<()>| (second, Instant::now())));
    assert_eq!((first, second.0), (Some(()), None));
    assert_eq!(second.1.elapsed(), ms(100));
    assert_eq!(unless_busy(&busy, async { 5 }).await, Some(5));
}
