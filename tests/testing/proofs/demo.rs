//! Proofs: `demo`.

use expect_test::expect_file;
use testing::demo;

/// The demo on virtual time prints `transcript.txt` and draws `timeline.svg`, to the byte.
#[test]
fn prints_the_transcript_and_draws_the_picture() {
    let rehearsal = common::rehearse(demo::run());
    rehearsal.output.expect("the demo succeeds");
    expect_file!["../../../recipes/testing/transcript.txt"].assert_eq(&rehearsal.transcript);
    expect_file!["../../../recipes/testing/timeline.svg"].assert_eq(&rehearsal.timeline.svg("testing"));
}
