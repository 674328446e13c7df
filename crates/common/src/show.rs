//! Runs a program for its user: flags, log, timeline, errors, Ctrl-C.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, Command, CommandFactory, FromArgMatches, Parser};
use timeline::{Charset, TextStyle, Timeline};
use tokio::time::Instant;
use tracing::subscriber::set_global_default;
use tracing_chrome::{ChromeLayerBuilder, FlushGuard, TraceStyle};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, fmt};

use crate::log::{RuntimeClock, messages, spans_and_outcomes};
use crate::output::{Buffer, OutputFile, Stdout, wants_colour};
use crate::text::one_line;

/// The exit code of a program that a signal ended, as a shell reports it: 128 plus the number of the signal.
const INTERRUPTED: u8 = 130;
#[cfg(unix)]
const HUNG_UP: u8 = 129;
#[cfg(unix)]
const TERMINATED: u8 = 143;

/// The width of the timeline if the width of the reader's page is unknown.
const DEFAULT_WIDTH: usize = 100;

/// The flags that every recipe shares. A binary with flags of its own adds them with `#[command(flatten)]`.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "What to show")]
pub struct Show {
    /// Print the log only, without the timeline after it
    #[arg(long)]
    no_timeline: bool,
    /// Save the timeline as a picture
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Save a trace for Perfetto and for Chrome's tracing page
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
}

/// Runs `demo` as the binary of a recipe: parses the shared flags, shows the run, and ends as [`Show::run`] does.
///
/// `about` describes the recipe in one sentence; `--help` prints it. The demo does nothing before the flags are checked,
/// because a future does nothing before it is polled.
pub async fn run(about: &'static str, demo: impl Future<Output = anyhow::Result<()>>) -> ExitCode {
    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        show: Show,
    }
    let flags: Flags = parse(Flags::command().about(about));
    flags.show.run(async { demo.await.map(|()| ExitCode::SUCCESS) }).await
}

/// Parses this process's arguments, or ends the process. After `--help` and `--version` the exit code is 0. A mistake gives
/// one line on stderr, which names the mistake and the accepted values, and the exit code 2.
///
/// The version is the workspace's, which all binaries share.
pub fn parse<P: FromArgMatches>(command: Command) -> P {
    let mut command = command.name(program_name()).version(env!("CARGO_PKG_VERSION"));
    let parsed = command.try_get_matches_from_mut(std::env::args_os());
    parsed.and_then(|matches| P::from_arg_matches(&matches)).unwrap_or_else(|error| {
        if !error.use_stderr() {
            error.exit();
        }
        let meant = meant(&error, &command);
        let error = error.format(&mut command).to_string();
        // Of a flag that is not quite one, clap says how to pass it as a value.
        let lines =
            error.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("tip: "));
        let lines: Vec<_> = lines.map(one_line).chain(meant).collect();
        eprintln!("{}", lines.join("; "));
        std::process::exit(2)
    })
}

/// The flags that a wrong one may mean: those that begin with it, or else the one that is most like it.
fn meant(error: &clap::Error, command: &Command) -> Option<String> {
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidArg) else { return None };
    let typed = typed.strip_prefix("--").filter(|_| error.kind() == ErrorKind::UnknownArgument)?;
    let known: Vec<_> = command.get_arguments().filter_map(|argument| argument.get_long()).collect();
    let mut meant: Vec<_> =
        known.iter().filter(|flag| flag.starts_with(typed)).map(|flag| format!("--{flag}")).collect();
    if meant.is_empty() {
        let nearest = known.iter().max_by_key(|flag| letters_in_place(typed, flag));
        let is_near = |flag: &str| 3 * letters_in_place(typed, flag) >= 2 * flag.len().max(typed.len());
        meant.extend(nearest.filter(|flag| is_near(flag)).map(|flag| format!("--{flag}")));
    }
    (!meant.is_empty()).then(|| format!("did you mean {}?", meant.join(", or ")))
}

/// How many letters two names share at the front and, of the rest, at the back: a slip is between them.
fn letters_in_place(one: &str, other: &str) -> usize {
    let front = one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    let rest = [one, other].map(|name| name.as_bytes()[front..].iter().rev());
    let [one, other] = rest;
    front + one.zip(other).take_while(|(one, other)| one == other).count()
}

impl Show {
    /// Runs `program` with its log on stdout, then draws the timeline of its spans and writes the files asked for.
    ///
    /// Returns the code to exit with: the program's own; 1 after an error, which is one line on stderr; 130, 143 and 129
    /// after Ctrl-C, SIGTERM and SIGHUP. When stdout is closed, as by `| head`, the program ends early and that is no
    /// failure. Under `nohup`, SIGHUP is ignored as before.
    ///
    /// In each case `program` has been dropped when this returns, so what its owners clean up in `Drop` is clean.
    ///
    /// Call it once, first thing in `main`: in a process that has a global tracing subscriber it is an error.
    pub async fn run(self, program: impl Future<Output = anyhow::Result<ExitCode>>) -> ExitCode {
        self.run_until(interrupted(), program).await
    }

    /// The same as [`run`](Self::run), for a program that listens for Ctrl-C itself.
    pub async fn run_with_own_signals(
        self,
        program: impl Future<Output = anyhow::Result<ExitCode>>,
    ) -> ExitCode {
        self.run_until(std::future::pending(), program).await
    }

    async fn run_until(
        self,
        interrupted: impl Future<Output = anyhow::Result<ExitCode>>,
        program: impl Future<Output = anyhow::Result<ExitCode>>,
    ) -> ExitCode {
        match self.try_run(interrupted, program).await {
            Ok(code) => code,
            Err(error) => {
                // Libraries put line breaks into their messages.
                eprintln!("error: {}", one_line(&format!("{error:#}")));
                ExitCode::FAILURE
            }
        }
    }

    async fn try_run(
        self,
        interrupted: impl Future<Output = anyhow::Result<ExitCode>>,
        program: impl Future<Output = anyhow::Result<ExitCode>>,
    ) -> anyhow::Result<ExitCode> {
        let svg = self.svg.as_deref().map(OutputFile::create).transpose()?;
        let trace = self.trace.as_deref().map(OutputFile::create).transpose()?;

        let mut stdout = Stdout::default();
        let timeline = (!self.no_timeline || svg.is_some()).then(|| Timeline::new().returns_reported());
        let (chrome, recorder) = trace.map(TraceRecorder::new).unzip();
        let subscriber = tracing_subscriber::registry()
            .with(timeline.clone().with_filter(spans_and_outcomes()))
            .with(chrome.with_filter(spans_and_outcomes()))
            .with(
                fmt::layer()
                    .event_format(RuntimeClock { start: Instant::now() })
                    .with_ansi(wants_colour())
                    .with_writer({
                        let stdout = stdout.clone();
                        move || stdout.clone()
                    })
                    .with_filter(messages()),
            );
        // And not `init`, with which the transcript would also have what libraries say by way of the `log` crate.
        set_global_default(subscriber).context("a program can be shown once")?;

        let ended = tokio::select! {
            biased;
            interrupted = interrupted => interrupted,
            _ = stdout.failed() => Ok(ExitCode::SUCCESS),
            ended = program => ended,
        };

        let recording = timeline.map(|timeline| timeline.recording());
        if let Some(recording) =
            recording.as_ref().filter(|recording| !self.no_timeline && recording.span_count() > 0)
        {
            // Stdout keeps its own first error, which is looked at below.
            let _kept = write!(stdout, "\n{}", recording.text(text_style()));
        }
        let _kept = stdout.flush();
        if let (Some(file), Some(recording)) = (svg, &recording) {
            file.write(recording.svg(&program_name()).as_bytes())?;
        }
        if let Some(recorder) = recorder {
            recorder.write()?;
        }
        match stdout.failure() {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                anyhow::bail!("cannot write to stdout: {error}")
            }
            _ => ended,
        }
    }
}

/// Waits for a signal that asks to end, and gives the code to exit with.
#[cfg(unix)]
async fn interrupted() -> anyhow::Result<ExitCode> {
    use tokio::signal::unix::{SignalKind, signal};
    let listening = "cannot listen for signals";
    let mut hang_up = match ignores_hang_up() {
        true => None,
        false => Some(signal(SignalKind::hangup()).context(listening)?),
    };
    let hung_up = async {
        match &mut hang_up {
            Some(signal) => signal.recv().await,
            None => std::future::pending().await,
        }
    };
    let mut terminate = signal(SignalKind::terminate()).context(listening)?;
    let code = tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed.map(|()| INTERRUPTED).context(listening)?,
        _ = terminate.recv() => TERMINATED,
        _ = hung_up => HUNG_UP,
    };
    Ok(ExitCode::from(code))
}

#[cfg(not(unix))]
async fn interrupted() -> anyhow::Result<ExitCode> {
    tokio::signal::ctrl_c().await.context("cannot listen for Ctrl-C")?;
    Ok(ExitCode::from(INTERRUPTED))
}

/// Whether this program was started to outlive its terminal. Listening for SIGHUP would stop ignoring it.
#[cfg(unix)]
fn ignores_hang_up() -> bool {
    // Linux says it here: a bit for each signal, the lowest one for SIGHUP. Elsewhere there is no way without unsafe code.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

/// The name this program was started by, for the title of its picture.
fn program_name() -> String {
    std::env::args_os()
        .next()
        .and_then(|path| PathBuf::from(path).file_stem().map(|stem| stem.to_string_lossy().into_owned()))
        .unwrap_or_default()
}

fn text_style() -> TextStyle {
    let width = terminal_size::terminal_size().map_or(DEFAULT_WIDTH, |(width, _)| usize::from(width.0));
    let charset = if shows_unicode() { Charset::Unicode } else { Charset::Ascii };
    TextStyle { width, charset }
}

/// Whether stdout can show more than ASCII: a pipe or a file can; a terminal can if the locale says so, or if it is
/// Windows' own.
fn shows_unicode() -> bool {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    if !io::stdout().is_terminal() {
        return true;
    }
    // The order in which POSIX looks for the locale of characters.
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default().to_uppercase();
    locale.contains("UTF-8") || locale.contains("UTF8") || cfg!(windows) && set("WT_SESSION").is_some()
}

/// A trace in memory, and the file that it goes to when it is whole.
struct TraceRecorder {
    file: OutputFile,
    trace: Buffer,
    writer: FlushGuard,
}

impl TraceRecorder {
    fn new<S>(file: OutputFile) -> (impl Layer<S>, Self)
    where
        S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a> + Send + Sync,
    {
        let trace = Buffer::default();
        let (layer, writer) = ChromeLayerBuilder::new()
            .writer(trace.clone())
            .trace_style(TraceStyle::Async)
            .include_args(true)
            .build();
        (layer, Self { file, trace, writer })
    }

    fn write(self) -> anyhow::Result<()> {
        // Dropping it waits for the thread that writes the trace.
        drop(self.writer);
        self.file.write(&self.trace.bytes())
    }
}
