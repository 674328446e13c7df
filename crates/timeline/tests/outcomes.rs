//! How the timeline tells finished, failed, cancelled, running and ended apart.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod support;

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use support::{lane, milliseconds, outcomes, recorded, recorded_by};
use timeline::{Outcome, Timeline};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::Instrument;

#[tracing::instrument(ret)]
async fn nap(length: u64) {
    sleep(milliseconds(length)).await;
}

#[tracing::instrument(ret, err)]
async fn fetch(answer: Result<u8, &'static str>) -> Result<u8, &'static str> {
    sleep(milliseconds(10)).await;
    answer
}

#[tracing::instrument(ret)]
async fn panics(length: u64) {
    sleep(milliseconds(length)).await;
    panic!("on purpose");
}

#[tokio::test(start_paused = true)]
async fn a_span_that_returns_has_finished() {
    let recording = recorded(nap(10)).await;
    assert_eq!(outcomes(&recording), [("nap 10", Outcome::Finished)]);
}

#[tokio::test(start_paused = true)]
async fn a_span_that_returns_an_error_has_failed() {
    let recording = recorded(async {
        fetch(Ok(1)).await.unwrap();
        fetch(Err("no")).await.unwrap_err();
    })
    .await;
    assert_eq!(
        outcomes(&recording),
        [("fetch Ok(1)", Outcome::Finished), ("fetch Err(\"no\")", Outcome::Failed)]
    );
}

#[tokio::test(start_paused = true)]
async fn a_function_that_is_not_async_tells_in_the_same_way() {
    #[tracing::instrument(ret, err)]
    fn parse(text: &str) -> Result<u8, std::num::ParseIntError> {
        text.parse()
    }
    let recording = recorded(async {
        parse("7").unwrap();
        parse("seven").unwrap_err();
    })
    .await;
    assert_eq!(outcomes(&recording), [("parse 7", Outcome::Finished), ("parse seven", Outcome::Failed)]);
    assert_eq!(recording.lanes().iter().map(|lane| lane.poll_count()).collect::<Vec<_>>(), [1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_span_that_is_dropped_before_it_returns_was_cancelled() {
    let recording = recorded(timeout(milliseconds(5), nap(10))).await;
    assert_eq!(outcomes(&recording), [("nap 10", Outcome::Cancelled)]);
    assert_eq!(lane(&recording, "nap 10").duration(), milliseconds(5));
}

#[tokio::test(start_paused = true)]
async fn an_aborted_task_was_cancelled() {
    let recording = recorded(async {
        let task = tokio::spawn(nap(10));
        sleep(milliseconds(3)).await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    })
    .await;
    assert_eq!(outcomes(&recording), [("nap 10", Outcome::Cancelled)]);
    assert_eq!(lane(&recording, "nap 10").ended(), milliseconds(3));
}

/// The last enter of a span only drops its future, so it does not count as a poll.
#[tokio::test(start_paused = true)]
async fn a_future_that_was_dropped_unpolled_was_never_polled() {
    let recording = recorded(async {
        let work = std::future::pending::<()>().instrument(tracing::info_span!("work"));
        sleep(milliseconds(5)).await;
        drop(work);
    })
    .await;
    let lane = lane(&recording, "work");
    assert_eq!(lane.outcome(), Outcome::Cancelled);
    assert_eq!((lane.first_polled(), lane.poll_count()), (None, 0));
    assert_eq!(lane.duration(), milliseconds(5));
}

#[tokio::test(start_paused = true)]
async fn an_open_span_is_running() {
    let timeline = Timeline::new().returns_reported();
    let recording = recorded_by(timeline.clone(), async {
        let mut work = Box::pin(nap(10));
        assert!(timeout(milliseconds(4), &mut work).await.is_err());
        let early = timeline.recording();
        assert_eq!(outcomes(&early), [("nap 10", Outcome::Running)]);
        assert_eq!(early.lanes()[0].duration(), milliseconds(4));
        assert_eq!((early.total(), early.work()), (milliseconds(4), milliseconds(4)));
        work.await;
    })
    .await;
    assert_eq!(outcomes(&recording), [("nap 10", Outcome::Finished)]);
}

/// Without the promise that every span reports what it returns, silence means nothing.
#[tokio::test(start_paused = true)]
async fn a_span_that_says_nothing_has_ended() {
    let recording = recorded_by(Timeline::new(), async {
        nap(1).await;
        sleep(milliseconds(2)).instrument(tracing::info_span!("by hand")).await;
        let _too_late = timeout(milliseconds(1), nap(9)).await;
    })
    .await;
    assert_eq!(
        outcomes(&recording),
        [("nap 1", Outcome::Finished), ("by hand", Outcome::Ended), ("nap 9", Outcome::Ended)]
    );
}

/// A span made by hand may say `return` itself.
#[tokio::test(start_paused = true)]
async fn a_span_made_by_hand_can_say_that_it_returns() {
    let recording = recorded(async {
        let work = async {
            sleep(milliseconds(2)).await;
            tracing::info!("return" = 5);
        };
        work.instrument(tracing::info_span!("by hand")).await;
    })
    .await;
    assert_eq!(outcomes(&recording), [("by hand", Outcome::Finished)]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure() {
    let recording = recorded(async {
        let task = tokio::spawn(panics(10));
        assert!(task.await.unwrap_err().is_panic());
        assert!(AssertUnwindSafe(panics(0)).catch_unwind().await.is_err());
    })
    .await;
    assert_eq!(outcomes(&recording), [("panics 10", Outcome::Failed), ("panics 0", Outcome::Failed)]);
    assert_eq!(lane(&recording, "panics 10").poll_count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_function_that_is_not_async_is_a_failure() {
    #[tracing::instrument(ret)]
    fn divide(by: u32) -> u32 {
        1 / by
    }
    let recording = recorded(async {
        assert!(std::panic::catch_unwind(|| divide(0)).is_err());
    })
    .await;
    assert_eq!(outcomes(&recording), [("divide 0", Outcome::Failed)]);
    assert_eq!(lane(&recording, "divide 0").poll_count(), 1);
}

/// A panic drops what is beside it. That was cancelled, though its thread is panicking.
#[tokio::test(start_paused = true)]
async fn what_a_panic_elsewhere_drops_was_cancelled() {
    let recording = recorded(async {
        let both = async { tokio::join!(nap(100), panics(10)) };
        assert!(tokio::spawn(both).await.unwrap_err().is_panic());
    })
    .await;
    assert_eq!(outcomes(&recording), [("nap 100", Outcome::Cancelled), ("panics 10", Outcome::Failed)]);
}

/// `in_current_span` enters the parent around each poll of the task, so the task's panic passes it.
#[tokio::test(start_paused = true)]
async fn a_parent_outlives_the_panic_of_a_task_that_it_spawned() {
    #[tracing::instrument(ret)]
    async fn parent() -> bool {
        let panicked = tokio::spawn(panics(10).in_current_span()).await.is_err();
        sleep(milliseconds(10)).await;
        panicked
    }
    let recording = recorded(parent()).await;
    assert_eq!(outcomes(&recording), [("parent", Outcome::Finished), ("panics 10", Outcome::Failed)]);
    assert_eq!(lane(&recording, "parent").duration(), milliseconds(20));

    let recording = recorded(timeout(milliseconds(15), parent())).await;
    assert_eq!(outcomes(&recording), [("parent", Outcome::Cancelled), ("panics 10", Outcome::Failed)]);
}

/// A program logs errors that it gets over. Neither form is the event of `#[instrument(err)]`.
#[tokio::test(start_paused = true)]
async fn an_error_that_is_only_logged_is_no_failure() {
    #[tracing::instrument(ret, err)]
    async fn retried(outcome: &str) -> Result<(), String> {
        tracing::error!(error = "refused", "retrying");
        tracing::error!(error = "refused");
        sleep(milliseconds(10)).await;
        if outcome == "fails" { Err("gave up".to_owned()) } else { Ok(()) }
    }
    let recording = recorded(async {
        retried("succeeds").await.unwrap();
        retried("fails").await.unwrap_err();
        let _too_late = timeout(milliseconds(5), retried("hangs")).await;
    })
    .await;
    assert_eq!(
        outcomes(&recording),
        [
            ("retried succeeds", Outcome::Finished),
            ("retried fails", Outcome::Failed),
            ("retried hangs", Outcome::Cancelled)
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_childs_error_is_not_its_parents() {
    #[tracing::instrument(ret)]
    async fn parent() {
        fetch(Err("no")).await.unwrap_err();
    }
    let recording = recorded(parent()).await;
    assert_eq!(outcomes(&recording), [("parent", Outcome::Finished), ("fetch Err(\"no\")", Outcome::Failed)]);
}

/// In the registry a child keeps its parent's span open. The parent's work ended when it returned.
#[tokio::test(start_paused = true)]
async fn a_parent_ends_when_it_returns_and_not_with_its_last_child() {
    #[tracing::instrument(skip_all, ret)]
    async fn handler(background: &mut JoinSet<()>) {
        sleep(milliseconds(10)).await;
        background.spawn(nap(90).instrument(tracing::info_span!("background")));
    }
    let timeline = Timeline::new().returns_reported();
    let recording = recorded_by(timeline.clone(), async {
        let mut background = JoinSet::new();
        handler(&mut background).await;
        sleep(milliseconds(5)).await;
        assert_eq!(lane(&timeline.recording(), "handler").outcome(), Outcome::Finished);
        background.join_all().await;
    })
    .await;
    assert_eq!(lane(&recording, "handler").ended(), milliseconds(10));
    assert_eq!(lane(&recording, "nap 90").ended(), milliseconds(100));
}

/// A clone of the span may be kept for long after the work is dropped.
#[tokio::test(start_paused = true)]
async fn a_span_ends_where_it_was_last_left_and_not_where_its_last_clone_goes() {
    let recording = recorded_by(Timeline::new(), async {
        let span = tracing::info_span!("work");
        sleep(milliseconds(10)).instrument(span.clone()).await;
        sleep(milliseconds(50)).await;
        drop(span);
    })
    .await;
    assert_eq!(lane(&recording, "work").ended(), milliseconds(10));
}

#[tokio::test(start_paused = true)]
async fn summaries_count_each_outcome() {
    let timeline = Timeline::new().returns_reported();
    let mut open = Box::pin(nap(1_000));
    let recording = recorded_by(timeline, async {
        nap(1).await;
        let _too_late = timeout(milliseconds(1), nap(5)).await;
        tokio::spawn(panics(2)).await.unwrap_err();
        let _too_late = timeout(milliseconds(3), &mut open).await;
    })
    .await;
    let counts = |name: &str| {
        let summary = recording.summaries().iter().find(|summary| summary.name() == name).unwrap();
        Outcome::ALL.map(|outcome| summary.outcome(outcome))
    };
    assert_eq!(counts("nap"), [1, 0, 1, 1, 0]);
    assert_eq!(counts("panics"), [0, 1, 0, 0, 0]);
    assert_eq!(recording.span_count(), 4);
}
