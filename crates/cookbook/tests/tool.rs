//! The program as its user has it: each test runs the real binary, most of them in a folder of their own.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use expect_test::{Expect, expect};
use tempfile::TempDir;

/// The installed program, in `folder`.
fn cookbook(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cookbook"));
    // As a reader has it who did not start it by `cargo run`.
    command.args(arguments).current_dir(folder).env_remove("CARGO_PKG_NAME").env_remove("PAGER");
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    cookbook(folder, arguments).output().unwrap()
}

/// What it prints, of a run that succeeds without a word on stderr.
fn printed(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{arguments:?}");
    assert!(output.status.success(), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The one line on stderr of a run that fails with `code`, and prints nothing.
fn refused(folder: &Path, arguments: &[&str], code: i32) -> String {
    let output = run(folder, arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "", "{arguments:?}");
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(error.matches('\n').count(), 1, "{error}");
    error.trim_end().to_owned()
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A crate as `cargo new` makes it, with these dependencies.
fn project(dependencies: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("src")).unwrap();
    fs::write(folder.path().join("src/main.rs"), "fn main() {}\n").unwrap();
    let manifest = format!("[package]\nname = \"app\"\nedition = \"2024\"\n\n{dependencies}");
    fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    folder
}

/// The manifest after its `[package]`.
fn dependencies(project: &TempDir) -> String {
    let manifest = fs::read_to_string(project.path().join("Cargo.toml")).unwrap();
    manifest.split_once("edition = \"2024\"\n\n").unwrap().1.to_owned()
}

/// What a copy of the pattern `first_success`, which needs futures and tokio's macros and time, makes of a manifest.
fn check_merge(before: &str, after: Expect) {
    let project = project(before);
    printed(project.path(), &["copy", "gather", "first_success", "--into", "."]);
    after.assert_eq(&dependencies(&project));
}

fn check_refusal(before: &str, error: Expect) {
    let project = project(before);
    error.assert_eq(&refused(project.path(), &["copy", "gather", "first_success", "--into", "."], 1));
    assert_eq!(dependencies(&project), before);
    assert!(!project.path().join("src/first_success.rs").exists());
}

#[test]
fn without_arguments_it_says_what_there_is_on_one_screen() {
    let by_cargo = cookbook(here(), &[]).env("CARGO_PKG_NAME", "cookbook").output().unwrap();
    let by_cargo = String::from_utf8(by_cargo.stdout).unwrap();
    for screen in [&printed(here(), &[]), &by_cargo] {
        // One line is left for the names of the recipes that are still to come, and one for the prompt.
        assert!(screen.lines().count() <= 22, "{screen}");
        assert!(screen.lines().all(|line| line.chars().count() < 80), "{screen}");
        for word in ["find", "list", "show", "copy", "completions", "man", "gather"] {
            assert!(screen.contains(word), "{screen}");
        }
    }
    assert!(by_cargo.contains("cargo run -p gather"), "{by_cargo}");
}

#[test]
fn a_mistake_is_one_line() {
    expect!["error: unrecognized subcommand 'shwo'; tip: a similar subcommand exists: 'show'; Usage: cookbook [COMMAND]; For more information, try '--help'."]
        .assert_eq(&refused(here(), &["shwo"], 2));
    expect![[r#"error: there is no recipe "gahter": did you mean gather?"#]].assert_eq(&refused(
        here(),
        &["show", "gahter"],
        1,
    ));
    expect![[r#"error: gather has no pattern "wiat": did you mean wait?"#]].assert_eq(&refused(
        here(),
        &["show", "gather", "wiat"],
        1,
    ));
    expect![[r#"error: nothing fits "as_complete": did you mean as_completed, or as_connectable, or ALL_COMPLETED?"#]]
        .assert_eq(&refused(here(), &["find", "as_complete"], 1));
    expect![[r#"error: nothing fits "gahter": did you mean gather, or aiter?"#]].assert_eq(&refused(
        here(),
        &["find", "gahter"],
        1,
    ));
    expect![[r#"error: nothing fits "zebra""#]].assert_eq(&refused(here(), &["list", "zebra"], 1));
}

#[test]
fn a_closed_pipe_is_no_failure() {
    for arguments in [
        &["list"][..],
        &["show", "gather"],
        &["find", "asyncio.gather"],
        &["man"],
        &["completions", "zsh"],
        &[],
    ] {
        let (reader, closed) = std::io::pipe().unwrap();
        drop(reader);
        let output = cookbook(here(), arguments).stdout(closed).output().unwrap();
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    }
}

#[test]
fn list_is_the_table_of_contents_and_with_words_the_same_as_find() {
    let list = printed(here(), &["list"]);
    assert!(list.find("async_await").unwrap() < list.find("\ngather").unwrap(), "{list}");
    assert!(list.contains("Python: gather, "), "{list}");
    assert!(list.lines().all(|line| line.chars().count() <= 80), "{list}");
    for words in [&["return_exceptions"][..], &["FIRST_COMPLETED"], &["JoinQueue"], &["first", "success"]] {
        let found = printed(here(), &[&["find"], words].concat());
        assert_eq!(printed(here(), &[&["list"], words].concat()), found, "{words:?}");
    }
}

#[test]
fn show_gives_a_pipe_the_chapter_as_it_is() {
    let recipe = here().join("../../recipes/gather");
    assert_eq!(printed(here(), &["show", "gather"]), fs::read_to_string(recipe.join("README.md")).unwrap());
}

#[test]
fn show_begins_a_pattern_with_the_call() {
    let shown = printed(here(), &["show", "task_groups", "join_set"]);
    let call = "use std::future::pending;\n\nuse task_groups::join_set::try_join_all;\n";
    assert!(shown.starts_with(call), "{shown}");
    assert_eq!(shown.matches("use task_groups::").count(), 1, "{shown}");
    let source = fs::read_to_string(here().join("../../recipes/task_groups/src/join_set.rs")).unwrap();
    let (_, code) = source.split_once("\n\n").unwrap();
    assert!(shown.ends_with(code), "{shown}");
    assert_eq!(printed(here(), &["show", "Task_Groups", "join-set"]), shown);
}

#[test]
fn a_copied_pattern_has_an_example_that_is_not_run() {
    let project = project("");
    printed(project.path(), &["copy", "task_groups", "join_set", "--into", "."]);
    let copied = fs::read_to_string(project.path().join("src/join_set.rs")).unwrap();
    let source = fs::read_to_string(here().join("../../recipes/task_groups/src/join_set.rs")).unwrap();
    assert_eq!(copied, source.replacen("//! ```\n//! use", "//! ```ignore\n//! use", 1));
    assert_ne!(copied, source);
}

#[test]
fn show_knows_the_demo_which_is_no_pattern() {
    let demo = fs::read_to_string(here().join("../../recipes/gather/src/demo.rs")).unwrap();
    assert_eq!(printed(here(), &["show", "gather", "demo"]), demo);
    assert_eq!(
        refused(here(), &["show", "gather", "dmeo"], 1),
        r#"error: gather has no pattern "dmeo": did you mean demo?"#
    );
    let all = refused(here(), &["show", "gather", "xyz"], 1);
    assert!(all.ends_with(", wait, demo"), "{all}");
    let help = printed(here(), &["show", "--help"]);
    assert!(help.contains("or `demo`"), "{help}");
    // Only patterns are copied one by one.
    let project = project("");
    let error = refused(project.path(), &["copy", "gather", "demo", "--into", "."], 1);
    assert!(error.starts_with("error: gather has no pattern \"demo\""), "{error}");
    assert!(!error.contains(", demo"), "{error}");
}

/// A pattern is a file, or a file with the folder of its name.
#[test]
fn a_pattern_with_a_folder_is_shown_and_copied_with_it() {
    let sources = here().join("../../recipes/queues/src");
    let [outer, inner] = ["joinable.rs", "joinable/orders.rs"]
        .map(|path| (path, fs::read_to_string(sources.join(path)).unwrap()));
    let shown = printed(here(), &["show", "queues", "joinable"]);
    assert!(shown.starts_with("use std::sync::Arc;\n\nuse queues::joinable::PriorityQueue;\n"), "{shown}");
    assert!(shown.ends_with(&format!("\n// {}\n{}", inner.0, inner.1)), "{shown}");

    let project = project("");
    let told = printed(project.path(), &["copy", "queues", "joinable", "--into", "."]);
    assert!(told.starts_with("./src/joinable.rs\n./src/joinable/orders.rs\n./Cargo.toml\n"), "{told}");
    let copied = |path| fs::read_to_string(project.path().join("src").join(path)).unwrap();
    assert_eq!(copied(outer.0), outer.1.replacen("//! ```\n//! use", "//! ```ignore\n//! use", 1));
    assert_eq!(copied(inner.0), inner.1);
    let preview = printed(project.path(), &["copy", "queues", "tracked", "--into", ".", "--dry-run"]);
    assert_eq!(preview.matches("would create").count(), 1, "{preview}");
}

#[test]
fn completions_know_the_recipes_and_the_manual_has_a_title() {
    for shell in ["bash", "zsh"] {
        assert!(printed(here(), &["completions", shell]).contains("create_task"), "{shell}");
    }
    // clap does not complete values for these.
    for shell in ["fish", "elvish", "powershell"] {
        assert!(printed(here(), &["completions", shell]).contains("dry-run"), "{shell}");
    }
    assert!(printed(here(), &["man"]).contains(".TH cookbook 1"));
}

#[test]
fn a_copied_recipe_names_nothing_of_the_workspace() {
    let folder = tempfile::tempdir().unwrap();
    for recipe in printed(here(), &["list"]).lines().filter(|line| !line.starts_with(' ')) {
        let name = recipe.split(' ').next().unwrap();
        printed(folder.path(), &["copy", name, name]);
        let copy = folder.path().join(name);
        let manifest = fs::read_to_string(copy.join("Cargo.toml")).unwrap();
        for ours in ["workspace", "path = \"..", "common", "cancel_sweep", "metadata"] {
            assert!(!manifest.contains(ours), "{name}: {ours}\n{manifest}");
        }
        let has_demo = here().join("../../recipes").join(name).join("src/demo.rs").is_file();
        let of_all = ["README.md", "transcript.txt", "LICENSE-0BSD", "LICENSE-MIT", "LICENSE-APACHE"];
        let others =
            if has_demo { ["demo.py", "src/demo.rs"] } else { ["errors/rc_in_a_task.py", "src/pages.rs"] };
        for file in of_all.into_iter().chain(others) {
            assert!(copy.join(file).is_file(), "{name} has no {file}");
        }
        let chapter = fs::read_to_string(copy.join("README.md")).unwrap();
        assert!(!chapter.contains("](../"), "{name}");
        assert!(!chapter.contains("cargo cookbook copy"), "{name}");
        let main = fs::read_to_string(copy.join("src/main.rs")).unwrap();
        let begin = if has_demo { "async fn main() -> anyhow::Result<()> {" } else { "fn main() {" };
        assert!(main.contains(begin), "{main}");
    }
}

#[test]
fn a_copied_recipe_keeps_the_lessons_and_not_the_proofs() {
    let folder = tempfile::tempdir().unwrap();
    printed(folder.path(), &["copy", "gather", "x"]);
    let read = |path: &str| fs::read_to_string(folder.path().join("x/tests").join(path));
    assert!(read("gather/wait.rs").unwrap().contains("fn a_timeout_leaves_the_pending_tasks_running()"));
    assert!(read("support/mod.rs").unwrap().contains("pub struct Count"));
    assert!(read("support/real_time.rs").is_err(), "gather's suite does not take it in");
    assert!(read("gather/proofs/main.rs").is_err(), "the proofs need the cookbook's own tools");
}

/// What a recipe's main does before it hands over to the cookbook's own tools, such as being a worker process.
#[test]
fn the_main_of_a_copy_begins_as_the_recipes_own() {
    let folder = tempfile::tempdir().unwrap();
    printed(folder.path(), &["copy", "executors", "x"]);
    let main = fs::read_to_string(folder.path().join("x/src/main.rs")).unwrap();
    let (_before, body) = main.split_once("async fn main() -> anyhow::Result<()> {\n").unwrap();
    let comment = "    // The workers of the process pool are this program, started once more.\n";
    assert!(
        body.starts_with(&format!("{comment}    #[cfg(unix)]\n    executors::demo::serve();\n")),
        "{body}"
    );
}

#[test]
fn nothing_is_overwritten_without_force() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("README.md"), "mine\n").unwrap();
    expect!["error: ./README.md is there already, and differs: --force replaces it, --dry-run shows how"]
        .assert_eq(&refused(folder.path(), &["copy", "gather", "."], 1));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    printed(folder.path(), &["copy", "gather", ".", "--force"]);
    assert_ne!(fs::read_to_string(folder.path().join("README.md")).unwrap(), "mine\n");
    // What is the same is not in the way.
    printed(folder.path(), &["copy", "gather", "."]);
}

#[test]
fn a_dry_run_shows_what_would_change_and_changes_nothing() {
    let before = "[dependencies]\ntokio = \"1.60\" # for the server\n";
    let project = project(before);
    let preview = printed(project.path(), &["copy", "gather", "wait", "--into", ".", "--dry-run"]);
    expect![[r#"
        would create  ./src/wait.rs
        would edit    ./Cargo.toml
        @@ -4,3 +4,3 @@

         [dependencies]
        -tokio = "1.60" # for the server
        +tokio = { version = "1.60", features = ["rt", "time"] } # for the server

        ./src/wait.rs
        ./Cargo.toml
          tokio: features rt, time added
        note: a program needs a runtime: cargo add tokio --features
              macros,rt-multi-thread, and above `async fn main` #[tokio::main]
        Add to ./src/main.rs: pub mod wait;
    "#]]
    .assert_eq(&preview.lines().map(|line| format!("{}\n", line.trim_end())).collect::<String>());
    assert_eq!(dependencies(&project), before);
    assert_eq!(fs::read_dir(project.path().join("src")).unwrap().count(), 1);
}

#[test]
fn a_pattern_tells_its_mod_line_once() {
    let project = project("");
    let told = printed(project.path(), &["copy", "gather", "in_order", "--into", "."]);
    assert!(told.ends_with("Add to ./src/main.rs: pub mod in_order;\n"), "{told}");
    fs::write(project.path().join("src/main.rs"), "mod in_order;\nfn main() {}\n").unwrap();
    let told = printed(project.path(), &["copy", "gather", "in_order", "--into", "Cargo.toml"]);
    assert!(!told.contains("Add to"), "{told}");
}

#[test]
fn dependencies_are_added_in_the_order_that_is_there() {
    check_merge(
        "[dependencies]\nanyhow = \"1\" # errors\nserde = \"1\"\n\n# mine\n[profile.dev]\ndebug = 1\n",
        expect![[r#"
            [dependencies]
            anyhow = "1" # errors
            futures = "0.3.34"
            serde = "1"
            tokio = { version = "1.54", features = ["macros", "rt", "time"] }

            # mine
            [profile.dev]
            debug = 1
        "#]],
    );
}

#[test]
fn without_dependencies_the_section_is_added() {
    check_merge(
        "[features]\ndefault = []\n",
        expect![[r#"
            [features]
            default = []

            [dependencies]
            futures = "0.3.34"
            tokio = { version = "1.54", features = ["macros", "rt", "time"] }
        "#]],
    );
}

#[test]
fn features_are_added_and_none_is_taken_away() {
    check_merge(
        "[dependencies]\nfutures = { version = \"0.3\", features = [\"thread-pool\"] }\n\n[dependencies.tokio]\n# the server\nversion = \"1\"\nfeatures = [\n    \"full\", # all of it\n    \"time\", # and this\n]\n",
        expect![[r#"
            [dependencies]
            futures = { version = "0.3", features = ["thread-pool"] }

            [dependencies.tokio]
            # the server
            version = "1"
            features = [
                "full", # all of it
                "time", # and this
                "macros",
                "rt",
            ]
        "#]],
    );
}

#[test]
fn without_default_features_it_adds_what_the_pattern_uses() {
    check_merge(
        "[dependencies]\nfutures = { version = \"0.3\", default-features = false }\ntokio = { version = \"1.54\", default-features = false, features = [\"macros\", \"time\"] }\n",
        expect![[r#"
            [dependencies]
            futures = { version = "0.3", default-features = false, features = ["std"] }
            tokio = { version = "1.54", default-features = false, features = ["macros", "time", "rt"] }
        "#]],
    );
}

#[test]
fn dotted_keys_stay_dotted() {
    check_merge(
        "[dependencies]\nfutures.version = \"0.3\" # here\ntokio.version = \"1\"\n",
        expect![[r#"
            [dependencies]
            futures.version = "0.3" # here
            tokio.version = "1"
            tokio.features = ["macros", "rt", "time"]
        "#]],
    );
}

#[test]
fn lines_end_as_they_did() {
    let project = project("");
    let path = project.path().join("Cargo.toml");
    fs::write(&path, "[package]\r\nname = \"app\"\r\n\r\n# none yet\r\n[dependencies]\r\n").unwrap();
    printed(project.path(), &["copy", "gather", "wait", "--into", "."]);
    expect![["[package]\r\nname = \"app\"\r\n\r\n# none yet\r\n[dependencies]\r\ntokio = { version = \"1.54\", features = [\"rt\", \"time\"] }\r\n"]]
        .assert_eq(&fs::read_to_string(&path).unwrap());
}

#[test]
fn a_dependency_from_elsewhere_gets_the_features_and_no_version() {
    check_merge(
        "[dependencies]\nfutures = { path = \"../futures\" }\ntokio = { git = \"https://example.org\", optional = true }\n",
        expect![[r#"
            [dependencies]
            futures = { path = "../futures" }
            tokio = { git = "https://example.org", optional = true, features = ["macros", "rt", "time"] }
        "#]],
    );
}

#[test]
fn a_version_that_the_pattern_cannot_use_is_refused() {
    check_refusal(
        "[dependencies]\ntokio = \"0.2\"\n",
        expect![
            "error: ./Cargo.toml cannot be changed: it wants tokio 0.2, and the pattern needs 1.44.0 or later: raise it, or give it another name, as in old_tokio = { package = \"tokio\", version = \"0.2\" }"
        ],
    );
    check_refusal(
        "[dependencies]\ntokio = \"=1.20.0\"\n",
        expect![
            "error: ./Cargo.toml cannot be changed: it wants tokio =1.20.0, and the pattern needs 1.44.0 or later: raise it"
        ],
    );
    check_refusal(
        "[dependencies]\ntokio = { version = \"1\", package = \"other\" }\n",
        expect![
            "error: ./Cargo.toml cannot be changed: tokio is another crate there, other: give that one another name"
        ],
    );
}

#[test]
fn a_member_of_a_workspace_inherits_what_the_workspace_has() {
    let workspace = tempfile::tempdir().unwrap();
    let root = "[workspace]\nmembers = [\"app\"]\n[workspace.dependencies]\ntokio = { version = \"1.55\", features = [\"time\"] }\n";
    fs::write(workspace.path().join("Cargo.toml"), root).unwrap();
    let app = workspace.path().join("app");
    fs::create_dir_all(app.join("src")).unwrap();
    fs::write(app.join("src/lib.rs"), "").unwrap();
    fs::write(app.join("Cargo.toml"), "[package]\nname = \"app\"\nedition = \"2024\"\n").unwrap();
    printed(workspace.path(), &["copy", "gather", "first_success", "--into", "app"]);
    expect![[r#"
        [package]
        name = "app"
        edition = "2024"

        [dependencies]
        futures = "0.3.34"
        tokio = { workspace = true, features = ["macros", "rt"] }
    "#]]
    .assert_eq(&fs::read_to_string(app.join("Cargo.toml")).unwrap());
    assert_eq!(fs::read_to_string(workspace.path().join("Cargo.toml")).unwrap(), root);

    let error = refused(workspace.path(), &["copy", "gather", "wait", "--into", "."], 1);
    assert_eq!(
        error,
        "error: ./Cargo.toml is a workspace without a crate of its own: choose one of its members"
    );
}

#[test]
fn an_older_edition_and_an_older_locked_version_are_told() {
    let project = project("[dependencies]\ntokio = \"1\"\n");
    let manifest = fs::read_to_string(project.path().join("Cargo.toml")).unwrap().replace("2024", "2021");
    fs::write(project.path().join("Cargo.toml"), manifest).unwrap();
    let lock = "version = 4\n[[package]]\nname = \"tokio\"\nversion = \"1.20.0\"\n";
    fs::write(project.path().join("Cargo.lock"), lock).unwrap();
    let told = printed(project.path(), &["copy", "gather", "wait", "--into", "."]);
    expect![[r#"
        note: Cargo.lock has tokio 1.20.0, and the pattern needs 1.44.0 or later: cargo
              update tokio@1.20.0
        note: a program needs a runtime: cargo add tokio --features
              macros,rt-multi-thread, and above `async fn main` #[tokio::main]
    "#]]
    .assert_eq(told.split_inclusive('\n').skip(3).take(4).collect::<String>().as_str());
}

#[test]
fn where_there_is_no_crate_nothing_is_copied() {
    let folder = tempfile::tempdir().unwrap();
    let error = refused(folder.path(), &["copy", "gather", "wait", "--into", "nowhere"], 1);
    assert_eq!(error, "error: nowhere is no crate: there is no nowhere/Cargo.toml");
    fs::write(folder.path().join("file"), "").unwrap();
    refused(folder.path(), &["copy", "gather", "file"], 1);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// A folder in which no file can be created, also by root.
#[cfg(target_os = "linux")]
#[test]
fn where_nothing_can_be_written_nothing_changes() {
    let error = refused(here(), &["copy", "gather", "/proc/my-gather"], 1);
    assert!(error.starts_with("error: cannot write /proc/my-gather/"), "{error}");

    let before = "[lib]\npath = \"lib.rs\"\n";
    let project = project(before);
    fs::write(project.path().join("lib.rs"), "").unwrap();
    fs::remove_dir_all(project.path().join("src")).unwrap();
    std::os::unix::fs::symlink("/proc", project.path().join("src")).unwrap();
    let error = refused(project.path(), &["copy", "gather", "wait", "--into", "."], 1);
    assert!(error.starts_with("error: cannot write ./src/wait.rs: "), "{error}");
    assert_eq!(dependencies(&project), before);
    assert_eq!(fs::read_dir(project.path()).unwrap().count(), 3);
}

/// No file may become larger than 2 KiB, as on a disk that is full in the middle of a copy.
#[cfg(target_os = "linux")]
#[test]
fn a_copy_that_fails_leaves_everything_as_it_was() {
    let limited = |folder: &Path, arguments: &str| {
        let program = env!("CARGO_BIN_EXE_cookbook");
        let script = format!("trap '' XFSZ; ulimit -f 4; exec {program} {arguments}");
        let output = Command::new("sh").arg("-c").arg(script).current_dir(folder).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.starts_with("error: cannot write ") && error.matches('\n').count() == 1, "{error}");
    };
    let folder = tempfile::tempdir().unwrap();
    limited(folder.path(), "copy gather new/crate");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

    let before = "[dependencies]\n";
    let project = project(before);
    limited(project.path(), "copy gather wait --into .");
    assert_eq!(dependencies(&project), before);
    assert_eq!(fs::read_dir(project.path().join("src")).unwrap().count(), 1);
}

#[test]
fn lessons_are_listed_in_reading_order_as_sentences() {
    let list = printed(here(), &["lessons", "gather"]);
    let at = |text: &str| list.find(text).unwrap_or_else(|| panic!("{text}: {list}"));
    assert!(
        at("gather: in_order\n  Results follow the inputs whichever finished first\n    asyncio: ")
            < at("gather: wait\n")
    );
    assert!(at("gather: wait\n") < at("gather: as_completed\n"), "not by the alphabet");
    assert!(at("gather: as_completed\n") < at("gather_proofs: wait\n"), "the proofs come last");
    let one = printed(here(), &["lessons", "gather", "as-completed"]);
    assert!(one.starts_with("gather: as_completed\n") && !one.contains("gather: wait"), "{one}");
    let nested = printed(here(), &["lessons", "task_groups", "task_group"]);
    assert!(nested.contains("\ntask_groups: task_group, failures\n"), "{nested}");
    let counts = printed(here(), &["lessons"]);
    assert!(counts.contains("\ngather "), "{counts}");
}

#[test]
fn lessons_of_what_does_not_exist_are_refused_with_the_nearest_name() {
    let error = refused(here(), &["lessons", "gather", "weit"], 1);
    assert_eq!(error, "error: gather has no lessons on \"weit\": did you mean wait?");
    let error = refused(here(), &["lessons", "gahter"], 1);
    assert_eq!(error, "error: there is no recipe \"gahter\": did you mean gather?");
    assert!(refused(here(), &["lessons", "--run"], 2).contains("<RECIPE>"));
}

/// A small crate in the place of a recipe: one lesson holds and one does not, and the last one has no test.
#[test]
fn lessons_run_in_order_each_with_a_mark() {
    let folder = tempfile::tempdir().unwrap();
    let tests = folder.path().join("tests/gather");
    fs::create_dir_all(&tests).unwrap();
    let manifest = "[package]\nname = \"gather\"\nedition = \"2024\"\n\n[[test]]\nname = \"gather\"\npath = \"tests/gather/main.rs\"\n";
    fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    fs::write(tests.join("main.rs"), "mod as_completed;\n").unwrap();
    let source = "#[test]\nfn results_arrive_in_the_order_of_completion() {}\n\
                  #[test]\nfn after_the_deadline_the_rest_runs_on_in_the_set() { panic!(\"broken\") }\n";
    fs::write(tests.join("as_completed.rs"), source).unwrap();
    let output = run(folder.path(), &["lessons", "gather", "as_completed", "--run"]);
    assert_eq!(output.status.code(), Some(1));
    let list = String::from_utf8(output.stdout).unwrap();
    assert!(list.starts_with("gather: as_completed\n  ✓ Results arrive"), "{list}");
    assert!(list.contains("\n  ✗ After the deadline") && list.contains("      broken\n"), "{list}");
    assert!(list.contains("\n  ✗ Of nothing it ends at once"), "what runs nothing does not hold: {list}");
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.ends_with(" lessons of gather failed\n"), "{error}");
}

#[test]
fn lessons_are_run_where_they_can_be_built() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["lessons", "gather", "--run"]);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.ends_with("do it in the cookbook's folder, or in a copy of the recipe\n"), "{error}");
}
