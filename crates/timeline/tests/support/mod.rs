//! What every test of the timeline needs: record a future, and get the recording.

#![allow(dead_code, reason = "each test target uses a part of it")]

use std::time::Duration;

use timeline::{Lane, Outcome, Recording, Timeline};
use tracing_subscriber::layer::SubscriberExt;

/// Runs `work` with a timeline whose spans report what they return.
pub(crate) async fn recorded<F: Future>(work: F) -> Recording {
    recorded_by(Timeline::new().returns_reported(), work).await
}

/// Runs `work` with this timeline on the current thread.
pub(crate) async fn recorded_by<F: Future>(timeline: Timeline, work: F) -> Recording {
    let subscriber = tracing_subscriber::registry().with(timeline.clone());
    let _guard = tracing::subscriber::set_default(subscriber);
    work.await;
    timeline.recording()
}

pub(crate) fn milliseconds(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Label and outcome of each lane, in the order in which they are drawn.
pub(crate) fn outcomes(recording: &Recording) -> Vec<(&str, Outcome)> {
    recording.lanes().iter().map(|lane| (lane.label(), lane.outcome())).collect()
}

/// The lane with this label.
pub(crate) fn lane<'a>(recording: &'a Recording, label: &str) -> &'a Lane {
    let labels: Vec<&str> = recording.lanes().iter().map(Lane::label).collect();
    let found = recording.lanes().iter().find(|lane| lane.label() == label);
    found.unwrap_or_else(|| panic!("no lane {label:?} in {labels:?}"))
}

/// The document without its style, which is always the same.
pub(crate) fn elements(svg: &str) -> &str {
    svg.split_once("</style>\n").expect("every document has a style").1
}
