//! `cargo run -p diagnosing` shows seven faults briefly; with the name of a fault, it shows how to see, find and fix it.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use common::Show;
use diagnosing::demo;
use diagnosing::scenes::{self, SCENES, Scene};

/// The flags of the command line.
#[derive(Parser)]
#[command(about = env!("CARGO_PKG_DESCRIPTION"), after_help = after_help())]
struct Flags {
    /// Show this fault, how to find it, and its fix; default: the demo
    #[arg(value_parser = named)]
    fault: Option<Scene>,
    #[command(flatten)]
    show: Show,
}

// One thread, as in asyncio: a call that blocks it blocks all tasks.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let flags: Flags = common::parse(Flags::command());
    let Some(fault) = flags.fault else {
        let code = flags.show.run(async { demo::run().await.map(|()| ExitCode::SUCCESS) }).await;
        // If stdout is closed, as by `| head`, it stops without an error.
        let _is_read = writeln!(io::stdout(), "\n{}", after_help());
        return code;
    };
    flags.show.run(async { fault.show().await.map(|()| ExitCode::SUCCESS) }).await
}

/// The list of faults, one per line.
fn after_help() -> String {
    let lines = SCENES.map(|Scene { name, symptom, .. }| format!("  {name:10}  {symptom}\n"));
    format!("Faults to watch, as in `cargo run -p diagnosing -- hang`:\n{}", lines.concat())
}

/// Below this similarity, a name is not suggested.
const ALIKE: f64 = 0.8;

fn named(name: &str) -> Result<Scene, String> {
    let name = name.replace('-', "_").to_lowercase();
    scenes::find(&name).ok_or_else(|| {
        let all = SCENES.map(|scene| scene.name);
        let near: Vec<_> =
            all.into_iter().filter(|known| strsim::jaro_winkler(&name, known) >= ALIKE).collect();
        match near.as_slice() {
            [] => format!("there are {}", all.join(", ")),
            near => format!("did you mean {}?", near.join(", or ")),
        }
    })
}
