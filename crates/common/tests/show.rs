//! What the user of any recipe's binary may rely on, tried on the example `show`.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// The example, which `cargo test` builds beside this test.
fn example(name: &str, arguments: &[&str]) -> Command {
    let tests = std::env::current_exe().unwrap();
    let mut command = Command::new(tests.parent().unwrap().with_file_name("examples").join(name));
    command.args(arguments).env_remove("NO_COLOR").env("RUST_BACKTRACE", "1").stdin(Stdio::null());
    command
}

fn show(arguments: &[&str]) -> Command {
    example("show", arguments)
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

/// There is no picture of nothing.
#[test]
fn a_demo_without_spans_prints_its_log_alone_and_has_the_shared_flags() {
    let output = example("demo", &[]).output().unwrap();
    assert_eq!(text(&output.stdout).split_once("s  ").map(|(_, line)| line), Some("done\n"));
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    let help = example("demo", &["--help"]).output().unwrap();
    assert!(text(&help.stdout).starts_with("Says that it is done\n") && text(&help.stdout).contains("--svg"));
}

/// The log is the program's own. The example's `greet` also speaks as a library does, by the `log` crate.
#[test]
fn no_timeline_prints_the_log_alone_and_in_a_pipe_without_colour() {
    let output = run(&["--no-timeline"]);
    assert!(!text(&output.stdout).contains("what a library says"));
    assert_eq!(text(&output.stdout).lines().count(), 2);
    assert!(!text(&output.stdout).contains('\x1b'));
}

/// What a person sees on a terminal of 60 columns, with these variables in the environment.
#[cfg(target_os = "linux")]
fn seen(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let size = rustix::termios::Winsize { ws_row: 24, ws_col: 60, ws_xpixel: 0, ws_ypixel: 0 };
    rustix::termios::tcsetwinsize(&terminal, size).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
    let mut command = show(arguments);
    for name in ["LC_ALL", "LC_CTYPE", "LANG", "TERM"] {
        command.env_remove(name);
    }
    command.envs(environment.iter().copied());
    assert!(
        command
            .stdout(File::options().read(true).write(true).open(name).unwrap())
            .status()
            .unwrap()
            .success()
    );
    drop(command);
    // Linux ends the reading of a terminal that is no longer held with an error.
    let mut seen = Vec::new();
    let _nobody_holds_it = File::from(terminal).read_to_end(&mut seen);
    String::from_utf8(seen).unwrap().replace("\r\n", "\n")
}

#[test]
#[cfg(target_os = "linux")]
fn a_terminal_has_colour_unless_it_is_told_otherwise() {
    for (environment, colour) in [
        (&[][..], true),
        (&[("TERM", "xterm")], true),
        (&[("TERM", "dumb")], false),
        (&[("NO_COLOR", "1")], false),
        (&[("NO_COLOR", "")], true),
    ] {
        let seen = seen(&["--no-timeline"], environment);
        assert_eq!(seen.contains('\x1b'), colour, "{environment:?}: {seen}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_terminal_has_a_timeline_as_wide_as_it_is_in_the_characters_of_its_locale() {
    for (environment, characters) in [
        (&[][..], "#-"),
        (&[("LANG", "C"), ("WT_SESSION", "of another system")], "#-"),
        (&[("LANG", "C.UTF-8")], "█░"),
        (&[("LANG", "C"), ("LC_CTYPE", "en_US.utf8")], "█░"),
        (&[("LC_CTYPE", "C.UTF-8"), ("LC_ALL", "C")], "#-"),
        (&[("LC_ALL", ""), ("LANG", "C.UTF-8")], "█░"),
    ] {
        let seen = seen(&[], environment);
        let picture = seen.split_once("\n\n").unwrap().1;
        assert_eq!(
            picture.lines().map(|line| line.chars().count()).max(),
            Some(60),
            "{environment:?}: {picture}"
        );
        let lane = picture.lines().last().unwrap();
        assert!(characters.chars().any(|character| lane.contains(character)), "{environment:?}: {lane}");
        assert_eq!(lane.is_ascii(), characters.is_ascii(), "{environment:?}: {lane}");
    }
}

#[test]
fn a_wrong_flag_is_one_line_and_exit_code_2() {
    assert_one_line(&run(&["--no-such-flag"]), 2, "error: unexpected argument '--no-such-flag' found; ");
    assert_one_line(&run(&["--svg"]), 2, "error: a value is required for '--svg <FILE>'");
}

#[test]
fn help_is_no_error_and_says_what_the_program_does() {
    let output = run(&["--help"]);
    assert!(text(&output.stdout).starts_with("Greets, and ends as its flags say\n"));
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
    // A pipe stays open as long as any process holds its other end, also one that another lesson is just starting. A socket
    // that is shut down is closed for all of them.
    let (reader, closed) = UnixStream::pair().unwrap();
    reader.shutdown(Shutdown::Both).unwrap();
    let output = show(&["--wait"]).stdout(OwnedFd::from(closed)).output().unwrap();
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
    assert_eq!(text(&output.stdout).lines().count(), 2, "and no timeline");
    let picture = fs::read_to_string(&svg).unwrap();
    assert!(picture.contains("<title>show</title>") && picture.trim_end().ends_with("</svg>"));
    let trace = fs::read_to_string(&trace).unwrap();
    assert!(trace.starts_with('[') && trace.trim_end().ends_with(']') && trace.contains(r#""name":"greet""#));
    assert_eq!(names(&folder).len(), 2);
}

#[test]
fn a_file_that_cannot_be_written_is_reported_before_anything_runs() {
    let folder = folder();
    fs::write(folder.path().join("file"), "whole").unwrap();
    for (path, reason) in [
        ("no/such/folder.svg", "No such file or directory (os error 2)"),
        ("file/run.svg", "Not a directory (os error 20)"),
        ("", "Is a directory (os error 21)"),
    ] {
        let path = folder.path().join(path);
        for flag in ["--svg", "--trace"] {
            let output = run(&[flag, path.to_str().unwrap()]);
            assert_one_line(&output, 1, &format!("error: cannot write {}: {reason}\n", path.display()));
            assert_eq!(text(&output.stdout), "");
        }
    }
    assert_eq!(names(&folder), [folder.path().join("file")]);
}

/// A rename over a device or a pipe would put a file in its place.
#[test]
fn a_named_pipe_is_written_to_and_stays_a_pipe() {
    let folder = folder();
    let path = folder.path().join("picture");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    // With both ends open, neither waits for the other.
    let mut pipe = File::options().read(true).write(true).open(&path).unwrap();
    let output = run(&["--svg", path.to_str().unwrap()]);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    assert!(fs::metadata(&path).unwrap().file_type().is_fifo());
    let mut begin = [0; 4];
    pipe.read_exact(&mut begin).unwrap();
    assert_eq!(text(&begin), "<svg");
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

#[test]
fn the_version_is_no_error_and_names_the_program() {
    for (name, version) in [("show", "show 0.1.0\n"), ("demo", "demo 0.1.0\n")] {
        let output = example(name, &["--version"]).output().unwrap();
        assert_eq!((text(&output.stdout), text(&output.stderr)), (version, ""));
        assert_eq!(output.status.code(), Some(0));
    }
}

/// Where a program takes a value, clap says how to pass a wrong flag as one, which is not what was meant.
#[test]
fn a_flag_that_is_not_quite_one_is_recognised() {
    let wrong = "error: unexpected argument";
    for (typed, end) in [
        ("--tr", "did you mean --trace?\n"),
        ("--no-timelime", "did you mean --no-timeline?\n"),
        ("--li", "did you mean --listen?\n"),
        ("--xyz", "[OPTIONS] [WHOM]\n"),
    ] {
        let output = run(&[typed]);
        assert_one_line(&output, 2, &format!("{wrong} '{typed}' found; "));
        let error = text(&output.stderr);
        assert!(error.contains(end.trim_end()) && !error.contains("-- --"), "{error}");
    }
}

/// A service manager sends SIGTERM, and a terminal that is closed SIGHUP.
#[test]
fn sigterm_and_sighup_end_it_as_ctrl_c_does() {
    for (signal, code) in [("TERM", 143), ("HUP", 129)] {
        // What started the lessons may ignore SIGHUP, as `nohup` does; a program inherits that.
        let mut command = Command::new("env");
        command.arg("--default-signal=HUP").arg(show(&[]).get_program()).arg("--wait").stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut String::new()).unwrap();
        let kill = format!("kill -{signal} {}", child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(
            rest.lines().next().is_some_and(|line| line.ends_with("connection closed")),
            "{signal}: {rest}"
        );
        assert_eq!(
            (output.status.code(), output.status.signal(), text(&output.stderr)),
            (Some(code), None, "")
        );
    }
}

/// What was started to outlive its terminal does.
#[cfg(target_os = "linux")]
#[test]
fn under_nohup_it_goes_on_after_a_sighup() {
    let mut command = Command::new("nohup");
    let show = show(&[]);
    command.arg(show.get_program()).arg("--wait").stdin(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut String::new()).unwrap();
    for signal in ["HUP", "TERM"] {
        let kill = format!("kill -{signal} {}", child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143), "the second signal has ended it");
}

/// A message may hold what a server has sent, and a URL its password.
#[test]
fn a_line_moves_no_cursor_and_shows_no_password() {
    for (text, line) in [
        ("two\r\n lines\t and more ", "two lines and more"),
        ("\u{1b}[2J \u{9b}1m \u{7} \u{202e}evil", "\u{fffd}[2J \u{fffd}1m \u{fffd} \u{fffd}evil"),
        ("http://user:pass@host/a@b?c=d@e", "http://***@host/a@b?c=d@e"),
        ("'http://p@ss:w@rd@host'; https://u@h", "'http://***@host'; https://***@h"),
        ("http://host/?next=http://user:pass@other/", "http://host/?next=http://***@other/"),
        ("mail me@example.org // or me@work", "mail me@example.org // or me@work"),
        ("größe 5 € — ok", "größe 5 € — ok"),
    ] {
        assert_eq!(common::one_line(text), line);
    }
    let wrong = run(&["--svg", "x", "--", "http://user:hidden@host/", "another"]);
    assert!(!text(&wrong.stderr).contains("hidden"), "{}", text(&wrong.stderr));
}
