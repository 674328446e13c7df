//! Proofs: `demo`.

use expect_test::expect_file;
use semaphores::demo;

use crate::support::soon;

/// The chapter shows both files: a change of behaviour changes one of them, and fails here.
#[test]
fn prints_the_transcript_and_draws_the_picture() {
    let rehearsal = common::rehearse(soon(demo::run()));
    rehearsal.output.expect("the demo succeeds");
    expect_file!["../../../recipes/semaphores/transcript.txt"].assert_eq(&rehearsal.transcript);
    expect_file!["../../../recipes/semaphores/timeline.svg"].assert_eq(&rehearsal.timeline.svg("semaphores"));
}
