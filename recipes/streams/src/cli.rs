//! The command line: a line server and a relay, which end on Ctrl-C and SIGTERM.

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{ArgGroup, Args, Parser};
use streams::dial::dial;
use streams::lines::{LineError, Lines};
use streams::relay::relay;
use streams::serve::{Beyond, Limits, serve as serve_connections};
use tokio::io::{AsyncWriteExt, split};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::info;

/// Without a flag, the demo; with `--listen`, a line server to talk to with `nc`; with `--relay`, a relay
///
/// A server ends on Ctrl-C and on SIGTERM: it accepts no more connections, and open connections have the grace period to
/// end. Then the rest are cut. The exit code is 1 if a connection was cut, and 0 otherwise.
#[derive(Debug, Parser)]
pub(crate) struct Flags {
    #[command(flatten)]
    pub(crate) what: What,
    #[command(flatten)]
    pub(crate) limits: LimitFlags,
    #[command(flatten)]
    pub(crate) show: common::Show,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").args(["listen", "relay"])))]
pub(crate) struct What {
    /// Answer each line with the line in capitals, at this address; port 0 picks a free port
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// Relay connections between the first address and the second, both ways
    #[arg(long, num_args = 2, value_names = ["FROM", "TO"])]
    relay: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct LimitFlags {
    /// Connections at once; further ones are refused
    #[arg(long, value_name = "N", default_value = "1000", value_parser = at_least_one, requires = "what")]
    limit: NonZeroUsize,
    /// How long a connection may be silent
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = seconds, requires = "what")]
    idle: Duration,
    /// How long connections may go on after Ctrl-C or SIGTERM
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds, requires = "what")]
    grace: Duration,
    /// The longest line, in bytes
    // `requires` alone would accept `--relay`: clap ignores a requirement that conflicts.
    #[arg(long, value_name = "BYTES", default_value = "65536", value_parser = at_least_one)]
    #[arg(requires = "listen", conflicts_with = "relay")]
    max_line: NonZeroUsize,
}

/// What to run.
pub(crate) enum Mode {
    Demo,
    Lines(String),
    Relay(String, String),
}

impl Mode {
    pub(crate) fn of(what: What) -> Self {
        match (what.listen, what.relay.as_deref()) {
            (Some(address), _) => Self::Lines(address),
            (None, Some([from, to])) => Self::Relay(from.clone(), to.clone()),
            (None, _) => Self::Demo,
        }
    }
}

fn at_least_one(text: &str) -> Result<NonZeroUsize, &'static str> {
    text.parse().map_err(|_| "not a number of 1 or more")
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds")?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(time) if !time.is_zero() => Ok(time),
        _ => Err("not a time above 0 that a clock can hold"),
    }
}

/// Serves until a signal.
pub(crate) async fn serve(mode: Mode, flags: LimitFlags) -> anyhow::Result<ExitCode> {
    let stop = CancellationToken::new();
    // Before the first line of output, so that its reader can send a signal at once.
    let signal = signal()?;
    let (Mode::Lines(address) | Mode::Relay(address, _)) = &mode else { bail!("the demo serves itself") };
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen at {address}"))?;
    info!("listening at {}", listener.local_addr()?);
    let limits = Limits { connections: flags.limit, beyond: Beyond::Refuse, grace: flags.grace };
    let signalled = {
        let stop = stop.clone();
        async move {
            let name = signal.await;
            info!("{name}: no new connections, {:?} for those that are open", flags.grace);
            stop.cancel();
        }
    };
    let (served, ()) = match mode {
        Mode::Relay(_, to) => {
            let handle = move |stream, _stop| {
                let to = to.clone();
                async move { report(pass_on(stream, &to, flags.idle).await) }
            };
            tokio::join!(serve_connections(listener, limits, stop, handle), signalled)
        }
        _ => {
            let handle = move |stream, stop| async move { report(answer_lines(stream, stop, flags).await) };
            tokio::join!(serve_connections(listener, limits, stop, handle), signalled)
        }
    };
    info!("{} connections, {} refused, {} cut", served.handled, served.refused, served.cut);
    Ok(if served.cut == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints a line if a connection ended with an error.
fn report(ended: anyhow::Result<()>) {
    if let Err(error) = ended {
        info!("a connection has failed: {error:#}");
    }
}

async fn pass_on(stream: TcpStream, to: &str, idle: Duration) -> anyhow::Result<()> {
    let behind =
        dial(to, Duration::from_millis(250)).await.with_context(|| format!("cannot connect to {to}"))?;
    relay(stream, behind, idle).await?;
    Ok(())
}

async fn answer_lines(stream: TcpStream, stop: CancellationToken, flags: LimitFlags) -> anyhow::Result<()> {
    let (reader, mut writer) = split(stream);
    let mut lines = Lines::new(reader, flags.max_line.get());
    loop {
        let line = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(writer.shutdown().await?),
            // Dropping `next` loses nothing.
            line = timeout(flags.idle, lines.next()) => line.context("it was silent for too long")?,
        };
        let answer = match line {
            Ok(Some(line)) => [line.to_ascii_uppercase(), b"\n".to_vec()].concat(),
            Ok(None) => return Ok(writer.shutdown().await?),
            Err(LineError::Unfinished { partial }) => partial.to_ascii_uppercase(),
            Err(error @ LineError::TooLong { .. }) => format!("error: {error}\n").into_bytes(),
            Err(LineError::Io(error)) => return Err(error.into()),
        };
        timeout(flags.idle, writer.write_all(&answer)).await.context("it does not read")??;
    }
}

/// Waits for a signal that asks this program to end, and returns its name. It listens from this call on.
#[cfg(unix)]
fn signal() -> anyhow::Result<impl Future<Output = &'static str>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
        }
    })
}

#[cfg(windows)]
fn signal() -> anyhow::Result<impl Future<Output = &'static str>> {
    let mut interrupt = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupt.recv().await;
        "Ctrl-C"
    })
}
