//! Makes `docs/concordance` and the code of `crates/answers` into one static table, which needs no parsing when the
//! program starts. What is wrong in them is an error here.

#![allow(clippy::expect_used, reason = "a build that cannot go on has failed")]

#[path = "src/find/words.rs"]
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use toml_edit::{DocumentMut, Item, Table};

/// What an answer belongs to, and where a class's members find what they do not say themselves.
#[derive(Clone, Default)]
struct Entry {
    kind: &'static str,
    names: Vec<String>,
    ask: Vec<String>,
    answer: String,
    add: Vec<String>,
    code: String,
    at: String,
    lesson: String,
    rust: Vec<String>,
    links: Vec<String>,
    since: String,
    until: String,
}

fn main() {
    for read in
        ["../../recipes", "../../tests", "../../docs/concordance", "../answers/src", "src/find/words.rs"]
    {
        println!("cargo::rerun-if-changed={read}");
    }
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../..");
    let spelling = document(&root.join("docs/concordance/spelling.toml"));
    let code = code(&root.join("crates/answers/src"));
    let mut entries = Vec::new();
    for file in strings(spelling.get("files")) {
        let path = root.join(format!("docs/concordance/{file}.toml"));
        let kind = match file.as_str() {
            "messages" => "Message",
            "tasks" => "Task",
            "rust" => "Rust",
            _ => "Name",
        };
        read(&path, kind, &code, &mut entries);
    }
    let unanchored = strings(spelling.get("unanchored"));
    for entry in &mut entries {
        for (name, link) in entry.names.iter().zip(&mut entry.links) {
            if unanchored.contains(name) {
                link.truncate(link.find('#').unwrap_or(link.len()));
            }
        }
    }
    pages(&root, &mut entries);
    for entry in &mut entries {
        match entry.at.split_once(':').unwrap_or((&entry.at, "")) {
            ("", "") => {}
            (recipe, pattern) => {
                let there = root.join(format!("recipes/{recipe}/src"));
                let there = if pattern.is_empty() { there } else { there.join(format!("{pattern}.rs")) };
                assert!(there.exists(), "{}: there is no {}", entry.names[0], entry.at);
            }
        }
    }
    let mut table = String::from("pub(crate) static ENTRIES: &[Entry] = &[\n");
    let known = Words::of(&entries);
    for entry in &entries {
        write_entry(entry, &known, &mut table);
    }
    table += "];\n";
    writeln!(table, "pub(crate) static WORDS: &[(&str, u16)] = &{:?};", known.0).expect("a string takes all");
    for (name, key) in [("MODULES", "modules"), ("VARIABLES", "variables"), ("BASES", "bases")] {
        writeln!(table, "pub(crate) static {name}: &[(&str, &[&str])] = &[").expect("a string takes all");
        for (from, to) in spelling[key].as_table().expect("a table") {
            let to = if to.is_str() {
                vec![to.as_str().unwrap_or_default().to_owned()]
            } else {
                strings(Some(to))
            };
            writeln!(table, "    ({from:?}, &{to:?}),").expect("a string takes all");
        }
        table += "];\n";
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("concordance.rs"), table).expect("the target folder can be written");
}

fn document(path: &Path) -> DocumentMut {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A list of strings, or one alone.
fn strings(item: Option<&Item>) -> Vec<String> {
    match item {
        None => Vec::new(),
        Some(item) => match (item.as_str(), item.as_array()) {
            (Some(one), _) => vec![one.to_owned()],
            (None, Some(list)) => {
                list.iter().map(|one| one.as_str().expect("a list of strings").to_owned()).collect()
            }
            (None, None) => panic!("{item} is neither a string nor a list of them"),
        },
    }
}

fn read(path: &Path, kind: &'static str, code: &[(String, String)], entries: &mut Vec<Entry>) {
    let file = path.display();
    let document = document(path);
    let link = strings(document.get("link")).pop().unwrap_or_default();
    for (name, item) in document.iter().filter(|(name, _)| *name != "link") {
        let table = item.as_table().unwrap_or_else(|| panic!("{file}: {name} is no table"));
        let known = [
            "also", "ask", "answer", "add", "code", "at", "lesson", "rust", "link", "since", "until",
            "members",
        ];
        for (key, _) in table.iter() {
            assert!(known.contains(&key), "{file}: {name}: what is {key}?");
        }
        let text = |key: &str| strings(table.get(key)).pop().unwrap_or_default();
        let link = if table.contains_key("link") { text("link") } else { link.clone() };
        let names: Vec<_> = [vec![name.to_owned()], strings(table.get("also"))].concat();
        let body = |wanted: &str| {
            let found = code.iter().find(|(name, _)| name == wanted).map(|(_, code)| code.clone());
            found.unwrap_or_else(|| panic!("{file}: {name}: crates/answers has no {wanted}"))
        };
        let entry = Entry {
            kind,
            links: names.iter().map(|name| linked(&link, name)).collect(),
            names,
            ask: strings(table.get("ask")),
            answer: text("answer"),
            add: strings(table.get("add")),
            code: table.get("code").and_then(Item::as_str).map(body).unwrap_or_default(),
            at: text("at"),
            lesson: text("lesson"),
            rust: strings(table.get("rust")).iter().map(|item| url(item)).collect(),
            since: text("since"),
            until: text("until"),
        };
        // The members of a class that shares its answer with others.
        let shared =
            entries.iter().find(|entry: &&Entry| entry.names.iter().any(|other| other == name)).cloned();
        let entry = match (entry.answer.is_empty(), shared) {
            (true, Some(shared)) => shared,
            (is_empty, _) => {
                assert!(!is_empty, "{file}: {name} has no answer");
                entries.push(entry.clone());
                entry
            }
        };
        for (member, answer) in
            table.get("members").and_then(Item::as_table).into_iter().flat_map(Table::iter)
        {
            // `member = "its answer"`, or `member = { answer = "its answer", code = "its own" }`.
            let own = answer.get("code").and_then(Item::as_str).map(body);
            let answer = answer.as_str().or_else(|| answer.get("answer")?.as_str());
            let answer = answer.unwrap_or_else(|| panic!("{file}: {name}.{member} has no answer"));
            let of_class = || if shows(&entry.code, answer) { entry.code.clone() } else { String::new() };
            let names: Vec<_> = member.split('|').map(|member| format!("{name}.{}", member.trim())).collect();
            entries.push(Entry {
                links: names.iter().map(|name| linked(&link, name)).collect(),
                names,
                answer: answer.to_owned(),
                add: entry.add.clone(),
                code: own.unwrap_or_else(of_class),
                at: entry.at.clone(),
                rust: entry.rust.clone(),
                since: entry.since.clone(),
                until: entry.until.clone(),
                kind,
                ..Entry::default()
            });
        }
    }
}

/// Whether the code of a class shows what its member is: the last name of the answer's first code, as a call if it is one.
fn shows(code: &str, answer: &str) -> bool {
    let first = answer.split('`').nth(1).unwrap_or_default();
    let (path, call) = first.split_once('(').map_or((first, ""), |(path, _)| (path, "("));
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let name = path.rsplit(|letter| !is_part(letter)).next().unwrap_or_default();
    // These are in nearly every code, and in the way of what is asked.
    if name.len() < 3 || ["Err", "None", "Some"].contains(&name) {
        return false;
    }
    code.match_indices(&format!("{name}{call}")).any(|(at, found)| {
        !code[..at].ends_with(is_part) && (call == "(" || !code[at + found.len()..].starts_with(is_part))
    })
}

/// A page with an anchor for each name takes the name; any other is the whole link.
fn linked(link: &str, name: &str) -> String {
    let bare = name.split(['(', ',', ' ']).next().unwrap_or_default();
    // A base class has the anchor, or another page.
    let (link, bare) = match (link, bare) {
        (_, bare) if bare.starts_with("asyncio.Future.") => {
            ("https://docs.python.org/3/library/asyncio-future.html#", bare.to_owned())
        }
        (_, bare) if bare.starts_with("typing.") => {
            ("https://docs.python.org/3/library/typing.html#", bare.to_owned())
        }
        (link, bare) => match bare.strip_prefix("contextlib.AsyncExitStack.") {
            Some(member) if ["callback", "enter_context", "pop_all", "push"].contains(&member) => {
                (link, format!("contextlib.ExitStack.{member}"))
            }
            _ => (link, bare.to_owned()),
        },
    };
    match link {
        link if link.ends_with("#asyncio.") => {
            format!("{link}{}", bare.strip_prefix("asyncio.").unwrap_or(&bare))
        }
        link if link.ends_with('#') => format!("{link}{bare}"),
        link => link.to_owned(),
    }
}

/// `struct tokio::task::JoinHandle#abort`, as docs.rs has it. `crates/answers` has a link to each, which rustdoc checks.
fn url(item: &str) -> String {
    if item.starts_with("https://") {
        return item.to_owned();
    }
    let (kind, path) = item.split_once(' ').unwrap_or_else(|| panic!("{item}: which kind?"));
    let (path, method) = path.split_once('#').map_or((path, None), |(path, method)| (path, Some(method)));
    let mut parts: Vec<_> = path.split("::").collect();
    let name = parts.pop().unwrap_or_default();
    let folder = parts.join("/");
    let first = parts.first().copied().unwrap_or(name);
    let root = match first {
        "std" | "core" => "https://doc.rust-lang.org/std".to_owned(),
        _ => format!("https://docs.rs/{}/latest/{first}", first.replace('_', "-")),
    };
    let folder = folder.strip_prefix(first).unwrap_or_default();
    let anchor = method.map_or(String::new(), |method| format!("#method.{method}"));
    match kind {
        "crate" => format!("https://docs.rs/{name}"),
        "mod" => format!("{root}{folder}/{name}/index.html"),
        "method" => panic!("{item}: say struct or trait, and the method behind #"),
        _ => format!("{root}{folder}/{kind}.{name}.html{anchor}"),
    }
}

/// The bodies of the functions in these files, without their margin.
fn code(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut files: Vec<_> = fs::read_dir(folder).expect("the folder of the answers").flatten().collect();
    files.sort_by_key(fs::DirEntry::path);
    for file in files {
        let text = fs::read_to_string(file.path()).expect("a source");
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let Some((_, rest)) = line.strip_prefix("pub ").and_then(|line| line.split_once("fn ")) else {
                continue;
            };
            let name = rest.split(['(', '<']).next().unwrap_or_default().to_owned();
            let mut line = line;
            while !line.ends_with('{') {
                line = lines.next().unwrap_or_else(|| panic!("{name} has no body"));
            }
            let body: Vec<_> = lines.by_ref().take_while(|line| *line != "}").collect();
            let body: Vec<_> = body.iter().map(|line| line.strip_prefix("    ").unwrap_or(line)).collect();
            found.push((name, body.join("\n")));
        }
    }
    found
}

/// The recipes' own texts: what each pattern is for, and the headings of the chapters.
fn pages(root: &Path, entries: &mut Vec<Entry>) {
    let mut recipes: Vec<_> = fs::read_dir(root.join("recipes")).expect("the recipes").flatten().collect();
    recipes.sort_by_key(fs::DirEntry::path);
    for folder in recipes {
        let recipe = folder.file_name().to_string_lossy().into_owned();
        let Ok(chapter) = fs::read_to_string(folder.path().join("README.md")) else { continue };
        let mut patterns: Vec<_> =
            fs::read_dir(folder.path().join("src")).into_iter().flatten().flatten().collect();
        patterns.sort_by_key(fs::DirEntry::path);
        for file in patterns {
            let Ok(source) = fs::read_to_string(file.path()) else { continue };
            if !source.starts_with("// SPDX-License-Identifier: 0BSD") {
                continue;
            }
            let pattern = file.path().file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let docs = source.lines().filter_map(|line| line.strip_prefix("//!")).map(str::trim);
            let first: Vec<_> =
                docs.skip_while(|line| line.is_empty()).take_while(|line| !line.is_empty()).collect();
            let mut page = page(&format!("{recipe}, pattern {pattern}"), &first.join(" "));
            page.ask.push(pattern.replace('_', " "));
            // In the list of pitfalls, what one sees.
            let row = chapter
                .lines()
                .find(|line| line.starts_with('|') && line.contains(&format!("src/{pattern}.rs")));
            page.ask.extend(row.and_then(|row| row.split('|').nth(2)).map(|seen| seen.trim().to_owned()));
            page.at = format!("{recipe}:{pattern}");
            entries.push(page);
        }
        for heading in
            chapter.lines().filter_map(|line| line.strip_prefix("## ").or(line.strip_prefix("### ")))
        {
            let ours = [
                "asyncio beside",
                "What ",
                "Which ",
                "Pitfalls",
                "Copy it",
                "Change it",
                "How it was",
                "Where the",
            ];
            if ours.iter().any(|start| heading.starts_with(start)) {
                continue;
            }
            let mut page = page(&format!("{recipe}: {heading}"), heading);
            page.ask.push(heading.to_owned());
            page.at.clone_from(&recipe);
            entries.push(page);
        }
    }
}

fn page(name: &str, answer: &str) -> Entry {
    Entry {
        kind: "Page",
        names: vec![name.to_owned()],
        answer: answer.to_owned(),
        links: vec![String::new()],
        ..Entry::default()
    }
}

/// Every word of the entries, in order, and in how many entries it is.
struct Words(Vec<(String, u16)>);

impl Words {
    fn of(entries: &[Entry]) -> Self {
        let mut counts = BTreeMap::new();
        for entry in entries {
            let texts = entry.names.iter().chain(&entry.ask).chain([&entry.answer]);
            let words: BTreeSet<_> = texts.flat_map(|text| words::of(text)).collect();
            for word in words {
                *counts.entry(word).or_insert(0) += 1;
            }
        }
        Self(counts.into_iter().collect())
    }

    /// The numbers of the words of `text`, each once.
    fn numbers(&self, text: &str) -> Vec<u16> {
        let number =
            |word: &String| self.0.binary_search_by(|(known, _)| known.cmp(word)).expect("it was counted");
        let numbers: BTreeSet<_> = words::of(text).iter().map(number).collect();
        numbers.into_iter().map(|number| u16::try_from(number).expect("fewer than 65,536 words")).collect()
    }
}

fn write_entry(entry: &Entry, known: &Words, table: &mut String) {
    let (recipe, pattern) = entry.at.split_once(':').unwrap_or((&entry.at, ""));
    let title = known.numbers(&entry.names.join(" "));
    let phrases: Vec<_> = entry.ask.iter().map(|ask| format!("&{:?}", known.numbers(ask))).collect();
    // Of a message, what is between the names and numbers in it.
    let parts = |name: &String| {
        let parts: Vec<_> = name.split("{}").map(words::plain).filter(|part| !part.is_empty()).collect();
        format!("&{parts:?}")
    };
    let parts: Vec<_> = entry.names.iter().filter(|_| entry.kind == "Message").map(parts).collect();
    writeln!(
        table,
        "Entry {{ kind: Kind::{}, names: &{:?}, answer: {:?}, add: &{:?}, code: {:?}, recipe: {recipe:?}, \
         pattern: {pattern:?}, lesson: {:?}, rust: &{:?}, links: &{:?}, since: {:?}, until: {:?}, title: &{title:?}, \
         phrases: &[{}], text: &{:?}, parts: &[{}] }},",
        entry.kind,
        entry.names,
        entry.answer,
        entry.add,
        entry.code,
        entry.lesson,
        entry.rust,
        entry.links,
        entry.since,
        entry.until,
        phrases.join(", "),
        known.numbers(&entry.answer),
        parts.join(", "),
    )
    .expect("a string takes all");
}
