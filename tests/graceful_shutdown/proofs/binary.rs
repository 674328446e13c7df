//! The recipe's own program.
use rustix::process::Signal;
use tokio::process::Command;

use crate::processes::Process;

fn program(arguments: &[&str]) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_graceful_shutdown"));
    command.args(arguments).arg("--no-timeline").env("RUST_BACKTRACE", "0");
    Process::start(command)
}

/// Returns the lines without their times.
fn said(lines: &[String]) -> Vec<&str> {
    lines.iter().map(|line| line.split_once("s  ").map_or(line.as_str(), |(_, said)| said)).collect()
}

/// A shell expects 130 after SIGINT; the demo does not run the scenes after the interrupted one.
#[tokio::test]
async fn ctrl_c_ends_the_demo() {
    let mut process = program(&[]);
    process.until("request-1 is answered").await;
    process.signal(Signal::INT);
    let (status, rest) = process.end().await;
    assert_eq!(status.code(), Some(130));
    assert!(!rest.iter().any(|line| line.contains("a service")), "{rest:?}");
}

/// At SIGINT and SIGTERM, no new job starts, and each job in flight cleans up. The exit code shows which signal it was.
#[tokio::test]
async fn a_signal_ends_the_service_in_order() {
    for (signal, name, code) in [(Signal::INT, "SIGINT", 130), (Signal::TERM, "SIGTERM", 143)] {
        let mut process = program(&["--serve", "--grace", "0.11"]);
        process.until("job-1 begins").await;
        process.signal(signal);
        let (status, rest) = process.end().await;
        assert_eq!(status.code(), Some(code));
        // The second job may have begun meanwhile.
        let said = said(&rest);
        let said: Vec<_> = said.into_iter().filter(|line| !line.starts_with("job-2")).collect();
        let stop = format!("{name}: no new jobs; 110ms to finish, then 110ms to clean up");
        assert_eq!(said[..3], [&stop, "job-1 has cleaned up", "job-1 was cancelled"]);
        assert!(said[3].starts_with("0 finished, "), "{said:?}");
        assert_eq!(said.len(), 4, "none is left: {said:?}");
    }
}

/// asyncio: if the shell starts a program with Ctrl-C ignored, as for `program &` in a script, it stays ignored. A
/// Tokio listener hears it nevertheless.
#[tokio::test]
async fn it_hears_a_signal_that_it_was_started_to_ignore() {
    let mut command = Command::new("sh");
    let ignores = "trap '' INT; exec \"$0\" --serve --grace 0 --no-timeline";
    command.args(["-c", ignores, env!("CARGO_BIN_EXE_graceful_shutdown")]);
    let mut process = Process::start(command);
    process.until("job-1 begins").await;
    process.signal(Signal::INT);
    assert_eq!(process.end().await.0.code(), Some(130));
}

/// The grace period is a minute and the job is quick: the process ends with the job.
#[tokio::test]
async fn a_job_that_finishes_in_time_is_waited_for_and_no_longer() {
    let mut process = program(&["--serve", "--grace", "60", "--jobs", "quick"]);
    process.until("job-1 begins").await;
    process.signal(Signal::TERM);
    let (status, rest) = process.end().await;
    assert_eq!(status.code(), Some(143));
    let said = said(&rest);
    assert!(said[1].ends_with(" has finished"), "{said:?}");
    assert!(said[said.len() - 1].ends_with(" finished, 0 cancelled"), "{said:?}");
}

/// No second signal comes, and the thread is blocked: a second after both grace periods the process ends.
#[tokio::test]
async fn a_service_that_is_blocked_ends_at_the_hard_limit() {
    let mut process = program(&["--serve", "--grace", "0", "--jobs", "blocking"]);
    process.until("job-1 begins").await;
    process.signal(Signal::TERM);
    let (status, rest) = process.end().await;
    assert_eq!((status.code(), rest), (Some(143), vec![]));
}

/// The log names the job that held up the shutdown: an operator has to find it.
#[tokio::test]
async fn what_does_not_listen_is_named() {
    let mut process = program(&["--serve", "--grace", "0.01", "--jobs", "stubborn"]);
    process.until("job-1 begins").await;
    process.signal(Signal::INT);
    let (status, rest) = process.end().await;
    assert_eq!(status.code(), Some(130));
    let said = said(&rest);
    assert!(said[said.len() - 1].starts_with("left: job-1"), "{said:?}");
}

/// The grace periods are two minutes, and the second signal ends both.
#[tokio::test]
async fn a_second_signal_ends_the_service_at_once() {
    let mut process = program(&["--serve", "--grace", "60", "--jobs", "stubborn"]);
    process.until("job-1 begins").await;
    process.signal(Signal::INT);
    process.until("to clean up").await;
    process.signal(Signal::TERM);
    let (status, rest) = process.end().await;
    assert_eq!(status.code(), Some(143));
    let said = said(&rest);
    assert_eq!(said[..2], ["SIGTERM: at once", "0 finished, 0 cancelled"]);
    assert!(said[2].starts_with("left: job-1"), "{said:?}");
}

/// The only thread is blocked, so the runtime does not see the first signal. The second ends the process.
#[tokio::test]
async fn a_service_that_is_blocked_ends_at_the_second_signal() {
    let mut process = program(&["--serve", "--jobs", "blocking"]);
    process.until("job-1 begins").await;
    process.signal(Signal::INT);
    process.signal_until_it_ends(Signal::INT).await;
    let (status, rest) = process.end().await;
    assert_eq!((status.code(), rest), (Some(130), vec![]));
}

/// An operator sees the mistake in one line, and a script sees exit code 2.
#[tokio::test]
async fn wrong_flags_are_one_line_and_exit_code_2() {
    for (arguments, reason) in [
        (&["--serve", "--jobs", "lazy"][..], "invalid value 'lazy' for '--jobs <KIND>'"),
        (&["--jobs", "quick"], "the following required arguments were not provided: --serve"),
        (&["--serve", "--grace", "soon"], "it is not a number of seconds"),
        (&["--serve", "--grace=-1"], "invalid value '-1' for '--grace <SECONDS>'"),
        (&["--grace", "1"], "the following required arguments were not provided: --serve"),
        (&["--no-such-flag"], "unexpected argument '--no-such-flag' found"),
    ] {
        let (status, errors) = program(arguments).errors().await;
        assert_eq!((status.code(), errors.lines().count()), (Some(2), 1), "{errors}");
        assert!(errors.replace("; ", " ").contains(reason), "{errors}");
    }
}
