//! `cargo run -p compile_errors` lists the errors. With the name of an error, it shows that error and its fix.

use std::io::{self, Write};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use clap::{CommandFactory, Parser};
use compile_errors::pages::{self, PAGES, Page};

/// The arguments of the binary.
#[derive(Parser)]
#[command(about = env!("CARGO_PKG_DESCRIPTION"))]
struct Flags {
    /// Show this error: the code, rustc's message, and two ways out
    #[arg(value_parser = named)]
    page: Option<Page>,
}

fn main() -> ExitCode {
    let flags: Flags = common::parse(Flags::command());
    print(&flags.page.map_or_else(pages::list, show))
}

fn show(page: Page) -> String {
    let in_colour = common::wants_colour();
    let styled = |style: Style| {
        move |text: &str| if in_colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    };
    page.show(styled(Style::new().bold()), styled(AnsiColor::Red.on_default().bold()))
}

/// Two names are similar from this value on.
const ALIKE: f64 = 0.8;

fn named(name: &str) -> Result<Page, String> {
    let name = name.replace('-', "_").to_lowercase();
    pages::find(&name).ok_or_else(|| {
        let likeness = |known: &&str| strsim::jaro_winkler(&name, known);
        let all = PAGES.iter().map(|page| page.name);
        let mut near: Vec<_> = all.filter(|known| likeness(known) >= ALIKE).collect();
        near.sort_by(|one, other| likeness(other).total_cmp(&likeness(one)));
        match near.as_slice() {
            [] => "without a name, all are listed".to_owned(),
            near => format!("did you mean {}?", near.join(", or ")),
        }
    })
}

/// Prints to stdout. If stdout is closed, as by `| head`, that is no failure.
fn print(text: &str) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("error: cannot write to stdout: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}
