//! Many threads, odd orders, and the worst moments: nothing panics, nothing waits for itself.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod support;

use std::cell::RefCell;
use std::fmt;

use futures::FutureExt;
use support::outcomes;
use timeline::{Outcome, TextStyle, Timeline};
use tracing::instrument::WithSubscriber;
use tracing::{Dispatch, Instrument};
use tracing_subscriber::layer::SubscriberExt;

fn dispatch(timeline: &Timeline) -> Dispatch {
    Dispatch::new(tracing_subscriber::registry().with(timeline.clone()))
}

#[tracing::instrument(ret)]
async fn work(number: usize) {
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_threads_record_into_one_timeline() {
    let timeline = Timeline::new().returns_reported().draw_at_most(400);
    let dispatch = dispatch(&timeline);
    let tasks: Vec<_> =
        (0..400).map(|number| tokio::spawn(work(number).with_subscriber(dispatch.clone()))).collect();
    while timeline.recording().span_count() < 100 {
        // Recordings are taken while the others go on.
        assert!(!timeline.recording().text(TextStyle::default()).is_empty());
        tokio::task::yield_now().await;
    }
    futures::future::try_join_all(tasks).await.unwrap();

    let recording = timeline.recording();
    assert_eq!(recording.span_count(), 400);
    assert_eq!(recording.lanes().len(), 400);
    assert_eq!(recording.summaries()[0].outcome(Outcome::Finished), 400);
    assert!(recording.lanes().iter().all(|lane| lane.poll_count() == 4));
    assert!(recording.lanes().iter().all(|lane| lane.busy() <= lane.duration()));
    assert!(recording.lanes().windows(2).all(|pair| pair[0].opened() <= pair[1].opened()));
}

#[test]
fn one_span_entered_by_several_threads_is_busy_once() {
    let timeline = Timeline::new();
    let dispatch = dispatch(&timeline);
    tracing::dispatcher::with_default(&dispatch, || {
        let span = tracing::info_span!("shared");
        let barrier = std::sync::Barrier::new(4);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    span.in_scope(|| {
                        barrier.wait();
                        span.in_scope(|| barrier.wait());
                    });
                });
            }
        });
        // The clone is closed on another thread.
        std::thread::spawn(move || drop(span)).join().unwrap();
    });
    let recording = timeline.recording();
    assert_eq!(outcomes(&recording), [("shared", Outcome::Ended)]);
    let lane = &recording.lanes()[0];
    assert_eq!(lane.poll_count(), 1);
    assert!(lane.busy() <= lane.duration());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_spawned_inside_of_a_span_keeps_it_as_parent() {
    let timeline = Timeline::new().returns_reported();
    async {
        let parent = tracing::info_span!("parent");
        let child = work(1).with_current_subscriber().instrument(parent);
        tokio::spawn(child).await.unwrap();
    }
    .with_subscriber(dispatch(&timeline))
    .await;
    let recording = timeline.recording();
    assert_eq!(recording.lanes()[1].parent(), Some(0));
}

/// A value's `Debug` may do anything, even open spans and take a recording.
#[test]
fn a_value_that_records_while_it_is_formatted_does_not_lock_the_timeline() {
    struct Busy(Timeline);

    impl fmt::Debug for Busy {
        fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            let span = tracing::info_span!("inside");
            let lanes = span.in_scope(|| self.0.recording().lanes().len());
            write!(formatter, "{}", lanes > 0)
        }
    }

    let timeline = Timeline::new();
    tracing::dispatcher::with_default(&dispatch(&timeline), || {
        let span =
            tracing::info_span!("outer", value = ?Busy(timeline.clone()), later = tracing::field::Empty);
        span.in_scope(|| span.record("later", tracing::field::debug(Busy(timeline.clone()))));
    });
    let recording = timeline.recording();
    assert!(recording.lanes().iter().any(|lane| lane.label() == "outer true true"), "{recording:?}");
}

#[test]
fn a_value_that_panics_leaves_the_timeline_whole() {
    struct Panics;

    impl fmt::Debug for Panics {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("on purpose")
        }
    }

    let timeline = Timeline::new();
    tracing::dispatcher::with_default(&dispatch(&timeline), || {
        std::panic::catch_unwind(|| tracing::info_span!("panics", value = ?Panics)).unwrap_err();
        tracing::info_span!("after").in_scope(|| ());
    });
    let recording = timeline.recording();
    let labels: Vec<_> = recording.lanes().iter().map(|lane| lane.label()).collect();
    assert_eq!(labels, ["panics", "after"]);
}

#[test]
fn a_timeline_that_was_added_twice_records_once() {
    let (one, other) = (Timeline::new(), Timeline::new().returns_reported());
    let subscriber = tracing_subscriber::registry().with(one.clone()).with(other.clone()).with(one.clone());
    tracing::subscriber::with_default(subscriber, || {
        assert!(work(1).now_or_never().is_none());
        tracing::info_span!("plain").in_scope(|| ());
    });
    for (timeline, silent) in [(one, Outcome::Ended), (other, Outcome::Cancelled)] {
        let recording = timeline.recording();
        assert_eq!(outcomes(&recording), [("work 1", silent), ("plain", silent)]);
        let polls: Vec<_> = recording.lanes().iter().map(|lane| lane.poll_count()).collect();
        assert_eq!(polls[0], 1);
    }
}

/// Tokio's thread locals may be gone when a span in another thread local goes. In a program that has ever
/// paused its time, there is no clock then, and asking for it panics.
#[test]
fn a_span_that_goes_with_its_thread_is_closed() {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    thread_local! {
        static KEPT: RefCell<Option<tracing::Span>> = const { RefCell::new(None) };
    }
    let timeline = Timeline::new();
    let dispatch = dispatch(&timeline);
    std::thread::spawn(move || {
        tracing::dispatcher::with_default(&dispatch, || {
            // Locals go in the reverse order of their first use: this one after Tokio's.
            KEPT.with(|kept| *kept.borrow_mut() = None);
            tokio::time::Instant::now();
            KEPT.with(|kept| *kept.borrow_mut() = Some(tracing::info_span!("kept")));
        });
    })
    .join()
    .unwrap();
    assert_eq!(outcomes(&timeline.recording()), [("kept", Outcome::Ended)]);
}
