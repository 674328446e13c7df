//! Runs the lints of the compiler and of Clippy on the forms of a mistake in `caught/by_a_lint`, and on the broken
//! functions.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use pitfalls::scenes::{Caught, GROUPS, Pitfall};
use serde_json::Value;

/// The level of a marker `//~ LEVEL: NAME, NAME; LEVEL: NAME`. It applies to its line, or with `^` to the line above.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    /// An error, as rustc and Clippy are installed.
    Error,
    /// A warning, as they are installed.
    Default,
    /// A warning with `caught/lints.toml` and `caught/clippy.toml`.
    Configured,
    /// A warning with more lints than are worth it.
    Strict,
}

/// A lint or an error, and where it fired.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Said {
    file: String,
    line: usize,
    name: String,
    is_error: bool,
}

/// The messages about the packages `installed`, `configured` and `strict`.
#[derive(Default)]
struct Outcome {
    forms: [BTreeSet<Said>; 3],
    broken: [BTreeSet<Said>; 3],
}

const PACKAGES: [(&str, Level); 3] =
    [("installed", Level::Default), ("configured", Level::Configured), ("strict", Level::Strict)];

static OUTCOME: LazyLock<Outcome> = LazyLock::new(run_clippy);

fn recipe() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert!(here.join("caught").is_dir(), "{} has no forms of mistakes", here.display());
    here.to_owned()
}

fn read(path: impl AsRef<Path>) -> String {
    let path = path.as_ref();
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The Rust files of a folder: name and source.
fn sources(folder: &str) -> Vec<(String, String)> {
    let files = fs::read_dir(recipe().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let rust = files.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    rust.map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), read(path))).collect()
}

fn pitfalls() -> impl Iterator<Item = Pitfall> {
    GROUPS.into_iter().flat_map(|group| group.pitfalls).copied()
}

/// The source of a pitfall without the attributes that keep the lints quiet.
fn outspoken(pitfall: &str) -> String {
    let mut source = read(recipe().join(format!("src/{pitfall}.rs")));
    for attribute in ["#[allow(", "#[expect("] {
        while let Some(start) = source.find(attribute) {
            let end = start + source[start..].find(")]\n").unwrap() + ")]\n".len();
            source.replace_range(start..end, "");
        }
    }
    source
}

/// Builds a workspace of its own from the forms and the broken functions, and lets Clippy look at it.
///
/// The versions are those of the `Cargo.lock` that this package is built with, so nothing is downloaded.
fn run_clippy() -> Outcome {
    const DEPENDENCIES: &str = r#"
[dependencies]
futures = { version = "0.3", default-features = false, features = ["std", "async-await", "executor"] }
scopeguard = "1"
tokio = { version = "1", features = ["io-util", "macros", "net", "rt", "rt-multi-thread", "sync", "time"] }
tokio-util = { version = "0.7", features = ["rt"] }
tracing = { version = "0.1", default-features = false, features = ["std"] }
"#;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("caught");
    let put = |path: &str, text: &str| {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        // Cargo does not build an unchanged file again.
        if fs::read_to_string(&path).ok().as_deref() != Some(text) {
            fs::write(&path, text).unwrap();
        }
    };
    let package = |name: &str, lints: &str| {
        let head = format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
        put(&format!("{name}/Cargo.toml"), &format!("{head}{DEPENDENCIES}\n{lints}"));
    };
    put(
        "Cargo.toml",
        "[workspace]\nresolver = \"3\"\nmembers = [\"installed\", \"configured\", \"strict\"]\n",
    );
    let lock = recipe().ancestors().map(|folder| folder.join("Cargo.lock")).find(|lock| lock.is_file());
    put("Cargo.lock", &read(lock.expect("cargo has made a Cargo.lock")));

    let (lints, clippy) =
        (read(recipe().join("caught/lints.toml")), read(recipe().join("caught/clippy.toml")));
    const TYPES: &str = "await-holding-invalid-types = [\n";
    let tokio_guard = format!("{TYPES}  {{ path = \"tokio::sync::MutexGuard\" }},\n");
    let strict = clippy.replace(TYPES, &tokio_guard);
    assert_ne!(strict, clippy);
    for (name, lints, clippy) in
        [("installed", "", ""), ("configured", lints.as_str(), clippy.as_str()), ("strict", &lints, &strict)]
    {
        package(name, lints);
        put(&format!("{name}/clippy.toml"), clippy);
        let mut library = String::new();
        if name == "strict" {
            library += "#![warn(unused_results, clippy::significant_drop_in_scrutinee)]\n";
        }
        for (form, source) in sources("caught/by_a_lint") {
            library += &format!("pub mod {form};\n");
            put(&format!("{name}/src/{form}.rs"), &source);
        }
        library += "pub mod broken;\n";
        let mut broken = String::new();
        for pitfall in pitfalls() {
            broken += &format!("pub mod {};\n", pitfall.name);
            put(&format!("{name}/src/broken/{}.rs", pitfall.name), &outspoken(pitfall.name));
        }
        put(&format!("{name}/src/lib.rs"), &library);
        put(&format!("{name}/src/broken/mod.rs"), &broken);
    }

    let mut clippy = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    clippy.args([
        "clippy",
        "--quiet",
        "--offline",
        "--workspace",
        "--keep-going",
        "--message-format",
        "json",
    ]);
    clippy.current_dir(&folder).env("CARGO_TARGET_DIR", folder.join("target"));
    // The build flags of the lessons' own run must not reach this build.
    for variable in
        ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "CLIPPY_ARGS", "CLIPPY_CONF_DIR"]
    {
        clippy.env_remove(variable);
    }
    let ran = clippy.output().expect("cargo runs");
    let stdout = String::from_utf8(ran.stdout).unwrap();
    assert!(
        stdout.contains(r#""reason":"build-finished""#),
        "Clippy has not run; to install it: rustup component add clippy\n{}",
        String::from_utf8_lossy(&ran.stderr)
    );

    let mut outcome = Outcome::default();
    for message in stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let Some((path, said)) = said(&message["message"]) else { continue };
        let place = PACKAGES.iter().position(|(package, _)| path.starts_with(package)).expect(&path);
        let said_before =
            if path.contains("/broken/") { &mut outcome.broken[place] } else { &mut outcome.forms[place] };
        said_before.insert(said);
    }
    outcome
}

/// A message that has a position, with the path of its file.
fn said(message: &Value) -> Option<(String, Said)> {
    let span = message["spans"].as_array()?.iter().find(|span| span["is_primary"] == true)?;
    let path = span["file_name"].as_str()?.replace('\\', "/");
    let file = path.rsplit('/').next()?.trim_end_matches(".rs").to_owned();
    let line = usize::try_from(span["line_start"].as_u64()?).ok()?;
    let name = message["code"]["code"].as_str().or(message["message"].as_str())?.to_owned();
    Some((path, Said { file, line, name, is_error: message["level"] == "error" }))
}

/// The expected messages of a folder's markers, up to a level.
fn marked(folder: &str, highest: Level) -> BTreeSet<Said> {
    let mut marked = BTreeSet::new();
    for (file, source) in sources(folder) {
        for (index, line) in source.lines().enumerate() {
            let Some((_, markers)) = line.split_once("//~") else { continue };
            let (number, markers) = match markers.strip_prefix('^') {
                Some(markers) => (index, markers),
                None => (index + 1, markers),
            };
            for marker in markers.trim_start().split("; ") {
                let (level, names) = marker.split_once(": ").unwrap();
                let level = match level {
                    "error" => Level::Error,
                    "default" => Level::Default,
                    "configured" => Level::Configured,
                    "strict" => Level::Strict,
                    _ => panic!("{file}: {marker}"),
                };
                for name in names.split(", ").filter(|_| level <= highest) {
                    let is_error = level == Level::Error;
                    marked.insert(Said { file: file.clone(), line: number, name: name.to_owned(), is_error });
                }
            }
        }
    }
    assert!(!marked.is_empty(), "{folder} has no markers");
    marked
}

fn assert_same(said: &BTreeSet<Said>, marked: &BTreeSet<Said>) {
    let unmarked: Vec<_> = said.difference(marked).collect();
    let unsaid: Vec<_> = marked.difference(said).collect();
    assert!(
        unmarked.is_empty() && unsaid.is_empty(),
        "said and not marked: {unmarked:#?}\nmarked and not said: {unsaid:#?}"
    );
}

/// asyncio: a mistake shows when it runs, if at all. Rust: the compiler warns about exactly these forms.
#[test]
fn as_they_are_installed_the_compiler_and_clippy_catch_these_forms_and_no_other() {
    assert_same(&OUTCOME.forms[0], &marked("caught/by_a_lint", Level::Default));
}

/// The markers are exact: a lint that fires elsewhere, or does not fire at its marker, fails this lesson.
#[test]
fn with_the_lints_to_copy_they_catch_these_forms_as_well() {
    assert_same(&OUTCOME.forms[1], &marked("caught/by_a_lint", Level::Configured));
}

/// Forms that only stricter lints catch, which are not worth their noise.
#[test]
fn and_with_stricter_ones_these() {
    assert_same(&OUTCOME.forms[2], &marked("caught/by_a_lint", Level::Strict));
}

/// The list names the lints of each pitfall: they fire in the broken function, and not in the fixed one.
#[test]
fn each_broken_function_is_caught_by_what_the_list_says_and_no_fixed_one_is() {
    for ((package, level), said) in PACKAGES.into_iter().zip(&OUTCOME.broken).take(2) {
        for pitfall in pitfalls() {
            let expected: &[&str] = match pitfall.caught_by {
                Caught::ByDefault(lints) => lints,
                Caught::Configured(lints) if level >= Level::Configured => lints,
                _ => &[],
            };
            let here: Vec<_> = said.iter().filter(|said| said.file == pitfall.name).collect();
            let names: BTreeSet<_> = here.iter().map(|said| said.name.as_str()).collect();
            assert_eq!(names, expected.iter().copied().collect(), "{package}: {here:#?}");
            let source = outspoken(pitfall.name);
            let fixed = source.lines().position(|line| line.contains("fn fixed")).unwrap();
            assert!(here.iter().all(|said| said.line <= fixed), "{package}: {here:#?}");
        }
    }
}
