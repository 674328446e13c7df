//! The book as a whole: each recipe has all its parts, and is named wherever recipes are named.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use toml_edit::{DocumentMut, Item};

const PATTERN: &str = "// SPDX-License-Identifier: 0BSD\n";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(&path))
        .unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

fn document(path: impl AsRef<Path>) -> DocumentMut {
    read(path).parse().unwrap()
}

/// The names of the recipes, in reading order.
fn recipes() -> Vec<String> {
    let mut recipes: Vec<_> = fs::read_dir(root().join("recipes"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.'))
        .map(|name| {
            let manifest = document(format!("recipes/{name}/Cargo.toml"));
            (manifest["package"]["metadata"]["recipe"]["chapter"].as_integer().unwrap(), name)
        })
        .collect();
    recipes.sort();
    assert!(recipes.windows(2).all(|two| two[0].0 != two[1].0), "two recipes have one place: {recipes:?}");
    recipes.into_iter().map(|(_, name)| name).collect()
}

/// The pattern files of a recipe: name and source.
fn patterns(recipe: &str) -> Vec<(String, String)> {
    let mut patterns: Vec<_> = fs::read_dir(root().join(format!("recipes/{recipe}/src")))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| {
            (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap())
        })
        .filter(|(_, source)| source.starts_with(PATTERN))
        .collect();
    patterns.sort();
    patterns
}

/// The lessons of a recipe, as `module::name`.
///
/// It goes by lines, and may, for the sources are formatted: a module begins and ends at one margin.
fn lessons(recipe: &str) -> BTreeSet<String> {
    let source = read(format!("tests/{recipe}.rs"));
    let (mut modules, mut is_test, mut lessons) = (Vec::new(), false, BTreeSet::new());
    for line in source.lines() {
        let code = line.trim_start();
        let margin = line.len() - code.len();
        if let Some(name) = code.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(" {")) {
            modules.push((margin, name));
        } else if code == "}" && modules.last().is_some_and(|(begin, _)| *begin == margin) {
            modules.pop();
        } else if code.starts_with("#[test]") || code.starts_with("#[tokio::test") {
            is_test = true;
        } else if is_test && let Some((_, rest)) = code.split_once("fn ") {
            is_test = false;
            let name = rest.split('(').next().unwrap();
            let path: Vec<_> = modules.iter().map(|(_, module)| *module).chain([name]).collect();
            lessons.insert(path.join("::"));
        }
    }
    lessons
}

/// The section of a chapter under `heading`.
fn section<'a>(chapter: &'a str, heading: &str) -> &'a str {
    let start = format!("\n## {heading}\n");
    let section = chapter.split_once(&start).map_or("", |(_, rest)| rest);
    section.split("\n## ").next().unwrap()
}

/// What is wrong, a line each; a test fails on all of it at once.
fn report(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn every_recipe_has_all_its_parts() {
    let mut wrong = Vec::new();
    for recipe in recipes() {
        for part in [
            "README.md",
            "asyncio.py",
            "transcript.txt",
            "timeline.svg",
            "src/lib.rs",
            "src/demo.rs",
            "src/main.rs",
        ] {
            let path = root().join(format!("recipes/{recipe}/{part}"));
            if fs::metadata(&path).map_or(0, |file| file.len()) == 0 {
                wrong.push(format!("{recipe} has no {part}"));
            }
        }
        if patterns(&recipe).is_empty() {
            wrong.push(format!("{recipe} has no pattern"));
        }
        if lessons(&recipe).is_empty() {
            wrong.push(format!("{recipe} has no lesson"));
        }
        // A lesson compares them with what the program makes now; a picture of real time is another one each time.
        let (source, transcript) =
            (read(format!("tests/{recipe}.rs")), format!("recipes/{recipe}/transcript.txt"));
        let is_timed = read(&transcript).starts_with(' ');
        for golden in [Some(transcript), is_timed.then(|| format!("recipes/{recipe}/timeline.svg"))] {
            if golden.as_ref().is_some_and(|golden| !source.contains(&format!("\"../{golden}\""))) {
                wrong.push(format!("{recipe}: no lesson looks at {golden:?}"));
            }
        }
        let manifest = document(format!("recipes/{recipe}/Cargo.toml"));
        let metadata = &manifest["package"]["metadata"]["recipe"];
        if metadata["asyncio"].as_array().is_none_or(|names| names.is_empty()) {
            wrong.push(format!("{recipe} answers no name of asyncio"));
        }
        let chapter = read(format!("recipes/{recipe}/README.md"));
        if !chapter.starts_with("# ") {
            wrong.push(format!("{recipe}: the chapter does not begin with its title"));
        }
        let headings: Vec<_> = chapter.lines().filter_map(|line| line.strip_prefix("## ")).collect();
        let expected =
            ["What it prints", "What is different", "Which one", "Pitfalls", "Copy it", "Change it and see"];
        let found: Vec<_> = headings.iter().copied().filter(|heading| expected.contains(heading)).collect();
        if found != expected {
            wrong
                .push(format!("{recipe}: the chapter has the sections {found:?}, and they are {expected:?}"));
        }
    }
    report(&wrong);
}

#[test]
fn every_list_of_recipes_names_them_all_in_reading_order_and_no_other() {
    let mut wrong = Vec::new();
    let recipes = recipes();
    for list in ["README.md", "docs/src/SUMMARY.md"] {
        let text = read(list);
        let is_row = |line: &&str| line.starts_with('|') || line.trim_start().starts_with("- [");
        let mut named: Vec<_> = text
            .lines()
            .filter(is_row)
            .flat_map(|line| line.split("](recipes/").skip(1))
            .filter_map(|rest| rest.split_once("/README.md)").map(|(name, _)| name))
            .collect();
        named.dedup();
        if named != recipes {
            wrong.push(format!("{list} names {named:?}, and there are {recipes:?}"));
        }
    }
    let chapters = read("crates/chapters/src/lib.rs");
    let run: Vec<_> = chapters
        .lines()
        .filter_map(|line| {
            line.strip_prefix("#[doc = include_str!(\"../../../recipes/")?.strip_suffix("/README.md\")]")
        })
        .collect();
    if run != recipes {
        wrong.push(format!("crates/chapters runs the programs of {run:?}, and there are {recipes:?}"));
    }
    let concordance = document("docs/concordance.toml");
    let named: BTreeSet<_> =
        concordance.iter().filter_map(|(_, entry)| entry.get("recipe").and_then(Item::as_str)).collect();
    for recipe in &recipes {
        if !named.contains(recipe.as_str()) {
            wrong.push(format!("docs/concordance.toml does not name {recipe}"));
        }
    }
    for other in named.iter().filter(|name| !recipes.iter().any(|recipe| recipe == *name)) {
        wrong.push(format!("docs/concordance.toml names {other}, which is no recipe"));
    }
    let short_names = read("justfile");
    let listed = short_names.lines().find_map(|line| line.strip_prefix("recipes := "));
    if listed.is_none_or(|listed| listed.trim_matches('"').split(' ').ne(&recipes)) {
        wrong.push(format!("the justfile lists {listed:?}, and there are {recipes:?}"));
    }
    for entry in fs::read_dir(root().join("tests")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.extension().is_some_and(|extension| extension == "rs") && !recipes.contains(&name) {
            wrong.push(format!("tests/{name}.rs is of no recipe"));
        }
    }
    report(&wrong);
}

#[test]
fn every_lesson_of_the_concordance_exists_and_is_its_recipes() {
    let mut wrong = Vec::new();
    let known: BTreeMap<_, _> =
        recipes().into_iter().map(|recipe| (recipe.clone(), lessons(&recipe))).collect();
    for (name, entry) in document("docs/concordance.toml").iter() {
        let Some(lesson) = entry.get("lesson").and_then(Item::as_str) else { continue };
        let (recipe, lesson) = lesson.split_once("::").unwrap();
        if entry.get("recipe").and_then(Item::as_str) != Some(recipe) {
            wrong.push(format!("{name}: {recipe}::{lesson} is not of the entry's recipe"));
        }
        if !known.get(recipe).is_some_and(|lessons| lessons.contains(lesson)) {
            wrong.push(format!("{name}: there is no lesson {recipe}::{lesson}"));
        }
    }
    report(&wrong);
}

#[test]
fn every_lesson_that_a_chapter_names_exists() {
    let mut wrong = Vec::new();
    for recipe in recipes() {
        let chapter = read(format!("recipes/{recipe}/README.md"));
        let known = lessons(&recipe);
        let rows: Vec<_> =
            section(&chapter, "What is different").lines().filter(|line| line.starts_with("| ")).collect();
        if rows.len() < 2 {
            wrong.push(format!("{recipe}: *What is different* has no rows"));
        }
        for row in rows.iter().skip(1) {
            let cell = row.trim_end_matches(['|', ' ']).rsplit('|').next().unwrap();
            let named: Vec<_> = cell.split('`').skip(1).step_by(2).collect();
            if named.is_empty() {
                wrong.push(format!("{recipe}: no lesson proves {row}"));
            }
            for lesson in named.into_iter().filter(|lesson| !known.contains(*lesson)) {
                wrong.push(format!("{recipe}: there is no lesson {lesson}"));
            }
        }
    }
    report(&wrong);
}

#[test]
fn every_chapter_names_its_patterns_and_shows_its_transcript_and_picture() {
    let mut wrong = Vec::new();
    for recipe in recipes() {
        let chapter = read(format!("recipes/{recipe}/README.md"));
        for (pattern, _) in patterns(&recipe) {
            if !chapter.contains(&format!("](src/{pattern}.rs)")) {
                wrong.push(format!("{recipe}: the chapter has no link to the pattern {pattern}"));
            }
        }
        let transcript = read(format!("recipes/{recipe}/transcript.txt"));
        if !chapter.contains(&format!("```text\n{transcript}```\n")) {
            wrong.push(format!("{recipe}: the chapter does not show transcript.txt as it is"));
        }
        // With what makes the binary print it, if that needs to be said.
        let metadata = document(format!("recipes/{recipe}/Cargo.toml"));
        let demo = metadata["package"]["metadata"]["recipe"].get("demo").and_then(Item::as_str);
        let command = demo.map_or(String::new(), |demo| format!(" -- {demo}"));
        let command = format!("`cargo run -p {recipe}{command}`");
        if !section(&chapter, "What it prints").contains(&command) {
            wrong.push(format!("{recipe}: *What it prints* does not say {command}"));
        }
        if !chapter.contains("](timeline.svg)") {
            wrong.push(format!("{recipe}: the chapter does not show timeline.svg"));
        }
    }
    report(&wrong);
}

/// Public async functions that no lesson sweeps, each with its reason.
const NOT_SWEPT: [(&str, &str); 6] = [
    ("http_client::limits::send", "it opens a socket; its permits are those of `permits`, which is swept"),
    ("http_client::limits::read", "its page comes from a socket; it is a call and a drop"),
    ("http_client::upload::upload", "it opens a socket; a lesson cancels it while the server reads nothing"),
    ("pitfalls::blocking_io::mended", "it opens a socket; a lesson cancels it while the server is silent"),
    (
        "timeouts::cooperative::checksum",
        "its loop has a thread of its own; a lesson drops it while the loop runs",
    ),
    ("http_client::upload::upload_file", "it opens a socket; the stream is lent as in `upload`"),
];

/// Cancelling is tried at every suspension of every public async function: a lesson of its pattern calls it in a sweep.
#[test]
fn every_public_async_function_is_swept() {
    let mut wrong = Vec::new();
    let mut excused: BTreeMap<_, _> = NOT_SWEPT.into_iter().collect();
    for recipe in recipes() {
        let lessons = read(format!("tests/{recipe}.rs")).parse::<TokenStream>().unwrap();
        let helpers: Vec<_> =
            functions(lessons.clone()).into_iter().map(|(name, body)| (name, names(body))).collect();
        for (pattern, source) in patterns(&recipe) {
            let swept = swept(module(lessons.clone(), &pattern), &helpers);
            for function in public_async_functions(source.parse::<TokenStream>().unwrap()) {
                // The other one of a pitfall's two, which is not meant to hold.
                if recipe == "pitfalls" && function == "broken" {
                    continue;
                }
                let name = format!("{recipe}::{pattern}::{function}");
                let reason = excused.remove(name.as_str());
                match (swept.contains(&function), reason) {
                    (false, None) => wrong.push(format!("no lesson sweeps {name}")),
                    (true, Some(_)) => wrong.push(format!("{name} is swept: it needs no reason")),
                    _ => {}
                }
            }
        }
    }
    wrong.extend(excused.keys().map(|name| format!("there is no {name}")));
    report(&wrong);
}

/// The tokens of `source`, with what is in its groups.
fn flat(source: TokenStream) -> Vec<TokenTree> {
    let mut tokens = Vec::new();
    for token in source {
        tokens.push(token.clone());
        if let TokenTree::Group(group) = token {
            tokens.extend(flat(group.stream()));
        }
    }
    tokens
}

fn names(source: TokenStream) -> BTreeSet<String> {
    let idents = flat(source).into_iter().filter_map(|token| match token {
        TokenTree::Ident(ident) => Some(ident.to_string()),
        _ => None,
    });
    idents.collect()
}

fn is_word(token: Option<&TokenTree>, word: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if ident == word)
}

/// What stands in the braces that come next.
fn body(tokens: &[TokenTree]) -> Option<TokenStream> {
    tokens.iter().find_map(|token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group.stream()),
        _ => None,
    })
}

/// The names of the functions that say `pub async fn`.
fn public_async_functions(source: TokenStream) -> Vec<String> {
    let tokens = flat(source);
    let named = tokens.windows(4).filter(|words| {
        ["pub", "async", "fn"].iter().zip(*words).all(|(word, token)| is_word(Some(token), word))
    });
    named.map(|words| words[3].to_string()).collect()
}

/// The names and the bodies of the functions of a file or module, and of the modules in it. Methods are none.
fn functions(source: TokenStream) -> Vec<(String, TokenStream)> {
    let tokens: Vec<_> = source.into_iter().collect();
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if is_word(Some(token), "fn") {
            found.extend(body(&tokens[at..]).map(|body| (tokens[at + 1].to_string(), body)));
        } else if is_word(Some(token), "mod") {
            found.extend(body(&tokens[at..]).into_iter().flat_map(functions));
        }
    }
    found
}

fn module(source: TokenStream, name: &str) -> TokenStream {
    let tokens: Vec<_> = source.into_iter().collect();
    let begin =
        (0..tokens.len()).find(|&at| is_word(tokens.get(at), "mod") && is_word(tokens.get(at + 1), name));
    begin.and_then(|at| body(&tokens[at..])).unwrap_or_default()
}

/// The names in those functions of a module that sweep, themselves or by a helper, and in the `helpers` that they call.
fn swept(module: TokenStream, helpers: &[(String, BTreeSet<String>)]) -> BTreeSet<String> {
    let helpers: BTreeMap<_, _> = helpers.iter().map(|(name, body)| (name.as_str(), body)).collect();
    let lessons: Vec<_> = functions(module).into_iter().map(|(_, body)| names(body)).collect();
    // With real processes, a lesson drops the future at each suspension by itself.
    let mut sweepers = BTreeSet::from(["sweep", "sweep_with", "drop_at"]);
    let mut found = BTreeSet::new();
    // Helpers call helpers, so until nothing is new.
    let mut known = 0;
    while known < sweepers.len() + found.len() {
        known = sweepers.len() + found.len();
        for (name, body) in &helpers {
            if sweepers.iter().any(|sweeper| body.contains(*sweeper)) {
                sweepers.insert(name);
            }
            if found.contains(*name) {
                found.extend(body.iter().cloned());
            }
        }
        for body in &lessons {
            if sweepers.iter().any(|sweeper| body.contains(*sweeper)) {
                found.extend(body.iter().cloned());
            }
        }
    }
    found
}

/// Recipes whose patterns show no call yet: their chapters are being rewritten.
const WITHOUT_CALLS: [&str; 2] = ["gather", "queues"];

/// Calls of more than 20 lines, each with its reason.
const LONG_CALLS: [(&str, &str); 1] =
    [("context_managers::transaction", "a trait of four functions has to be there first")];

/// A reader first sees how a pattern is called, by a program that rustdoc runs: whole, and short enough to read at once.
/// `pitfalls` has an order of its own.
#[test]
fn every_pattern_begins_with_a_short_call() {
    let mut wrong = Vec::new();
    let mut long: BTreeMap<_, _> = LONG_CALLS.into_iter().collect();
    let recipes = recipes().into_iter().filter(|recipe| recipe != "pitfalls");
    for recipe in recipes.filter(|recipe| !WITHOUT_CALLS.contains(&recipe.as_str())) {
        let library = document(format!("recipes/{recipe}/Cargo.toml"))["lib"].clone();
        if library.get("doctest").is_some()
            || !read(format!("recipes/{recipe}/src/lib.rs"))
                .starts_with("#![cfg_attr(not(doctest), doc = include_str!(\"../README.md\"))]\n")
        {
            wrong.push(format!("{recipe}: rustdoc has to run the calls, and not the chapter"));
        }
        for (pattern, source) in patterns(&recipe) {
            let name = format!("{recipe}::{pattern}");
            let mut mistake = |what: &str| wrong.push(format!("{name}: {what}"));
            let docs: Vec<_> = source.lines().skip(1).map_while(|line| line.strip_prefix("//!")).collect();
            let docs: Vec<_> = docs.iter().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
            let before = docs.iter().position(|line| *line == "```sh").map_or_else(
                || docs.iter().position(|line| *line == "It needs no crate."),
                |begin| Some(begin + docs[begin..].iter().position(|line| *line == "```").unwrap()),
            );
            let Some(begin) = before.map(|at| at + 2).filter(|begin| docs.get(*begin) == Some(&"```")) else {
                mistake("no call follows what to add to Cargo.toml");
                continue;
            };
            let call: Vec<_> = docs[begin + 1..].iter().take_while(|line| **line != "```").copied().collect();
            let is_main = |line: &&str| line.trim_start_matches("async ").starts_with("fn main() ");
            let Some(main) = call.iter().position(is_main) else {
                mistake("the call has no main");
                continue;
            };
            let is_code = |line: &&&str| !line.trim().is_empty();
            let uses = call[..main].iter().filter(|line| line.starts_with("use ")).count();
            let body = call[main + 1..].iter().filter(is_code).count() - 1;
            if !(5..=15).contains(&(uses + body)) {
                mistake(&format!("the call has {} lines of code", uses + body));
            }
            let reason = long.remove(name.as_str());
            if (call.len() > 20) != reason.is_some() {
                mistake(&format!("the call has {} lines, with the reason {reason:?}", call.len()));
            }
            let text = call.join("\n");
            if !text.contains(&format!("{name}::")) {
                mistake("the call does not name the pattern");
            }
            if text.matches(&format!("{recipe}::")).count() != text.matches(&format!("{name}::")).count() {
                mistake("the call needs another pattern");
            }
            if call.iter().any(|line| line.starts_with("# ")) {
                mistake("the call hides a line");
            }
        }
    }
    wrong.extend(long.keys().map(|name| format!("there is no {name}")));
    report(&wrong);
}

/// A lesson is named as `recipe::module::name`.
#[test]
fn every_best_practice_has_its_lesson() {
    let mut wrong = Vec::new();
    let page = read("docs/src/best-practices.md");
    let known: BTreeSet<_> = recipes()
        .into_iter()
        .flat_map(|recipe| lessons(&recipe).into_iter().map(move |lesson| format!("{recipe}::{lesson}")))
        .collect();
    let rows: Vec<_> = page.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    if rows.len() != 12 {
        wrong.push(format!("there are twelve practices, and {} rows", rows.len()));
    }
    for row in rows {
        let cells: Vec<_> = row.trim_matches(['|', ' ']).split(" | ").collect();
        let [.., recipe, lesson] = cells[..] else { panic!("{row}") };
        let lesson = lesson.trim_matches('`');
        if !known.contains(lesson) {
            wrong.push(format!("there is no lesson {lesson}"));
        }
        let owner = lesson.split("::").next().unwrap();
        if !recipe.contains(&format!("](recipes/{owner}/README.md)")) {
            wrong.push(format!("{lesson} is not of {recipe}"));
        }
    }
    let named = page.split('`').filter(|code| code.matches("::").count() == 2 && !code.contains(' '));
    let is_ours = |code: &&str| recipes().iter().any(|recipe| code.starts_with(&format!("{recipe}::")));
    wrong.extend(
        named
            .filter(is_ours)
            .filter(|lesson| !known.contains(*lesson))
            .map(|lesson| format!("there is no lesson {lesson}")),
    );
    report(&wrong);
}

/// The lints of the chapter to copy are on here, but for the methods that a program without tests of its own can ban.
#[test]
fn what_the_chapter_on_lints_gives_to_copy_is_on_here() {
    let mut wrong = Vec::new();
    let (given, ours) = (document("recipes/pitfalls/caught/lints.toml"), document("Cargo.toml"));
    for (tool, lints) in given["lints"].as_table().unwrap() {
        for (lint, level) in lints.as_table().unwrap() {
            if ours["workspace"]["lints"][tool].get(lint).and_then(Item::as_str) != level.as_str() {
                wrong.push(format!("{tool}: {lint} is not on"));
            }
        }
    }
    let paths = |text: &str| -> Vec<String> {
        text.lines()
            .filter_map(|line| Some(line.split_once("path = \"")?.1.split('"').next()?.to_owned()))
            .collect()
    };
    let given = read("recipes/pitfalls/caught/clippy.toml");
    let (for_all, rest) = given.split_once("  # For a library").unwrap();
    let (_, types) = rest.split_once("\nawait-holding-invalid-types").unwrap();
    let ours = paths(&read("clippy.toml"));
    let missing = paths(for_all).into_iter().chain(paths(types)).filter(|path| !ours.contains(path));
    wrong.extend(missing.map(|path| format!("clippy.toml has no {path}")));
    report(&wrong);
}

/// A fence that is not run proves nothing: Rust is compiled and run by rustdoc, Python by `tests/parity.py`, and what is
/// neither must not be Rust in disguise.
#[test]
fn all_code_in_docs_runs() {
    let mut wrong = Vec::new();
    let mut folders = vec![root().join("recipes"), root().join("crates"), root().join("docs")];
    let mut files = vec![root().join("README.md")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let is_output = ["target", "book", "__pycache__"].iter().any(|name| path.ends_with(name));
            match path.extension().and_then(|extension| extension.to_str()) {
                _ if path.is_symlink() => {}
                _ if path.is_dir() && !is_output => folders.push(path),
                Some("rs" | "md") => files.push(path),
                _ => {}
            }
        }
    }
    for file in files {
        let is_chapter = file.ends_with("README.md") && file.starts_with(root().join("recipes"));
        let mut language = None;
        for (number, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
            let line = line.trim_start_matches(['/', '!', ' ']);
            let mut mistake = |what: &str| wrong.push(format!("{}:{}: {what}", file.display(), number + 1));
            let Some(fence) = line.strip_prefix("```") else {
                let looks_like_rust = ["use ", "let ", "fn ", "pub ", "async ", "#["];
                if language.is_some_and(|language| language != "rust")
                    && looks_like_rust.iter().any(|start| line.starts_with(start))
                    && line.ends_with([';', '{', ']'])
                {
                    mistake("this is Rust that is not run");
                }
                continue;
            };
            language = match (language, fence) {
                (Some(_), "") => None,
                (None, "" | "rust") => Some("rust"),
                (None, "sh") => Some("sh"),
                (None, "text") => Some("text"),
                (None, "toml") => Some("toml"),
                (None, "python") if is_chapter => Some("python"),
                _ => {
                    mistake(&format!("```{fence} is not run"));
                    None
                }
            };
        }
    }
    report(&wrong);
}
