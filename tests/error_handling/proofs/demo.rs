//! Proofs: `demo`.

use error_handling::demo;
use expect_test::expect_file;

/// The chapter shows both files: a change of behaviour changes one of them, and fails here.
#[test]
fn prints_the_transcript_and_draws_the_picture() {
    let rehearsal = common::rehearse(demo::run());
    rehearsal.output.expect("the demo succeeds");
    expect_file!["../../../recipes/error_handling/transcript.txt"].assert_eq(&rehearsal.transcript);
    expect_file!["../../../recipes/error_handling/timeline.svg"]
        .assert_eq(&rehearsal.timeline.svg("error_handling"));
}
