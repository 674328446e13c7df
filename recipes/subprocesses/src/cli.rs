//! The command line: runs commands, and ends all of them on Ctrl-C, SIGTERM and SIGHUP.

use std::num::NonZeroUsize;
use std::pin::pin;
use std::process::{ExitCode, Stdio};
use std::time::Duration;
use std::{io, thread};

use anyhow::Context;
use clap::{Args, Parser};
use common::one_line;
use futures::future::{Either, select};
use subprocesses::group::{Ended, Group, How};
use subprocesses::lines::{End, LINE, Line, Lines, Source};
use subprocesses::many::collect_all;
use subprocesses::run::returncode;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;
use tracing::{info, instrument};

/// The grace period of commands after a signal.
const GRACE_AT_A_SIGNAL: Duration = Duration::from_millis(500);
/// How long to wait for the last lines of a command, if a process outside its group holds its output open.
const LAST_LINES: Duration = Duration::from_millis(200);
/// The exit codes of `timeout` and of shells, for a time limit and for a program that cannot start.
const TIMED_OUT: u8 = 124;
const NOT_STARTED: u8 = 126;

/// Without arguments, the demo; with commands, runs each by `sh -c` and prints its lines with its number in front
///
/// The exit code is the worst one of the commands. 124 is over the time limit, 126 is not started, 128 and more is a signal.
/// After Ctrl-C, SIGTERM or SIGHUP all commands get SIGTERM, and are killed half a second later.
#[derive(Debug, Parser)]
pub(crate) struct Flags {
    #[command(flatten)]
    pub(crate) what: What,
    #[command(flatten)]
    pub(crate) show: common::Show,
}

#[derive(Debug, Args)]
pub(crate) struct What {
    /// Commands for the shell; without any, or with `-`, they are read from stdin, one per line
    #[arg(value_name = "CMD")]
    commands: Vec<String>,
    /// Commands at once; default: the number of cores
    #[arg(short, long, value_name = "N", value_parser = at_least_one)]
    jobs: Option<NonZeroUsize>,
    /// How long a command may run; then its process group gets SIGTERM
    #[arg(short, long, value_name = "SECONDS", value_parser = seconds)]
    time_limit: Option<Duration>,
    /// How long a group may take to end before it is killed; default: 5
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    grace: Option<Duration>,
    /// End all commands when one has failed
    #[arg(long)]
    fail_fast: bool,
}

impl What {
    pub(crate) fn is_demo(&self) -> bool {
        let Self { commands, jobs, time_limit, grace, fail_fast } = self;
        commands.is_empty() && jobs.is_none() && time_limit.is_none() && grace.is_none() && !fail_fast
    }
}

fn at_least_one(text: &str) -> Result<NonZeroUsize, &'static str> {
    text.parse().map_err(|_| "not a number of 1 or more")
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds")?;
    Duration::try_from_secs_f64(seconds).map_err(|_| "not a time that a clock can hold")
}

/// The outcome of a command.
#[derive(Debug)]
enum Outcome {
    Ended(Ended),
    NotStarted(anyhow::Error),
    NotBegun,
}

impl Outcome {
    /// Returns the exit code of an outcome.
    fn code(&self) -> u8 {
        match self {
            Self::Ended(Ended { how: How::Asked | How::Killed, .. }) => TIMED_OUT,
            Self::Ended(ended) => match returncode(ended.status) {
                signal @ ..0 => u8::try_from(128 - signal).unwrap_or(u8::MAX),
                code => u8::try_from(code).unwrap_or(u8::MAX),
            },
            Self::NotStarted(_) => NOT_STARTED,
            Self::NotBegun => 0,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Ended(Ended { how: How::Itself, status }) => status.to_string(),
            Self::Ended(Ended { how: How::Asked, status }) => format!("asked to end: {status}"),
            Self::Ended(Ended { how: How::Killed, status }) => format!("asked to end, and killed: {status}"),
            Self::NotStarted(error) => format!("{error:#}"),
            Self::NotBegun => "not begun".to_owned(),
        }
    }
}

/// Runs the commands to their end, or until a signal.
pub(crate) async fn run(what: What) -> anyhow::Result<ExitCode> {
    let (stop, stopped) = watch::channel(false);
    let mut signalled = pin!(ending_signal()?);
    let reading = async {
        match &what.commands[..] {
            [] => from_stdin().await,
            [only] if only == "-" => from_stdin().await,
            commands => Ok(commands.to_vec()),
        }
    };
    let commands = match select(&mut signalled, pin!(reading)).await {
        Either::Left(((_name, code), _)) => return Ok(ExitCode::from(code)),
        Either::Right((commands, _)) => commands?,
    };
    let jobs = what.jobs.or(thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    let run_one = |(number, line): (usize, String)| {
        let (what, stop, stopped) = (&what, &stop, stopped.clone());
        async move {
            if *stopped.borrow() {
                return (number, line, Outcome::NotBegun);
            }
            let outcome = one(number, &line, what, stopped).await;
            info!("[{number}] {}", outcome.text());
            if what.fail_fast && outcome.code() != 0 {
                stop.send_replace(true);
            }
            (number, line, outcome)
        }
    };
    let all =
        pin!(collect_all(commands.into_iter().enumerate().map(|(at, line)| (at + 1, line)), jobs, run_one));
    let (outcomes, signal) = match select(signalled, all).await {
        Either::Left(((name, code), all)) => {
            info!("{name}: all commands are asked to end");
            stop.send_replace(true);
            (all.await, Some(code))
        }
        Either::Right((outcomes, _)) => (outcomes, None),
    };
    Ok(ExitCode::from(signal.unwrap_or(summary(&outcomes))))
}

/// Prints the failures and the counts. Returns the worst exit code.
fn summary(outcomes: &[(usize, String, Outcome)]) -> u8 {
    let counted = |is: fn(&Outcome) -> bool| outcomes.iter().filter(|(_, _, outcome)| is(outcome)).count();
    let not_begun = counted(|outcome| matches!(outcome, Outcome::NotBegun));
    let (over, failed) =
        (counted(|outcome| outcome.code() == TIMED_OUT), counted(|outcome| outcome.code() != 0));
    for (number, line, outcome) in outcomes.iter().filter(|(_, _, outcome)| outcome.code() != 0) {
        info!("[{number}] {} ({})", outcome.text(), one_line(line));
    }
    let ok = outcomes.len() - failed - not_begun;
    let plural = if outcomes.len() == 1 { "" } else { "s" };
    info!(
        "{} command{plural}: {ok} ok, {} failed, {over} over the time limit, {not_begun} not begun",
        outcomes.len(),
        failed - over
    );
    outcomes.iter().map(|(_, _, outcome)| outcome.code()).max().unwrap_or(0)
}

/// Runs one command, and prints its lines as they come.
#[instrument(name = "command", skip(line, what, stopped), ret)]
async fn one(number: usize, line: &str, what: &What, mut stopped: watch::Receiver<bool>) -> Outcome {
    let mut command = Command::new("sh");
    command.arg("-c").arg(line).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let running = async {
        let mut group = Group::spawn(command).context("cannot start it")?;
        let pipes = group.stdout.take().zip(group.stderr.take());
        let (stdout, stderr) = pipes.context("they are pipes")?;
        let mut lines = Lines::new(stdout, stderr, LINE);
        let printing = async {
            while let Some(Line { source, text, end }) = lines.next().await? {
                let mark = if source == Source::Stdout { "" } else { " err" };
                let more = if end == End::Newline { "" } else { "\\" };
                info!("[{number}{mark}] {}{more}", one_line(&String::from_utf8_lossy(&text)));
            }
            io::Result::Ok(())
        };
        let limit = what.time_limit.unwrap_or(Duration::MAX);
        let grace = what.grace.unwrap_or(Duration::from_secs(5));
        let ending = async {
            let ended = tokio::select! {
                biased;
                ended = group.within(limit, grace) => return ended,
                _ = stopped.wait_for(|stopped| *stopped) => group.end(GRACE_AT_A_SIGNAL),
            };
            ended.await
        };
        match select(pin!(ending), pin!(printing)).await {
            Either::Left((ended, printing)) => {
                // An error means that a process outside the group holds a pipe open.
                let _are_all_there = timeout(LAST_LINES, printing).await;
                anyhow::Ok(ended?)
            }
            Either::Right((printed, ending)) => {
                printed?;
                Ok(ending.await?)
            }
        }
    };
    running.await.map_or_else(Outcome::NotStarted, Outcome::Ended)
}

/// Reads commands from stdin, on a thread that the end of this program does not wait for.
async fn from_stdin() -> anyhow::Result<Vec<String>> {
    let (sender, lines) = oneshot::channel();
    thread::spawn(move || sender.send(io::read_to_string(io::stdin())));
    let lines = lines.await?.context("cannot read commands from stdin")?;
    let is_command = |line: &&str| !line.is_empty() && !line.starts_with('#');
    Ok(lines.lines().map(str::trim).filter(is_command).map(str::to_owned).collect())
}

/// Waits for a signal that asks this program to end; returns its name and exit code. It listens from this call on.
fn ending_signal() -> anyhow::Result<impl Future<Output = (&'static str, u8)>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut hang_up = if ignores_hang_up() { None } else { Some(signal(SignalKind::hangup())?) };
    Ok(async move {
        let hung_up = async {
            match &mut hang_up {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => ("SIGINT", 130),
            _ = terminate.recv() => ("SIGTERM", 143),
            _ = hung_up => ("SIGHUP", 129),
        }
    })
}

/// Returns whether `nohup` has started this program. Listening for SIGHUP would stop ignoring it.
fn ignores_hang_up() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}
