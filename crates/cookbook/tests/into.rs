//! Patterns copied into projects as there are: what cargo makes of the copy is what counts.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A project of the reader's, outside of any other.
struct Project(TempDir);

impl Project {
    /// A library with this manifest behind `[package]`.
    fn new(manifest: &str) -> Self {
        Self::of(&[
            ("Cargo.toml", &format!("[package]\nname = \"app\"\nedition = \"2024\"\n\n{manifest}")),
            ("src/lib.rs", ""),
        ])
    }

    fn of(files: &[(&str, &str)]) -> Self {
        let project = Self(tempfile::tempdir().unwrap());
        for (path, text) in files {
            project.write(path, text);
        }
        project
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        fs::create_dir_all(self.path(path).parent().unwrap()).unwrap();
        fs::write(self.path(path), text).unwrap();
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cookbook"));
        command.arg("copy").args(arguments.split(' ')).current_dir(self.0.path());
        command.env_remove("CARGO_PKG_NAME");
        command
    }

    fn run(&self, arguments: &str) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What a copy prints, on one line: it may be wrapped anywhere.
    fn copied(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments}");
        self.leaves_nothing_behind();
        one_line(&output.stdout)
    }

    /// The line on stderr of a copy that changes nothing.
    fn refused(&self, arguments: &str) -> String {
        let before = self.all();
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
        assert_eq!(self.all(), before);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(error.matches('\n').count(), 1, "{error}");
        error
    }

    /// Every file, with its text.
    fn all(&self) -> Vec<(PathBuf, String)> {
        let mut all = Vec::new();
        let mut folders = vec![self.0.path().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => all.push((path.clone(), fs::read_to_string(&path).unwrap())),
                }
            }
        }
        all.sort();
        all
    }

    fn leaves_nothing_behind(&self) {
        let left = |path: &Path| path.file_name().unwrap().to_string_lossy().starts_with(".cookbook-");
        assert!(!self.all().iter().any(|(path, _)| left(path)));
    }
}

fn one_line(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).split_whitespace().collect::<Vec<_>>().join(" ")
}

const WAIT: &str = "gather first_success --into .";

/// A second entry for one version would be an error of cargo's: the copy calls it by the name that is there.
#[test]
fn a_dependency_under_another_name_is_used_by_that_name() {
    let project = Project::of(&[
        (
            "Cargo.toml",
            "[workspace]\nmembers = [\"app\"]\n\n[workspace.dependencies]\ntokio1 = { package = \"tokio\", version = \"1\" }\n",
        ),
        (
            "app/Cargo.toml",
            "[package]\nname = \"app\"\nedition = \"2024\"\n\n[dependencies]\ntokio1 = { workspace = true }\n",
        ),
        ("app/src/lib.rs", ""),
    ]);
    project.copied("gather first_success --into app");
    let manifest = project.read("app/Cargo.toml");
    assert!(
        manifest.contains("tokio1 = { workspace = true, features = [\"macros\", \"rt\", \"time\"] }\n"),
        "{manifest}"
    );
    assert!(!manifest.contains("\ntokio ="), "{manifest}");
    assert!(project.read("app/src/first_success.rs").contains("\nuse tokio1 as tokio;\n"));
}

#[test]
fn a_derive_finds_its_crate_by_its_own_name_alone() {
    let project = Project::new("[dependencies]\nerrors = { package = \"thiserror\", version = \"2\" }\n");
    let error = project.refused("timeouts deadline --into .");
    assert!(error.contains("thiserror is called errors") && error.contains("give it that name"), "{error}");
}

#[test]
fn an_old_version_under_another_name_is_not_in_the_way() {
    let before = "[dependencies]\nfutures01 = { package = \"futures\", version = \"0.1\" }\ntokio02 = { package = \"tokio\", version = \"0.2\" }\n";
    let project = Project::new(before);
    project.copied(WAIT);
    let manifest = project.read("Cargo.toml");
    for line in [
        "futures = \"0.3.34\"\n",
        "tokio = { version = \"1.54\", features = [\"macros\", \"rt\", \"time\"] }\n",
    ] {
        assert!(manifest.contains(line), "{manifest}");
    }
}

/// Two crates of one name are E0464, on some systems or in tests alone.
#[test]
fn what_cannot_stand_beside_it_is_refused_with_a_way_out() {
    for (table, name, version) in [
        ("target.'cfg(unix)'.dependencies", "futures", "0.1"),
        ("dev-dependencies", "tokio", "0.2"),
        ("dependencies", "tokio", "0.2"),
    ] {
        let project = Project::new(&format!("[{table}]\n{name} = \"{version}\"\n"));
        let error = project.refused(WAIT);
        assert!(error.contains(&format!("it wants {name} {version}")), "{error}");
        assert!(error.contains(&format!("old_{name} = {{ package = \"{name}\"")), "{error}");
    }
    let project = Project::new("[dependencies]\ntokio = \"=1.20.0\"\n");
    let error = project.refused(WAIT);
    assert!(error.ends_with("the pattern needs 1.44.0 or later: raise it\n"), "{error}");
}

#[test]
fn a_build_script_has_its_own() {
    let project = Project::new("[build-dependencies]\ntokio = \"0.2\"\nfutures = \"0.1\"\n");
    project.write("build.rs", "fn main() {}\n");
    project.copied(WAIT);
    assert!(project.read("Cargo.toml").contains("[dependencies]\nfutures = \"0.3.34\"\n"));
}

/// One version, and from one place.
#[test]
fn another_table_says_which_version_it_is() {
    let project = Project::new(
        "[target.'cfg(unix)'.dependencies]\nfutures = { version = \"0.3.28\", default-features = false }\n\n[dev-dependencies]\ntokio = { version = \"1.40\", features = [\"full\"] }\n",
    );
    project.copied(WAIT);
    let manifest = project.read("Cargo.toml");
    let added = "[dependencies]\nfutures = \"0.3.28\"\ntokio = { version = \"1.40\", features = [\"macros\", \"rt\", \"time\"] }\n";
    assert!(manifest.contains(added), "{manifest}");
}

#[test]
fn a_workspace_whose_version_is_too_old_is_not_inherited() {
    let project = Project::new(
        "[workspace]\n[workspace.dependencies]\nfutures = \"0.1\"\ntokio = { package = \"other\", version = \"1\" }\n",
    );
    project.copied(WAIT);
    let manifest = project.read("Cargo.toml");
    assert!(manifest.contains("[dependencies]\nfutures = \"0.3.34\"\ntokio = { version"), "{manifest}");
}

#[test]
fn dotted_keys_keep_their_order() {
    let project = Project::new(
        "[workspace]\n[workspace.dependencies]\nserde = \"1\"\n\n[dependencies]\nserde.workspace = true\nserde.features = [\"derive\"]\n",
    );
    project.copied(WAIT);
    let manifest = project.read("Cargo.toml");
    let there =
        "[dependencies]\nfutures = \"0.3.34\"\nserde.workspace = true\nserde.features = [\"derive\"]\ntokio";
    assert!(manifest.contains(there), "{manifest}");
}

#[test]
fn a_module_of_an_optional_dependency_has_its_condition() {
    let project = Project::new(
        "[features]\nserver = [\"dep:tokio\"]\n\n[dependencies]\nfutures = \"0.3\"\ntokio = { version = \"1\", optional = true }\n",
    );
    let told = project.copied(WAIT);
    assert!(
        told.ends_with("Add to ./src/lib.rs: #[cfg(feature = \"server\")] pub mod first_success;"),
        "{told}"
    );
}

#[test]
fn default_features_that_are_off_stay_off() {
    let before = "[dependencies.futures]\nversion = \"0.3\"\ndefault-features = false # small\n\n[dependencies.tokio]\nversion = \"1\" # any\ndefault-features = false\n";
    let project = Project::new(before);
    project.copied(WAIT);
    let manifest = project.read("Cargo.toml");
    for kept in ["default-features = false # small\nfeatures = [\"std\"]\n", "version = \"1\" # any\n"] {
        assert!(manifest.contains(kept), "{manifest}");
    }
    assert!(
        manifest.ends_with("default-features = false\nfeatures = [\"macros\", \"rt\", \"time\"]\n"),
        "{manifest}"
    );
}

#[test]
fn default_features_may_be_on_in_many_ways() {
    for table in [
        "{ version = \"0.3\", default-features = false, features = [\"default\"] }",
        "{ version = \"0.3\", default-features = true }",
        "{ workspace = true, default-features = true }",
    ] {
        let project = Project::new(&format!(
            "[workspace]\n[workspace.dependencies]\nfutures = {{ version = \"0.3\", default-features = false }}\n\n[dependencies]\nfutures = {table}\n"
        ));
        project.copied(WAIT);
        assert!(project.read("Cargo.toml").contains(&format!("futures = {table}\n")), "{table}");
    }
    let project = Project::of(&[
        (
            "Cargo.toml",
            "[package]\nname = \"app\"\nedition = \"2021\"\n\n[dependencies]\nfutures = { version = \"0.3\", default_features = false }\n",
        ),
        ("src/lib.rs", ""),
    ]);
    project.copied(WAIT);
    let manifest = project.read("Cargo.toml");
    assert!(
        manifest.contains("{ version = \"0.3\", default_features = false, features = [\"std\"] }"),
        "{manifest}"
    );
}

#[test]
fn a_workspace_without_default_features_is_inherited() {
    let project = Project::new(
        "[workspace]\n[workspace.dependencies]\nfutures = { version = \"0.3\", default-features = false }\n",
    );
    project.copied(WAIT);
    let manifest = project.read("Cargo.toml");
    assert!(manifest.contains("futures = { workspace = true, features = [\"std\"] }\n"), "{manifest}");
}

#[test]
fn features_are_the_patterns_own() {
    let project = Project::new("[dependencies]\ntokio = { version = \"1\", default-features = false }\n");
    project.copied("error_handling retry --into .");
    let manifest = project.read("Cargo.toml");
    assert!(
        manifest.contains(
            "tokio = { version = \"1\", default-features = false, features = [\"rt\", \"time\"] }\n"
        ),
        "{manifest}"
    );
}

#[test]
fn an_older_version_that_compiles_is_a_note() {
    for (dependency, note) in [
        ("tokio = \"~1.47\"", "note: tokio ~1.47 is older than 1.54, which was tried"),
        ("thiserror = \"1\"", "note: thiserror 1 is older than 2.0.21, which was tried"),
    ] {
        let project = Project::new(&format!("[dependencies]\n{dependency}\n"));
        let told = project.copied("timeouts deadline --into .");
        assert!(told.contains(note), "{told}");
    }
    let project =
        Project::new("[dependencies]\nreqwest = { version = \"0.12\", default-features = false }\n");
    project.copied("http_client status --into .");
    assert!(project.read("Cargo.toml").contains("features = [\"rustls-tls\"]"));
}

/// `use futures::join;` is behind a feature that is one of the default ones.
#[test]
fn a_macro_of_futures_has_its_feature() {
    let table = "{ version = \"0.3\", default-features = false, features = [\"std\"";
    let project = Project::new(&format!("[dependencies]\nfutures = {table}] }}\n"));
    project.copied("pitfalls queue_without_limit --into .");
    let manifest = project.read("Cargo.toml");
    assert!(manifest.contains(&format!("futures = {table}, \"async-await\"] }}\n")), "{manifest}");
}

/// The newest tokio-util asks for a newer tokio than this one: cargo chooses one that does not.
#[test]
fn a_tokio_that_is_held_back_gets_a_family_that_fits() {
    for (tokio, version) in [("~1.47", "0.7.12"), ("1.40, <1.50", "0.7.12"), ("1.40", "0.7.20")] {
        let project = Project::new(&format!("[dependencies]\ntokio = \"{tokio}\"\n"));
        project.copied("queues tracked --into .");
        let manifest = project.read("Cargo.toml");
        assert!(manifest.contains(&format!("tokio-util = {{ version = \"{version}\"")), "{manifest}");
    }
}

#[test]
fn a_lock_file_is_looked_at_first() {
    let lock = |versions: &[&str]| -> String {
        let packages = versions
            .iter()
            .map(|version| format!("\n[[package]]\nname = \"tokio\"\nversion = \"{version}\"\n"));
        format!("version = 4\n{}", packages.collect::<String>())
    };
    let project = Project::new("");
    project.write("Cargo.lock", &lock(&["0.2.25", "1.45.0"]));
    project.copied("gather in_order --into .");
    project.copied(WAIT);
    assert!(
        project.read("Cargo.toml").contains("tokio = { version = \"1.45.0\""),
        "{}",
        project.read("Cargo.toml")
    );
    assert_eq!(project.read("Cargo.lock"), lock(&["0.2.25", "1.45.0"]));

    let project = Project::new("[dependencies]\ntokio = \"1\"\n");
    project.write("Cargo.lock", &lock(&["0.2.25", "1.20.0"]));
    let told = project.copied(WAIT);
    assert!(told.contains("needs 1.44.0 or later: cargo update tokio@1.20.0"), "{told}");
}

#[test]
fn an_old_compiler_may_take_the_oldest_version() {
    let project = Project::new("rust-version = \"1.70\"\n");
    let manifest = project.read("Cargo.toml").replace("2024\"\n\n", "2021\"\n");
    project.write("Cargo.toml", &manifest);
    let told = project.copied(WAIT);
    assert!(
        told.contains("the crate promises Rust 1.70.0, and the pattern is checked with 1.85.0 and later"),
        "{told}"
    );
    assert!(
        project.read("Cargo.toml").contains("tokio = { version = \"1.44.0\""),
        "{}",
        project.read("Cargo.toml")
    );
}

/// Each manifest, the files beside it, the file that comes out, and the line that is printed.
#[test]
fn the_line_is_for_the_file_that_is_there() {
    let plain: &[&str] = &[];
    for (targets, files, copied, line) in [
        ("[lib]\npath = \"code/app.rs\"\n", &["code/app.rs"][..], "code/x.rs", "./code/app.rs: pub mod x;"),
        ("[lib]\npath = \"app.rs\"\n", &["app.rs"], "x.rs", "./app.rs: pub mod x;"),
        ("[[bin]]\nname = \"a\"\npath = \"a/go.rs\"\n", &["a/go.rs"], "a/x.rs", "./a/go.rs: pub mod x;"),
        ("", &["src/bin/a.rs"], "src/x.rs", "./src/bin/a.rs: #[path = \"../x.rs\"] pub mod x;"),
        ("", &["src/bin/a/main.rs"], "src/bin/a/x.rs", "./src/bin/a/main.rs: pub mod x;"),
        ("", &["src/lib.rs", "src/main.rs"], "src/x.rs", "./src/lib.rs: pub mod x;"),
        ("", &["src/main.rs", "src/bin/a.rs"], "src/x.rs", "./src/main.rs: pub mod x;"),
        ("[lib]\nproc-macro = true\n", &["src/lib.rs"], "src/x.rs", "./src/lib.rs: mod x;"),
        (
            "[lib]\nproc-macro = true\n",
            &["src/lib.rs", "src/main.rs"],
            "src/x.rs",
            "./src/main.rs: pub mod x;",
        ),
    ] {
        let project = Project::of(&[(
            "Cargo.toml",
            &format!("[package]\nname = \"app\"\nedition = \"2024\"\n\n{targets}"),
        )]);
        for file in plain.iter().chain(files) {
            project.write(file, "fn main() {}\n");
        }
        let told = project.copied("gather in_order --into . --as x");
        assert!(told.ends_with(&format!("Add to {line}")), "{told}");
        assert!(project.path(copied).is_file(), "{copied}");
    }
}

#[test]
fn a_library_and_a_program_are_told_where_it_is() {
    let project = Project::new("");
    project.write("src/main.rs", "fn main() {}\n");
    let told = project.copied("gather in_order --into .");
    assert!(told.contains("note: ./src/main.rs can use it as app::in_order"), "{told}");
}

/// What `#[path]` names looks for its own modules beside itself.
#[test]
fn a_pattern_with_a_folder_goes_where_its_modules_are_found() {
    let project = Project::of(&[
        ("Cargo.toml", "[package]\nname = \"app\"\nedition = \"2024\"\n"),
        ("src/bin/a.rs", ""),
    ]);
    let told = project.copied("queues joinable --into .");
    assert!(
        told.ends_with("Add to ./src/bin/a.rs: #[path = \"../joinable/mod.rs\"] pub mod joinable;"),
        "{told}"
    );
    assert!(
        project.path("src/joinable/mod.rs").is_file() && project.path("src/joinable/orders.rs").is_file()
    );
}

#[test]
fn a_module_has_one_file() {
    let project = Project::new("");
    project.write("src/wait/mod.rs", "");
    let error = project.refused("gather wait --into .");
    assert!(error.contains("./src/wait/mod.rs is there already") && error.contains("--as NAME"), "{error}");
    project.copied("gather wait --into . --as wait_for_tasks");
}

#[test]
fn a_module_may_be_declared_in_many_forms() {
    for declared in ["pub(crate) mod wait;", "mod wait; // x", "#[cfg(unix)]\nmod wait ;", "mod wait { }"] {
        let project = Project::new("");
        project.write("src/lib.rs", declared);
        let told = project.copied("gather wait --into .");
        assert!(!told.contains("Add to"), "{declared}: {told}");
    }
    for none in [
        "// mod wait;",
        "/*\nmod wait;\n*/",
        "const TEXT: &str = \"\nmod wait;\n\";",
        "mod a {\n    mod wait;\n}",
    ] {
        let project = Project::new("");
        project.write("src/lib.rs", none);
        let told = project.copied("gather wait --into .");
        assert!(told.ends_with("Add to ./src/lib.rs: pub mod wait;"), "{none}: {told}");
    }
}

#[test]
fn two_patterns_of_one_name_get_two() {
    let project = Project::new("");
    project.copied("error_handling retry --into .");
    let error = project.refused("http_client retry --into .");
    assert!(error.contains("--as NAME copies it under another name"), "{error}");
    let told = project.copied("http_client retry --into . --as http_retry");
    assert!(told.ends_with("pub mod http_retry;"), "{told}");
    project.copied("queues joinable --into . --as work");
    assert!(project.path("src/work/orders.rs").is_file() && project.path("src/work.rs").is_file());
    for name in ["a-b", "type", "../x", "1st", ""] {
        let output = project.command("gather wait --into . --as").arg(name).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}");
    }
}

#[test]
fn an_older_edition_gets_the_import_that_it_lacks() {
    for edition in ["2018", "2021", "2024"] {
        let project = Project::of(&[
            (
                "Cargo.toml",
                &format!("[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"{edition}\"\n"),
            ),
            ("src/lib.rs", ""),
        ]);
        let told = project.copied("gather in_order --into .");
        let source = project.read("src/in_order.rs");
        assert_eq!(source.contains("\nuse std::future::Future;\n"), edition != "2024", "{source}");
        assert!(!told.contains("may need changes"), "{told}");
    }
}

#[test]
fn a_program_without_a_runtime_is_told_of_one() {
    let line = "cargo add tokio --features macros,rt-multi-thread";
    for (dependencies, is_told) in [
        ("", true),
        ("tokio = { version = \"1\", features = [\"sync\"] }", true),
        ("tokio = { version = \"1\", features = [\"full\"] }", false),
        ("smol = \"2\"", false),
    ] {
        let project = Project::new(&format!("[dependencies]\n{dependencies}\n"));
        assert!(!project.copied(WAIT).contains(line), "a library");
        let project = Project::new(&format!("[dependencies]\n{dependencies}\n"));
        fs::rename(project.path("src/lib.rs"), project.path("src/main.rs")).unwrap();
        assert_eq!(project.copied(WAIT).contains(line), is_told, "{dependencies}");
    }
}

#[test]
fn a_dry_run_prints_what_the_run_prints() {
    let project = Project::new("[dependencies]\ntokio = \"~1.47\"\n");
    let before = project.all();
    let dry = project.copied(&format!("{WAIT} --dry-run"));
    assert_eq!(project.all(), before);
    let told = project.copied(WAIT);
    assert!(dry.ends_with(&told), "{dry}");
}

#[test]
fn one_line_is_no_windows_file() {
    let manifest = "package = { name = \"app\", edition = \"2024\" }";
    let project = Project::of(&[("Cargo.toml", manifest), ("src/lib.rs", "")]);
    project.copied("gather wait --into .");
    assert!(!project.read("Cargo.toml").contains('\r'));

    let mixed = "\u{feff}[package]\r\nname = \"app\"\nedition = \"2024\"\r\n# x\r\n";
    let project = Project::of(&[("Cargo.toml", mixed), ("src/lib.rs", "")]);
    project.copied("gather wait --into .");
    assert!(project.read("Cargo.toml").starts_with(mixed), "{:?}", project.read("Cargo.toml"));
}

#[test]
fn manifests_of_other_kinds_get_true_messages() {
    let project = Project::of(&[("Cargo.toml", "\n"), ("src/lib.rs", "")]);
    assert!(project.refused("gather wait --into .").starts_with("error: ./Cargo.toml is empty"));
    let project = Project::of(&[("Cargo.toml", "[workspace]\n")]);
    assert!(project.refused("gather wait --into .").contains("and it has no member yet"));
    let project = Project::of(&[("Cargo.toml", "[package]\nname = \"app\"\n")]);
    assert!(project.refused("gather wait --into .").contains("no targets specified"));
    let project = Project::of(&[
        ("Cargo.toml", "[project]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
        ("src/lib.rs", ""),
    ]);
    project.copied("gather wait --into .");
}

#[test]
fn a_member_that_the_workspace_covers_is_not_asked_for() {
    for (members, is_asked) in [
        ("[\"crates/*\"]", false),
        ("[\"crates/x\"]", false),
        ("[\"crates/a*\"]", true),
        ("[\"other\"]", true),
    ] {
        let project = Project::of(&[("Cargo.toml", &format!("[workspace]\nmembers = {members}\n"))]);
        for member in ["crates/app", "other"] {
            project.write(&format!("{member}/src/lib.rs"), "");
            project.write(
                &format!("{member}/Cargo.toml"),
                &format!("[package]\nname = \"{}\"\n", member.replace('/', "_")),
            );
        }
        let told = project.run("gather crates/x").stdout;
        assert_eq!(one_line(&told).contains("name the new crate in its"), is_asked, "{members}");
    }
    let project = Project::of(&[("Cargo.toml", "[workspace]\nmembers = []\nexclude = [\"copies\"]\n")]);
    let told = project.run("gather copies/x").stdout;
    assert!(!one_line(&told).contains("name the new crate in its"));
}

#[cfg(unix)]
mod files {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_keeps_its_mode() {
        let project = Project::new("");
        fs::set_permissions(project.path("Cargo.toml"), fs::Permissions::from_mode(0o664)).unwrap();
        project.copied("gather wait --into .");
        assert_eq!(fs::metadata(project.path("Cargo.toml")).unwrap().permissions().mode() & 0o777, 0o664);
    }

    #[test]
    fn a_read_only_file_is_refused() {
        let project = Project::new("");
        fs::set_permissions(project.path("Cargo.toml"), fs::Permissions::from_mode(0o444)).unwrap();
        let error = project.refused("gather wait --into .");
        assert_eq!(error, "error: cannot write ./Cargo.toml: it is read-only\n");
    }

    /// The reader's editor saves while cargo is asked: a cargo that edits the manifest when it has answered.
    #[test]
    fn an_edit_made_meanwhile_is_noticed() {
        let project = Project::new("");
        let cargo = project.path("cargo.sh");
        let real = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let script =
            format!("#!/bin/sh\n{real} \"$@\"\necho '# mine' >> {}\n", project.path("Cargo.toml").display());
        fs::write(&cargo, script).unwrap();
        fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
        let output = project.command("gather wait --into .").env("CARGO", &cargo).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(error, "error: ./Cargo.toml has been changed meanwhile: run the command once more\n");
        assert!(project.read("Cargo.toml").ends_with("# mine\n"));
        assert!(!project.path("src/wait.rs").exists());
        project.leaves_nothing_behind();
    }

    /// What a killed run has left, with its journal: all of it was written, and one file has its name already.
    #[test]
    fn a_copy_that_was_killed_is_ended_by_the_next_one() {
        let whole = Project::new("");
        whole.copied("queues joinable --into .");
        let expected = relative(&whole);
        let project = Project::new("");
        let home = fs::canonicalize(project.0.path()).unwrap();
        let at = |path: &str| home.join(path).display().to_string();
        project.write("src/joinable/orders.rs", &whole.read("src/joinable/orders.rs"));
        project.write("src/.cookbook-a", &whole.read("src/joinable.rs"));
        project.write(".cookbook-b", &whole.read("Cargo.toml"));
        project.write(".cookbook-c", &project.read("Cargo.toml"));
        let journal = format!(
            r#"{{"home":"{0}","folders":["{1}"],"staged_in":["{1}","{2}","{0}"],"renames":[
                {{"path":"{3}","new":"{4}","undo":null}},
                {{"path":"{5}","new":"{6}","undo":"{7}"}}]}}"#,
            home.display(),
            at("src/joinable"),
            at("src"),
            at("src/joinable.rs"),
            at("src/.cookbook-a"),
            at("Cargo.toml"),
            at(".cookbook-b"),
            at(".cookbook-c"),
        );
        project.write(".cookbook-journal", &journal);
        // Another pattern, or one that is refused: what was begun is ended all the same.
        project.run("gather wait --into . --as type");
        project.leaves_nothing_behind();
        assert_eq!(relative(&project), expected);
    }

    #[test]
    fn what_was_not_yet_whole_is_taken_back() {
        let project = Project::new("");
        let before = relative(&project);
        let home = fs::canonicalize(project.0.path()).unwrap();
        project.write("src/joinable/.cookbook-a", "half");
        project.write("src/.cookbook-b", "half");
        project.write(".cookbook-c", "half");
        let journal = format!(
            r#"{{"home":"{0}","folders":["{0}/src/joinable"],"staged_in":["{0}/src/joinable","{0}/src","{0}"],"renames":[]}}"#,
            home.display()
        );
        project.write(".cookbook-journal", &journal);
        project.run("gather wait --into . --as type");
        project.leaves_nothing_behind();
        assert_eq!(relative(&project), before);
        assert!(!project.path("src/joinable").exists());
    }

    fn relative(project: &Project) -> Vec<(PathBuf, String)> {
        let all = project.all().into_iter();
        all.map(|(path, text)| (path.strip_prefix(project.0.path()).unwrap().to_path_buf(), text)).collect()
    }
}

/// The docs add reqwest without its default features and with a TLS of its own: so does the tool.
#[test]
fn a_new_dependency_has_the_features_of_the_docs() {
    let project = Project::new("");
    project.copied("http_client upload --into .");
    let manifest = project.read("Cargo.toml");
    assert!(manifest.contains("reqwest = { version = \"0.13.5\", default-features = false, features = [\"rustls\", \"stream\"] }"), "{manifest}");
}
