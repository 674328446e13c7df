//! Lessons of the pattern `slow_polls`.

use std::time::Duration;

use diagnosing::slow_polls::report_slow_polls;
use futures::FutureExt;
use tokio::task::yield_now;
use tokio::time::{Instant, advance, sleep};

use crate::support::{Entries, ms};

/// Holds up its thread for so long: within one poll, the clock goes on.
async fn computes(millis: u64) {
    assert_eq!(advance(ms(millis)).now_or_never(), None);
}

/// asyncio, in debug mode: "Executing ... took 0.200 seconds".
#[tokio::test(start_paused = true)]
async fn each_poll_that_takes_too_long_is_reported_with_its_time() {
    let mut reports = Vec::new();
    let work = async {
        computes(200).await;
        yield_now().await;
        computes(50).await;
        yield_now().await;
        computes(300).await;
        "done"
    };
    assert_eq!(report_slow_polls(ms(100), |took| reports.push(took), work).await, "done");
    assert_eq!(reports, [ms(200), ms(300)]);
}

/// asyncio: debug mode measures a step, from suspension to suspension. Here: two computations are one poll.
#[tokio::test(start_paused = true)]
async fn what_is_computed_between_two_awaits_counts_as_one() {
    let mut reports = Vec::new();
    let work = async {
        computes(60).await;
        computes(60).await;
    };
    report_slow_polls(ms(100), |took| reports.push(took), work).await;
    assert_eq!(reports, [ms(120)]);
}

/// asyncio: a suspended task is no slow callback. Here: an hour asleep is no slow poll.
#[tokio::test(start_paused = true)]
async fn to_wait_is_not_to_block() {
    let start = Instant::now();
    report_slow_polls(ms(1), |took| panic!("{took:?}"), sleep(ms(3_600_000))).await;
    assert_eq!(start.elapsed(), ms(3_600_000));
}

/// asyncio: from `slow_callback_duration` on, that one too.
#[tokio::test(start_paused = true)]
async fn one_that_takes_as_long_as_the_limit_is_slow() {
    let mut reports = Vec::new();
    let work = async {
        computes(99).await;
        yield_now().await;
        computes(100).await;
    };
    report_slow_polls(ms(100), |took| reports.push(took), work).await;
    assert_eq!(reports, [ms(100)]);
}

/// The bounds of the limit: a reader of the reports may want every poll, or none.
#[tokio::test(start_paused = true)]
async fn with_a_limit_of_zero_every_poll_is_reported_and_with_one_without_end_none() {
    for (limit, expected) in [(Duration::ZERO, 3), (Duration::MAX, 0)] {
        let mut polls = 0;
        let work = async {
            yield_now().await;
            yield_now().await;
        };
        report_slow_polls(limit, |_| polls += 1, work).await;
        assert_eq!(polls, expected);
    }
}

/// The trap: around a `join!` the branches are one poll. Each one wrapped, it is known which it was.
#[tokio::test(start_paused = true)]
async fn but_around_a_join_the_branches_are_one() {
    let both = Entries::new();
    report_slow_polls(ms(100), |took| both.add(took), async { tokio::join!(computes(60), computes(60)) })
        .await;
    assert_eq!(both.take(), [ms(120)]);

    let each = Entries::new();
    let wrapped = |name: &'static str, millis| {
        let each = &each;
        report_slow_polls(ms(50), move |took| each.add((name, took)), computes(millis))
    };
    tokio::join!(wrapped("quick", 40), wrapped("slow", 60));
    assert_eq!(each.take(), [("slow", ms(60))]);
}

/// A wrapper that only measures passes a panic on as it is.
#[tokio::test(start_paused = true)]
async fn a_panic_of_the_work_goes_on_in_the_caller() {
    let task = tokio::spawn(report_slow_polls(ms(100), |_| {}, async { panic!("no index") }));
    let panic = task.await.unwrap_err().into_panic();
    assert_eq!(panic.downcast_ref(), Some(&"no index"));
}
