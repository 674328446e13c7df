//! A name as people type it: with a variable before the dot, arguments behind it, a module that only the library knows.

use super::Found;
use crate::concordance::{BASES, ENTRIES, Entry, Kind, MODULES, VARIABLES};

/// The entries for a name, the likeliest first; none if `typed` is no name, or not one that is known.
pub(super) fn lookup(typed: &str) -> Vec<Found> {
    // As it is written in the table, such as `async with`, or a call with the argument that matters.
    let exactly = of_kind(|entry, name| is_written(entry, name, typed));
    if !exactly.is_empty() {
        let more = bare(typed).map(|name| by_end(&name)).unwrap_or_default();
        return [exactly, more].concat();
    }
    let Some(asked) = bare(typed) else { return Vec::new() };
    let full = canonical(&asked);
    let mut found: Vec<_> = exact(&full).or_else(|| inherited(&full)).into_iter().collect();
    if full != asked {
        // The reader sees that it is the same.
        found.iter_mut().for_each(|found| found.heading = format!("{asked}: {}", found.heading));
    }
    if found.is_empty() {
        found = by_variable(&asked);
    }
    // What else is called so, unless its owner was named.
    if found.is_empty() || !asked.contains('.') {
        found.extend(by_end(&asked));
    }
    if found.is_empty() {
        found.extend(of_owner(&full));
    }
    if found.is_empty() {
        found = by_code(&asked);
    }
    if found.is_empty()
        && let Some((_, last)) = asked.rsplit_once('.')
    {
        // A variable whose name says nothing: its method may.
        found = by_end(last);
    }
    found
}

/// Entries under a name for which `is` holds.
fn of_kind(is: impl Fn(&Entry, &str) -> bool) -> Vec<Found> {
    let mut found: Vec<_> = ENTRIES
        .iter()
        .filter(|entry| matches!(entry.kind, Kind::Name | Kind::Rust))
        .filter_map(|entry| {
            let name = entry.names.iter().position(|name| is(entry, name))?;
            Some(under(entry, name))
        })
        .collect();
    // Special cases last; otherwise by use, which is the order of the table.
    found.sort_by_key(|found| found.entry.names[found.name].contains([' ', ',']));
    found
}

/// The entry as the answer for its name of that number; its other names follow if they are few.
fn under(entry: &'static Entry, name: usize) -> Found {
    let mut heading = entry.names[name].to_owned();
    let others: Vec<_> = entry.names.iter().filter(|other| **other != entry.names[name]).copied().collect();
    if (1..=2).contains(&others.len()) && entry.kind == Kind::Name {
        heading = format!("{heading}, and {}", others.join(", "));
    }
    Found { entry, heading, name }
}

fn is_written(entry: &Entry, name: &str, typed: &str) -> bool {
    let typed = typed.trim_matches('`');
    name.eq_ignore_ascii_case(typed)
        || typed.contains('=')
            && name.split_once('(').is_some_and(|(_, rest)| rest.trim_end_matches(')') == typed)
        || entry.kind == Kind::Rust && name.eq_ignore_ascii_case(typed.trim_start_matches("tokio::"))
}

/// The dotted name in `typed`, or `None` if it is a sentence.
pub(super) fn bare(typed: &str) -> Option<String> {
    let mut name = typed.trim().trim_matches(['`', '"', '\'']).trim();
    // The compiler speaks.
    if name.starts_with("error[E") || name.starts_with("error: ") {
        return None;
    }
    for before in [
        "from asyncio import ",
        "import ",
        "raise ",
        "except ",
        "return ",
        "async with ",
        "with ",
        "async for ",
        "await ",
        "@",
        "&mut ",
        "&",
    ] {
        name = name.strip_prefix(before).unwrap_or(name).trim();
    }
    // `result = await asyncio.gather(...)`: what is called.
    if let Some((variable, rest)) = name.split_once('=')
        && !variable.contains('(')
        && variable.trim().chars().all(|c| c.is_alphanumeric() || "_., ".contains(c))
    {
        let rest = rest.trim().trim_start_matches("await ").trim();
        // `limit=10` is an argument.
        let is_literal = ["True", "False", "None"].contains(&rest) || rest.parse::<f64>().is_ok();
        name = if is_literal { variable.trim() } else { rest };
    }
    let name =
        name.split(" as ").next().unwrap_or_default().trim_end_matches([':', ';', ',', '.', '!', '?']).trim();
    let open = name.find(['(', '[', '<']).unwrap_or(name.len());
    // Behind the arguments nothing but the end: a sentence may have brackets in it, too.
    if open < name.len() && !name.ends_with([')', ']', '>']) {
        return None;
    }
    let name = name[..open].trim_end_matches([':', '!', '*']).replace("::", ".");
    if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.') {
        return None;
    }
    let parts: Vec<_> = name.split('.').filter(|part| !["self", "cls", ""].contains(part)).collect();
    (!parts.is_empty()).then(|| parts.join("."))
}

/// The name with the module that a reader imports in place of the one in which the library keeps it.
fn canonical(asked: &str) -> String {
    let lower = asked.to_lowercase();
    let modules = MODULES.iter().filter(|(from, _)| {
        lower.strip_prefix(&from.to_lowercase()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    });
    match modules.max_by_key(|(from, _)| from.len()) {
        Some((from, to)) => format!("{}{}", to.first().copied().unwrap_or_default(), &asked[from.len()..]),
        None => asked.to_owned(),
    }
}

fn exact(full: &str) -> Option<Found> {
    of_kind(|_, name| name == full).into_iter().next().or_else(|| {
        of_kind(|_, name| name.replace("::", ".").trim_end_matches('!').eq_ignore_ascii_case(full))
            .into_iter()
            .next()
    })
}

/// A member that a class has of another.
fn inherited(full: &str) -> Option<Found> {
    let (class, member) = full.rsplit_once('.')?;
    let (_, bases) = BASES.iter().find(|(name, _)| name.eq_ignore_ascii_case(class))?;
    let of = |base: &&str| {
        let name = format!("{base}.{member}");
        exact(&name).or_else(|| inherited(&name))
    };
    let found = bases.iter().find_map(of)?;
    Some(Found { heading: format!("{full}: as {}", found.entry.names[found.name]), ..found })
}

/// `queue.get`, `self._reader.readline`: what a variable of that name usually is.
fn by_variable(asked: &str) -> Vec<Found> {
    let Some((owner, member)) = asked.rsplit_once('.') else { return Vec::new() };
    let owner = owner.rsplit('.').next().unwrap_or_default().to_lowercase();
    let plain = owner.trim_matches('_').trim_end_matches(|c: char| c.is_ascii_digit());
    let last = plain.rsplit('_').next().unwrap_or_default();
    let classes = VARIABLES.iter().find(|(name, _)| *name == plain);
    let classes = classes.or_else(|| VARIABLES.iter().find(|(name, _)| *name == last));
    let singular = last.strip_suffix('s').unwrap_or(last);
    let classes = classes.or_else(|| VARIABLES.iter().find(|(name, _)| *name == singular));
    let classes = classes.map_or(&[][..], |(_, classes)| classes);
    let of = |class: &&str| {
        let name = format!("{class}.{member}");
        exact(&name).or_else(|| inherited(&name))
    };
    classes.iter().filter_map(of).collect()
}

fn ends_with(name: &str, end: &str) -> bool {
    let Some(at) = name.len().checked_sub(end.len()) else { return false };
    name.is_char_boundary(at)
        && name[at..].eq_ignore_ascii_case(end)
        && (at == 0 || name[..at].ends_with(['.', ':']))
}

/// The names that end with it at a dot, and those that have it as their argument.
fn by_end(asked: &str) -> Vec<Found> {
    of_kind(|_, name| {
        let end = name.bytes().position(|byte| matches!(byte, b'(' | b',' | b' ')).unwrap_or(name.len());
        let (bare, rest) = name.split_at(end);
        let argument = rest.strip_prefix('(').and_then(|rest| rest.split([')', '=']).next());
        if argument.is_some_and(|argument| argument.eq_ignore_ascii_case(asked)) {
            return true;
        }
        let bare = bare.trim_end_matches('!');
        if bare.contains("::") { ends_with(&bare.replace("::", "."), asked) } else { ends_with(bare, asked) }
    })
}

/// Of a library's name that has no entry, the entry of its class or module. Of asyncio every name has one.
fn of_owner(full: &str) -> Vec<Found> {
    let mut owner = full;
    while let Some((before, _)) = owner.rsplit_once('.') {
        owner = before;
        if ["asyncio", "concurrent.futures", "contextlib", "contextvars", "typing", "inspect"]
            .contains(&owner)
        {
            return Vec::new();
        }
        if let Some(found) = exact(owner) {
            return vec![Found { heading: format!("{full}: of {}", found.entry.names[found.name]), ..found }];
        }
    }
    Vec::new()
}

/// The entries whose answers have it as code, as in `JoinSet::join_next`.
fn by_code(asked: &str) -> Vec<Found> {
    let wanted = asked.replace('.', "::").to_lowercase();
    let wanted = wanted.trim_start_matches("tokio::");
    let mut found = of_kind(|entry, name| name == entry.names[0] && has_code(entry.answer, wanted));
    for found in &mut found {
        found.heading = format!("{asked}: in Python {}", found.heading);
    }
    found
}

/// Whether one of the words in backquotes is `wanted`, as in `JoinSet` or `JoinSet::join_next`.
fn has_code(answer: &str, wanted: &str) -> bool {
    answer.split('`').skip(1).step_by(2).any(|code| {
        let code = code.to_lowercase();
        code.match_indices(wanted).any(|(at, _)| {
            let is_word =
                |character: Option<char>| character.is_some_and(|c| c.is_alphanumeric() || c == '_');
            !is_word(code[..at].chars().next_back()) && !is_word(code[at + wanted.len()..].chars().next())
        })
    })
}
