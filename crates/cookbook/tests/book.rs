//! The book as a whole: each recipe has all its parts, and is named wherever recipes are named.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use toml_edit::{DocumentMut, Item};

const PATTERN: &str = "// SPDX-License-Identifier: 0BSD\n";

/// The form of a chapter, as the recipe's manifest says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Pairs of asyncio and Tokio come first, and each pattern begins with a call.
    Pairs,
    /// An index of pages, by what a reader sees: `form = "symptoms"`.
    Symptoms,
    /// An index of pages, by what rustc says: `form = "messages"`.
    Messages,
}

fn form(recipe: &str) -> Form {
    match metadata(recipe).get("form").and_then(Item::as_str) {
        None => Form::Pairs,
        Some("symptoms") => Form::Symptoms,
        Some("messages") => Form::Messages,
        Some(other) => panic!("{recipe}: there is no form {other}"),
    }
}

/// Whether a program of asyncio's prints what the recipe's binary prints: unless the manifest says `twin = false`.
fn has_twin(recipe: &str) -> bool {
    metadata(recipe).get("twin").and_then(Item::as_bool).unwrap_or(true)
}

/// `[package.metadata.recipe]`
fn metadata(recipe: &str) -> Item {
    document(format!("recipes/{recipe}/Cargo.toml"))["package"]["metadata"]["recipe"].clone()
}

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

/// The patterns of a recipe: name and source, with that of the files in the folder of its name.
fn patterns(recipe: &str) -> Vec<(String, String)> {
    let inside = |path: &Path| {
        let files = fs::read_dir(path.with_extension("")).into_iter().flatten();
        let mut files: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.iter().map(|file| fs::read_to_string(file).unwrap()).collect::<String>()
    };
    let mut patterns: Vec<_> = fs::read_dir(root().join(format!("recipes/{recipe}/src")))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(&path).unwrap() + &inside(&path))
        })
        .filter(|(_, source)| source.starts_with(PATTERN))
        .collect();
    patterns.sort();
    patterns
}

/// The sources of a folder under `tests`, with their paths from there. The proofs of a suite are in a folder of theirs.
fn suite(name: &str) -> Vec<(PathBuf, String)> {
    sources(&format!("tests/{name}"))
}

/// The sources of a folder of the repository, with their paths below the folder that it is in.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let folder = root().join(folder);
    let above = folder.parent().unwrap().to_owned();
    let (mut sources, mut folders) = (Vec::new(), vec![folder]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = fs::read_to_string(&path).unwrap();
                sources.push((path.strip_prefix(&above).unwrap().to_owned(), source));
            }
        }
    }
    sources.sort();
    sources
}

/// A lesson or a proof.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Lesson {
    /// `gather` or `gather_proofs`
    target: String,
    /// `module::name`, as `cargo test` lists it.
    path: String,
    /// The first line of its docs; empty if it has none.
    summary: String,
}

/// The lessons and the proofs of a recipe.
///
/// It goes by lines, and may, for the sources are formatted: a module begins and ends at one margin.
fn all_lessons(recipe: &str) -> Vec<Lesson> {
    lessons_in(recipe, suite(recipe))
}

fn lessons_in(recipe: &str, sources: Vec<(PathBuf, String)>) -> Vec<Lesson> {
    let mut lessons = Vec::new();
    for (file, source) in sources {
        let is_proof = file.parent().is_some_and(|folder| folder.ends_with("proofs"));
        let target = if is_proof { format!("{recipe}_proofs") } else { recipe.to_owned() };
        let stem = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let (mut modules, mut is_test, mut docs) = (vec![(usize::MAX, stem)], false, None);
        for line in source.lines() {
            let code = line.trim_start();
            let margin = line.len() - code.len();
            if let Some(name) = code.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(" {")) {
                modules.push((margin, name.to_owned()));
            } else if code == "}" && modules.last().is_some_and(|(begin, _)| *begin == margin) {
                modules.pop();
            } else if code.starts_with("#[test]") || code.starts_with("#[tokio::test") {
                is_test = true;
            } else if is_test && let Some((_, rest)) = code.split_once("fn ") {
                is_test = false;
                let name = rest.split(['(', '<']).next().unwrap();
                let path: Vec<_> = modules.iter().map(|(_, module)| module.as_str()).chain([name]).collect();
                let summary = docs.take().unwrap_or_default();
                lessons.push(Lesson { target: target.clone(), path: path.join("::"), summary });
            }
            // Docs and attributes are right above what they belong to.
            if let Some(text) = code.strip_prefix("/// ") {
                docs.get_or_insert_with(|| text.to_owned());
            } else if !code.starts_with("///") && !code.starts_with("#[") && !is_test {
                docs = None;
            }
        }
    }
    lessons
}

/// The lessons and the proofs of a recipe, as `module::name`.
fn lessons(recipe: &str) -> BTreeSet<String> {
    all_lessons(recipe).into_iter().map(|lesson| lesson.path).collect()
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
        // What both programs print, and the picture of it, are of a recipe with a twin; the others print a list.
        let of_all = ["README.md", "transcript.txt", "src/lib.rs", "src/main.rs"];
        let of_twins = ["demo.py", "timeline.svg", "src/demo.rs"];
        let is_there = |part: &str| {
            fs::metadata(root().join(format!("recipes/{recipe}/{part}"))).is_ok_and(|file| file.len() > 0)
        };
        for part in of_all.into_iter().chain(of_twins) {
            match (is_there(part), has_twin(&recipe) || of_all.contains(&part)) {
                (false, true) => wrong.push(format!("{recipe} has no {part}")),
                (true, false) => wrong.push(format!("{recipe} has {part}: it has a twin")),
                _ => {}
            }
        }
        if patterns(&recipe).is_empty() {
            wrong.push(format!("{recipe} has no pattern"));
        }
        if lessons(&recipe).is_empty() {
            wrong.push(format!("{recipe} has no lesson"));
        }
        // A lesson compares them with what the program makes now; a picture of real time is another one each time.
        let source: String = suite(&recipe).into_iter().map(|(_, source)| source).collect();
        let transcript = format!("recipes/{recipe}/transcript.txt");
        let is_timed = has_twin(&recipe) && read(&transcript).starts_with(' ');
        for golden in [Some(transcript), is_timed.then(|| format!("recipes/{recipe}/timeline.svg"))] {
            if golden.as_ref().is_some_and(|golden| !source.contains(&format!("\"../../../{golden}\""))) {
                wrong.push(format!("{recipe}: no lesson looks at {golden:?}"));
            }
        }
        if metadata(&recipe).get("asyncio").is_some() {
            wrong.push(format!("{recipe}: the names that it answers are those of docs/concordance"));
        }
        let chapter = read(format!("recipes/{recipe}/README.md"));
        if !chapter.starts_with("# ") {
            wrong.push(format!("{recipe}: the chapter does not begin with its title"));
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
            .flat_map(|line| line.split("](").skip(1))
            .filter_map(|rest| rest.trim_start_matches("../").strip_prefix("recipes/"))
            .filter_map(|rest| rest.split_once("/README.md)").map(|(name, _)| name))
            .collect();
        named.dedup();
        if named != recipes {
            wrong.push(format!("{list} names {named:?}, and there are {recipes:?}"));
        }
    }
    let answers = answers();
    let named: BTreeSet<_> = answers.iter().filter_map(Answer::recipe).collect();
    for recipe in &recipes {
        if !named.contains(recipe.as_str()) {
            wrong.push(format!("docs/concordance does not name {recipe}"));
        }
    }
    for other in named.iter().filter(|name| !recipes.iter().any(|recipe| recipe == *name)) {
        wrong.push(format!("docs/concordance names {other}, which is no recipe"));
    }
    let short_names = read("justfile");
    let listed = short_names.lines().find_map(|line| line.strip_prefix("recipes := "));
    if listed.is_none_or(|listed| listed.trim_matches('"').split(' ').ne(&recipes)) {
        wrong.push(format!("the justfile lists {listed:?}, and there are {recipes:?}"));
    }
    for entry in fs::read_dir(root().join("tests")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let is_known =
            recipes.contains(&name) || ["interleavings", "support", "__pycache__"].contains(&name.as_str());
        if path.extension().is_some_and(|extension| extension == "rs") || path.is_dir() && !is_known {
            wrong.push(format!("tests/{name} is of no recipe"));
        }
    }
    report(&wrong);
}

/// An answer of `docs/concordance`.
struct Answer {
    file: String,
    name: String,
    fields: Item,
}

impl Answer {
    fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field).and_then(Item::as_str)
    }

    fn texts(&self, field: &str) -> Vec<String> {
        match self.fields.get(field) {
            None => Vec::new(),
            Some(item) => match item.as_array() {
                None => vec![item.as_str().unwrap().to_owned()],
                Some(list) => list.iter().map(|item| item.as_str().unwrap().to_owned()).collect(),
            },
        }
    }

    fn recipe(&self) -> Option<&str> {
        self.text("at").and_then(|at| at.split(':').next())
    }
}

/// What `cargo cookbook find` knows, file by file.
fn answers() -> Vec<Answer> {
    let mut answers = Vec::new();
    let spelling = document("docs/concordance/spelling.toml");
    let files = spelling["files"].as_array().unwrap().iter().map(|file| file.as_str().unwrap().to_owned());
    for file in files {
        for (name, fields) in document(format!("docs/concordance/{file}.toml")).iter() {
            if fields.is_table() {
                answers.push(Answer { file: file.clone(), name: name.to_owned(), fields: fields.clone() });
            }
        }
    }
    answers
}

#[test]
fn every_lesson_of_the_concordance_exists_and_is_its_recipes() {
    let mut wrong = Vec::new();
    let mut known: BTreeMap<_, _> =
        recipes().into_iter().map(|recipe| (recipe.clone(), lessons(&recipe))).collect();
    // Where there is no recipe, the code that is shown has a lesson of its own.
    let of_code: Vec<_> = lessons_in("answers", sources("crates/answers/tests/snippets"));
    wrong.extend(
        of_code
            .iter()
            .filter(|lesson| lesson.summary.is_empty())
            .map(|lesson| format!("answers::{} has no doc line", lesson.path)),
    );
    known.insert("answers".to_owned(), of_code.into_iter().map(|lesson| lesson.path).collect());
    for answer in answers() {
        let Some(lesson) = answer.text("lesson") else { continue };
        let (recipe, lesson) = lesson.split_once("::").unwrap();
        if recipe != "answers" && answer.recipe() != Some(recipe) {
            wrong.push(format!("{}: {recipe}::{lesson} is not of the answer's recipe", answer.name));
        }
        if !known.get(recipe).is_some_and(|lessons| lessons.contains(lesson)) {
            wrong.push(format!("{}: there is no lesson {recipe}::{lesson}", answer.name));
        }
    }
    report(&wrong);
}

/// The functions of `crates/answers`, with the widest line of each as it is shown.
fn shown_code() -> BTreeMap<String, usize> {
    let mut functions = BTreeMap::new();
    for entry in fs::read_dir(root().join("crates/answers/src")).unwrap() {
        let (mut name, mut is_body) = (None, false);
        for line in fs::read_to_string(entry.unwrap().path()).unwrap().lines() {
            if let Some((_, rest)) = line.strip_prefix("pub ").and_then(|line| line.split_once("fn ")) {
                name = rest.split(['(', '<']).next().map(str::to_owned);
            }
            if line == "}" {
                (name, is_body) = (None, false);
            }
            if let Some(name) = &name {
                let widest = functions.entry(name.clone()).or_insert(0);
                *widest = if is_body { line.chars().count().max(*widest) } else { *widest };
                is_body = is_body || line.ends_with('{');
            }
        }
    }
    functions
}

/// Code that is shown is compiled in `crates/answers`, fits a terminal, and is shown.
#[test]
fn every_code_of_an_answer_fits_a_terminal_and_none_is_left_over() {
    let mut wrong = Vec::new();
    let mut shown = BTreeSet::new();
    for answer in answers() {
        shown.extend(answer.text("code").map(str::to_owned));
        let members =
            answer.fields.get("members").and_then(Item::as_table).into_iter().flat_map(|table| table.iter());
        shown.extend(members.filter_map(|(_, member)| Some(member.get("code")?.as_str()?.to_owned())));
    }
    for (name, widest) in shown_code() {
        if !shown.contains(&name) && !["fetch", "load", "read_slowly"].contains(&name.as_str()) {
            wrong.push(format!("no answer shows {name}"));
        }
        // Its margin of four columns is that of the answer.
        if widest > 80 {
            wrong.push(format!("{name} is {widest} columns wide"));
        }
    }
    report(&wrong);
}

/// Each item of Rust's that an answer links is linked in `crates/answers/src/links.rs`, where rustdoc looks whether it is
/// there. `UPDATE_EXPECT=1` writes that file.
#[test]
fn every_link_to_rust_is_one_that_rustdoc_checks() {
    let items: BTreeSet<_> = answers().iter().flat_map(|answer| answer.texts("rust")).collect();
    let mut links = String::from(
        "//! The items that answers link to on docs.rs: a link that is broken fails `cargo doc`.\n\
         //! A test of `cookbook` compares this file with `docs/concordance`; `UPDATE_EXPECT=1` writes it.\n//!\n",
    );
    // What the workspace does not use is named by its crate alone, and not checked.
    for item in items.iter().filter(|item| !item.starts_with("crate ") && !item.starts_with("https://")) {
        let (kind, path) = item.split_once(' ').unwrap();
        let link = match (kind, path.split_once('#')) {
            (_, Some((owner, method))) => format!("method@{owner}::{method}"),
            ("attr", None) => format!("macro@{path}"),
            (kind, None) => format!("{kind}@{path}"),
        };
        links += &format!("//! - [`{path}`]({link})\n");
    }
    expect_test::expect_file![root().join("crates/answers/src/links.rs")].assert_eq(&links);
}

/// A word between backquotes is code, so a quote is never left open; and an answer is a sentence or a few.
#[test]
fn every_answer_is_a_sentence() {
    let mut wrong = Vec::new();
    for answer in answers() {
        let members =
            answer.fields.get("members").and_then(Item::as_table).into_iter().flat_map(|table| table.iter());
        let members = members
            .filter_map(|(name, text)| Some((name, text.as_str().or_else(|| text.get("answer")?.as_str())?)));
        for (name, text) in
            answer.text("answer").map(|text| (answer.name.as_str(), text)).into_iter().chain(members)
        {
            if text.matches('`').count() % 2 == 1 {
                wrong.push(format!("{}: {name}: a quote is open", answer.file));
            }
            if !text.ends_with(['.', '`', ')']) || text.chars().count() > 420 {
                wrong.push(format!("{}: {name}: {text}", answer.file));
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
        // A part of it: whole lines, one after the other.
        let shown = match form(&recipe) {
            // Its other texts are messages.
            Form::Messages => fences(section(&chapter, &format!("{recipe}: what it prints")), "text"),
            _ => fences(&chapter, "text"),
        };
        let shown = shown.first().cloned().unwrap_or_default();
        if shown.is_empty() || !format!("\n{transcript}").contains(&format!("\n{shown}")) {
            wrong.push(format!("{recipe}: the chapter does not show a part of transcript.txt as it is"));
        }
        // With what makes the binary print it, if that needs to be said.
        let metadata = metadata(&recipe);
        let demo = metadata.get("demo").and_then(Item::as_str);
        let command = demo.map_or(String::new(), |demo| format!(" -- {demo}"));
        let command = format!("`cargo run -p {recipe}{command}`");
        if !section(&chapter, &format!("{recipe}: what it prints")).contains(&command) {
            wrong.push(format!("{recipe}: *what it prints* does not say {command}"));
        }
        if has_twin(&recipe) && !chapter.contains("](timeline.svg)") {
            wrong.push(format!("{recipe}: the chapter does not show timeline.svg"));
        }
    }
    report(&wrong);
}

/// A reader who wants to run it or to have it does not read the chapter first.
#[test]
fn every_chapter_says_by_line_twelve_how_to_run_and_copy_it() {
    let mut wrong = Vec::new();
    for recipe in recipes() {
        let chapter = read(format!("recipes/{recipe}/README.md"));
        let head: Vec<_> = chapter.lines().take(12).collect();
        for command in
            [format!("cargo run -p {recipe}"), format!("cargo cookbook copy {recipe} ../my-{recipe}")]
        {
            let is_command = |line: &&str| line.split('#').next().unwrap().trim_end() == command;
            if !head.iter().any(is_command) {
                wrong.push(format!("{recipe}: no line of the first twelve is {command}"));
            }
        }
    }
    report(&wrong);
}

/// Public async functions that no lesson sweeps, each with its reason.
const NOT_SWEPT: [(&str, &str); 10] = [
    ("http_client::retry::retry", "its file is that of error_handling, where it is swept"),
    ("http_client::retry::retry_outcome", "its file is that of error_handling, where it is swept"),
    ("http_client::limits::send", "it opens a socket; its permits are those of `permits`, which is swept"),
    ("http_client::limits::read", "its page comes from a socket; it is a call and a drop"),
    (
        "http_client::resume::resume",
        "it opens a socket; what it does with the answer is `complete`, which is swept",
    ),
    ("http_client::upload::upload", "it opens a socket; a lesson cancels it while the server reads nothing"),
    ("pitfalls::blocking_io::fixed", "it opens a socket; a lesson cancels it while the server is silent"),
    (
        "timeouts::cooperative::checksum",
        "its loop has a thread of its own; a lesson drops it while the loop runs",
    ),
    ("streams::connect::open", "it opens a socket; it is a connect in a timeout, and an option"),
    ("http_client::upload::upload_file", "it opens a socket; the stream is lent as in `upload`"),
];

/// Cancelling is tried at every suspension of every public async function: a lesson of its pattern calls it in a sweep.
#[test]
fn every_public_async_function_is_swept() {
    let mut wrong = Vec::new();
    let mut excused: BTreeMap<_, _> = NOT_SWEPT.into_iter().collect();
    for recipe in recipes() {
        let suite: Vec<_> = suite(&recipe)
            .into_iter()
            .map(|(path, source)| (path, source.parse::<TokenStream>().unwrap()))
            .collect();
        let helpers: Vec<_> = suite
            .iter()
            .flat_map(|(_, source)| functions(source.clone()))
            .map(|(name, body)| (name, names(body)))
            .collect();
        for (pattern, source) in patterns(&recipe) {
            let of_pattern = suite.iter().filter(|(path, _)| path.file_stem().unwrap() == pattern.as_str());
            let mut module: TokenStream = of_pattern.flat_map(|(_, source)| source.clone()).collect();
            if form(&recipe) == Form::Messages {
                // Each page has the same two functions: one proof a page, all in one file.
                let proofs = suite.iter().filter(|(path, _)| path.ends_with("proofs/forms.rs"));
                let proofs = proofs.flat_map(|(_, source)| functions(source.clone()));
                module.extend(proofs.filter(|(_, body)| names(body.clone()).contains(&pattern)).flat_map(
                    |(_, body)| {
                        let function: TokenStream = "fn proof()".parse().unwrap();
                        let body = TokenTree::Group(proc_macro2::Group::new(Delimiter::Brace, body));
                        function.into_iter().chain([body])
                    },
                ));
            }
            let swept = swept(module, &helpers);
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

/// Recipes whose proofs have no module `ends` yet.
const WITHOUT_ENDS: [&str; 1] = ["pitfalls"];

/// Functions that no module `ends` calls, each with its reason.
const ENDS_EXCUSED: [(&str, &str); 1] = [(
    "http_client::retry::retry_outcome",
    "its file is that of error_handling, whose proofs call it at its ends",
)];

/// Two recipes have the pattern `retry`. It is one file, but for the crate that its call names; lessons are in error_handling.
#[test]
fn the_two_files_of_retry_are_equal() {
    let [ours, other] = ["error_handling", "http_client"].map(|recipe| {
        read(format!("recipes/{recipe}/src/retry.rs")).replace(&format!("{recipe}::retry"), "recipe::retry")
    });
    let different = ours.lines().zip(other.lines()).find(|(one, two)| one != two);
    assert_eq!(different, None);
    assert_eq!(ours.len(), other.len());
}

/// The public types whose name more than one file defines: it has one meaning in all of them.
const SHARED_NAMES: [(&str, &str); 6] = [
    ("JobError", "why a job has no result: in a thread, in a process, in a pool"),
    ("NotFound", "what the fetch of a demo lacks"),
    ("Panicked", "the text of a panic that was caught"),
    ("Policy", "retry is one file in two recipes"),
    ("Queued", "what becomes of the queued jobs when a pool shuts down"),
    ("Verdict", "retry is one file in two recipes"),
];

#[test]
fn every_public_type_has_a_name_of_its_own() {
    let mut files = BTreeMap::<String, Vec<String>>::new();
    for recipe in recipes() {
        for (path, source) in sources(&format!("recipes/{recipe}/src")) {
            for line in source.lines().filter_map(|line| line.trim_start().strip_prefix("pub ")) {
                let (kind, rest) = line.split_once(' ').unwrap_or_default();
                if ["struct", "enum", "union", "trait", "type"].contains(&kind) {
                    let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
                    files.entry(name.to_owned()).or_default().push(format!("{recipe}/{}", path.display()));
                }
            }
        }
    }
    let shared: BTreeMap<_, _> = files.into_iter().filter(|(_, files)| files.len() > 1).collect();
    let listed = SHARED_NAMES.map(|(name, _)| name.to_owned());
    assert_eq!(shared.keys().cloned().collect::<Vec<_>>(), listed, "{shared:#?}");
}

/// A number has ends, and so has a duration. The proofs of each recipe have a module `ends` that calls every public function
/// which takes one, with the least and the greatest of it.
#[test]
fn every_public_function_that_takes_a_number_is_called_at_its_ends() {
    let mut wrong = Vec::new();
    let mut excused: BTreeMap<_, _> = ENDS_EXCUSED.into_iter().collect();
    for recipe in recipes() {
        let wanted: Vec<_> = pattern_sources(&recipe)
            .into_iter()
            .flat_map(|(pattern, source)| {
                let wanted = take_numbers(source.parse::<TokenStream>().unwrap(), None);
                wanted.into_iter().map(move |function| (pattern.clone(), function))
            })
            .collect();
        let ends = root().join(format!("tests/{recipe}/proofs/ends.rs"));
        let lacks = WITHOUT_ENDS.contains(&recipe.as_str());
        let Ok(ends) = fs::read_to_string(ends) else {
            if !lacks && !wanted.is_empty() {
                wrong.push(format!("{recipe}: its proofs have no module ends"));
            }
            continue;
        };
        if lacks {
            wrong.push(format!("{recipe} has a module ends: it needs no excuse"));
        }
        let tokens = flat(ends.parse::<TokenStream>().unwrap());
        if !tokens.iter().any(|token| is_word(Some(token), "MAX")) {
            wrong.push(format!("{recipe}: its module ends names no greatest number"));
        }
        for (pattern, Ends { of, name, is_method }) in wanted {
            let named = of.as_ref().map_or(name.clone(), |of| format!("{of}::{name}"));
            let place = format!("{recipe}::{pattern}::{named}");
            let is_called = tokens.iter().enumerate().any(|(at, token)| {
                let is_path = |of: &String| {
                    at > 2 && is_word(tokens.get(at - 3), of) && tokens[at - 1].to_string() == ":"
                };
                is_word(Some(token), &name)
                    && matches!(tokens.get(at + 1), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis)
                    && (of.is_none() || is_method || of.as_ref().is_some_and(is_path))
            });
            match (is_called, excused.remove(place.as_str())) {
                (false, None) => wrong.push(format!("no proof in ends calls {place}")),
                (true, Some(_)) => wrong.push(format!("{place} is called: it needs no reason")),
                _ => {}
            }
        }
    }
    wrong.extend(excused.keys().map(|place| format!("there is no {place}")));
    report(&wrong);
}

/// A function that takes a number.
struct Ends {
    /// The type that it belongs to.
    of: Option<String>,
    name: String,
    is_method: bool,
}

/// The sources of a recipe's patterns, with those in the folders of their names.
fn pattern_sources(recipe: &str) -> Vec<(String, String)> {
    let mut sources = patterns(recipe);
    for (name, _) in patterns(recipe) {
        let Ok(folder) = fs::read_dir(root().join(format!("recipes/{recipe}/src/{name}"))) else { continue };
        for file in folder {
            sources.push((name.clone(), fs::read_to_string(file.unwrap().path()).unwrap()));
        }
    }
    sources
}

/// The public functions that take a number, a `NonZero` or a `Duration`, and those of the types in `source`.
fn take_numbers(source: TokenStream, of: Option<&str>) -> Vec<Ends> {
    let tokens: Vec<_> = source.into_iter().collect();
    let (mut found, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        if is_word(tokens.get(at), "impl") || is_word(tokens.get(at), "mod") {
            let Some(end) = (at..tokens.len()).find(|&end| {
                matches!(&tokens[end], TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
            }) else {
                break;
            };
            let is_of_trait = tokens[at..end].iter().any(|token| is_word(Some(token), "for"));
            let is_test = at > 1 && tokens[at - 1].to_string().contains("test");
            // `impl<T: Bound> Name<T> where ...`: what is not between angle brackets.
            let (mut depth, mut name) = (0, None);
            for (before, token) in tokens[at..end].iter().zip(&tokens[at + 1..end]) {
                match token.to_string().as_str() {
                    "<" => depth += 1,
                    ">" if before.to_string() != "-" => depth -= 1,
                    "where" => break,
                    word if depth == 0 && matches!(token, TokenTree::Ident(_)) => {
                        name = Some(word.to_owned())
                    }
                    _ => {}
                }
            }
            if let TokenTree::Group(group) = &tokens[end]
                && !is_of_trait
                && !is_test
            {
                let of = name.filter(|_| is_word(tokens.get(at), "impl"));
                found.extend(take_numbers(group.stream(), of.as_deref()));
            }
            at = end;
        } else if is_word(tokens.get(at), "pub") && !matches!(tokens.get(at + 1), Some(TokenTree::Group(_))) {
            let words = ["async", "const"];
            let mut next = at + 1;
            while words.iter().any(|word| is_word(tokens.get(next), word)) {
                next += 1;
            }
            if is_word(tokens.get(next), "fn") {
                let parameters = tokens[next + 2..].iter().find_map(|token| match token {
                    TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => {
                        Some(group.stream())
                    }
                    _ => None,
                });
                let words = parameters.map(names).unwrap_or_default();
                let is_number = |word: &String| {
                    word == "Duration"
                        || word.starts_with("NonZero")
                        || word
                            .strip_prefix(['u', 'i', 'f'])
                            .is_some_and(|size| ["8", "16", "32", "64", "128", "size"].contains(&size))
                };
                if words.iter().any(is_number) {
                    found.push(Ends {
                        of: of.map(str::to_owned),
                        name: tokens[next + 1].to_string(),
                        is_method: words.contains("self"),
                    });
                }
            }
        }
        at += 1;
    }
    found
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

/// What is in the braces that come next.
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

/// The helpers of a suite's file: what it defines that is no lesson, with its tokens; those of modules in it, too.
fn helpers(source: TokenStream) -> Vec<(String, String)> {
    let tokens: Vec<_> = source.into_iter().collect();
    let (mut found, mut start) = (Vec::new(), 0);
    while start < tokens.len() {
        // An item ends at its braces, or at a semicolon.
        let is_end = |token: &TokenTree| match token {
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
            TokenTree::Punct(punct) => punct.as_char() == ';',
            _ => false,
        };
        let end = (start..tokens.len()).find(|&at| is_end(&tokens[at])).map_or(tokens.len(), |at| at + 1);
        let item = &tokens[start..end];
        start = end;
        let attributes = item.iter().take_while(|token| !matches!(token, TokenTree::Ident(_))).count();
        let is_lesson = item[..attributes].iter().any(|token| names(token.clone().into()).contains("test"));
        let words = ["fn", "struct", "enum", "trait", "const", "static", "type"];
        let head = &item[attributes..];
        let named = head.windows(2).find_map(|two| match two {
            [TokenTree::Ident(word), TokenTree::Ident(name)] if words.iter().any(|known| word == known) => {
                Some(name.to_string()).filter(|name| name != "fn")
            }
            _ => None,
        });
        match named {
            _ if head.first().is_some_and(|first| is_word(Some(first), "use")) => {}
            _ if is_lesson => {}
            Some(name) => {
                let code: TokenStream =
                    head.iter().filter(|token| !is_word(Some(token), "pub")).cloned().collect();
                found.push((name, code.to_string()));
            }
            None if head.iter().any(|token| is_word(Some(token), "mod")) => {
                found.extend(body(head).into_iter().flat_map(helpers));
            }
            None => {}
        }
    }
    found
}

/// What several suites need is in `tests/support`, with one meaning; what one suite shares is in its `work`. Nothing there
/// is left over.
#[test]
fn no_helper_of_lessons_is_written_twice_and_none_is_left_over() {
    let mut wrong = Vec::new();
    let mut all: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    let (mut mentioned, mut shared) = (BTreeMap::<String, usize>::new(), Vec::new());
    let support: BTreeSet<_> = suite("support")
        .into_iter()
        .flat_map(|(_, source)| helpers(source.parse::<TokenStream>().unwrap()))
        .map(|(name, _)| name)
        .collect();
    for folder in recipes().iter().map(String::as_str).chain(["support"]) {
        for (path, source) in suite(folder) {
            let tokens = source.parse::<TokenStream>().unwrap();
            for token in flat(tokens.clone()) {
                if let TokenTree::Ident(ident) = token {
                    *mentioned.entry(ident.to_string()).or_default() += 1;
                }
            }
            for (name, code) in helpers(tokens) {
                let is_shared =
                    folder == "support" || ["work.rs", "tools.rs"].iter().any(|file| path.ends_with(file));
                if is_shared {
                    shared.push((path.clone(), name.clone()));
                }
                if support.contains(&name) && folder != "support" {
                    wrong.push(format!("{}: tests/support has a {name}", path.display()));
                }
                all.entry(code).or_default().push(path.clone());
            }
        }
    }
    for (code, paths) in all.iter().filter(|(_, paths)| paths.len() > 1) {
        wrong.push(format!("{paths:?} have the same helper: {}", code.chars().take(90).collect::<String>()));
    }
    for (path, name) in shared {
        if mentioned[&name] < 2 {
            wrong.push(format!("{}: no lesson uses {name}", path.display()));
        }
    }
    report(&wrong);
}

/// A name says what happens. The line above says what asyncio does there, or why it matters.
#[test]
fn every_lesson_says_in_a_line_what_it_shows() {
    let mut wrong = Vec::new();
    for lesson in recipes().iter().flat_map(|recipe| all_lessons(recipe)) {
        if lesson.summary.is_empty() {
            wrong.push(format!("{}::{} has no doc line", lesson.target, lesson.path));
        }
    }
    report(&wrong);
}

/// `tests/lessons.tsv` says where each lesson of the suite's first form is now, and why one is gone.
#[test]
fn every_lesson_that_there_was_has_its_place() {
    let mut wrong = Vec::new();
    let known: BTreeSet<_> = recipes()
        .iter()
        .flat_map(|recipe| all_lessons(recipe))
        .map(|lesson| format!("{}::{}", lesson.target, lesson.path))
        .collect();
    let list = read("tests/lessons.tsv");
    let mut rows = list.lines();
    assert_eq!(rows.next(), Some("was\tis\treason"));
    let mut count = 0;
    for row in rows {
        let cells: Vec<_> = row.split('\t').collect();
        let [was, is, reason] = cells[..] else { panic!("three cells: {row}") };
        count += 1;
        match (is, reason) {
            ("", "") => wrong.push(format!("{was} is gone without a reason")),
            ("", _) => {}
            _ if !known.contains(is) => wrong.push(format!("{was} is not at {is}")),
            _ => {}
        }
    }
    assert_eq!(count, 1608, "the list itself loses no row");
    report(&wrong);
}

/// Calls of more than 20 lines, each with its reason.
const LONG_CALLS: [(&str, &str); 1] =
    [("context_managers::transaction", "a trait of four functions has to be there first")];

/// A reader first sees how a pattern is called, by a program that rustdoc runs: whole, and short enough to read at once.
/// The pages of an index have an order of their own.
#[test]
fn every_pattern_begins_with_a_short_call() {
    let mut wrong = Vec::new();
    let mut long: BTreeMap<_, _> = LONG_CALLS.into_iter().collect();
    for recipe in recipes().into_iter().filter(|recipe| form(recipe) == Form::Pairs) {
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

/// Each of the twelve practices links a lesson, and the recipe that has it.
#[test]
fn every_best_practice_links_its_lesson() {
    let page = read("docs/src/best-practices.md");
    let mut wrong = links_without_a_lesson(&page);
    let rows: Vec<_> = page.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    if rows.len() != 12 {
        wrong.push(format!("there are twelve practices, and {} rows", rows.len()));
    }
    for row in rows {
        let owner = row.split_once("](../../tests/").and_then(|(_, link)| link.split('/').next());
        if !owner.is_some_and(|owner| row.contains(&format!("](../../recipes/{owner}/README.md)"))) {
            wrong.push(format!("no lesson of its recipe is linked: {row}"));
        }
    }
    report(&wrong);
}

/// A page for coding assistants is short, its front matter names it, its programs run, and its commands name what exists.
#[test]
fn every_skill_page_is_short_and_names_what_exists() {
    let mut wrong = Vec::new();
    let known: BTreeMap<_, BTreeSet<_>> = recipes()
        .into_iter()
        .map(|recipe| {
            let patterns = patterns(&recipe).into_iter().map(|(name, _)| name).collect();
            (recipe, patterns)
        })
        .collect();
    for entry in fs::read_dir(root().join("skills")).unwrap() {
        let skill = entry.unwrap().file_name().into_string().unwrap();
        let path = format!("skills/{skill}/SKILL.md");
        let page = read(&path);
        let mut mistake = |what: String| wrong.push(format!("{path}: {what}"));
        if page.lines().count() > 300 {
            mistake(format!("{} lines, and 300 are allowed", page.lines().count()));
        }
        let front = page
            .strip_prefix("---\n")
            .and_then(|rest| rest.split_once("\n---\n"))
            .map_or("", |(front, _)| front);
        let field = |name: &str| front.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        if field("name") != Some(&skill) {
            mistake(format!("its name is {:?}", field("name")));
        }
        if !field("description").is_some_and(|text| (1..=1024).contains(&text.trim().len())) {
            mistake("its description is empty or too long".to_owned());
        }
        let mut named = BTreeSet::new();
        for rest in page.split("cargo cookbook ").skip(1) {
            let command = rest.split(['`', '#', '\n']).next().unwrap().trim_end();
            let words: Vec<_> = command.split_whitespace().collect();
            let (recipe, pattern) = match words[..] {
                ["find", _, ..] => continue,
                ["show", recipe] | ["copy", recipe, _] => (recipe, None),
                ["show", recipe, pattern] | ["copy", recipe, pattern, "--into", _] => (recipe, Some(pattern)),
                _ => {
                    mistake(format!("`{command}` is no command"));
                    continue;
                }
            };
            let patterns = known.get(recipe);
            if patterns.is_none_or(|patterns| pattern.is_some_and(|pattern| !patterns.contains(pattern))) {
                mistake(format!("`{command}` names what does not exist"));
            }
            named.insert(recipe);
        }
        for recipe in known.keys().filter(|recipe| !named.contains(recipe.as_str())) {
            mistake(format!("no command names {recipe}"));
        }
        if !read("crates/answers/src/lib.rs").contains(&format!("#[doc = include_str!(\"../../../{path}\")]"))
        {
            mistake("crates/answers does not run its programs".to_owned());
        }
        if !read("README.md").contains(&format!("]({path})")) {
            mistake("README.md does not name it".to_owned());
        }
    }
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
    let mut folders: Vec<_> = ["recipes", "crates", "docs", "skills"].map(|name| root().join(name)).into();
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

/// The texts of the fences of one language.
fn fences(text: &str, language: &str) -> Vec<String> {
    let mut fences = Vec::new();
    let mut open: Option<String> = None;
    for line in text.split_inclusive('\n') {
        match (open.as_mut(), line.trim_end()) {
            (Some(_), "```") => fences.extend(open.take()),
            (Some(fence), _) => fence.push_str(line),
            (None, start) if start.strip_prefix("```") == Some(language) => open = Some(String::new()),
            (None, _) => {}
        }
    }
    fences
}

/// The lines of a text outside its fences.
fn prose(text: &str) -> Vec<&str> {
    let mut in_fence = false;
    let outside = |line: &&str| {
        let is_border = line.starts_with("```");
        in_fence ^= is_border;
        !in_fence && !is_border
    };
    text.lines().filter(outside).collect()
}

/// The words that a reader sees: no targets of links, no borders of tables.
fn words(line: &str) -> usize {
    let mut seen = String::new();
    let mut rest = line;
    while let Some((before, target)) = rest.split_once("](") {
        seen.push_str(before);
        rest = target.split_once(')').map_or("", |(_, after)| after);
    }
    seen.push_str(rest);
    seen.split_whitespace().filter(|word| word.contains(char::is_alphanumeric)).count()
}

/// The cells of a row of a table.
fn cells(row: &str) -> Vec<&str> {
    row.trim().trim_matches('|').split('|').map(str::trim).collect()
}

/// What a chapter may be: short enough to be read, and its parts where a reader looks for them.
#[test]
fn every_chapter_has_its_parts_in_order() {
    const LINES: usize = 185;
    const COMMANDS_BY: usize = 12;
    const PAIRS: usize = 8;
    const DIFFERENCES: usize = 8;
    const PITFALLS: usize = 6;
    const COLUMNS: usize = 4;
    const WORDS_IN_A_CELL: usize = 15;
    let mut wrong = Vec::new();
    for recipe in recipes() {
        let chapter = read(format!("recipes/{recipe}/README.md"));
        let mut mistake = |what: String| wrong.push(format!("{recipe}: {what}"));
        let lines: Vec<_> = chapter.lines().collect();
        if lines.len() > LINES {
            mistake(format!("the chapter has {} lines, and at most {LINES} are allowed", lines.len()));
        }
        if !chapter.starts_with(&format!("# {recipe}: ")) {
            mistake("the title does not begin with the name".to_owned());
        }
        let first = lines[..COMMANDS_BY.min(lines.len())].join("\n");
        for command in [format!("cargo run -p {recipe} "), format!("cargo cookbook copy {recipe} ")] {
            if !first.contains(&command) {
                mistake(format!("{command:?} is not in the first {COMMANDS_BY} lines"));
            }
        }
        let headings: Vec<_> = prose(&chapter).iter().filter_map(|line| line.strip_prefix("## ")).collect();
        // An index comes first where a reader comes with what he sees.
        let is_an_index = form(&recipe) != Form::Pairs;
        let expected: &[&str] = match form(&recipe) {
            Form::Pairs => &[
                "asyncio beside Tokio",
                "which form to take",
                "what differs from asyncio",
                "what it prints",
                "pitfalls",
                "change it and see",
            ],
            Form::Symptoms => &[
                "by symptom",
                "every page",
                "asyncio beside Tokio",
                "what differs from asyncio",
                "what it prints",
                "test for them",
                "change it and see",
            ],
            Form::Messages => &[
                "by message",
                "four ideas behind most of them",
                "asyncio beside Tokio",
                "what differs from asyncio",
                "what it prints",
                "pitfalls",
                "change it and see",
            ],
        };
        let expected: Vec<_> = expected.iter().map(|heading| format!("{recipe}: {heading}")).collect();
        if headings != expected {
            mistake(format!("the sections are {headings:?}, and should be {expected:?}"));
        }
        let bullets =
            |heading: &str| section(&chapter, &format!("{recipe}: {heading}")).matches("\n- ").count();
        let advice = if form(&recipe) == Form::Symptoms { "test for them" } else { "pitfalls" };
        for (heading, allowed) in [(advice, 1..=PITFALLS), ("change it and see", 1..=3)] {
            if !allowed.contains(&bullets(heading)) {
                mistake(format!("{} {heading}, and {allowed:?} are allowed", bullets(heading)));
            }
        }
        let pairs = chapter.matches("\n### ").count();
        if !(1..=PAIRS).contains(&pairs) {
            mistake(format!("{pairs} pairs, and at most {PAIRS} are allowed"));
        }

        let text = prose(&chapter);
        let rows: Vec<_> = text.iter().filter(|line| line.starts_with('|')).collect();
        for row in &rows {
            let cells = cells(row);
            if cells.len() > COLUMNS {
                mistake(format!("more than {COLUMNS} columns: {row}"));
            }
            if let Some(cell) = cells.iter().find(|cell| words(cell) > WORDS_IN_A_CELL) {
                mistake(format!("more than {WORDS_IN_A_CELL} words in a cell: {cell}"));
            }
        }
        let all: usize = text.iter().map(|line| words(line)).sum();
        let in_tables: usize = rows.iter().map(|row| words(row)).sum();
        if in_tables * 3 > all && !is_an_index {
            mistake(format!("{in_tables} of {all} words are in tables, and a third is allowed"));
        }

        let differences = section(&chapter, &format!("{recipe}: what differs from asyncio"));
        let rows: Vec<_> = differences.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
        if !(1..=DIFFERENCES).contains(&rows.len()) {
            mistake(format!("{} differences, and at most {DIFFERENCES} are allowed", rows.len()));
        }
        for row in rows.iter().filter(|row| !row.contains(&format!("](../../tests/{recipe}/"))) {
            mistake(format!("no lesson is linked in {row}"));
        }
    }
    report(&wrong);
}

/// A reader comes with what he sees: the index by symptom leads to each page, and to no page that there is not.
#[test]
fn the_index_of_pitfalls_leads_to_every_page() {
    let chapter = read("recipes/pitfalls/README.md");
    let linked = |heading: &str| {
        let links: Vec<_> = section(&chapter, heading).split("](src/").skip(1).collect();
        let names = links.into_iter().map(|rest| rest.split(".rs)").next().unwrap().to_owned());
        names.collect::<BTreeSet<_>>()
    };
    let pages: BTreeSet<_> = patterns("pitfalls").into_iter().map(|(name, _)| name).collect();
    assert_eq!(linked("pitfalls: by symptom"), pages);
    assert_eq!(linked("pitfalls: every page"), pages);
}

#[test]
fn every_lesson_that_a_chapter_links_exists() {
    let chapters = recipes().into_iter().map(|recipe| format!("recipes/{recipe}/README.md"));
    report(&chapters.flat_map(|chapter| links_without_a_lesson(&read(chapter))).collect::<Vec<_>>());
}

/// The links `../../tests/queues/reserve.rs#name` of a page that lead to no lesson.
fn links_without_a_lesson(page: &str) -> Vec<String> {
    let links = page.split("](../../tests/").skip(1).filter_map(|rest| rest.split(')').next());
    let wrong = links.filter(|link| !link.split_once('#').is_some_and(|(file, name)| is_lesson(file, name)));
    wrong.map(|link| format!("there is no lesson {link}")).collect()
}

fn is_lesson(file: &str, name: &str) -> bool {
    let source = fs::read_to_string(root().join("tests").join(file)).unwrap_or_default();
    let lines: Vec<_> = source.lines().map(str::trim_start).collect();
    let is_it =
        |at: &usize| ["fn", "async fn"].iter().any(|word| lines[*at].starts_with(&format!("{word} {name}(")));
    // Other attributes may come between.
    let is_test = |at: usize| {
        let mut before = lines[..at].iter().rev().take_while(|line| line.starts_with(['#', '/']));
        before.any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
    };
    (0..lines.len()).filter(is_it).any(is_test)
}

/// `tests/linked.txt` has the lessons that the tables of the first chapters named, where they are now. A chapter links each,
/// or a pattern's docs name it: what a table said is not lost with the table.
#[test]
fn every_lesson_that_a_first_chapter_named_is_still_linked() {
    let mut wrong = Vec::new();
    let list = read("tests/linked.txt");
    assert_eq!(list.lines().count(), 217, "the list itself loses no row");
    let chapters: String = recipes().iter().map(|name| read(format!("recipes/{name}/README.md"))).collect();
    for lesson in list.lines() {
        let (recipe, path) = lesson.split_once("::").unwrap();
        let (module, name) = path.split_once("::").unwrap();
        let name = name.rsplit("::").next().unwrap();
        if !lessons(recipe).contains(path) {
            wrong.push(format!("there is no lesson {lesson}"));
            continue;
        }
        let links = [
            format!("](../../tests/{recipe}/{module}.rs#{name})"),
            format!("](../../tests/{recipe}/proofs/{module}.rs#{name})"),
        ];
        let is_linked = links.iter().any(|link| chapters.contains(link));
        let docs = pattern_sources(recipe).into_iter().flat_map(|(_, source)| {
            source.lines().filter(|line| line.starts_with("//!")).map(str::to_owned).collect::<Vec<_>>()
        });
        if !is_linked && !docs.into_iter().any(|line| line.contains(&format!("`{name}`"))) {
            wrong.push(format!("neither a chapter nor a pattern of {recipe} names {lesson}"));
        }
    }
    report(&wrong);
}

/// The functions of `source` that begin with `start` at the margin: name and body, without its margin.
fn bodies(source: &str, start: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut is_inside = false;
    for line in source.lines() {
        if let Some(rest) = line.strip_prefix(start) {
            found.push((rest.split('(').next().unwrap().to_owned(), "\n".to_owned()));
            is_inside = true;
        } else if !line.is_empty() && !line.starts_with(' ') {
            is_inside = false;
        } else if let (true, Some((_, body))) = (is_inside, found.last_mut()) {
            *body += line.strip_prefix("    ").unwrap_or(line);
            body.push('\n');
        }
    }
    found
}

/// A pair shows whole lines, one after the other, of two functions of one name, which `cargo test` and
/// `tests/parity.py` run; and each of these is shown, in the same order.
#[test]
fn every_pair_of_a_chapter_is_what_runs() {
    const LINES_OF_PYTHON: usize = 10;
    const LINES_OF_RUST: usize = 12;
    let mut wrong = Vec::new();
    let recipes = recipes().into_iter().filter(|recipe| form(recipe) != Form::Messages);
    for recipe in recipes {
        let chapter = read(format!("recipes/{recipe}/README.md"));
        let is_pair =
            |(_, body): &(String, String)| body.contains("\n    assert") || body.contains("\nassert");
        let python: Vec<_> = bodies(&read(format!("tests/{recipe}/pairs.py")), "async def ")
            .into_iter()
            .filter(is_pair)
            .collect();
        let rust: Vec<_> = bodies(&read(format!("tests/{recipe}/pairs.rs")), "async fn ")
            .into_iter()
            .filter(is_pair)
            .collect();
        let names =
            |pairs: &[(String, String)]| pairs.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        if names(&python) != names(&rust) {
            wrong.push(format!(
                "{recipe}: pairs.py has {:?}, and pairs.rs {:?}",
                names(&python),
                names(&rust)
            ));
        }
        let mut shown = Vec::new();
        for pair in section(&chapter, &format!("{recipe}: asyncio beside Tokio")).split("\n### ").skip(1) {
            let heading = pair.lines().next().unwrap();
            let (asyncio, tokio) = (fences(pair, "python"), fences(pair, "rust"));
            let ([asyncio], [tokio]) = (&asyncio[..], &tokio[..]) else {
                wrong.push(format!("{recipe}, {heading}: a pair is one fence of Python and one of Rust"));
                continue;
            };
            for (fence, allowed) in [(asyncio, LINES_OF_PYTHON), (tokio, LINES_OF_RUST)] {
                let lines = fence.lines().filter(|line| !line.is_empty()).count();
                if lines > allowed {
                    wrong.push(format!(
                        "{recipe}, {heading}: {lines} lines, and at most {allowed} are allowed"
                    ));
                }
            }
            let holds = |pairs: &[(String, String)], fence: &str| {
                let with = pairs.iter().filter(|(_, body)| body.contains(&format!("\n{fence}")));
                with.map(|(name, _)| name.clone()).collect::<Vec<_>>()
            };
            let (in_python, in_rust) = (holds(&python, asyncio), holds(&rust, tokio));
            match in_python.iter().find(|name| in_rust.contains(name)) {
                Some(name) => shown.push(name.clone()),
                None => wrong.push(format!(
                    "{recipe}, {heading}: its Python is in {in_python:?}, its Rust in {in_rust:?}"
                )),
            }
        }
        if shown != names(&rust) {
            wrong
                .push(format!("{recipe}: the chapter shows {shown:?}, and the pairs are {:?}", names(&rust)));
        }
    }
    report(&wrong);
}

/// What a chapter of messages shows of a page, which it links, is whole lines of the page's files: its message, its Python,
/// and one of its two ways out. Lessons compile them, and `tests/parity.py` runs the Python.
#[test]
fn every_excerpt_of_a_page_is_in_its_files() {
    let mut wrong = Vec::new();
    for recipe in recipes().into_iter().filter(|recipe| form(recipe) == Form::Messages) {
        let chapter = read(format!("recipes/{recipe}/README.md"));
        for excerpt in section(&chapter, &format!("{recipe}: asyncio beside Tokio")).split("\n### ").skip(1) {
            let heading = excerpt.lines().next().unwrap();
            let Some(page) = excerpt.split("](src/").nth(1).and_then(|rest| rest.split(".rs)").next()) else {
                wrong.push(format!("{recipe}, {heading}: no page is linked"));
                continue;
            };
            for (language, file) in [
                ("text", format!("errors/{page}.stderr")),
                ("python", format!("errors/{page}.py")),
                ("rust", format!("src/{page}.rs")),
            ] {
                let [shown] = &fences(excerpt, language)[..] else {
                    wrong.push(format!("{recipe}, {heading}: it has one fence of {language}"));
                    continue;
                };
                let source = format!("\n{}", read(format!("recipes/{recipe}/{file}")));
                // At the margin, or in a function, or in a block of one.
                let is_there = ["", "    ", "        "].into_iter().any(|margin| {
                    let moved = shown
                        .lines()
                        .map(|line| if line.is_empty() { String::new() } else { format!("{margin}{line}") });
                    source.contains(&format!("\n{}\n", moved.collect::<Vec<_>>().join("\n")))
                });
                if !is_there {
                    wrong.push(format!("{recipe}, {heading}: this is not in {file}:\n{shown}"));
                }
            }
        }
    }
    report(&wrong);
}

/// The messages that are compared word for word are those of the compiler that the workspace states.
#[test]
fn the_messages_are_of_the_stated_compiler() {
    let stated = document("Cargo.toml")["workspace"]["package"]["rust-version"].as_str().unwrap().to_owned();
    let pages = read("recipes/compile_errors/src/pages.rs");
    assert!(pages.contains(&format!("pub const COMPILER: &str = \"{stated}\";")), "not of {stated}");
    assert!(read("recipes/compile_errors/README.md").contains(&format!("rustc {stated} ")));
}
