//! A program with the shared flags and some of its own: `cargo run -p common --example show -- --help`.

use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser};
use common::Show;

/// Greets, and ends as its flags say
#[derive(Parser)]
struct Cli {
    /// Wait for Ctrl-C
    #[arg(long)]
    wait: bool,
    /// Listen for Ctrl-C, and end with 7
    #[arg(long)]
    listen: bool,
    /// End with an error
    #[arg(long)]
    fail: bool,
    /// Greet this one too
    whom: Option<String>,
    #[command(flatten)]
    show: Show,
}

/// Says so when it is dropped, as a connection would say goodbye.
struct Connection;

impl Drop for Connection {
    fn drop(&mut self) {
        tracing::info!("connection closed");
    }
}

#[tracing::instrument(ret)]
async fn greet(whom: &str) -> String {
    log::warn!("what a library says");
    tokio::time::sleep(Duration::from_millis(1)).await;
    format!("hello, {whom}")
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli: Cli = common::parse(Cli::command());
    let program = async {
        let _connection = Connection;
        tracing::info!("{}", greet("world").await);
        if let Some(whom) = &cli.whom {
            tracing::info!("{}", greet(whom).await);
        }
        if cli.fail {
            anyhow::bail!("it was told to\nfail");
        }
        if cli.wait {
            std::future::pending::<()>().await;
        }
        if cli.listen {
            let listening = async {
                tracing::info!("listening");
                std::future::pending::<()>().await;
            };
            tokio::select! {
                biased;
                pressed = tokio::signal::ctrl_c() => pressed?,
                () = listening => {}
            }
            tracing::info!("{}", greet("whoever pressed Ctrl-C").await);
            return Ok(ExitCode::from(7));
        }
        Ok(ExitCode::SUCCESS)
    };
    match cli.listen {
        true => cli.show.run_with_own_signals(program).await,
        false => cli.show.run(program).await,
    }
}
