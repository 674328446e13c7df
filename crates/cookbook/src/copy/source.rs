//! Rust sources, as far as a copy has to understand them.

/// Whether the source declares a module of this name at its top, and how.
pub(crate) fn declares(source: &str, name: &str) -> Option<Declaration> {
    let code = code(source);
    let tokens = tokens(&code);
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match *token {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth = depth.saturating_sub(1),
            "mod" if depth == 0 => {
                let is_it = tokens.get(at + 1).is_some_and(|found| found.trim_start_matches("r#") == name);
                match tokens.get(at + 2) {
                    Some(&";") if is_it => return Some(Declaration::File),
                    Some(&"{") if is_it => return Some(Declaration::Inline),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    None
}

/// How a module is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Declaration {
    /// `mod name;`
    File,
    /// `mod name { .. }`
    Inline,
}

/// Whether the code names the crate in a path: `tokio::`.
pub(crate) fn names_crate(source: &str, ident: &str) -> bool {
    let code = code(source);
    let tokens = tokens(&code);
    tokens.windows(2).enumerate().any(|(at, pair)| {
        let is_root = at == 0 || tokens[at - 1] != "::" || at < 2 || !is_name(tokens[at - 2]);
        pair == [ident, "::"] && is_root
    })
}

/// Whether the code calls a macro of `futures` that its feature `async-await` has, or uses its executor.
pub(crate) fn uses_of_futures(source: &str) -> Vec<&'static str> {
    const MACROS: [&str; 7] =
        ["select", "select_biased", "stream_select", "join", "try_join", "poll", "pending"];
    let code = code(source);
    let tokens = tokens(&code);
    let mut used = Vec::new();
    for words in tokens.windows(4) {
        if let ["futures", "::", name, "!"] = *words
            && MACROS.contains(&name)
        {
            used.push("async-await");
        }
        if let ["futures", "::", "executor", _] = *words {
            used.push("executor");
        }
    }
    used
}

/// The copy of a pattern for an edition whose prelude has no `Future`: with the import, where the code needs it.
pub(crate) fn with_future(source: &str) -> String {
    let code = code(source);
    let tokens = tokens(&code);
    let is_used = tokens.iter().enumerate().any(|(at, token)| {
        let before = at.checked_sub(1).map_or("", |before| tokens[before]);
        let after = tokens.get(at + 1).copied().unwrap_or_default();
        // A method of a trait needs the trait: `.poll(cx)`.
        (*token == "Future" && before != "::" && after != "::")
            || (before == "." && *token == "poll" && after == "(")
    });
    let mut is_imported = false;
    for (at, token) in tokens.iter().enumerate() {
        // `use<T>` in a type is no import.
        if *token == "use" && tokens.get(at + 1) != Some(&"<") {
            let line: Vec<_> = tokens[at..].iter().take_while(|token| **token != ";").copied().collect();
            is_imported |= line.contains(&"Future");
        }
    }
    match is_used && !is_imported {
        true => with_use(source, "use std::future::Future;"),
        false => source.to_owned(),
    }
}

/// Puts an import before the first one, or else behind the docs at the head.
pub(crate) fn with_use(source: &str, import: &str) -> String {
    let mut at = 0;
    let mut behind_head = None;
    for line in source.split_inclusive('\n') {
        if line.starts_with("use ") || line.starts_with("pub use ") {
            let mut before = at;
            // As rustfmt sorts it.
            for line in source[at..].split_inclusive('\n') {
                if !(line.starts_with("use ") && line.trim_end() < import && line.trim_end().ends_with(';')) {
                    break;
                }
                before += line.len();
            }
            return format!("{}{import}\n{}", &source[..before], &source[before..]);
        }
        let is_head = line.starts_with("//") && !line.starts_with("///") || line.starts_with("#!");
        if !is_head && behind_head.is_none() {
            behind_head = Some(at);
        }
        at += line.len();
    }
    let (head, rest) = source.split_at(behind_head.unwrap_or(source.len()));
    let blank = if head.is_empty() { "" } else { "\n" };
    format!("{head}{blank}{import}\n{}{rest}", if rest.starts_with('\n') { "" } else { "\n" })
}

/// The source with spaces in place of comments and of what is in quotes.
fn code(source: &str) -> String {
    let bytes: Vec<_> = source.chars().collect();
    let mut code = String::new();
    let mut at = 0;
    let starts = |at: usize, text: &str| text.chars().enumerate().all(|(n, c)| bytes.get(at + n) == Some(&c));
    while let Some(&byte) = bytes.get(at) {
        let before = at.checked_sub(1).map_or(' ', |before| bytes[before]);
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let end = if starts(at, "//") {
            (at..bytes.len()).find(|&at| bytes[at] == '\n').unwrap_or(bytes.len())
        } else if starts(at, "/*") {
            let (mut depth, mut end) = (0_usize, at);
            loop {
                if starts(end, "/*") {
                    (depth, end) = (depth + 1, end + 2);
                } else if starts(end, "*/") {
                    (depth, end) = (depth - 1, end + 2);
                } else {
                    end += 1;
                }
                if depth == 0 || end >= bytes.len() {
                    break end;
                }
            }
        } else if byte == '"' {
            let mut end = at + 1;
            while end < bytes.len() && bytes[end] != '"' {
                end += if bytes[end] == '\\' { 2 } else { 1 };
            }
            end + 1
        } else if (byte == 'r' || starts(at, "br") || starts(at, "cr")) && !is_word(before) {
            let hashes = at + if byte == 'r' { 1 } else { 2 };
            let quote = (hashes..bytes.len()).find(|&at| bytes[at] != '#').unwrap_or(bytes.len());
            if bytes.get(quote) == Some(&'"') {
                let close = format!("\"{}", "#".repeat(quote - hashes));
                (quote + 1..bytes.len())
                    .find(|&at| starts(at, &close))
                    .map_or(bytes.len(), |at| at + close.len())
            } else {
                at
            }
        } else if byte == '\'' && bytes.get(at + 1) == Some(&'\\') {
            (at + 3..bytes.len()).find(|&at| bytes[at] == '\'').map_or(bytes.len(), |at| at + 1)
        } else if byte == '\'' && bytes.get(at + 2) == Some(&'\'') {
            at + 3
        } else {
            at
        };
        if end == at {
            code.push(byte);
            at += 1;
        } else {
            code.push(' ');
            at = end;
        }
    }
    code
}

/// The words of code, `::`, and each other sign by itself.
fn tokens(code: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let end = match word {
            // `r#type` is one word.
            1 if rest.starts_with("r#") => {
                2 + rest[2..].find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len() - 2)
            }
            0 if rest.starts_with("::") => 2,
            0 => first.len_utf8(),
            end => end,
        };
        tokens.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    tokens
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphanumeric() || c == '_') || token == ">"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_declared_in_every_form_and_not_in_a_comment() {
        for file in [
            "mod wait;",
            "pub mod wait ; // the tasks",
            "pub(crate) mod wait;",
            "#[cfg(unix)] pub(in crate::a) mod\n wait;",
            "/* mod x; */ mod r#wait;",
            "const C: char = '{'; mod wait;",
            "const S: &str = \"{\"; mod wait;",
            "const S: &str = r#\"\" { \"#; mod wait;",
            "fn f<'a>() {} mod wait;",
        ] {
            assert_eq!(declares(file, "wait"), Some(Declaration::File), "{file}");
        }
        assert_eq!(declares("pub(crate) mod wait { fn f() {} }", "wait"), Some(Declaration::Inline));
        for none in [
            "// mod wait;",
            "/* /* */ mod wait; */",
            "const S: &str = \"mod wait;\";",
            "const S: &str = r\"\\\"; // mod wait;",
            "mod waiting;",
            "mod inner { mod wait; }",
            "m! { mod wait; }",
            "use a::wait;",
        ] {
            assert_eq!(declares(none, "wait"), None, "{none}");
        }
    }

    #[test]
    fn future_is_imported_where_the_code_names_it() {
        let head = "// SPDX-License-Identifier: 0BSD\n//! Waits for a Future.\n";
        let import = "use std::future::Future;\n";
        let used = format!("{head}\nuse a::b;\nuse z::y;\n\nfn f<F: Future>(_: F) {{}}\n");
        assert_eq!(with_future(&used), used.replace("use z", &format!("{import}use z")));
        let polled = format!("{head}\nfn f() {{ x.poll(cx) }}\n");
        assert_eq!(with_future(&polled), format!("{head}\n{import}\nfn f() {{ x.poll(cx) }}\n"));
        for unused in [
            "fn f() -> impl IntoFuture {}",
            "use std::future::Future;\nfn f() -> impl Future {}",
            "use std::{\n    future::{Future, ready},\n};\nfn f() -> impl Future {}",
            "fn f() -> impl std::future::Future {}",
            "// Future\nfn f() { g(\"Future\") }",
        ] {
            assert_eq!(with_future(unused), unused);
        }
    }
}
