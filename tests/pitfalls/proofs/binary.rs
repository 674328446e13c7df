//! The program, run as a user runs it.

use std::process::{Command, Output};

use pitfalls::scenes::GROUPS;

fn pitfalls(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pitfalls"));
    command.args(arguments).env("RUST_BACKTRACE", "0");
    command
}

fn run(arguments: &[&str]) -> Output {
    pitfalls(arguments).output().unwrap()
}

fn printed(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The list fits a terminal of 80 columns, and has every pitfall and every group.
#[test]
fn without_arguments_it_lists_every_pitfall_on_lines_of_a_terminal() {
    let list = printed(&[]);
    assert!(list.lines().all(|line| line.chars().count() < 80), "{list}");
    for group in GROUPS {
        assert!(list.contains(&format!("{}\n", group.title)));
        for pitfall in group.pitfalls {
            assert!(list.contains(&format!("  {}  ", pitfall.name)) && list.contains(pitfall.summary));
        }
    }
}

/// It runs on virtual time: the same on every run, and over at once.
#[test]
fn with_a_name_it_lets_that_one_bite_and_shows_it_fixed() {
    for name in ["half_polled_future", "half-polled-future"] {
        assert_eq!(
            printed(&[name, "--no-timeline"]),
            "  0.000s  half_polled_future: a future that is left alone keeps a lock\n  \
                   1.000s    broken: not updated after a second\n  \
                   1.200s    fixed: updated\n  \
                   1.200s    caught by: nothing\n"
        );
    }
    let with_picture = printed(&["lock_over_the_work"]);
    assert!(with_picture.contains("fixed lock_over_the_work  "), "{with_picture}");
}

/// The chapter shows the recorded transcript: the program must print the same.
#[test]
fn for_those_that_asyncio_has_it_prints_the_transcript() {
    let transcript = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/transcript.txt"));
    let mine = printed(&["--asyncio"]);
    assert!(mine.starts_with(&format!("{}\n", transcript.unwrap())), "{mine}");
}

/// An empty stdout and exit code 2 let a script detect a typing error. A near miss gets a suggestion.
#[test]
fn an_unknown_name_is_one_line_and_ends_with_2() {
    for arguments in [&["forgotten"][..], &["--asyncio", "forgotten_await"], &["--no-such"]] {
        let output = run(arguments);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    for (typed, answer) in
        [("Half-A-Reed", "did you mean half_a_read?"), ("zzz", "without a name, all are listed")]
    {
        let error = String::from_utf8(run(&[typed]).stderr).unwrap();
        assert!(error.contains(answer), "{error}");
    }
}

/// `pitfalls | head` closes the pipe early: `println!` would panic there.
#[test]
fn a_closed_pipe_is_no_failure() {
    for arguments in [&[][..], &["spare_sender"]] {
        let (reader, closed) = std::io::pipe().unwrap();
        drop(reader);
        let output = pitfalls(arguments).stdout(closed).output().unwrap();
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
    }
}

/// A list has no picture, so a flag that asks for one is wrong use, and not silently ignored.
#[test]
fn a_picture_without_a_pitfall_is_wrong_use() {
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("picture-without-a-pitfall");
    for flag in ["--svg", "--trace"] {
        let output = run(&[flag, file.to_str().unwrap()]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            (output.status.code(), output.stdout.len(), error.lines().count()),
            (Some(2), 0, 1),
            "{error}"
        );
        assert!(error.contains("required"), "{error}");
        assert!(run(&[flag, file.to_str().unwrap(), "spare_sender"]).status.success() && file.exists());
        assert!(run(&[flag, file.to_str().unwrap(), "--asyncio"]).status.success());
        std::fs::remove_file(&file).unwrap();
    }
    assert_eq!(run(&["--no-timeline"]).status.code(), Some(2));
}
