//! The recipe's own program.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use expect_test::expect_file;
use rustix::process::{Pid, Signal, kill_process};

use crate::real_time::soon_on_a_thread;
use crate::support::lanes_of;
use crate::tools::output;

const PROGRAM: &str = env!("CARGO_BIN_EXE_subprocesses");

/// What it prints, without the times of real time; its exit code.
fn said(arguments: &[&str]) -> (Vec<String>, Option<i32>) {
    let output = output(PROGRAM, arguments);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    (untimed(&String::from_utf8(output.stdout).unwrap()), output.status.code())
}

fn untimed(log: &str) -> Vec<String> {
    log.lines().map(|line| line.split_once("s  ").map_or(line, |(_, line)| line).to_owned()).collect()
}

/// The log is that of the asyncio program. The picture is one of a run on real time: every run has its lanes.
#[test]
fn prints_the_transcript_and_draws_what_the_picture_shows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("timeline.svg");
    let (lines, code) = said(&["--no-timeline", "--svg", path.to_str().unwrap()]);
    assert_eq!(code, Some(0));
    expect_file!["../../../recipes/subprocesses/transcript.txt"].assert_eq(&(lines.join("\n") + "\n"));

    let drawn = std::fs::read_to_string(path).unwrap();
    let shown = expect_file!["../../../recipes/subprocesses/timeline.svg"];
    match std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/timeline.svg")) {
        Ok(picture) if lanes_of(&picture) == lanes_of(&drawn) => {}
        _ => shown.assert_eq(&drawn),
    }
}

/// Each line has the number of its command, and the worst exit code is its own.
#[test]
fn commands_have_their_lines_and_the_worst_code_wins() {
    let (lines, code) =
        said(&["--no-timeline", "-j", "1", "--", "echo out", "echo err >&2; exit 3", "printf half"]);
    assert_eq!(
        lines,
        [
            "[1] out",
            "[1] exit status: 0",
            "[2 err] err",
            "[2] exit status: 3",
            "[3] half\\",
            "[3] exit status: 0",
            "[2] exit status: 3 (echo err >&2; exit 3)",
            "3 commands: 2 ok, 1 failed, 0 over the time limit, 0 not begun"
        ]
    );
    assert_eq!(code, Some(3));
    for (command, expected) in [("kill -9 $$", 137), ("exit 255", 255), ("true", 0), ("no-such-program", 127)]
    {
        assert_eq!(said(&["--no-timeline", "--", command, "exit 0"]).1, Some(expected), "{command}");
    }
}

/// A command over its time limit gets SIGTERM and is then killed: the exit code is 124.
#[test]
fn a_time_limit_ends_a_command_and_what_it_has_started() {
    let limits = ["--no-timeline", "--time-limit", "0.05", "--grace", "0.05"];
    let (lines, code) =
        said(&[&limits[..], &["--", "exec sleep 600", "trap '' TERM; sleep 600 & sleep 600"]].concat());
    assert!(lines.contains(&"[1] asked to end: signal: 15 (SIGTERM)".to_owned()), "{lines:?}");
    assert!(lines.contains(&"[2] asked to end, and killed: signal: 9 (SIGKILL)".to_owned()), "{lines:?}");
    assert_eq!(lines.last().unwrap(), "2 commands: 0 ok, 0 failed, 2 over the time limit, 0 not begun");
    assert_eq!(code, Some(124));
}

/// After a failure the other commands are ended, and waiting commands never begin.
#[test]
fn fail_fast_ends_the_others() {
    let commands = ["exec sleep 600", "exit 3", "echo never"];
    let (lines, code) = said(&[&["--no-timeline", "-j", "2", "--fail-fast", "--"], &commands[..]].concat());
    assert_eq!(lines.last().unwrap(), "3 commands: 0 ok, 1 failed, 1 over the time limit, 1 not begun");
    assert_eq!(code, Some(124));
}

/// Commands on stdin, a line each; empty lines and comments are left out.
#[test]
fn commands_come_from_stdin() {
    let mut command = Command::new(PROGRAM);
    command.args(["--no-timeline", "-j", "1"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"echo one\n\n# no command\n  echo two\n").unwrap();
    let output = soon_on_a_thread(move || child.wait_with_output().unwrap());
    let lines = untimed(&String::from_utf8(output.stdout).unwrap());
    assert_eq!((&*lines[0], &*lines[2], output.status.code()), ("[1] one", "[2] two", Some(0)));
}

/// The signal ends all commands within a second, even one that ignores it. The summary has the outcome of each.
fn ends_all(signal: Signal, code: i32) {
    let mut command = Command::new(PROGRAM);
    let job = "trap '' TERM INT HUP; echo ready; sleep 600 & sleep 600";
    command.args(["--no-timeline", "-j", "2", "--", job, job, "echo never"]).stdout(Stdio::piped());
    let mut child = command.stdin(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    soon_on_a_thread(move || {
        for _ in 0..2 {
            lines.read_line(&mut String::new()).unwrap();
        }
        let begun = SystemTime::now();
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code));
        assert!(begun.elapsed().unwrap() < Duration::from_secs(1));
        let mut rest = String::new();
        lines.read_to_string(&mut rest).unwrap();
        assert!(rest.trim_end().ends_with("3 commands: 0 ok, 0 failed, 2 over the time limit, 1 not begun"));
    });
}

/// asyncio: SIGINT cancels the main task, and its programs live on. Here they end, within a second.
#[test]
fn ctrl_c_ends_all_within_a_second() {
    ends_all(Signal::INT, 130);
}

/// asyncio: SIGTERM ends the program at once, and its programs live on. Here they end, within a second.
#[test]
fn a_request_to_end_ends_all_within_a_second() {
    ends_all(Signal::TERM, 143);
}

/// The terminal is closed, and the commands are in groups that it does not reach: the program ends them.
#[test]
fn a_closed_terminal_ends_all_within_a_second() {
    // Where what started these lessons ignores it, as `nohup` does, the program ignores it, too.
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap().trim();
    if u64::from_str_radix(ignored, 16).unwrap() & 1 == 0 {
        ends_all(Signal::HUP, 129);
    }
}

/// A signal while it still reads its commands ends it at once, although stdin stays open.
#[test]
fn a_signal_ends_it_while_it_reads_stdin() {
    let mut command = Command::new(PROGRAM);
    let mut child = command.args(["-j", "1"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let _open = child.stdin.take();
    soon_on_a_thread(move || {
        // It listens when it catches the signal, which Linux says.
        let status = format!("/proc/{}/status", child.id());
        let catches = |line: &str| {
            let mask = line.strip_prefix("SigCgt:").map(|mask| u64::from_str_radix(mask.trim(), 16).unwrap());
            mask.is_some_and(|mask| mask & 2 == 2)
        };
        while !std::fs::read_to_string(&status).unwrap().lines().any(catches) {
            std::thread::yield_now();
        }
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130));
    });
}

/// Where nothing reads its stdout any more, it ends, and takes its commands along.
#[test]
fn a_closed_pipe_ends_it() {
    let mut command = Command::new(PROGRAM);
    command.args(["--no-timeline", "--", "yes", "yes"]).stdin(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    lines.read_line(&mut String::new()).unwrap();
    drop(lines);
    let output = soon_on_a_thread(move || child.wait_with_output().unwrap());
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

/// Wrong use is one line and the exit code 2.
#[test]
fn wrong_use_is_one_line() {
    for (arguments, reason) in [
        (&["-j", "0", "true"][..], "not a number of 1 or more"),
        (&["-j"], "a value is required"),
        (&["--time-limit", "soon", "true"], "not a number of seconds"),
        (&["--time-limit", "-1", "true"], "unexpected argument"),
        (&["--jobz", "1"], "did you mean --jobs?"),
    ] {
        let output = output(PROGRAM, arguments);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
        assert!(errors.contains(reason) && errors.lines().count() == 1, "{arguments:?}: {errors}");
    }
}
