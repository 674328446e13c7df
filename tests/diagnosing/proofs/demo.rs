//! Proofs: `demo`.

use diagnosing::demo;
use expect_test::expect_file;

/// The chapter shows both files: a change of behaviour changes one of them, and fails here.
#[test]
fn prints_the_transcript_and_draws_the_picture() {
    let rehearsal = common::rehearse(demo::run());
    rehearsal.output.expect("the demo succeeds");
    expect_file!["../../../recipes/diagnosing/transcript.txt"].assert_eq(&rehearsal.transcript);
    expect_file!["../../../recipes/diagnosing/timeline.svg"].assert_eq(&rehearsal.timeline.svg("diagnosing"));
}
