//! Times: which clock, when a span opens, waits, runs and ends, and what that comes to.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod support;

use std::time::Duration;

use support::{lane, milliseconds, recorded, recorded_by};
use timeline::{Outcome, TextStyle, Timeline};
use tokio::time::{advance, sleep};
use tracing::Instrument;

#[tracing::instrument(ret)]
async fn nap(length: u64) {
    sleep(milliseconds(length)).await;
}

/// On paused time, moving the clock inside of a poll is what computing is on real time.
#[tracing::instrument(ret)]
async fn compute(length: u64) {
    advance(milliseconds(length)).await;
}

/// Blocks the thread: nothing is ever sent, and the sender is there to the end.
fn pass(length: u64) {
    let (_sender, receiver) = std::sync::mpsc::channel::<()>();
    receiver.recv_timeout(milliseconds(length)).unwrap_err();
}

/// An hour that passes in an instant is drawn as an hour.
#[tokio::test(start_paused = true)]
async fn lanes_are_drawn_on_the_runtimes_clock_not_the_wall_clock() {
    let recording = recorded(async {
        sleep(Duration::from_secs(3_600)).await;
        nap(3_600_000).await;
    })
    .await;
    let lane = lane(&recording, "nap 3600000");
    assert_eq!(lane.opened(), Duration::from_secs(3_600));
    assert_eq!(lane.duration(), Duration::from_secs(3_600));
    assert_eq!(lane.busy(), Duration::ZERO);
    assert_eq!(recording.total(), Duration::from_secs(7_200));
}

/// The same, the other way round: real time passes, the runtime's does not, and nothing is drawn of it.
#[tokio::test(start_paused = true)]
async fn real_time_that_passes_on_a_paused_clock_is_not_drawn() {
    #[tracing::instrument(ret)]
    fn block() {
        pass(20);
    }
    let recording = recorded(async {
        block();
        nap(7).await;
    })
    .await;
    assert_eq!(lane(&recording, "block").duration(), Duration::ZERO);
    assert_eq!(recording.total(), milliseconds(7));
}

#[tokio::test(start_paused = true)]
async fn each_poll_is_recorded_with_its_begin_and_its_end() {
    #[tracing::instrument(ret)]
    async fn mixed() {
        compute(10).await;
        sleep(milliseconds(20)).await;
        compute(30).await;
    }
    let recording = recorded(mixed()).await;
    let polls = |label| {
        let polls = lane(&recording, label).polls().iter();
        let times = polls.map(|poll| [poll.begin(), poll.end(), poll.busy()]);
        times.map(|times| times.map(|time| time.as_millis())).collect::<Vec<_>>()
    };
    assert_eq!(polls("mixed"), [[0, 10, 10], [10, 10, 0], [30, 60, 30], [60, 60, 0]]);
    assert_eq!(polls("compute 30"), [[30, 60, 30], [60, 60, 0]]);
    let mixed = lane(&recording, "mixed");
    assert_eq!((mixed.poll_count(), mixed.busy()), (4, milliseconds(40)));
    assert_eq!(mixed.duration(), milliseconds(60));
}

#[tokio::test(start_paused = true)]
async fn the_time_before_the_first_poll_is_not_waiting() {
    let recording = recorded(async {
        let later = nap(10).instrument(tracing::info_span!("later"));
        sleep(milliseconds(40)).await;
        later.await;
    })
    .await;
    let later = lane(&recording, "later");
    assert_eq!((later.opened(), later.first_polled()), (Duration::ZERO, Some(milliseconds(40))));
    assert_eq!(later.duration(), milliseconds(50));
    let text = recording.text(TextStyle::ascii(60));
    assert!(text.contains("..--"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_goes_on_is_drawn_up_to_the_recording() {
    let timeline = Timeline::new();
    let mut inside = None;
    #[expect(clippy::await_holding_invalid_type, reason = "the poll is to go on over the await")]
    recorded_by(timeline.clone(), async {
        let span = tracing::info_span!("work");
        let entered = span.enter();
        advance(milliseconds(8)).await;
        inside = Some(timeline.recording());
        drop(entered);
    })
    .await;
    let inside = inside.unwrap();
    let work = lane(&inside, "work");
    assert_eq!(work.outcome(), Outcome::Running);
    assert_eq!((work.poll_count(), work.busy()), (1, milliseconds(8)));
}

#[tokio::test(start_paused = true)]
async fn spans_nest_under_their_parents_in_order_of_opening() {
    #[tracing::instrument(ret)]
    async fn parent(name: &str) {
        tokio::join!(nap(20), async {
            nap(5).await;
            nap(6).await;
        });
    }
    let recording = recorded(async {
        tokio::join!(parent("a"), parent("b"));
        let span = tracing::info_span!("explicit");
        let child = tracing::info_span!(parent: &span, "child");
        drop(span);
        drop(child);
    })
    .await;
    let lanes: Vec<_> =
        recording.lanes().iter().map(|lane| (lane.depth(), lane.label(), lane.parent())).collect();
    assert_eq!(
        lanes,
        [
            (0, "parent a", None),
            (1, "nap 20", Some(0)),
            (1, "nap 5", Some(0)),
            (1, "nap 6", Some(0)),
            (0, "parent b", None),
            (1, "nap 20", Some(4)),
            (1, "nap 5", Some(4)),
            (1, "nap 6", Some(4)),
            (0, "explicit", None),
            (1, "child", Some(8)),
        ]
    );
}

/// A filter may leave a span out; its children then belong to the next one that is recorded.
#[tokio::test(start_paused = true)]
async fn a_span_nests_under_the_nearest_one_that_is_recorded() {
    use tracing_subscriber::Layer;
    use tracing_subscriber::filter::LevelFilter;
    use tracing_subscriber::layer::SubscriberExt;

    let (filtered, whole) = (Timeline::new(), Timeline::new());
    let subscriber = tracing_subscriber::registry()
        .with(filtered.clone().with_filter(LevelFilter::INFO))
        .with(whole.clone());
    let _guard = tracing::subscriber::set_default(subscriber);
    let outer = tracing::info_span!("outer");
    let hidden = tracing::debug_span!(parent: &outer, "hidden");
    nap(1).instrument(hidden).await;
    drop(outer);

    let lanes = |timeline: &Timeline| {
        let recording = timeline.recording();
        recording.lanes().iter().map(|lane| (lane.depth(), lane.name())).collect::<Vec<_>>()
    };
    assert_eq!(lanes(&filtered), [(0, "outer"), (1, "nap")]);
    assert_eq!(lanes(&whole), [(0, "outer"), (1, "hidden"), (2, "nap")]);
}

/// A parent's time is its children's: three seconds of work in one.
#[tokio::test(start_paused = true)]
async fn work_is_the_sum_of_the_leaves() {
    #[tracing::instrument(ret)]
    async fn all() {
        tokio::join!(nap(1_000), nap(1_000), nap(1_000));
    }
    let recording = recorded(all()).await;
    assert_eq!(recording.work(), milliseconds(3_000));
    assert_eq!(recording.total(), milliseconds(1_000));
    let text = recording.text(TextStyle::default());
    assert!(text.starts_with("3.00s of work in 1.00s (3.0x) "), "{text}");
}

#[tokio::test(start_paused = true)]
async fn the_peak_is_the_most_that_were_open_at_once() {
    let recording = recorded(async {
        tokio::join!(nap(10), nap(20), nap(30));
        tokio::join!(nap(10), nap(20));
    })
    .await;
    assert_eq!(recording.summaries()[0].peak(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_summary_has_the_durations_of_the_spans_that_are_over() {
    let timeline = Timeline::new();
    let durations = || {
        let recording = timeline.recording();
        let naps = &recording.summaries()[0];
        (naps.count(), naps.shortest(), naps.mean(), naps.longest())
    };
    recorded_by(timeline.clone(), async {
        let open = tracing::info_span!("nap");
        assert_eq!(durations(), (1, None, None, None));
        tokio::join!(nap(10), nap(20), nap(60));
        let [shortest, mean, longest] = [10, 30, 60].map(|length| Some(milliseconds(length)));
        assert_eq!(durations(), (4, shortest, mean, longest));
        drop(open);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_field_that_is_recorded_later_is_in_the_label() {
    let recording = recorded_by(Timeline::new(), async {
        let span = tracing::info_span!("fetch", page = 1, status = tracing::field::Empty);
        span.record("status", 404);
        span.record("status", 200);
    })
    .await;
    assert_eq!(recording.lanes()[0].label(), "fetch 1 200");
}

#[tokio::test(start_paused = true)]
async fn nothing_recorded_is_no_time_and_no_work() {
    let recording = recorded(sleep(milliseconds(5))).await;
    assert_eq!((recording.total(), recording.work()), (Duration::ZERO, Duration::ZERO));
    assert_eq!(recording.span_count(), 0);
}

/// Outside of a runtime, Tokio's clock is the system's.
#[test]
fn a_timeline_works_outside_of_a_runtime() {
    use tracing_subscriber::layer::SubscriberExt;

    let timeline = Timeline::new();
    let subscriber = tracing_subscriber::registry().with(timeline.clone());
    tracing::subscriber::with_default(subscriber, || {
        tracing::info_span!("outside").in_scope(|| {
            pass(2);
        });
    });
    let recording = timeline.recording();
    assert!(recording.lanes()[0].busy() >= milliseconds(2));
    assert_eq!(recording.lanes()[0].poll_count(), 1);
}
