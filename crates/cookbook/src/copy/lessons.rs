//! The lessons that a copy can keep: those that need nothing of the workspace.
//!
//! A lesson file is read item by item. An item goes when it names one of the [`OURS`] in a path or starts the recipe's
//! own program, and so does one that names what went with a `use` or a helper in the same module; a module in which no
//! lesson is left goes too. So a lesson file needs no marks for this, if it names our crates by path or by a `use`
//! without `*`.

use std::collections::BTreeSet;
use std::ops::Range;

use anyhow::anyhow;
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// The crates of the workspace that lessons use, and that a copy does not have.
const OURS: [&str; 3] = ["cancel_sweep", "common", "timeline"];

/// How a lesson finds the recipe's own program. A copy has another `main`.
const OUR_PROGRAM: &str = "\"CARGO_BIN_EXE_";

/// Lessons as a copy has them.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) source: String,
    pub(crate) count: usize,
    /// The names of the lessons that went, as `module::name`.
    pub(crate) left_out: Vec<String>,
}

/// The lessons of `source` that need nothing of ours.
///
/// # Errors
///
/// When `source` is not Rust.
pub(crate) fn keep(source: &str) -> anyhow::Result<Kept> {
    let tokens = source.parse::<TokenStream>().map_err(|error| anyhow!("{error}"))?;
    let items = items(tokens);
    let all = lessons(&items, "");
    let mut gone = Vec::new();
    leave_out(&items, &BTreeSet::new(), &mut gone);
    let is_gone = |lesson: &Lesson| gone.iter().any(|gone| gone.contains(&lesson.at));
    let left_out: Vec<_> =
        all.iter().filter(|lesson| is_gone(lesson)).map(|lesson| lesson.name.clone()).collect();
    let count = all.len() - left_out.len();

    let mut kept = source.to_owned();
    gone.sort_by_key(|range| range.start);
    for range in gone.iter().rev() {
        kept.replace_range(with_its_lines(source, range), "");
    }
    if !left_out.is_empty() {
        let head = items.iter().take_while(|item| item.kind == Kind::Inner).map(|item| item.range.end).max();
        let at =
            head.map_or(0, |end| source[end..].find('\n').map_or(source.len(), |newline| end + newline + 1));
        kept.insert_str(at, &note(&left_out));
    }
    Ok(Kept { source: kept, count, left_out })
}

/// What the file says of the lessons that are not in it.
fn note(left_out: &[String]) -> String {
    let names: String = left_out.iter().map(|name| format!("// - {name}\n")).collect();
    format!(
        "#![allow(dead_code, unused_imports, reason = \"a lesson that was left out used it\")]\n\
         // Left out, for they need tools that only the cookbook has:\n{names}"
    )
}

struct Lesson {
    name: String,
    at: usize,
}

fn lessons(items: &[Item], path: &str) -> Vec<Lesson> {
    let mut found = Vec::new();
    for item in items {
        let name = format!("{path}{}", item.name);
        match &item.kind {
            Kind::Test => found.push(Lesson { name, at: item.range.start }),
            Kind::Module(items) => found.extend(lessons(items, &format!("{name}::"))),
            _ => {}
        }
    }
    found
}

/// Collects the ranges of what has to go from a module, given the names that have gone from the modules around it.
fn leave_out(items: &[Item], gone_around: &BTreeSet<String>, gone: &mut Vec<Range<usize>>) {
    let mut names = gone_around.clone();
    let mut went = vec![false; items.len()];
    // What goes takes what names it along, until nothing more goes.
    loop {
        let mut news = false;
        for (item, went) in items.iter().zip(&mut went) {
            let leaves = !*went && !matches!(item.kind, Kind::Module(_) | Kind::Inner) && item.needs(&names);
            if leaves {
                names.extend(item.introduces.iter().cloned());
                (*went, news) = (true, true);
            }
        }
        if !news {
            break;
        }
    }
    for (item, went) in items.iter().zip(went) {
        if let Kind::Module(inner) = &item.kind {
            let mut gone_within = Vec::new();
            leave_out(inner, &names, &mut gone_within);
            let left = lessons(inner, "");
            let all_gone = left.iter().all(|lesson| gone_within.iter().any(|gone| gone.contains(&lesson.at)));
            match all_gone && !gone_within.is_empty() {
                true => gone.push(item.range.clone()),
                false => gone.extend(gone_within),
            }
        } else if went {
            gone.push(item.range.clone());
        }
    }
}

/// `range` with the plain comments right above it, to the end of its last line. Of the empty lines around it, one goes if
/// it would stand beside another, or at an end of its block.
fn with_its_lines(source: &str, range: &Range<usize>) -> Range<usize> {
    let mut start = source[..range.start].rfind('\n').map_or(0, |newline| newline + 1);
    while let Some(above) = source[..start].strip_suffix('\n') {
        let line_start = above.rfind('\n').map_or(0, |newline| newline + 1);
        if !above[line_start..].trim_start().starts_with("//")
            || above[line_start..].trim_start().starts_with("//!")
        {
            break;
        }
        start = line_start;
    }
    let end = source[range.end..].find('\n').map_or(source.len(), |newline| range.end + newline + 1);
    let (empty_above, below) = (source[..start].ends_with("\n\n"), &source[end..]);
    if empty_above && (below.is_empty() || below.starts_with('\n') || below.trim_start().starts_with('}')) {
        start -= 1;
    } else if !empty_above && below.starts_with('\n') && source[..start].trim_end().ends_with('{') {
        return start..end + 1;
    }
    start..end
}

/// An item of a module.
struct Item {
    kind: Kind,
    name: String,
    /// Where it stands, with its attributes and docs.
    range: Range<usize>,
    /// The names that its module has by it.
    introduces: Vec<String>,
    tokens: Vec<TokenTree>,
}

#[derive(PartialEq)]
enum Kind {
    /// `#![...]` or `//!`
    Inner,
    Module(Vec<Item>),
    Test,
    Other,
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.range == other.range
    }
}

impl Item {
    /// Whether it names one of ours, or one of `names`.
    fn needs(&self, names: &BTreeSet<String>) -> bool {
        mentions(&self.tokens, names)
    }
}

fn mentions(tokens: &[TokenTree], names: &BTreeSet<String>) -> bool {
    tokens.iter().enumerate().any(|(at, token)| match token {
        TokenTree::Group(group) => mentions(&trees(group), names),
        TokenTree::Ident(ident) => {
            let ident = ident.to_string();
            let after_dot = at > 0 && is_punct(&tokens[at - 1], '.');
            let in_path = tokens.get(at + 1).is_some_and(|next| is_punct(next, ':'))
                && tokens.get(at + 2).is_some_and(|next| is_punct(next, ':'));
            let used = at > 0 && matches!(&tokens[at - 1], TokenTree::Ident(before) if before == "use");
            OURS.contains(&ident.as_str()) && (in_path || used) || names.contains(&ident) && !after_dot
        }
        TokenTree::Literal(literal) => literal.to_string().starts_with(OUR_PROGRAM),
        TokenTree::Punct(_) => false,
    })
}

/// Cuts a module into its items.
///
/// An item ends at its first `{...}`, or at a `;` if that comes first; `use`, `const`, `static` and `type` always end
/// at a `;`.
fn items(tokens: TokenStream) -> Vec<Item> {
    let mut items = Vec::new();
    let mut current: Vec<TokenTree> = Vec::new();
    for token in tokens {
        let ends = match &token {
            TokenTree::Punct(punct) => punct.as_char() == ';',
            TokenTree::Group(group) => match group.delimiter() {
                Delimiter::Brace => !ends_at_semicolon(&current),
                Delimiter::Bracket => {
                    matches!(current.as_slice(), [hash, bang] if is_punct(hash, '#') && is_punct(bang, '!'))
                }
                _ => false,
            },
            _ => false,
        };
        current.push(token);
        if ends {
            items.extend(item(std::mem::take(&mut current)));
        }
    }
    items
}

/// The tokens after the attributes and `pub`.
fn without_attributes(mut tokens: &[TokenTree]) -> &[TokenTree] {
    loop {
        tokens = match tokens {
            [hash, TokenTree::Group(_), rest @ ..] if is_punct(hash, '#') => rest,
            [TokenTree::Ident(public), TokenTree::Group(group), rest @ ..]
                if public == "pub" && group.delimiter() == Delimiter::Parenthesis =>
            {
                rest
            }
            [TokenTree::Ident(public), rest @ ..] if public == "pub" => rest,
            _ => return tokens,
        }
    }
}

fn ends_at_semicolon(tokens: &[TokenTree]) -> bool {
    match without_attributes(tokens) {
        [TokenTree::Ident(constant), TokenTree::Ident(what), ..] if constant == "const" => {
            !["fn", "async", "unsafe", "extern"].iter().any(|word| what == word)
        }
        [TokenTree::Ident(word), ..] => ["use", "static", "type"].iter().any(|item| word == item),
        _ => false,
    }
}

fn item(tokens: Vec<TokenTree>) -> Option<Item> {
    let range = tokens.first()?.span().byte_range().start..tokens.last()?.span().byte_range().end;
    if let [hash, bang, _] = tokens.as_slice()
        && is_punct(hash, '#')
        && is_punct(bang, '!')
    {
        return Some(Item { kind: Kind::Inner, name: String::new(), range, introduces: Vec::new(), tokens });
    }
    let body = without_attributes(&tokens);
    let attributes = &tokens[..tokens.len() - body.len()];
    let keyword =
        |word: &str| body.iter().position(|token| matches!(token, TokenTree::Ident(ident) if ident == word));
    let named_after = |at: usize| body.get(at + 1).map(ToString::to_string).unwrap_or_default();

    let (kind, name, introduces) = if keyword("use") == Some(0) {
        (Kind::Other, String::new(), imported(&body[1..]))
    } else if let (Some(0), Some(TokenTree::Group(group))) = (keyword("mod"), body.last()) {
        (Kind::Module(self::items(group.stream())), named_after(0), Vec::new())
    } else if let Some(at) = keyword("fn") {
        let name = named_after(at);
        let kind = if is_test(attributes) { Kind::Test } else { Kind::Other };
        (kind, name.clone(), vec![name])
    } else {
        let words = ["struct", "enum", "trait", "const", "static", "type"];
        let name = words.iter().find_map(|word| keyword(word).filter(|at| *at == 0)).map(named_after);
        (Kind::Other, name.clone().unwrap_or_default(), name.into_iter().collect())
    };
    Some(Item { kind, name, range, introduces, tokens })
}

/// `#[test]` and `#[tokio::test(...)]`
fn is_test(attributes: &[TokenTree]) -> bool {
    attributes.iter().any(|token| match token {
        TokenTree::Group(group) => {
            let path = trees(group).into_iter().take_while(|token| !matches!(token, TokenTree::Group(_)));
            path.last().is_some_and(|last| matches!(last, TokenTree::Ident(ident) if ident == "test"))
        }
        _ => false,
    })
}

/// The names that a `use` brings: `self` in a group is the name before it.
fn imported(tokens: &[TokenTree]) -> Vec<String> {
    let mut names = Vec::new();
    for tree in tokens.split(|token| is_punct(token, ',') || is_punct(token, ';')) {
        match tree {
            [before @ .., TokenTree::Group(group)] => {
                let itself = before.iter().rev().find(|token| matches!(token, TokenTree::Ident(_)));
                names.extend(imported(&trees(group)).into_iter().filter_map(|name| match name.as_str() {
                    "self" => itself.map(ToString::to_string),
                    _ => Some(name),
                }));
            }
            [.., TokenTree::Ident(name)] => names.push(name.to_string()),
            _ => {}
        }
    }
    names
}

fn trees(group: &Group) -> Vec<TokenTree> {
    group.stream().into_iter().collect()
}

fn is_punct(token: &TokenTree, wanted: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == wanted)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::keep;

    #[test]
    fn what_needs_ours_goes_and_the_rest_stays_as_it_is_written() {
        let kept = keep(
            r#"//! Lessons.

use std::sync::Mutex;

use cancel_sweep::Outcome::{self, Finished};
use tokio::time::sleep;

struct Log(Mutex<u8>);

impl Log {
    fn add(&self) {}
}

fn finished() -> Outcome<()> {
    Finished(())
}

mod first {
    #[test]
    fn needs_a_helper_that_goes() {
        super::finished();
    }

    #[test]
    fn stays() {}
}

mod second {
    #[test]
    fn needs_the_program() {
        env!("CARGO_BIN_EXE_second");
    }
}
"#,
        )
        .unwrap();
        assert_eq!(kept.count, 1);
        expect![[r#"
            //! Lessons.
            #![allow(dead_code, unused_imports, reason = "a lesson that was left out used it")]
            // Left out, for they need tools that only the cookbook has:
            // - first::needs_a_helper_that_goes
            // - second::needs_the_program

            use std::sync::Mutex;

            use tokio::time::sleep;

            struct Log(Mutex<u8>);

            impl Log {
                fn add(&self) {}
            }

            mod first {
                #[test]
                fn stays() {}
            }
        "#]]
        .assert_eq(&kept.source);
    }
}
