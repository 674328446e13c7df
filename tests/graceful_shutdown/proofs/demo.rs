//! Proofs: `demo`.

use expect_test::expect_file;
use graceful_shutdown::demo;

/// The chapter shows both files: a change of behaviour changes one of them, and fails here.
#[test]
fn prints_the_transcript_and_draws_the_picture() {
    let rehearsal = common::rehearse(demo::run());
    rehearsal.output.expect("the demo succeeds");
    expect_file!["../../../recipes/graceful_shutdown/transcript.txt"].assert_eq(&rehearsal.transcript);
    expect_file!["../../../recipes/graceful_shutdown/timeline.svg"]
        .assert_eq(&rehearsal.timeline.svg("graceful_shutdown"));
}
