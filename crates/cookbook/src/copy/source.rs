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
    tokens.windows(2).enumerate().any(|(at, pair)| pair == [ident, "::"] && begins_a_path(&tokens, at))
}

/// Whether nothing but `::` is before this word of a path.
fn begins_a_path(tokens: &[&str], at: usize) -> bool {
    const NO_NAMES: [&str; 5] = ["use", "in", "return", "mut", "as"];
    match at.checked_sub(2).map(|before| (tokens[before], tokens[before + 1])) {
        Some((before, "::")) => !is_name(before) || NO_NAMES.contains(&before),
        _ => true,
    }
}

/// Every path of the code into a crate, in imports and elsewhere, without the crate's name: `sync::mpsc`.
pub(crate) fn paths(source: &str, ident: &str) -> Vec<String> {
    let code = code(source);
    let tokens = tokens(&code);
    let mut paths = Vec::new();
    for (at, pair) in tokens.windows(2).enumerate() {
        if *pair == [ident, "::"] && begins_a_path(&tokens, at) {
            branches(&tokens, at + 2, "", &mut paths);
        }
    }
    paths
}

/// Reads the rest of a path, with all the branches that an import may have. Returns where it ends.
fn branches(tokens: &[&str], mut at: usize, before: &str, paths: &mut Vec<String>) -> usize {
    let mut path = before.to_owned();
    loop {
        match tokens.get(at) {
            Some(&"{") => {
                at += 1;
                while tokens.get(at).is_some_and(|token| *token != "}") {
                    let end = branches(tokens, at, &path, paths);
                    // An alias, a comma.
                    at =
                        (end..tokens.len()).find(|&at| tokens[at] == "," || tokens[at] == "}").unwrap_or(end);
                    at += usize::from(tokens.get(at) == Some(&","));
                }
                return at + 1;
            }
            Some(word) if is_name(word) && *word != ">" => {
                path += if path.is_empty() { "" } else { "::" };
                path += word;
                at += 1;
            }
            _ => {}
        }
        if tokens.get(at) != Some(&"::") {
            paths.push(path);
            return at;
        }
        at += 1;
        // `::<T>` and `::*` end it.
        if tokens.get(at).is_some_and(|token| *token != "{" && !is_name(token)) {
            paths.push(path);
            return at;
        }
    }
}

/// The features of `futures`, apart from `std`, that the code needs: of its macros, of its executor.
pub(crate) fn uses_of_futures(source: &str) -> Vec<&'static str> {
    let mut used: Vec<_> = paths(source, "futures")
        .iter()
        .flat_map(|path| {
            let (first, rest) = path.split_once("::").unwrap_or((path, ""));
            match first {
                "join" | "pending" | "poll" | "select" | "select_biased" | "stream_select" | "try_join" => {
                    &["async-await"][..]
                }
                "executor" if rest.starts_with("ThreadPool") => &["executor", "thread-pool"],
                "executor" => &["executor"],
                "compat" => &["compat"],
                _ => &[],
            }
        })
        .copied()
        .collect();
    used.sort_unstable();
    used.dedup();
    used
}

/// What a prelude has: the edition that brought it, the import that an older one needs, and its methods, each of which
/// needs the trait.
const PRELUDE: [(&str, &str, &str, &[&str]); 5] = [
    ("2021", "FromIterator", "use std::iter::FromIterator;", &["from_iter"]),
    ("2021", "TryFrom", "use std::convert::TryFrom;", &["try_from"]),
    ("2021", "TryInto", "use std::convert::TryInto;", &["try_into"]),
    ("2024", "Future", "use std::future::Future;", &["poll"]),
    ("2024", "IntoFuture", "use std::future::IntoFuture;", &["into_future"]),
];

/// The copy of a pattern for an edition with a smaller prelude: with the imports that its code needs there.
pub(crate) fn with_prelude(source: &str, edition: &str) -> String {
    let missing = PRELUDE.iter().filter(|(since, ..)| edition < *since);
    missing.fold(source.to_owned(), |source, (_, name, import, methods)| {
        match needs_import(&source, name, methods) {
            true => with_use(&source, import),
            false => source,
        }
    })
}

/// Whether the code uses a trait of this name, or one of its methods, and does not import it.
fn needs_import(source: &str, name: &str, methods: &[&str]) -> bool {
    const DEFINE: [&str; 5] = ["::", "type", "struct", "enum", "trait"];
    let code = code(source);
    let tokens = tokens(&code);
    let mut is_used = false;
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).map_or("", |before| tokens[before]);
        let after = tokens.get(at + 1).copied().unwrap_or_default();
        is_used |= *token == name && !DEFINE.contains(&before);
        // `x.poll(cx)` and `u32::try_from(x)`; but `TryFrom::try_from` says where it is from.
        is_used |= methods.contains(token)
            && match before {
                "." => after == "(" || after == "::",
                "::" => at < 2 || tokens[at - 2] != name,
                _ => false,
            };
        // `use<T>` in a type is no import.
        if *token == "use" && after != "<" {
            let mut line = tokens[at..].iter().take_while(|token| **token != ";");
            if line.any(|token| *token == name) {
                return false;
            }
        }
    }
    is_used
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
    fn every_path_into_a_crate_is_seen() {
        for (code, found) in [
            ("use tokio::select;", &["select"][..]),
            (
                "use ::tokio::{join, sync::{Mutex, mpsc::*}, task as t, time::{self, sleep}};",
                &["join", "sync::Mutex", "sync::mpsc", "task", "time::self", "time::sleep"],
            ),
            ("use {a::b, tokio::select};", &["select"]),
            ("fn f(x: tokio::task::JoinHandle<()>) { tokio::select! {} }", &["task::JoinHandle", "select"]),
            ("f(tokio::sync::mpsc::channel::<u8>(1))", &["sync::mpsc::channel"]),
            ("#[tokio::main] fn f() {}", &["main"]),
            ("// tokio::select!\nuse a::tokio::b; f(\"tokio::c\")", &[]),
        ] {
            assert_eq!(paths(code, "tokio"), found, "{code}");
        }
    }

    #[test]
    fn macros_of_futures_need_a_feature() {
        for name in ["join", "pending", "poll", "select", "select_biased", "stream_select", "try_join"] {
            for code in [
                format!("use futures::{name};\n"),
                format!("use futures::{{StreamExt, {name}}};\n"),
                format!("use futures::{name} as other;\n"),
                format!("fn f() {{ ::futures::{name}!(a, b) }}"),
            ] {
                assert_eq!(uses_of_futures(&code), ["async-await"], "{code}");
            }
        }
        // Functions of the same names, and macros that need none.
        for none in [
            "use futures::future::{join, select, try_join};",
            "use futures::{pin_mut, ready};",
            "tokio::join!(a, b)",
        ] {
            assert_eq!(uses_of_futures(none), [""; 0], "{none}");
        }
        assert_eq!(uses_of_futures("use futures::executor::block_on;"), ["executor"]);
        assert_eq!(uses_of_futures("use futures::{executor, join};"), ["async-await", "executor"]);
        assert_eq!(uses_of_futures("futures::executor::ThreadPool::new()"), ["executor", "thread-pool"]);
        assert_eq!(uses_of_futures("use futures::compat::Compat;"), ["compat"]);
    }

    #[test]
    fn future_is_imported_where_the_code_names_it() {
        let head = "// SPDX-License-Identifier: 0BSD\n//! Waits for a Future.\n";
        let import = "use std::future::Future;\n";
        let used = format!("{head}\nuse a::b;\nuse z::y;\n\nfn f<F: Future>(_: F) {{}}\n");
        assert_eq!(with_prelude(&used, "2021"), used.replace("use z", &format!("{import}use z")));
        assert_eq!(with_prelude(&used, "2024"), used);
        let polled = format!("{head}\nfn f() {{ x.poll(cx) }}\n");
        assert_eq!(with_prelude(&polled, "2021"), format!("{head}\n{import}\nfn f() {{ x.poll(cx) }}\n"));
        for unused in [
            "fn f() -> impl IntoFuture<IntoFuture = F> { std::future::IntoFuture }",
            "use std::future::Future;\nfn f() -> impl Future {}",
            "use std::{\n    future::{Future, ready},\n};\nfn f() -> impl Future {}",
            "fn f() -> impl std::future::Future {}",
            "impl S for T { type Future = F; fn f() -> Self::Future {} }",
            "// Future\nfn f() { g(\"Future\") }",
        ] {
            assert!(!with_prelude(unused, "2021").starts_with("use std::future::Future;\n\n"), "{unused}");
        }
    }

    #[test]
    fn each_edition_has_its_own_prelude() {
        for (code, edition, import) in [
            ("fn f() -> impl IntoFuture {}", "2021", "std::future::IntoFuture"),
            ("fn f() { let x: u8 = y.try_into().z; }", "2018", "std::convert::TryInto"),
            ("fn f() { let x = y.try_into::<u8>(); }", "2018", "std::convert::TryInto"),
            ("fn f<T: TryInto<u8>>() {}", "2018", "std::convert::TryInto"),
            ("fn f() { u8::try_from(x) }", "2018", "std::convert::TryFrom"),
            ("fn f() { x.map(u8::try_from) }", "2018", "std::convert::TryFrom"),
            ("impl TryFrom<u8> for T {}", "2018", "std::convert::TryFrom"),
            ("fn f() { Vec::<u8>::from_iter(x) }", "2018", "std::iter::FromIterator"),
            ("impl FromIterator<u8> for T {}", "2018", "std::iter::FromIterator"),
        ] {
            assert_eq!(with_prelude(code, edition), format!("use {import};\n\n{code}"));
            assert_eq!(with_prelude(code, if edition == "2018" { "2021" } else { "2024" }), code);
        }
        let both = "fn f() -> impl Future { u8::try_from(x) }";
        let imports = "use std::convert::TryFrom;\nuse std::future::Future;\n\n";
        assert_eq!(with_prelude(both, "2018"), format!("{imports}{both}"));
        let imported = "use std::convert::TryFrom;\nfn f() { u8::try_from(x) }";
        assert_eq!(with_prelude(imported, "2018"), imported);
        let named = "fn f() { std::convert::TryFrom::try_from(x) }";
        assert_eq!(with_prelude(named, "2018"), named);
    }
}
