//! The scene of each pitfall.

use expect_test::expect_file;
use pitfalls::{demo, scenes};

/// The chapter shows both files: a change of behaviour changes one of them, and fails here.
#[test]
fn prints_the_transcript_and_draws_the_picture() {
    let rehearsal = common::rehearse(demo::run());
    rehearsal.output.expect("the demo succeeds");
    expect_file!["../../../recipes/pitfalls/transcript.txt"].assert_eq(&rehearsal.transcript);
    expect_file!["../../../recipes/pitfalls/timeline.svg"].assert_eq(&rehearsal.timeline.svg("pitfalls"));
}

/// The two lines of each pitfall differ: one shows the mistake, the other the fixed form.
#[test]
fn every_pitfall_bites_on_its_stage_and_its_fixed_form_does_not() {
    for pitfall in scenes::GROUPS.into_iter().flat_map(|group| group.pitfalls) {
        let rehearsal = common::rehearse(pitfall.show());
        rehearsal.output.unwrap_or_else(|error| panic!("{}: {error}", pitfall.name));
        let lines: Vec<_> = rehearsal.transcript.lines().collect();
        let outcome = |line: &str, what: &str| line.split_once(what).map(|(_, outcome)| outcome.to_owned());
        let [_, broken, fixed] = lines[..] else { panic!("{}", rehearsal.transcript) };
        match (outcome(broken, "  broken: "), outcome(fixed, "  fixed: ")) {
            (Some(broken), Some(fixed)) if is_as_expected(pitfall.name, &broken, &fixed) => {}
            _ => panic!("{}", rehearsal.transcript),
        }
    }
}

/// Whether the lines are as expected. In one pitfall the lines are equal, and only the time shows the delay.
fn is_as_expected(pitfall: &str, broken: &str, fixed: &str) -> bool {
    (broken == fixed) == (pitfall == "one_after_the_other")
}
