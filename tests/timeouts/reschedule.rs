//! Lessons of the pattern `reschedule`.

use std::future::ready;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use timeouts::reschedule::{Expired, Over, Timeout};
use tokio::task::yield_now;
use tokio::time::{Instant, advance, sleep, timeout};

use crate::support::{Count, OnDrop, busy, in_a_few_turns, ms, panics};
use crate::work::reschedule::at;
use crate::work::{A_YEAR, for_ever, load, two_timers};

/// asyncio: an `asyncio.timeout` that is not rescheduled is a plain timeout. Here: the same.
#[tokio::test(start_paused = true)]
async fn a_deadline_that_nobody_moves_is_a_timeout() {
    let start = Instant::now();
    assert_eq!(Timeout::after(ms(200)).run(load("home", 100)).await, Ok(Ok("home")));
    assert_eq!(start.elapsed(), ms(100));
    assert_eq!(Timeout::at(at(start, 300)).run(load("slow", 500)).await, Err(Expired));
    assert_eq!(start.elapsed(), ms(300));
    assert_eq!(Expired.to_string(), "timed out");
}

/// asyncio: `reschedule` to a later, an earlier, and no time; the new deadline counts.
#[tokio::test(start_paused = true)]
async fn it_is_moved_later_earlier_and_off_while_the_work_runs() {
    for (to, work, end) in [(400, 500, 400), (60, 500, 60), (60, 55, 55)] {
        let start = Instant::now();
        let timeout = Timeout::after(ms(200));
        let handle = timeout.handle();
        let moving = async {
            sleep(ms(50)).await;
            handle.reschedule(at(start, to)).unwrap();
            assert_eq!(handle.when(), at(start, to));
            sleep(ms(work - 50)).await;
        };
        assert_eq!(timeout.run(moving).await.is_ok(), end == work);
        assert_eq!((start.elapsed(), handle.expired()), (ms(end), end != work));
    }
    let timeout = Timeout::after(ms(200));
    let handle = timeout.handle();
    let off = async {
        sleep(ms(50)).await;
        handle.reschedule(None).unwrap();
        assert_eq!(handle.when(), None);
        sleep(A_YEAR).await;
    };
    assert_eq!(timeout.run(off).await, Ok(()));
}

/// asyncio: `timeout(None)` has no deadline until there is a reason for one.
#[tokio::test(start_paused = true)]
async fn it_begins_without_a_deadline_and_gets_one() {
    let start = Instant::now();
    let timeout = Timeout::at(None);
    let handle = timeout.handle();
    let work = async {
        sleep(ms(1_000)).await;
        handle.reschedule(at(start, 1_200)).unwrap();
        for_ever::<()>().await;
    };
    assert_eq!(timeout.run(work).await, Err(Expired));
    assert_eq!(start.elapsed(), ms(1_200));
}

/// asyncio: `timeout(None)` has no deadline. Here: `Duration::MAX` has none either, and does not overflow.
#[tokio::test(start_paused = true)]
async fn a_deadline_beyond_the_clock_is_none() {
    assert_eq!(Timeout::after(Duration::MAX).handle().when(), None);
    assert_eq!(Timeout::after(Duration::MAX).run(sleep(A_YEAR)).await, Ok(()));
}

/// The work has the handle, or any other task: a user who asks for more time.
#[tokio::test(start_paused = true)]
async fn another_task_moves_it() {
    let start = Instant::now();
    let timeout = Timeout::after(ms(100));
    let handle = timeout.handle();
    let user = tokio::spawn(async move {
        for extension in [150, 220, 270] {
            sleep(ms(70)).await;
            handle.reschedule(at(start, extension)).unwrap();
        }
        handle
    });
    assert_eq!(timeout.run(for_ever::<()>()).await, Err(Expired));
    assert_eq!(start.elapsed(), ms(270));
    assert!(user.await.unwrap().expired());
}

/// asyncio: a time in the past cancels at the next suspension; a block without one ends well.
#[tokio::test(start_paused = true)]
async fn a_move_into_the_past_cuts_off_the_work_at_its_next_wait() {
    let steps = Count::default();
    for waits in [true, false] {
        let timeout = Timeout::after(ms(100));
        let handle = timeout.handle();
        let work = async {
            handle.reschedule(Some(Instant::now())).unwrap();
            steps.add();
            if waits {
                yield_now().await;
                steps.add();
            }
        };
        assert_eq!(timeout.run(work).await, if waits { Err(Expired) } else { Ok(()) });
    }
    assert_eq!(steps.get(), 2);
}

/// asyncio: `reschedule` of an expired or a finished timeout is a `RuntimeError`; `when()` still tells the last one.
#[tokio::test(start_paused = true)]
async fn when_it_is_over_a_move_is_an_error_and_changes_nothing() {
    let start = Instant::now();
    let expired = Timeout::after(ms(100));
    let handle = expired.handle();
    assert_eq!(expired.run(for_ever::<()>()).await, Err(Expired));
    assert_eq!(handle.reschedule(at(start, 500)), Err(Over::Expired));
    assert_eq!((handle.when(), handle.expired()), (at(start, 100), true));
    assert_eq!(Over::Expired.to_string(), "the timeout has expired");

    let finished = Timeout::after(ms(100));
    let handle = finished.handle();
    assert_eq!(finished.run(ready("done")).await, Ok("done"));
    assert_eq!(handle.reschedule(None), Err(Over::Finished));
    assert_eq!((handle.when(), handle.expired()), (at(start, 200), false));
    assert_eq!(Over::Finished.to_string(), "the timeout has ended");
}

/// asyncio: a cancellation from outside, and an exception of the body, end the timeout too.
#[tokio::test(start_paused = true)]
async fn it_is_over_when_it_is_dropped_and_when_the_work_panics() {
    let never_run = Timeout::after(ms(100)).handle();
    assert_eq!(never_run.reschedule(None), Err(Over::Finished));

    let cut_off = Timeout::after(ms(100));
    let handle = cut_off.handle();
    assert!(timeout(ms(50), cut_off.run(for_ever::<()>())).await.is_err());
    assert_eq!(handle.reschedule(None), Err(Over::Finished));

    let panicked = Timeout::after(ms(100));
    let handle = panicked.handle();
    let run = AssertUnwindSafe(panicked.run(async { panics::<()>("a panic") })).catch_unwind();
    assert!(run.await.is_err());
    assert_eq!((handle.reschedule(None), handle.expired()), (Err(Over::Finished), false));
}

/// asyncio: in a `finally` below the timeout it is `expiring`: `expired()` is true, and `reschedule` is an error.
#[tokio::test(start_paused = true)]
async fn the_work_that_is_cut_off_sees_in_its_drop_that_it_has_expired() {
    let timeout = Timeout::after(ms(100));
    let (handle, seen) = (timeout.handle(), Arc::new(Mutex::new(None)));
    let sees = seen.clone();
    let work = async move {
        let _last = OnDrop(|| *sees.lock().unwrap() = Some((handle.expired(), handle.reschedule(None))));
        for_ever::<()>().await;
    };
    assert_eq!(timeout.run(work).await, Err(Expired));
    assert_eq!(seen.lock().unwrap().take(), Some((true, Err(Over::Expired))));
}

/// asyncio: not before the block is entered. Here it may be moved before, and the last one counts.
#[tokio::test(start_paused = true)]
async fn it_may_be_moved_before_the_work_begins() {
    let start = Instant::now();
    let timeout = Timeout::after(ms(100));
    timeout.handle().reschedule(at(start, 300)).unwrap();
    assert_eq!(timeout.run(for_ever::<()>()).await, Err(Expired));
    assert_eq!(start.elapsed(), ms(300));
}

/// Work and deadline in one instant: the work is polled first, so its value counts.
#[tokio::test(start_paused = true)]
async fn work_that_is_ready_in_the_instant_of_the_deadline_is_in_time() {
    assert_eq!(Timeout::after(ms(100)).run(load("home", 100)).await, Ok(Ok("home")));
}

/// A move and the deadline in one instant: whichever comes first decides, and a move that was accepted counts.
#[tokio::test(start_paused = true)]
async fn a_move_in_the_instant_of_the_deadline_counts_or_is_refused() {
    for moves_first in [true, false] {
        let start = Instant::now();
        let timeout = Timeout::after(ms(100));
        let handle = timeout.handle();
        let moving = async move {
            sleep(ms(100)).await;
            handle.reschedule(at(start, 150))
        };
        let running = timeout.run(for_ever::<()>());
        let (moving, running) = if moves_first {
            (tokio::spawn(moving), tokio::spawn(running))
        } else {
            let running = tokio::spawn(running);
            (tokio::spawn(moving), running)
        };
        assert_eq!(running.await.unwrap(), Err(Expired));
        let (moved, end) = if moves_first { (Ok(()), 150) } else { (Err(Over::Expired), 100) };
        assert_eq!((moving.await.unwrap(), start.elapsed()), (moved, ms(end)));
    }
}

/// asyncio: each `reschedule` cancels a timer handle and sets a new one. Here: only the last deadline counts.
#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_moves_leave_one_deadline() {
    let start = Instant::now();
    let timeout = Timeout::after(ms(100));
    let handle = timeout.handle();
    let work = async {
        for moved in 0..100_000 {
            handle.reschedule(at(start, 100 + moved % 100)).unwrap();
            if moved % 1_000 == 0 {
                yield_now().await;
            }
        }
        handle.reschedule(at(start, 500)).unwrap();
        for_ever::<()>().await;
    };
    assert_eq!(timeout.run(work).await, Err(Expired));
    assert_eq!(start.elapsed(), ms(500));
}

/// Also with a timer that is set later than the deadline, or a deadline that is moved there.
#[tokio::test(start_paused = true)]
async fn work_of_two_timers_in_the_instant_of_the_deadline_is_in_time() {
    let timeout = Timeout::after(ms(100));
    assert_eq!(timeout.run(two_timers()).await, Ok(Ok(Some("in time"))));
    let (timeout, start) = (Timeout::at(None), Instant::now());
    timeout.handle().reschedule(at(start, 100)).unwrap();
    assert_eq!(timeout.run(two_timers()).await, Ok(Ok(Some("in time"))));
}

/// asyncio: work that only ever yields is cut off by its `timeout`. Here too, although it uses up its turn each time.
#[tokio::test(start_paused = true)]
async fn busy_work_is_cut_off_at_a_deadline_that_moved_too() {
    for moves in [false, true] {
        let (timeout, start) =
            (Timeout::at(if moves { None } else { at(Instant::now(), 100) }), Instant::now());
        let handle = timeout.handle();
        let work = tokio::spawn(timeout.run(busy::<()>()));
        yield_now().await;
        if moves {
            handle.reschedule(at(start, 100)).unwrap();
            yield_now().await;
        }
        advance(ms(100)).await;
        assert_eq!(in_a_few_turns(work).await, Err(Expired));
    }
}
