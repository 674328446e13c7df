//! What the user of any recipe's binary may rely on, tried on the example `show`.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// The example, which `cargo test` builds beside this test.
fn show(arguments: &[&str]) -> Command {
    let tests = std::env::current_exe().unwrap();
    let mut command = Command::new(tests.parent().unwrap().with_file_name("examples").join("show"));
    command.args(arguments).env_remove("NO_COLOR").env("RUST_BACKTRACE", "1").stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    show(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// One line on stderr, and nothing else there: no backtrace, though the environment asks for one.
fn assert_one_line(output: &Output, code: i32, starts: &str) {
    let stderr = text(&output.stderr);
    assert!(stderr.starts_with(starts), "{stderr}");
    assert_eq!((stderr.lines().count(), output.status.code()), (1, Some(code)), "{stderr}");
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn names(folder: &tempfile::TempDir) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_run_prints_its_log_and_then_its_timeline() {
    let output = run(&[]);
    let lines: Vec<_> = text(&output.stdout).lines().collect();
    assert!(lines[0].ends_with("s  hello, world"), "{}", lines[0]);
    assert!(lines[1].ends_with("s  connection closed"));
    assert_eq!(lines[2], "");
    assert!(lines[3].contains(" of work in "));
    assert!(lines.last().unwrap().starts_with("greet world "));
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
}

#[test]
fn no_timeline_prints_the_log_alone_and_in_a_pipe_without_colour() {
    let output = run(&["--no-timeline"]);
    assert_eq!(text(&output.stdout).lines().count(), 2);
    assert!(!text(&output.stdout).contains('\x1b'));
}

#[test]
fn a_wrong_flag_is_one_line_and_exit_code_2() {
    assert_one_line(&run(&["--no-such-flag"]), 2, "error: unexpected argument '--no-such-flag' found; ");
    assert_one_line(&run(&["--svg"]), 2, "error: a value is required for '--svg <FILE>'");
}

#[test]
fn help_is_no_error_and_says_what_the_program_does() {
    let output = run(&["--help"]);
    assert!(text(&output.stdout).starts_with("Greets, and ends as it is told to\n"));
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
}

#[test]
fn an_error_is_one_line_after_the_log_and_exit_code_1() {
    let output = run(&["--fail", "--no-timeline"]);
    assert_one_line(&output, 1, "error: it was told to fail\n");
    assert_eq!(text(&output.stdout).lines().count(), 2);
}

#[test]
fn ctrl_c_drops_the_program_draws_what_there_was_and_exits_with_130() {
    let mut child = show(&["--wait"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    stdout.read_line(&mut first).unwrap();
    assert!(first.ends_with("hello, world\n"), "it waits now");

    let kill = format!("kill -INT {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(rest.lines().next().unwrap().ends_with("connection closed"), "{rest}");
    assert!(rest.contains("greet world"));
    assert_eq!((output.status.code(), output.status.signal()), (Some(130), None));
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn a_program_that_listens_for_ctrl_c_itself_ends_as_it_likes() {
    let mut child = show(&["--listen"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut said = String::new();
    while !said.ends_with("listening\n") {
        assert_ne!(stdout.read_line(&mut said).unwrap(), 0, "{said}");
    }

    let kill = format!("kill -INT {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(rest.lines().next().unwrap().ends_with("hello, whoever pressed Ctrl-C"), "{rest}");
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(7), ""));
}

#[test]
fn a_closed_pipe_ends_it_without_a_word() {
    let mut child = show(&["--wait"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_behind_stdout_is_one_line_and_exit_code_1() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = show(&["--wait"]).stdout(full).output().unwrap();
    assert_one_line(&output, 1, "error: cannot write to stdout: No space left on device");
}

#[test]
fn a_picture_and_a_trace_are_saved_whole_and_nothing_else_is() {
    let folder = folder();
    let (svg, trace) = (folder.path().join("run.svg"), folder.path().join("run.json"));
    fs::write(&svg, "an older picture").unwrap();
    let output = run(&["--no-timeline", "--svg", svg.to_str().unwrap(), "--trace", trace.to_str().unwrap()]);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    assert!(fs::read_to_string(&svg).unwrap().trim_end().ends_with("</svg>"));
    let trace = fs::read_to_string(&trace).unwrap();
    assert!(trace.starts_with('[') && trace.trim_end().ends_with(']') && trace.contains(r#""name":"greet""#));
    assert_eq!(names(&folder).len(), 2);
}

#[test]
fn a_file_that_cannot_be_written_is_reported_before_anything_runs() {
    let folder = folder();
    let missing = folder.path().join("no/such/folder.svg");
    let output = run(&["--svg", missing.to_str().unwrap()]);
    assert_one_line(&output, 1, &format!("error: cannot write {}: ", missing.display()));
    assert_eq!(text(&output.stdout), "");

    let output = run(&["--trace", folder.path().to_str().unwrap()]);
    assert_one_line(&output, 1, &format!("error: cannot write {}: ", folder.path().display()));
    assert_eq!(names(&folder).len(), 0);
}

/// A rename over a device would put a file in its place.
#[test]
fn a_device_is_written_to_and_stays_a_device() {
    let output = run(&["--svg", "/dev/null"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
}

#[test]
fn a_link_keeps_pointing_where_it_did() {
    let folder = folder();
    let (file, link) = (folder.path().join("file.svg"), folder.path().join("link.svg"));
    fs::write(&file, "an older picture").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    run(&["--svg", link.to_str().unwrap()]);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::read_to_string(&file).unwrap().starts_with("<svg"));
}
