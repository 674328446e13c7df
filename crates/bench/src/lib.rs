//! The measurements behind the book's cost tables.
//!
//! A machine's absolute times say little about another's, so every measurement runs the same work on each side in
//! one run of one program, asyncio included, and prints ratios. `cargo bench -p bench --bench gather` repeats one.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, ensure};

/// The time that one way of doing the work took per item.
#[derive(Debug)]
pub struct Row {
    /// The name of the way.
    pub name: String,
    /// Nanoseconds an item: the median of the rounds.
    pub nanoseconds: f64,
}

/// Runs `work` once to warm up and then `rounds` times; the median divided by `items`.
#[expect(clippy::disallowed_methods, reason = "a measurement is of real time")]
pub fn measure(name: &str, items: usize, rounds: usize, mut work: impl FnMut()) -> Row {
    work();
    let mut times: Vec<_> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    times.sort();
    let median = times.get(rounds / 2).copied().unwrap_or_default();
    Row { name: name.to_owned(), nanoseconds: median.as_nanos() as f64 / items as f64 }
}

/// Runs `crates/bench/asyncio/<script>` with `arguments`. It prints a line for each way: nanoseconds an item, and the
/// name.
///
/// # Errors
/// If `python3` is missing, or the script fails or prints something else.
pub fn asyncio(script: &str, arguments: &[usize]) -> anyhow::Result<Vec<Row>> {
    let arguments: Vec<_> = arguments.iter().map(usize::to_string).collect();
    run(script, &arguments)
}

/// As [`asyncio`], for work that is done at `url`: it is the first argument.
///
/// # Errors
/// As those of [`asyncio`].
pub fn asyncio_at(script: &str, url: &str, arguments: &[usize]) -> anyhow::Result<Vec<Row>> {
    let arguments: Vec<_> =
        [url.to_owned()].into_iter().chain(arguments.iter().map(usize::to_string)).collect();
    run(script, &arguments)
}

fn run(script: &str, arguments: &[String]) -> anyhow::Result<Vec<Row>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("asyncio").join(script);
    let output = Command::new("python3")
        .arg(&script)
        .args(arguments)
        .output()
        .context("cannot run python3, which the asyncio side needs")?;
    ensure!(output.status.success(), "{}: {}", script.display(), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout)?
        .lines()
        .map(|line| {
            let (nanoseconds, name) = line.split_once(' ').with_context(|| line.to_owned())?;
            Ok(Row { name: name.to_owned(), nanoseconds: nanoseconds.parse()? })
        })
        .collect()
}

/// Prints each row with its ratio to the first.
pub fn print_ratios(title: &str, rows: &[Row]) {
    let Some(first) = rows.first() else { return };
    println!("{title}: the cost of an item, as a multiple of {} ({:.0} ns)", first.name, first.nanoseconds);
    for row in rows {
        println!("{:8.2}  {}", row.nanoseconds / first.nanoseconds, row.name);
    }
}
