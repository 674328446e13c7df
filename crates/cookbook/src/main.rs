//! `cargo cookbook`, and what `cargo run` without `-p` runs: find a recipe, read it, copy it out.

mod book;
mod changes;
mod concordance;
mod copy;
mod example;
mod find;
mod lessons;
mod list;
mod near;
mod show;
mod text;

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;

/// The Tokio Cookbook: asyncio's patterns on Tokio
#[derive(Parser)]
#[command(name = "cookbook", version, max_term_width = 80)]
struct Cookbook {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// What a name, a message or a task in words is on Tokio
    Find {
        /// As you have it: queue.get, a message pasted whole, "retry with backoff"
        #[arg(required = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
    /// The recipes in reading order; with WORDS the same as find
    List {
        /// As for `find`
        words: Vec<String>,
    },
    /// A recipe's chapter, one of its patterns, or its demo
    Show {
        /// As `list` names it
        #[arg(index = 1)]
        recipe: String,
        /// A pattern's file in the recipe's src, without .rs, or `demo`
        #[arg(index = 2)]
        pattern: Option<String>,
    },
    /// The lessons in reading order, as sentences; --run runs them
    Lessons {
        /// As `list` names it
        #[arg(index = 1)]
        recipe: Option<String>,
        /// A pattern of the recipe, or another module of its lessons
        #[arg(index = 2)]
        pattern: Option<String>,
        /// Run them, each with a mark
        #[arg(long, requires = "recipe")]
        run: bool,
    },
    /// Copy a recipe out as a crate, or one pattern into your crate
    Copy {
        /// As `list` names it
        #[arg(index = 1)]
        recipe: String,
        /// The folder of the new crate; with --into, the pattern
        #[arg(index = 2, value_name = "DIR|PATTERN")]
        what: PathBuf,
        /// Copy the pattern into this crate, and add what it needs to its Cargo.toml
        #[arg(long, value_name = "PROJECT")]
        into: Option<PathBuf>,
        /// Replace files that are there and differ
        #[arg(long)]
        force: bool,
        /// Show what would change, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Completions for a shell, on stdout
    Completions {
        /// The shell that will read them
        shell: Shell,
    },
    /// The manual page, on stdout
    Man,
}

/// What `cargo run` runs, for whom the rest of the book is one command away.
const HINTS: &str = "\
Run a recipe:        cargo run -p gather
What it can show:    cargo run -p gather -- --help
The learning suite:  cargo test, or cargo test -p gather";

fn main() -> ExitCode {
    let mut command = command();
    let cookbook = match command.try_get_matches_from_mut(std::env::args_os()) {
        Ok(matches) => Cookbook::from_arg_matches(&matches),
        Err(error) => Err(error),
    };
    let ended = match cookbook {
        Ok(cookbook) => run(cookbook.command),
        Err(error) if !error.use_stderr() => print(&error.to_string()),
        Err(error) => {
            let error = error.format(&mut command).to_string();
            let lines: Vec<_> = error.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
            eprintln!("{}", lines.join("; ").replace(":; ", ": "));
            return ExitCode::from(2);
        }
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Libraries put line breaks into their messages.
            let error = format!("{error:#}");
            eprintln!("error: {}", error.split_whitespace().collect::<Vec<_>>().join(" "));
            ExitCode::FAILURE
        }
    }
}

/// The command line, under the name that this program was started by.
fn command() -> clap::Command {
    let command = Cookbook::command().bin_name(program());
    match is_run_by_cargo() {
        true => command.after_help(HINTS),
        false => command,
    }
}

/// `cargo run` says so to what it runs.
fn is_run_by_cargo() -> bool {
    std::env::var_os("CARGO_PKG_NAME").is_some_and(|name| name == env!("CARGO_PKG_NAME"))
}

/// What the reader types to run this program.
pub(crate) fn program() -> &'static str {
    if is_run_by_cargo() { "cargo cookbook" } else { "cookbook" }
}

fn run(chosen: Option<Command>) -> anyhow::Result<()> {
    match chosen {
        None => print(&overview()?),
        Some(Command::List { words }) if words.is_empty() => print(&list::all()?),
        Some(Command::Find { words } | Command::List { words }) => print(&find::answer(&words.join(" "))?),
        Some(Command::Show { recipe, pattern: None }) => show::chapter(&book::recipe(&recipe)?),
        Some(Command::Show { recipe, pattern: Some(pattern) }) => {
            show::pattern(book::recipe(&recipe)?.source(&pattern)?)
        }
        Some(Command::Lessons { recipe: None, .. }) => print(&lessons::all()?),
        Some(Command::Lessons { recipe: Some(recipe), pattern, run: true }) => {
            lessons::run(&recipe, pattern.as_deref())
        }
        Some(Command::Lessons { recipe: Some(recipe), pattern, run: false }) => {
            print(&lessons::list(&recipe, pattern.as_deref())?)
        }
        Some(Command::Copy { recipe, what, into, force, dry_run }) => {
            print(&copy(&recipe, &what, into.as_deref(), force, dry_run)?)
        }
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut with_recipes(Cookbook::command())?, "cookbook", &mut script);
            print(&String::from_utf8(script)?)
        }
        Some(Command::Man) => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cookbook::command()).render(&mut page)?;
            print(&String::from_utf8(page)?)
        }
    }
}

/// The help, with the names of the recipes in it. It fits a screen of 24 lines.
fn overview() -> anyhow::Result<String> {
    let names: Vec<_> = book::recipes()?.into_iter().map(|recipe| recipe.name).collect();
    let mut hints = text::wrap(&format!("Recipes: {}", names.join(", ")), 79).join("\n");
    write!(hints, "\n\nA command's flags:   {} copy --help", program())?;
    if is_run_by_cargo() {
        write!(hints, "\n{HINTS}")?;
    }
    let help = command().disable_help_subcommand(true).after_help(hints).render_help();
    Ok(help
        .to_string()
        .replace("\n\nOptions:\n  -h, --help     Print help\n  -V, --version  Print version\n", "\n"))
}

fn copy(
    recipe: &str,
    what: &Path,
    into: Option<&Path>,
    force: bool,
    dry_run: bool,
) -> anyhow::Result<String> {
    let recipe = book::recipe(recipe)?;
    let plan = match into {
        Some(project) => copy::pattern(&recipe, recipe.pattern(&what.to_string_lossy())?, project)?,
        None => copy::recipe(&recipe, what)?,
    };
    if dry_run {
        return plan.changes.preview();
    }
    if !force {
        plan.changes.check()?;
    }
    plan.changes.apply()?;
    Ok(plan.report)
}

/// The command line with the names of the recipes as values, for a shell to complete.
fn with_recipes(mut command: clap::Command) -> anyhow::Result<clap::Command> {
    let recipes = book::recipes()?;
    // A completion lives as long as the program: it is the last thing it prints.
    let values: Vec<_> =
        recipes.into_iter().map(|recipe| PossibleValue::new(recipe.name.leak() as &str)).collect();
    for name in ["show", "lessons", "copy"] {
        let values = PossibleValuesParser::new(values.clone());
        command = command
            .mut_subcommand(name, |found| found.mut_arg("recipe", |recipe| recipe.value_parser(values)));
    }
    Ok(command)
}

/// Prints the page; a reader that closes the pipe has read enough.
pub(crate) fn print(page: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(page.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(anyhow::Error::new(error).context("cannot write to stdout"))
        }
        _ => Ok(()),
    }
}
