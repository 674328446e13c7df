//! Rust in colour: comments, strings and keywords.

use super::{Theme, styled};

const KEYWORDS: [&str; 37] = [
    "as", "async", "await", "break", "const", "continue", "crate", "dyn", "else", "enum", "extern", "false",
    "fn", "for", "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub", "ref", "return",
    "self", "Self", "static", "struct", "super", "trait", "true", "type", "use", "where", "while",
];

pub(super) fn highlight(source: &str, theme: Theme) -> String {
    let mut text = String::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let (length, style) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), Some(theme.comment))
        } else if first == '"' {
            (end_of_string(rest), Some(theme.string))
        } else if first.is_alphabetic() || first == '_' {
            let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            (length, KEYWORDS.contains(&&rest[..length]).then_some(theme.keyword))
        } else if rest.starts_with("'\"'") {
            (3, Some(theme.string))
        } else {
            (first.len_utf8(), None)
        };
        let (token, after) = rest.split_at(length);
        match style {
            // A pager colours each line for itself.
            Some(style) => {
                let lines: Vec<_> = token.split('\n').map(|line| styled(line, style)).collect();
                text.push_str(&lines.join("\n"));
            }
            None => text.push_str(token),
        }
        rest = after;
    }
    text
}

fn end_of_string(text: &str) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}
