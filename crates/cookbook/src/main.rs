//! `cargo cookbook`, and what `cargo run` without `-p` runs: the recipes, and how to run them.

mod recipes;

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The Tokio Cookbook: asyncio's patterns on Tokio
#[derive(Parser)]
#[command(name = "cookbook", bin_name = "cargo cookbook", after_help = HINTS)]
struct Cookbook {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// The recipes in reading order, with asyncio's names for what they show
    List,
}

const HINTS: &str = "\
Run a recipe:        cargo run -p gather
What it can show:    cargo run -p gather -- --help
The learning suite:  cargo test
One recipe's part:   cargo test -p gather";

fn main() -> ExitCode {
    let cookbook = Cookbook::parse();
    let page = match cookbook.command {
        None => {
            list().map(|list| format!("The Tokio Cookbook: asyncio's patterns on Tokio\n\n{list}\n{HINTS}\n"))
        }
        Some(Command::List) => list(),
    };
    match page.and_then(|page| print(&page)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A line a recipe: its name, and the names of asyncio that it answers.
fn list() -> anyhow::Result<String> {
    let recipes = recipes::all()?;
    let width = recipes.iter().map(|recipe| recipe.name.len()).max().unwrap_or_default();
    let mut list = String::new();
    for recipe in &recipes {
        let names = recipe.asyncio().join(", ");
        writeln!(
            list,
            "  {:width$}  {}\n  {:width$}  asyncio: {names}",
            recipe.name, recipe.description, ""
        )?;
    }
    Ok(list)
}

/// Prints the page; a reader that closes the pipe has read enough.
fn print(page: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(page.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
