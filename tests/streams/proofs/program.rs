//! The recipe's own program.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Stdio};

use expect_test::expect_file;
use rustix::process::Signal;

use crate::real_time::soon_on_a_thread;
use crate::support::lanes_of;
use crate::tools::Program;

const PROGRAM: &str = env!("CARGO_BIN_EXE_streams");

fn connect(address: std::net::SocketAddr) -> TcpStream {
    #[expect(clippy::disallowed_methods, reason = "this is no async code")]
    TcpStream::connect(address).unwrap()
}

/// The lines of a log, without the times of real time.
fn untimed(log: &str) -> String {
    log.lines().map(|line| format!("{}\n", line.split_once("s  ").map_or(line, |(_, line)| line))).collect()
}

/// The log is that of the asyncio program. The picture is one of a run on real time: every run has its lanes.
#[test]
fn prints_the_transcript_and_draws_what_the_picture_shows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("timeline.svg");
    let mut command = Command::new(PROGRAM);
    command.args(["--no-timeline", "--svg", path.to_str().unwrap()]).stdin(Stdio::null());
    let output = soon_on_a_thread(move || command.output().unwrap());
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
    let log = String::from_utf8(output.stdout).unwrap();
    expect_file!["../../../recipes/streams/transcript.txt"].assert_eq(&untimed(&log));

    let drawn = std::fs::read_to_string(path).unwrap();
    let shown = expect_file!["../../../recipes/streams/timeline.svg"];
    match std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/timeline.svg")) {
        Ok(picture) if lanes_of(&picture) == lanes_of(&drawn) => {}
        _ => shown.assert_eq(&drawn),
    }
}

/// A line server answers lines, refuses what is too long, and ends with 0 at SIGTERM when no connection is left.
#[test]
fn a_line_server_answers_and_ends_at_a_signal() {
    soon_on_a_thread(|| {
        for signal in [Signal::TERM, Signal::INT] {
            let mut server = Program::start(PROGRAM, &["--listen", "127.0.0.1:0", "--max-line", "5"]);
            let address = server.address();
            let mut client = connect(address);
            client.write_all(b"hello\nmuch too long\nbye").unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).unwrap();
            assert_eq!(answer, "HELLO\nerror: a line is longer than 5 bytes\nBYE");
            // A connection that is idle at the signal gets an end.
            let mut idle = connect(address);
            idle.write_all(b"x\n").unwrap();
            let mut reader = BufReader::new(idle);
            reader.read_line(&mut String::new()).unwrap();
            server.signal(signal);
            assert_eq!(reader.read_line(&mut String::new()).unwrap(), 0);
            assert_eq!(server.end(), Some(0));
            server.line();
            assert!(server.line().ends_with("2 connections, 0 refused, 0 cut"));
        }
    });
}

/// A relay passes on both ways, with the end of each; at SIGTERM it waits, then cuts, which is the exit code 1.
#[test]
fn a_relay_passes_on_and_cuts_at_the_deadline() {
    soon_on_a_thread(|| {
        let target = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = target.local_addr().unwrap().to_string();
        let mut relay = Program::start(PROGRAM, &["--relay", "127.0.0.1:0", &to, "--grace", "0.2"]);
        let address = relay.address();
        let mut client = connect(address);
        client.write_all(b"question").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let (mut server, _peer) = target.accept().unwrap();
        let mut question = String::new();
        server.read_to_string(&mut question).unwrap();
        server.write_all(b"answer").unwrap();
        // This connection stays open: its server does not end its direction.
        relay.signal(Signal::TERM);
        assert_eq!(relay.end(), Some(1));
        let mut answer = String::new();
        let _reset = client.read_to_string(&mut answer);
        assert_eq!((question.as_str(), answer.as_str()), ("question", "answer"));
        relay.line();
        assert!(relay.line().ends_with("1 connections, 0 refused, 1 cut"));
    });
}

/// Wrong use is one line and the exit code 2. An address that cannot be bound is one line and the exit code 1.
#[test]
fn wrong_use_is_one_line() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    for (arguments, code, reason) in [
        (&["--listen"][..], 2, "a value is required"),
        (&["--relay", "127.0.0.1:0"], 2, "2 values required"),
        (&["--listen", "x", "--relay", "x", "y"], 2, "cannot be used with"),
        (&["--grace", "1"], 2, "required"),
        (&["--max-line", "1"], 2, "required"),
        (&["--relay", "x", "y", "--max-line", "1"], 2, "cannot be used with"),
        (&["--listen", "x", "--grace", "soon"], 2, "not a number of seconds"),
        (&["--listen", "x", "--limit", "0"], 2, "not a number of 1 or more"),
        (&["--listen", "no address"], 1, "cannot listen at no address"),
        (&["--listen", &taken], 1, "in use"),
    ] {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).stdin(Stdio::null());
        let output = soon_on_a_thread(move || command.output().unwrap());
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
        assert!(errors.contains(reason) && errors.lines().count() == 1, "{arguments:?}: {errors}");
    }
}
