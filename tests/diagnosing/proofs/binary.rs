//! The program as its user has it.

use std::process::{Command, Output};

use diagnosing::scenes::SCENES;

fn diagnosing(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_diagnosing"));
    command.args(arguments).env("RUST_BACKTRACE", "0");
    command
}

fn run(arguments: &[&str]) -> Output {
    diagnosing(arguments).output().unwrap()
}

/// What it prints, without the times of real time.
fn printed(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    let log = String::from_utf8(output.stdout).unwrap();
    let untimed = |line: &str| match line.split_once("s  ") {
        Some((time, line)) if time.ends_with(|last: char| last.is_ascii_digit()) => format!("{line}\n"),
        _ => format!("{line}\n"),
    };
    log.lines().map(untimed).collect()
}

/// Whether `log` has these parts, in this order.
fn in_order(log: &str, parts: &[&str]) {
    let mut rest = log;
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { panic!("{part:?} is not next in\n{log}") };
        rest = after;
    }
}

/// Each fault is seen, found with its line, and then fixed.
#[test]
fn with_a_name_it_shows_the_fault_the_line_and_the_fix() {
    let here = "recipes/diagnosing/src/scenes.rs:";
    let expected: &[(&str, &[&str])] = &[
        ("forgotten", &["you see: no page is saved", "stuck says: save home was never polled", "fixed"]),
        ("panic", &["you see: no price", "panics says: task ", here, "index out of bounds", "fixed"]),
        (
            "hang",
            &[
                "you see: 2 tasks",
                "stuck says: ann waits 0.",
                here,
                "stuck says: bob waits 0.",
                "fixed, ann speaks first: 0 tasks are left",
            ],
        ),
        (
            "dead_lock",
            &[
                "lock_order says: ",
                here,
                here,
                "you see: two transfers have not ended",
                "fixed, with one order for all: both have ended",
            ],
        ),
        (
            "end",
            &[
                "you see: all three",
                "stuck says: collector waits 0.",
                here,
                "1 sender is left",
                "the sum is 6",
            ],
        ),
        (
            "block",
            &[
                "watchdog says: nothing new runs",
                "slow_polls says: a step of the request slow took 0.",
                "you see: the latest beat",
                "fixed",
            ],
        ),
        ("worker", &["load says: ", "one poll takes all of the time", "you see: a word", "fixed"]),
        (
            "tasks",
            &[
                "after 30 sessions: 30 tasks",
                "counted says: heartbeat: 30 alive, 30 more, made at",
                here,
                "you see",
                "after 30 sessions: 0 tasks",
                "fixed",
            ],
        ),
        ("queue", &["you see: memory grows", "fixed, with a limit of 10: [10, 10, 10]"]),
        (
            "sockets",
            &[
                "you see: ",
                "descriptors says: 5 more: tcp accepted on port ",
                "CLOSE_WAIT",
                "fixed, by a drop",
            ],
        ),
    ];
    assert_eq!(expected.iter().map(|(name, _)| *name).collect::<Vec<_>>(), SCENES.map(|scene| scene.name));
    for (name, parts) in expected {
        let log = printed(&[name, "--no-timeline"]);
        in_order(&log, parts);
        let (_, after_the_fix) = log.split_once("fixed").unwrap();
        assert!(!after_the_fix.contains("stuck says") && !after_the_fix.contains("counted says"), "{log}");
    }
    in_order(&printed(&["Dead-Lock"]), &["transfer ann to bob", "cancelled"]);
}

/// Without a name, the demo; a list of the faults follows it.
#[test]
fn without_arguments_it_prints_the_transcript_and_the_faults() {
    let transcript = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/transcript.txt")).unwrap();
    let lines = transcript.lines().map(|line| line.split_once("s  ").unwrap().1.to_owned() + "\n");
    let mine = printed(&["--no-timeline"]);
    assert!(mine.starts_with(&lines.collect::<String>()), "{mine}");
    for scene in SCENES {
        assert!(mine.contains(&format!("  {:10}  {}\n", scene.name, scene.symptom)), "{mine}");
    }
    assert!(mine.lines().all(|line| line.chars().count() < 80), "{mine}");
}

/// An empty stdout and exit code 2 let a script tell a typing error; a near miss gets a suggestion.
#[test]
fn an_unknown_name_is_one_line_and_ends_with_2() {
    for (typed, answer) in [
        ("hagn", "did you mean hang?"),
        ("deadlock", "did you mean dead_lock?"),
        ("zzz", "there are forgotten, panic"),
        ("--no-such", "unexpected argument"),
    ] {
        let output = run(&[typed]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            (output.status.code(), output.stdout.len(), error.lines().count()),
            (Some(2), 0, 1),
            "{error}"
        );
        assert!(error.contains(answer), "{error}");
    }
}

/// `diagnosing | head` closes the pipe early: `println!` would panic there.
#[test]
fn a_closed_pipe_is_no_failure() {
    for arguments in [&[][..], &["hang"]] {
        let (reader, closed) = std::io::pipe().unwrap();
        drop(reader);
        let output = diagnosing(arguments).stdout(closed).output().unwrap();
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{arguments:?}");
    }
}

/// Ctrl-C ends each within a second, also one that blocks its thread.
#[cfg(unix)]
#[test]
fn ctrl_c_ends_it_within_a_second() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    use rustix::process::{Pid, Signal, kill_process};

    for arguments in [&[][..], &["block"], &["worker"], &["hang"]] {
        let mut child = diagnosing(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        kill_process(Pid::from_child(&child), Signal::INT).unwrap();
        let start = std::time::SystemTime::now();
        // The pipe's reader is gone, which ends it as well: 0 instead of 130.
        let code = child.wait().unwrap().code();
        assert!(matches!(code, Some(0 | 130)), "{arguments:?}: {code:?}");
        let took = start.elapsed().unwrap();
        assert!(took < std::time::Duration::from_secs(1), "{arguments:?}: {took:?}");
    }
}
