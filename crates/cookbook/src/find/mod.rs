//! One door for a name of Python's or Rust's, a message on the screen, or a task in words.

mod message;
mod name;
mod rank;
mod words;

use std::fmt::Write as _;

use anyhow::bail;

use crate::concordance::{ENTRIES, Entry, Kind};
use crate::near;
use crate::text::{columns, hang};

/// How many answers are listed below the first, a line each.
const ALSO: usize = 4;

/// An entry, under the name that was asked for.
#[derive(Clone, Debug)]
struct Found {
    entry: &'static Entry,
    /// The first line of the answer.
    heading: String,
    /// The name of the entry that it answers for: its place in `names`.
    name: usize,
}

/// The answer to what a reader typed or pasted: the best one whole, and at most four more as a line each.
///
/// # Errors
///
/// When nothing fits. The message names what is near, if something is.
pub(crate) fn answer(typed: &str) -> anyhow::Result<String> {
    let typed = typed.trim();
    if typed.is_empty() {
        bail!(
            "a name, a message or a task is wanted, such as gather, asyncio.wait or \"retry with backoff\""
        );
    }
    let found = search(typed);
    let Some((best, others)) = found.split_first() else {
        bail!("nothing fits {typed:?}{}", hint(typed));
    };
    let mut page = best.whole()?;
    // Several spellings of one answer are one line.
    let mut seen = vec![best.entry as *const Entry];
    let mut lines = String::new();
    for other in others {
        if seen.len() <= ALSO && !seen.contains(&(other.entry as *const Entry)) {
            seen.push(other.entry);
            lines += &other.line();
        }
    }
    if !lines.is_empty() {
        write!(page, "\nSee also\n{lines}")?;
    }
    Ok(page)
}

/// Whatever fits, the best first: an exact name, a message, then what the words say.
fn search(typed: &str) -> Vec<Found> {
    let names = name::lookup(typed);
    // One plain word is a task if it is a known phrase, unless it is a name of asyncio's own.
    let is_plain = typed.chars().all(|c| c.is_ascii_lowercase());
    let is_ours = names.first().is_some_and(|found| {
        found.heading.starts_with("asyncio.") || found.heading.eq_ignore_ascii_case(typed)
    });
    if !names.is_empty() && (!is_plain || is_ours || !rank::is_phrase(typed)) {
        return names;
    }
    let messages = message::lookup(typed);
    if !messages.is_empty() {
        return messages;
    }
    // A name that is nearly one of ours is mistyped; its parts say nothing.
    let is_name = !is_plain && !typed.contains(' ') && name::bare(typed).is_some();
    if is_name && !hint(typed).is_empty() { Vec::new() } else { rank::lookup(typed) }
}

/// The names that may have been meant, if some are near.
fn hint(typed: &str) -> String {
    let name = name::bare(typed).unwrap_or_default();
    match name.rsplit('.').next() {
        Some(last) if last.is_ascii() && !last.is_empty() => near::hint(last, &bare_names()),
        _ => String::new(),
    }
}

/// The last parts of all names, for who has mistyped one.
fn bare_names() -> Vec<&'static str> {
    let named = ENTRIES.iter().filter(|entry| matches!(entry.kind, Kind::Name | Kind::Rust));
    let names = named.flat_map(|entry| entry.names.iter().copied());
    names.filter_map(|name| name.split(['(', ',']).next()?.rsplit(['.', ':']).next()).collect()
}

impl Found {
    fn new(entry: &'static Entry) -> Self {
        Self { entry, heading: entry.names.first().copied().unwrap_or_default().to_owned(), name: 0 }
    }

    /// The whole answer.
    fn whole(&self) -> anyhow::Result<String> {
        let entry = self.entry;
        let mut page = String::new();
        let versions = match (entry.since, entry.until) {
            ("", "") => String::new(),
            ("", until) => format!("  (up to Python {until})"),
            (since, _) => format!("  (from Python {since} on)"),
        };
        page += &hang("", "", &format!("{}{versions}", self.heading));
        page += &hang("    ", "    ", entry.answer);
        if !entry.code.is_empty() {
            page.push('\n');
            for line in entry.code.lines() {
                writeln!(page, "{}", format!("    {line}").trim_end())?;
            }
            page.push('\n');
        }
        for add in entry.add {
            writeln!(page, "    add     cargo add {add}")?;
        }
        let program = crate::program();
        match (entry.recipe, entry.pattern) {
            ("", _) => {}
            (recipe, "") => writeln!(page, "    recipe  {recipe}: {program} show {recipe}")?,
            (recipe, pattern) => {
                writeln!(page, "    recipe  {recipe}, pattern {pattern}: {program} show {recipe} {pattern}")?;
            }
        }
        if let Some((package, lesson)) = entry.lesson.split_once("::") {
            writeln!(page, "    lesson  cargo test -p {package} {lesson}")?;
        }
        for link in entry.rust {
            writeln!(page, "    Rust    {link}")?;
        }
        if let Some(link) = entry.links.get(self.name).filter(|link| !link.is_empty()) {
            writeln!(page, "    Python  {link}")?;
        }
        Ok(page)
    }

    /// A line for it: its name, and as much of the answer as there is room for.
    fn line(&self) -> String {
        let width = columns() - 1;
        let line = format!("    {}: {}", self.heading, self.entry.answer);
        match line.char_indices().nth(width) {
            None => format!("{line}\n"),
            Some((end, _)) => {
                let end = line[..end - 3].rfind(' ').unwrap_or(end - 3);
                format!("{} ...\n", &line[..end])
            }
        }
    }
}
