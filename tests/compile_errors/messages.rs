//! rustc's messages for each program in `errors`, checked by one run of cargo over all programs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use compile_errors::pages::{COMPILER, PAGES};
use expect_test::expect_file;
use serde_json::Value;

/// The errors of each program, as rustc prints them, in its order.
static SAID: LazyLock<BTreeMap<String, Vec<String>>> = LazyLock::new(run_cargo);

fn recipe() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert!(here.join("errors").is_dir(), "{} has no programs", here.display());
    here.to_owned()
}

/// Returns the errors of a program that does not compile.
fn said_of(name: &str) -> &'static [String] {
    SAID.get(name).unwrap_or_else(|| panic!("{name} compiles"))
}

fn stderr(name: &str) -> PathBuf {
    recipe().join(format!("errors/{name}.stderr"))
}

/// Makes a package of the programs, and lets cargo check it.
///
/// The versions are those of this package's `Cargo.lock`, so nothing is downloaded.
fn run_cargo() -> BTreeMap<String, Vec<String>> {
    // Only crates of the recipe: a copy of it has no others in its lock file.
    const MANIFEST: &str = r#"[package]
name = "errors"
version = "0.1.0"
edition = "2024"

[dependencies]
futures = { version = "0.3", default-features = false, features = ["std", "async-await"] }
tokio = { version = "1", features = ["macros", "rt", "rt-multi-thread", "sync", "time"] }

[workspace]
"#;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("errors");
    let put = |path: &str, text: &str| {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        // An unchanged file is not written, so cargo need not check it again.
        if fs::read_to_string(&path).ok().as_deref() != Some(text) {
            fs::write(&path, text).unwrap();
        }
    };
    put("Cargo.toml", MANIFEST);
    let lock = recipe().ancestors().map(|folder| folder.join("Cargo.lock")).find(|lock| lock.is_file());
    put("Cargo.lock", &fs::read_to_string(lock.expect("cargo has made a Cargo.lock")).unwrap());
    for page in PAGES {
        put(&format!("src/bin/{}.rs", page.name), page.broken);
    }
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["check", "--quiet", "--offline", "--bins", "--keep-going", "--message-format", "json"]);
    // Shares the target folder with the lessons of `pitfalls`, so what they have built is used again.
    cargo.current_dir(&folder).env("CARGO_TARGET_DIR", folder.with_file_name("caught").join("target"));
    // Settings for the build of the lessons must not reach this build.
    for variable in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS"] {
        cargo.env_remove(variable);
    }
    let ran = cargo.output().expect("cargo runs");
    let stdout = String::from_utf8(ran.stdout).unwrap();
    assert!(
        stdout.contains(r#""reason":"build-finished""#),
        "cargo has not run\n{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    let mut said = BTreeMap::<String, Vec<String>>::new();
    for line in stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let name = line["target"]["name"].as_str().unwrap_or_default();
        let message = &line["message"];
        // The message that counts the errors has no span.
        let has_place = message["spans"].as_array().is_some_and(|spans| !spans.is_empty());
        if message["level"] == "error" && has_place {
            let text = as_printed(message["rendered"].as_str().unwrap(), name);
            said.entry(name.to_owned()).or_default().push(text);
        }
    }
    said
}

/// Returns a message as a reader sees it, with the program as `src/main.rs`. It leaves out quotes from the sources of
/// other crates, which differ with their versions and with the installed parts of std.
fn as_printed(rendered: &str, name: &str) -> String {
    let mut text = String::new();
    let mut is_quoted = false;
    for line in rendered.trim_end().lines() {
        let line = line.replace(&format!("src/bin/{name}.rs"), "src/main.rs");
        let inside = line.trim_start().trim_start_matches(|letter: char| letter.is_ascii_digit());
        let is_source = inside.trim_start().starts_with('|') || inside == "...";
        if is_quoted && is_source {
            continue;
        }
        is_quoted = false;
        match line.split_once("--> ").and_then(|(margin, path)| Some((margin, foreign(path)?))) {
            Some((margin, path)) => {
                text += &format!("{margin}--> {path}\n");
                is_quoted = true;
            }
            None => text += &format!("{line}\n"),
        }
    }
    text
}

/// Returns `tokio/src/task/spawn.rs` for a path into the registry, `core/src/pin.rs` for a path into std.
fn foreign(path: &str) -> Option<String> {
    let (file, _place) = path.split_once(".rs:")?;
    if let Some((_, rest)) = file.split_once("/registry/src/") {
        let (_registry, rest) = rest.split_once('/')?;
        let (package, rest) = rest.split_once('/')?;
        let (name, _version) = package.rsplit_once('-')?;
        return Some(format!("{name}/{rest}.rs"));
    }
    let (_, rest) = file.split_once("/library/")?;
    Some(format!("{rest}.rs"))
}

/// Returns the code and the line of a message, which stay the same when another compiler words it differently.
fn code_and_line(message: &str) -> (&str, &str) {
    let code = message.split(':').next().unwrap();
    let line = message.split_once("--> src/main.rs:").map_or("", |(_, rest)| rest.split(':').next().unwrap());
    (code, line)
}

fn is_the_stated_compiler() -> bool {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().expect("rustc runs").stdout;
    String::from_utf8(version).unwrap().starts_with(&format!("rustc {COMPILER}."))
}

/// asyncio: each of these programs runs. Rust: none compiles, and rustc prints this message, word for word on the
/// stated compiler.
#[test]
fn rustc_says_what_the_pages_show() {
    let is_stated = is_the_stated_compiler();
    for page in PAGES {
        let said = said_of(page.name);
        if is_stated {
            expect_file![stderr(page.name)].assert_eq(&said[0]);
        } else {
            assert_eq!(code_and_line(&said[0]), code_and_line(page.stderr), "{}", page.name);
        }
    }
}

/// A reader sees one mistake at a time: if rustc prints several errors, all of them begin alike.
#[test]
fn each_program_has_one_mistake() {
    for page in PAGES {
        let firsts = said_of(page.name).iter().map(|error| error.lines().next().unwrap());
        assert!(firsts.clone().all(|first| Some(first) == firsts.clone().next()), "{}", page.name);
    }
    assert_eq!(SAID.len(), PAGES.len());
}
