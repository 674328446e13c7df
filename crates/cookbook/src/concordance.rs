//! What a name of Python's is on Tokio.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context, bail};
use serde::Deserialize;

use crate::book;
use crate::near;
use crate::text::hang;

/// What there is to say of a name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// The answer, in a sentence or two.
    pub(crate) tokio: String,
    recipe: Option<String>,
    /// As `recipe::module::name`.
    lesson: Option<String>,
    /// The first version of Python that has the name, if that is later than 3.11.
    since: Option<String>,
    /// The last one.
    until: Option<String>,
}

/// All names, with what there is to say of each.
pub(crate) fn entries() -> anyhow::Result<BTreeMap<String, Entry>> {
    toml_edit::de::from_str(book::CONCORDANCE).context("docs/concordance.toml")
}

/// The entries for a name as Python has it, or for its last parts, in any case; otherwise those that answer with it.
///
/// # Errors
///
/// When there is none. The message names the nearest ones.
pub(crate) fn map(typed: &str) -> anyhow::Result<String> {
    let entries = entries()?;
    let wanted = typed.trim().to_lowercase();
    let wanted = wanted.trim_end_matches("()").trim_start_matches("aio.");
    if wanted.is_empty() {
        bail!("a name is wanted, such as gather, asyncio.wait or aiohttp.ClientTimeout");
    }
    let mut found: Vec<_> = entries.iter().filter(|(name, _)| is_called(name, wanted)).collect();
    if found.is_empty() {
        found = entries.iter().filter(|(_, entry)| is_answered_by(&entry.tokio, wanted)).collect();
    }
    // The plain name before its methods' and before special cases.
    found.sort_by_key(|(name, _)| (name.contains([' ', '(']), name.matches('.').count()));
    if found.is_empty() {
        // Of a name that is written out, its last part is what may be mistyped; and so it is of ours.
        let near = nearest(wanted, &entries);
        bail!("nothing is called {typed:?}{near}");
    }
    let mut page = String::new();
    for (name, entry) in found {
        if !page.is_empty() {
            page.push('\n');
        }
        page.push_str(&entry.text(name)?);
    }
    Ok(page)
}

fn nearest<'a>(wanted: &str, entries: &'a BTreeMap<String, Entry>) -> String {
    let last = wanted.rsplit('.').next().unwrap_or_default();
    let bare = |name: &'a str| name.split(['(', ',']).next().and_then(|name| name.rsplit('.').next());
    let names: Vec<_> = entries.keys().filter_map(|name| bare(name)).collect();
    near::hint(last, &names)
}

/// Whether `name` is `wanted`, or ends with it at a dot, or would without its arguments.
fn is_called(name: &str, wanted: &str) -> bool {
    let name = name.to_lowercase();
    let bare = name.split(['(', ',']).next().unwrap_or_default();
    [name.as_str(), bare].iter().any(|name| {
        name.strip_suffix(wanted).is_some_and(|before| before.is_empty() || before.ends_with(['.', ' ']))
    }) || wanted.contains('=') && name.contains(wanted)
}

/// Whether one of the words in backquotes is `wanted`, as in `JoinSet` or `JoinSet::join_next`.
pub(crate) fn is_answered_by(answer: &str, wanted: &str) -> bool {
    let wanted = wanted.trim_start_matches("tokio::");
    answer.split('`').skip(1).step_by(2).any(|code| {
        let code = code.to_lowercase();
        code.match_indices(wanted).any(|(at, _)| {
            let is_word =
                |character: Option<char>| character.is_some_and(|c| c.is_alphanumeric() || c == '_');
            !is_word(code[..at].chars().next_back()) && !is_word(code[at + wanted.len()..].chars().next())
        })
    })
}

impl Entry {
    fn text(&self, name: &str) -> anyhow::Result<String> {
        let mut text = String::new();
        let versions = match (&self.since, &self.until) {
            (Some(since), _) => format!("  (from Python {since} on)"),
            (None, Some(until)) => format!("  (up to Python {until})"),
            (None, None) => String::new(),
        };
        writeln!(text, "{name}{versions}")?;
        text += &hang("    ", "    ", &self.tokio);
        if let Some(recipe) = &self.recipe {
            writeln!(text, "    recipe  {recipe}: {} show {recipe}", crate::program())?;
        }
        if let Some((package, lesson)) = self.lesson.as_deref().and_then(|lesson| lesson.split_once("::")) {
            writeln!(text, "    lesson  cargo test -p {package} {lesson}")?;
        }
        Ok(text)
    }
}
