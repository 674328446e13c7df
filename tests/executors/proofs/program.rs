//! The recipe's own program.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use expect_test::expect_file;

use crate::real_time::soon_on_a_thread;

fn executors(arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_executors"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Returns the lines of a log, without their times.
fn without_times(log: &str) -> String {
    log.lines().map(|line| format!("{}\n", line.split_once("s  ").map_or(line, |(_, line)| line))).collect()
}

/// Returns the text of each lane of a picture, without times.
fn lanes(picture: &str) -> Vec<&str> {
    let titles = picture.lines().filter_map(|line| line.strip_prefix("<title>")?.split_once(" after "));
    let mut lanes: Vec<_> = titles.map(|(lane, _times)| lane).collect();
    lanes.sort_unstable();
    lanes
}

/// The log is that of the asyncio program. The picture in the chapter comes from a run on real time: every run has the
/// same lanes, with other times.
#[test]
fn prints_the_transcript_and_draws_what_the_picture_shows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("timeline.svg");
    let program = executors(&["--no-timeline", "--svg", path.to_str().unwrap()]);
    let output = soon_on_a_thread(|| program.wait_with_output().unwrap());
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
    let log = String::from_utf8(output.stdout).unwrap();
    expect_file!["../../../recipes/executors/transcript.txt"].assert_eq(&without_times(&log));

    let drawn = std::fs::read_to_string(path).unwrap();
    let shown = expect_file!["../../../recipes/executors/timeline.svg"];
    match std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/timeline.svg")) {
        Ok(picture) if lanes(&picture) == lanes(&drawn) => {}
        _ => shown.assert_eq(&drawn),
    }
}

/// Ctrl-C ends it with its usual code, after each line that it prints. No worker is left: each of them holds the pipe
/// that is read here to its end.
#[test]
fn ends_on_ctrl_c_and_leaves_no_process_behind() {
    let transcript = include_str!("../../../recipes/executors/transcript.txt");
    for seen in transcript.lines().filter(|line| !line.starts_with("  ")) {
        let mut program = executors(&["--no-timeline"]);
        let id = program.id();
        let (mut log, mut errors) =
            (BufReader::new(program.stdout.take().unwrap()), program.stderr.take().unwrap());
        let (log, errors, status) = soon_on_a_thread(move || {
            let mut lines = String::new();
            while !lines.lines().any(|line| line.ends_with(seen)) {
                log.read_line(&mut lines).unwrap();
            }
            assert!(Command::new("kill").args(["-INT", &id.to_string()]).status().unwrap().success());
            let mut text = String::new();
            log.read_to_string(&mut lines).unwrap();
            errors.read_to_string(&mut text).unwrap();
            (lines, text, program.wait().unwrap())
        });
        assert_eq!(errors, "", "after {seen}");
        // The last section may be over before the signal arrives.
        let is_over = without_times(&log) == transcript;
        assert_eq!(status.code(), Some(if is_over { 0 } else { 130 }), "after {seen}");
    }
}

/// `| head -1`: the reader is gone after the first line.
#[test]
fn ends_quietly_when_its_output_is_closed() {
    let mut program = executors(&[]);
    let mut line = String::new();
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("run_in_executor"), "{line}");
    let output = soon_on_a_thread(|| program.wait_with_output().unwrap());
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

/// The machine may be busy: the thread of the search starts after the 50 ms that the search has.
#[tokio::test(start_paused = true)]
async fn a_search_whose_thread_starts_late_is_stopped_as_well() {
    let (start, may_start) = std::sync::mpsc::channel::<()>();
    let may_start = std::sync::Mutex::new(may_start);
    let starts_late = move |_index| {
        let _started = may_start.lock().unwrap().recv();
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).start_handler(starts_late).build().unwrap();
    let start_it = async {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        start.send(()).unwrap();
    };
    let (searched, ()) = tokio::join!(executors::demo::search_without_an_end(&pool), start_it);
    searched.unwrap();
}
