//! Very many spans and very many polls: summarised, and kept in little room.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod support;

use std::cell::Cell;
use std::fmt;

use expect_test::expect;
use support::{elements, milliseconds, recorded, recorded_by};
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
    let table = recording.text(TextStyle::default());
    expected.assert_eq(&table);
    // As long as the table fits, it is one.
    assert_eq!(recording.text(TextStyle::unicode(77)), table);
    assert!(recording.text(TextStyle::unicode(76)).contains("\ncrawl\n  1 count\n"));
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
async fn a_name_has_no_durations_while_none_of_its_spans_is_over() {
    let timeline = Timeline::new().returns_reported().draw_at_most(0);
    let mut open = Box::pin(fetch(9));
    let recording = recorded_by(timeline, async {
        crawl(0).await;
        let _too_late = timeout(milliseconds(5), &mut open).await;
    })
    .await;
    let expected = expect![[r#"
        5.0ms of work in 5.0ms (1.0x)
        2 spans, by name (up to 0 are drawn one by one):
        span   count  finished  running  shortest  mean  longest  at once
        crawl      1         1        0        0s    0s       0s        1
        fetch      1         0        1         -     -        -        1
    "#]];
    expected.assert_eq(&recording.text(TextStyle::default()));
}

/// The numbers share what the names leave, but are not too far apart.
#[tokio::test(start_paused = true)]
async fn the_columns_of_a_summary_leave_room_for_the_names() {
    #[tracing::instrument(ret)]
    async fn measure() {
        sleep(milliseconds(1)).await;
    }
    #[tracing::instrument(ret)]
    async fn measure_all_that_there_is_to_measure() {
        sleep(milliseconds(1)).await;
    }
    let timeline = || Timeline::new().returns_reported().draw_at_most(0);
    let recording = recorded_by(timeline(), async { tokio::join!(measure(), measure()) }).await;
    let expected = expect![[r#"
        <rect class="paper" x=".5" y=".5" width="759" height="127" rx="8"/>
        <text class="title" x="24" y="34">A short name</text>
        <text class="quiet" x="24" y="54">2.0ms of work in 1.0ms (2.0x)</text>
        <text class="quiet end" x="736" y="54">2 spans, by name</text>
        <text class="axis" x="24" y="82">span</text>
        <text class="axis end" x="184" y="82">count</text>
        <text class="axis end" x="288" y="82">finished</text>
        <text class="axis end" x="392" y="82">shortest</text>
        <text class="axis end" x="496" y="82">mean</text>
        <text class="axis end" x="600" y="82">longest</text>
        <text class="axis end" x="704" y="82">at once</text>
        <path class="grid" d="M24 88.5H736"/>
        <text class="label" x="24" y="104">measure</text>
        <text class="end quiet" x="184" y="104">2</text>
        <text class="end finished" x="288" y="104">2</text>
        <text class="end quiet" x="392" y="104">1.0ms</text>
        <text class="end quiet" x="496" y="104">1.0ms</text>
        <text class="end quiet" x="600" y="104">1.0ms</text>
        <text class="end quiet" x="704" y="104">2</text>
        </svg>
    "#]];
    expected.assert_eq(elements(&recording.svg("A short name")));
    let recording = recorded_by(timeline(), async {
        tokio::join!(measure_all_that_there_is_to_measure(), measure_all_that_there_is_to_measure())
    })
    .await;
    let expected = expect![[r#"
        <rect class="paper" x=".5" y=".5" width="759" height="127" rx="8"/>
        <text class="title" x="24" y="34">A long name</text>
        <text class="quiet" x="24" y="54">2.0ms of work in 1.0ms (2.0x)</text>
        <text class="quiet end" x="736" y="54">2 spans, by name</text>
        <text class="axis" x="24" y="82">span</text>
        <text class="axis end" x="316" y="82">count</text>
        <text class="axis end" x="400" y="82">finished</text>
        <text class="axis end" x="484" y="82">shortest</text>
        <text class="axis end" x="568" y="82">mean</text>
        <text class="axis end" x="652" y="82">longest</text>
        <text class="axis end" x="736" y="82">at once</text>
        <path class="grid" d="M24 88.5H736"/>
        <text class="label" x="24" y="104">measure_all_that_there_is…</text>
        <text class="end quiet" x="316" y="104">2</text>
        <text class="end finished" x="400" y="104">2</text>
        <text class="end quiet" x="484" y="104">1.0ms</text>
        <text class="end quiet" x="568" y="104">1.0ms</text>
        <text class="end quiet" x="652" y="104">1.0ms</text>
        <text class="end quiet" x="736" y="104">2</text>
        </svg>
    "#]];
    expected.assert_eq(elements(&recording.svg("A long name")));
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

/// Formatting is the program's own code, and can be slow.
#[tokio::test(start_paused = true)]
async fn the_values_of_a_span_that_is_only_counted_are_not_formatted() {
    #[derive(Default)]
    struct Page(Cell<u32>);
    impl fmt::Debug for Page {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.set(self.0.get() + 1);
            Ok(())
        }
    }
    let page = Page::default();
    recorded_by(Timeline::new().draw_at_most(1), async {
        for formatted in [2, 2] {
            let span = tracing::info_span!("fetch", ?page, later = tracing::field::Empty);
            span.record("later", tracing::field::debug(&page));
            assert_eq!(page.0.get(), formatted);
        }
    })
    .await;
}

/// What is kept does not grow with the spans: forty lanes, and a line of numbers for each name. That the
/// timeline itself holds no more is tested beside its code: the layer with a hundred thousand spans, and its counts
/// with a million.
#[tokio::test(start_paused = true)]
async fn ten_thousand_spans_are_kept_in_forty_lanes_and_two_sums() {
    let recording = recorded(async {
        for _ in 0..10 {
            crawl(999).await;
        }
    })
    .await;
    assert_eq!(recording.span_count(), 10_000);
    assert_eq!(recording.lanes().len(), MAX_LANES);
    assert_eq!(recording.summaries().len(), 2);
    let fetches = &recording.summaries()[1];
    assert_eq!((fetches.count(), fetches.peak()), (9_990, 999));
    assert_eq!(fetches.outcome(Outcome::Failed), 90);
    assert_eq!(fetches.longest(), Some(milliseconds(10)));
    assert_eq!(recording.total(), milliseconds(100));
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
