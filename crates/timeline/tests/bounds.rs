//! Very many spans and very many polls: summarised, and kept in little room.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod support;

use expect_test::expect;
use support::{milliseconds, recorded, recorded_by};
use timeline::{MAX_LANES, MAX_POLLS, Outcome, TextStyle, Timeline};
use tokio::time::{sleep, timeout};

#[tracing::instrument(ret, err)]
async fn fetch(number: u64) -> Result<(), u64> {
    sleep(milliseconds(1 + number % 10)).await;
    if number % 100 == 99 { Err(number) } else { Ok(()) }
}

#[tracing::instrument(ret)]
async fn crawl(pages: u64) {
    let all = futures::future::join_all((0..pages).map(fetch));
    let _fetched = all.await;
}

#[tokio::test(start_paused = true)]
async fn a_thousand_spans_are_summarised_not_drawn() {
    let recording = recorded(async {
        crawl(1_000).await;
        let _too_late = timeout(milliseconds(5), fetch(9)).await;
    })
    .await;
    assert!(recording.is_summarised());
    assert_eq!(recording.lanes().len(), MAX_LANES);
    let expected = expect![[r#"
        5.51s of work in 15.0ms (367.0x)
        1002 spans, by name (up to 40 are drawn one by one):
        span   count  finished  failed  cancelled  shortest    mean  longest  at once
        crawl      1         1       0          0    10.0ms  10.0ms   10.0ms        1
        fetch   1001       990      10          1     1.0ms   5.5ms   10.0ms     1000
    "#]];
    expected.assert_eq(&recording.text(TextStyle::default()));
    let expected = expect![[r#"
        5.51s of work in 15.0ms (367.0x)
        1002 spans, by name (up to 40 are …
        crawl
          1 count
          1 finished
          0 failed
          0 cancelled
          10.0ms shortest
          10.0ms mean
          10.0ms longest
          1 at once
        fetch
          1001 count
          990 finished
          10 failed
          1 cancelled
          1.0ms shortest
          5.5ms mean
          10.0ms longest
          1000 at once
    "#]];
    expected.assert_eq(&recording.text(TextStyle::unicode(35)));
    expect_test::expect_file!["golden/summary.svg"].assert_eq(&recording.svg("A crawl of a thousand pages"));
}

#[tokio::test(start_paused = true)]
async fn as_many_spans_as_the_limit_are_drawn_and_one_more_is_not() {
    for (spans, drawn) in [(MAX_LANES as u64, true), (MAX_LANES as u64 + 1, false)] {
        let recording = recorded(async {
            for number in 0..spans {
                let _fetched = fetch(number).await;
            }
        })
        .await;
        assert_eq!(recording.is_summarised(), !drawn);
    }
}

#[tokio::test(start_paused = true)]
async fn the_limit_can_be_set() {
    let timeline = Timeline::new().returns_reported().draw_at_most(2);
    let recording = recorded_by(timeline, crawl(2)).await;
    assert!(recording.is_summarised());
    assert_eq!(recording.lanes().len(), 2);
    let timeline = Timeline::new().returns_reported().draw_at_most(0);
    let recording = recorded_by(timeline, crawl(2)).await;
    assert_eq!((recording.lanes().len(), recording.span_count()), (0, 3));
}

/// What is kept does not grow with the spans: forty lanes, and a line of numbers for each name. That the
/// timeline itself holds no more is a test beside its code, with a million.
#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_spans_are_kept_in_forty_lanes_and_two_sums() {
    let recording = recorded(async {
        for _ in 0..100 {
            crawl(999).await;
        }
    })
    .await;
    assert_eq!(recording.span_count(), 100_000);
    assert_eq!(recording.lanes().len(), MAX_LANES);
    assert_eq!(recording.summaries().len(), 2);
    let fetches = &recording.summaries()[1];
    assert_eq!((fetches.count(), fetches.peak()), (99_900, 999));
    assert_eq!(fetches.outcome(Outcome::Failed), 900);
    assert_eq!(fetches.longest(), Some(milliseconds(10)));
    assert_eq!(recording.total(), milliseconds(1_000));
}

/// The count and the time on the CPU stay exact; only where near polls begin and end is lost.
#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_polls_are_kept_in_a_few_hundred() {
    #[tracing::instrument(ret)]
    async fn yields() {
        for _ in 0..100_000 {
            tokio::task::yield_now().await;
        }
        tokio::time::advance(milliseconds(5)).await;
    }
    let recording = recorded(yields()).await;
    let lane = &recording.lanes()[0];
    assert_eq!(lane.poll_count(), 100_002);
    assert_eq!(lane.busy(), milliseconds(5));
    assert!(lane.polls().len() <= MAX_POLLS, "{}", lane.polls().len());
}
