//! What a lesson may rely on when it rehearses a demo.

use std::time::Duration;

use common::rehearse;
use timeline::Outcome;
use tokio::time::sleep;

#[tracing::instrument(ret, err)]
async fn fetch(name: &str) -> Result<(), String> {
    sleep(Duration::from_secs(60)).await;
    if name == "bad" { Err(format!("{name} failed")) } else { Ok(()) }
}

async fn demo() -> u32 {
    tracing::info!("start");
    let (_good, _bad) = tokio::join!(fetch("good"), fetch("bad"));
    tracing::info!(answer = 42, "after a minute");
    tracing::debug!("not for the log");
    7
}

/// The events of `ret` and `err` are for the timeline; the log prints what the program says.
#[test]
fn the_transcript_is_what_was_said_at_its_time_on_the_virtual_clock() {
    let rehearsal = rehearse(demo());
    assert_eq!(rehearsal.output, 7);
    assert_eq!(rehearsal.transcript, "  0.000s  start\n 60.000s  after a minute answer=42\n");
}

#[test]
fn the_timeline_has_a_lane_for_each_span_and_knows_how_it_ended() {
    let timeline = rehearse(demo()).timeline;
    let outcomes: Vec<_> = timeline.lanes().iter().map(|lane| (lane.label(), lane.outcome())).collect();
    assert_eq!(outcomes, [("fetch good", Outcome::Finished), ("fetch bad", Outcome::Failed)]);
    assert_eq!((timeline.total(), timeline.work()), (Duration::from_secs(60), Duration::from_secs(120)));
}

#[test]
fn the_same_demo_gives_the_same_bytes_every_time() {
    let pictures: Vec<_> = (0..3).map(|_| rehearse(demo()).timeline.svg("demo")).collect();
    assert!(pictures.iter().all(|picture| *picture == pictures[0]));
}

#[test]
fn rehearsals_on_two_threads_do_not_see_each_other() {
    let other = std::thread::spawn(|| rehearse(demo()).transcript);
    let here = rehearse(demo()).transcript;
    assert_eq!(other.join().ok(), Some(here));
}
