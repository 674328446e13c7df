//! The data of `find`: names of Python and Rust, messages, tasks, and the recipes' own pages.
//!
//! The build script makes the table of `docs/concordance`, of the code in `crates/answers`, and of the recipes.

include!(concat!(env!("OUT_DIR"), "/concordance.rs"));

/// What a reader may have in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A name of Python's, with its module: `asyncio.Queue.get`.
    Name,
    /// A name of Rust's.
    Rust,
    /// A message, with `{}` where names and numbers differ.
    Message,
    /// Something to be done, in words.
    Task,
    /// A pattern or a chapter's heading.
    Page,
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    /// What it answers: of a name and its aliases, each as it is written out.
    pub(crate) names: &'static [&'static str],
    pub(crate) answer: &'static str,
    /// Crates and features, as `cargo add` takes them.
    pub(crate) add: &'static [&'static str],
    pub(crate) code: &'static str,
    /// The recipe that shows it, or nothing.
    pub(crate) recipe: &'static str,
    pub(crate) pattern: &'static str,
    /// What proves it, as `recipe::module::name`.
    pub(crate) lesson: &'static str,
    /// Addresses of Rust's documentation.
    pub(crate) rust: &'static [&'static str],
    /// Addresses of Python's documentation, one for each name.
    pub(crate) links: &'static [&'static str],
    /// The first version of Python that has the name, if that is later than 3.11.
    pub(crate) since: &'static str,
    /// The last one.
    pub(crate) until: &'static str,
    /// The words of the names, of each phrase by which a reader asks for it, and of the answer: their places in `WORDS`.
    pub(crate) title: &'static [u16],
    pub(crate) phrases: &'static [&'static [u16]],
    pub(crate) text: &'static [u16],
    /// Of each form of a message, what is between the names and numbers in it.
    pub(crate) parts: &'static [&'static [&'static str]],
}

/// The names of Python's that a recipe answers, as they are listed: the first ones, without their modules.
pub(crate) fn names_of(recipe: &str, most: usize) -> Vec<&'static str> {
    let entries = ENTRIES.iter().filter(|entry| entry.kind == Kind::Name && entry.recipe == recipe);
    let mut names: Vec<_> = entries
        .filter_map(|entry| entry.names.first())
        .filter(|name| !name.contains([' ', '(', ',']))
        .filter_map(|name| name.strip_prefix("asyncio.").or(name.strip_prefix("contextlib.")).or(Some(name)))
        .collect();
    names.dedup();
    names.truncate(most);
    names
}
