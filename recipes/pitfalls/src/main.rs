//! `cargo run -p pitfalls` lists the pitfalls; with the name of one, it shows that pitfall, broken and fixed.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Arg, ArgGroup, CommandFactory, Parser};
use common::Show;
use pitfalls::demo;
use pitfalls::scenes::{self, GROUPS, Pitfall};
use tracing::info;

/// The flags of the command line.
#[derive(Parser)]
#[command(about = env!("CARGO_PKG_DESCRIPTION"), group(ArgGroup::new("what").args(["pitfall", "asyncio"])))]
struct Flags {
    /// Show this pitfall, broken and fixed
    #[arg(value_parser = named)]
    pitfall: Option<Pitfall>,
    /// Show the pitfalls that asyncio has in the same form, one after the other
    #[arg(long, conflicts_with = "pitfall")]
    asyncio: bool,
    #[command(flatten)]
    show: Show,
}

// One thread, as in asyncio, and virtual time: a hang lasts one virtual second, which is over at once.
#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> ExitCode {
    // A list has no picture.
    let shows = ["no_timeline", "svg", "trace"];
    let needs_a_run = |argument: Arg| match shows.contains(&argument.get_id().as_str()) {
        true => argument.requires("what"),
        false => argument,
    };
    let flags: Flags = common::parse(Flags::command().mut_args(needs_a_run));
    match flags.pitfall {
        Some(pitfall) => flags.show.run(bite(pitfall)).await,
        None if flags.asyncio => {
            flags.show.run(async { demo::run().await.map(|()| ExitCode::SUCCESS) }).await
        }
        None => list(),
    }
}

/// Shows one pitfall, and then what catches it.
async fn bite(pitfall: Pitfall) -> anyhow::Result<ExitCode> {
    pitfall.show().await?;
    info!("  caught by: {}", pitfall.caught_by);
    Ok(ExitCode::SUCCESS)
}

/// Below this similarity, a name is not suggested.
const ALIKE: f64 = 0.8;

fn named(name: &str) -> Result<Pitfall, String> {
    let name = name.replace('-', "_").to_lowercase();
    scenes::find(&name).ok_or_else(|| {
        let all = GROUPS.iter().flat_map(|group| group.pitfalls).map(|pitfall| pitfall.name);
        let near: Vec<_> = all.filter(|known| strsim::jaro_winkler(&name, known) >= ALIKE).collect();
        match near.as_slice() {
            [] => "without a name, all are listed".to_owned(),
            near => format!("did you mean {}?", near.join(", or ")),
        }
    })
}

/// Prints one line per pitfall on stdout. If stdout is closed, as by `| head`, it stops without an error.
fn list() -> ExitCode {
    let mut list = String::new();
    for group in GROUPS {
        list += &format!("{}\n", group.title);
        for Pitfall { name, summary, .. } in group.pitfalls {
            list += &format!("  {name:26}  {summary}\n");
        }
    }
    list += "\nLet one bite: cargo run -p pitfalls -- forgotten_await\n";
    match io::stdout().write_all(list.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("error: cannot write to stdout: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}
