//! What rustc says of each program in `errors`, proved by running it, all of them in one go of cargo.

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

/// The errors of a program that does not compile.
fn said_of(name: &str) -> &'static [String] {
    SAID.get(name).unwrap_or_else(|| panic!("{name} compiles"))
}

fn stderr(name: &str) -> PathBuf {
    recipe().join(format!("errors/{name}.stderr"))
}

/// Makes a package of the programs, and lets cargo check it.
///
/// The versions are those of the `Cargo.lock` that this package is built with, so nothing is downloaded.
fn run_cargo() -> BTreeMap<String, Vec<String>> {
    // No crate that the recipe does not have: a copy of it has no other in its lock file.
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
        // A file that stays as it is need not be looked at again.
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
    // What the lessons of `pitfalls` have built in this place serves here, too.
    cargo.current_dir(&folder).env("CARGO_TARGET_DIR", folder.with_file_name("caught").join("target"));
    // What the one who runs the lessons asks of their build is not asked of this one.
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
        // What counts the errors has no place.
        let has_place = message["spans"].as_array().is_some_and(|spans| !spans.is_empty());
        if message["level"] == "error" && has_place {
            let text = as_printed(message["rendered"].as_str().unwrap(), name);
            said.entry(name.to_owned()).or_default().push(text);
        }
    }
    said
}

/// A message as a reader sees it, whose program is `src/main.rs`; without what is quoted from the sources of other crates,
/// which differs with their versions, and with what is installed of std.
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

/// `tokio/src/task/spawn.rs` of a path into the registry, `core/src/pin.rs` of one into std.
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

/// The code and the line of a message: what stays when another compiler words it otherwise.
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

/// asyncio: each of these runs. Rust: none compiles, and rustc says this of it, word for word on the stated compiler.
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

/// A reader sees one mistake at a time: where rustc prints several errors, all of them begin alike.
#[test]
fn each_program_has_one_mistake() {
    for page in PAGES {
        let firsts = said_of(page.name).iter().map(|error| error.lines().next().unwrap());
        assert!(firsts.clone().all(|first| Some(first) == firsts.clone().next()), "{}", page.name);
    }
    assert_eq!(SAID.len(), PAGES.len());
}
