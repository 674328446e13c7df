//! Proofs: `demo`.

use expect_test::expect_file;
use task_groups::demo;

use crate::support::ends;

/// The chapter shows both files: a change of behaviour changes one of them, and fails here.
#[test]
fn prints_the_transcript_and_draws_the_picture() {
    let rehearsal = common::rehearse(ends(demo::run()));
    rehearsal.output.expect("the demo succeeds");
    expect_file!["../../../recipes/task_groups/transcript.txt"].assert_eq(&rehearsal.transcript);
    expect_file!["../../../recipes/task_groups/timeline.svg"]
        .assert_eq(&rehearsal.timeline.svg("task_groups"));
}
