//! Lessons of the pattern `first_success`.

use std::time::Duration;

use futures::FutureExt;
use gather::first_success::first_success;
use tokio::time::{Instant, sleep};

use crate::support::{Count, busy, leaves_others_their_turn, ms, soon};
use crate::work::try_load;

async fn race<const N: usize>(
    inputs: [(&'static str, u64); N],
    delay: Duration,
) -> (Result<(usize, &'static str), Vec<String>>, Duration) {
    let start = Instant::now();
    let result = first_success(inputs.map(try_load), delay).await;
    (result, start.elapsed())
}

/// asyncio: `staggered_race` returns the first success. Tokio: the same; earlier errors are kept aside.
#[tokio::test(start_paused = true)]
async fn errors_do_not_end_the_race_and_the_quickest_success_does() {
    let inputs = [("bad", 100), ("slow", 400), ("quick", 200)];
    assert_eq!(race(inputs, Duration::ZERO).await, (Ok((2, "quick")), ms(200)));
}

/// asyncio: `as_completed` and `wait(FIRST_COMPLETED)` stop at the first to finish, even if it fails.
#[tokio::test(start_paused = true)]
async fn but_the_first_to_finish_may_be_an_error() {
    let inputs = [("bad", 100), ("quick", 200)].map(|input| Box::pin(try_load(input)));
    let (first, index, rest) = futures::future::select_all(inputs).await;
    assert_eq!((first, index, rest.len()), (Err("bad after 100".to_owned()), 0, 1));
}

/// asyncio: `staggered_race` starts the next attempt when its delay is over.
#[tokio::test(start_paused = true)]
async fn a_slow_attempt_gets_company_after_the_delay() {
    assert_eq!(race([("a", 1_000), ("b", 100), ("c", 100)], ms(250)).await, (Ok((1, "b")), ms(350)));
}

/// asyncio: ... or when the attempt before it has failed.
#[tokio::test(start_paused = true)]
async fn a_failed_attempt_is_followed_at_once() {
    assert_eq!(race([("bad", 100), ("b", 50)], ms(250)).await, (Ok((1, "b")), ms(150)));
}

/// An attempt is taken from the iterator when its turn comes, so one after the winner is never made.
#[tokio::test(start_paused = true)]
async fn an_attempt_after_the_winner_is_never_made() {
    let made = Count::default();
    let attempts = [("a", 100), ("b", 100)].into_iter().inspect(|_| made.add()).map(try_load);
    assert_eq!(first_success(attempts, ms(250)).await, Ok((0, "a")));
    assert_eq!(made.get(), 1);
}

/// A success and the end of the delay in one instant: the success counts.
#[tokio::test(start_paused = true)]
async fn a_success_in_the_instant_the_delay_ends_needs_no_further_attempt() {
    let made = Count::default();
    let attempts = [("a", 250), ("b", 100)].into_iter().inspect(|_| made.add()).map(try_load);
    assert_eq!(first_success(attempts, ms(250)).await, Ok((0, "a")));
    assert_eq!(made.get(), 1);
}

/// asyncio: `staggered_race` cancels the losers. Tokio: they are dropped before the winner is returned.
#[tokio::test(start_paused = true)]
async fn losers_are_dropped_where_they_stand() {
    let dropped = Count::default();
    let attempts = [300, 100, 200].map(|millis| {
        let dropped = dropped.clone();
        async move {
            let _guard = dropped.on_drop();
            sleep(ms(millis)).await;
            Ok::<_, ()>(millis)
        }
    });
    assert_eq!(first_success(attempts, Duration::ZERO).await, Ok((1, 100)));
    assert_eq!(dropped.get(), 3, "the winner, and both losers before it is reported");
}

/// asyncio: `staggered_race` lists the exceptions by attempt. Tokio: so does the error here.
#[tokio::test(start_paused = true)]
async fn when_all_fail_every_error_is_reported_in_the_order_of_the_attempts() {
    let (result, elapsed) = race([("bad-slow", 300), ("bad-quick", 100)], Duration::ZERO).await;
    assert_eq!(result.unwrap_err(), ["bad-slow after 300", "bad-quick after 100"]);
    assert_eq!(elapsed, ms(300));
}

/// Without attempts the result is an empty list of errors, at once.
#[tokio::test]
async fn of_nothing_there_is_nothing_to_report() {
    let none: [std::future::Ready<Result<(), ()>>; 0] = [];
    assert_eq!(first_success(none, Duration::ZERO).now_or_never(), Some(Err(vec![])));
}

/// asyncio: a loop over attempts that raise at once never gives up its turn. Here it does, so a timeout ends it.
#[tokio::test]
async fn attempts_without_an_end_leave_others_their_turn() {
    let attempts = std::iter::repeat_with(|| std::future::ready(Err::<(), _>(()))).take(100_000);
    leaves_others_their_turn(first_success(attempts, ms(1_000))).await;
}

/// asyncio: an attempt that only yields, again and again, lets the next one start. Here too, although it uses up its
/// budget each time.
#[tokio::test]
async fn a_busy_attempt_does_not_hold_up_the_next() {
    let attempts = [busy().boxed(), std::future::ready(Ok::<_, ()>("page")).boxed()];
    assert_eq!(soon(first_success(attempts, ms(1))).await, Ok((1, "page")));
}
