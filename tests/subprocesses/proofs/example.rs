//! A runner of remote commands in forty lines, as a reader would write it.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use crate::real_time::soon_on_a_thread;

/// Runs the example with a shell that pretends to be `ssh`: what it prints, sorted, and its exit code.
fn remote(command: &str, hosts: &[&str]) -> (Vec<String>, Option<i32>) {
    let folder = tempfile::tempdir().unwrap();
    let shell = folder.path().join("fake-ssh");
    std::fs::write(&shell, "#!/bin/sh\nHOST=$1 exec sh -c \"$2\"\n").unwrap();
    std::fs::set_permissions(&shell, PermissionsExt::from_mode(0o755)).unwrap();
    let tests = std::env::current_exe().unwrap();
    let example: PathBuf = tests.ancestors().nth(2).unwrap().join("examples/remote");
    let mut program = Command::new(example);
    program.arg(command).args(hosts).env("REMOTE_SHELL", &shell);
    let output = soon_on_a_thread(move || program.output().unwrap());
    let mut lines: Vec<_> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    (lines, output.status.code())
}

/// The example has forty lines of its own at most.
#[test]
fn the_runner_has_forty_lines() {
    let source = include_str!("../../../recipes/subprocesses/examples/remote.rs");
    let code = source.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with("//"));
    assert!(code.count() <= 40);
}

/// Each line has its host in front, and the worst exit code is the program's.
#[test]
fn each_line_has_its_host_and_the_worst_code_wins() {
    let command = "echo on $HOST; echo odd >&2; test $HOST != two || exit 7";
    let (lines, code) = remote(command, &["one", "two", "three"]);
    assert_eq!(
        lines,
        [
            "one: Itself, exit status: 0",
            "one: odd",
            "one: on one",
            "three: Itself, exit status: 0",
            "three: odd",
            "three: on three",
            "two: Itself, exit status: 7",
            "two: odd",
            "two: on two",
        ]
    );
    assert_eq!(code, Some(7));
}

/// At most four at once: the fifth and sixth begin when others have ended.
#[test]
fn four_hosts_at_once() {
    let folder = tempfile::tempdir().unwrap();
    // Each of the first four waits until all four have come; a fifth beside them would be seen.
    let command = format!(
        "cd '{}'; touch in-$HOST; while test $(ls | grep -c in-) -lt 4; do sleep 0.01; done; ls | grep -c now-; \
         touch now-$HOST; sleep 0.05; rm now-$HOST",
        folder.path().display()
    );
    let (lines, code) = remote(&command, &["a", "b", "c", "d", "e", "f"]);
    let at_once = lines.iter().filter_map(|line| line.split(": ").nth(1)?.parse::<usize>().ok());
    assert!(at_once.max().unwrap() <= 3, "{lines:?}");
    assert_eq!(code, Some(0));
}

/// Without hosts nothing runs, and that is no failure.
#[test]
fn without_hosts_nothing_runs() {
    let (lines, code) = remote("exit 0", &[]);
    assert_eq!((lines, code), (vec![], Some(0)));
}
