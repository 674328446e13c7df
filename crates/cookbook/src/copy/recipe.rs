//! A whole recipe as a crate of its own.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use toml_edit::{DocumentMut, Item, TableLike, Value};

use super::dependency::{Dependency, features, names_path, workspace};
use super::{Plan, read, workspace_root};
use crate::book::{self, Recipe};
use crate::text::hang;

/// Plans a crate in `folder` that holds `recipe`.
pub(crate) fn copy(recipe: &Recipe, folder: &Path) -> anyhow::Result<Plan> {
    let copied = Copied::of(recipe)?;
    let mut plan = Plan::default();
    let mut put = |path: &str, bytes: &[u8]| plan.changes.put(folder.join(path), bytes);
    for (path, bytes) in &copied.files {
        put(path, bytes)?;
    }
    put("Cargo.toml", copied.manifest(recipe)?.as_bytes())?;
    put("Cargo.lock", book::LOCK.as_bytes())?;
    put("rustfmt.toml", book::RUSTFMT.as_bytes())?;
    put(".gitignore", b"/target\n")?;
    for (name, licence) in book::LICENCES {
        put(name, licence.as_bytes())?;
    }

    let (name, patterns) = (&recipe.name, recipe.patterns().len());
    let report = &mut plan.report;
    writeln!(report, "{}: the recipe {name} as a crate, with {patterns} patterns", folder.display())?;
    let runs = if copied.has_demo {
        "the demo"
    } else {
        "the list of its pages; with a name behind it, one of them"
    };
    writeln!(report, "  cargo run     {runs}")?;
    writeln!(report, "  cargo test    {} lessons, and the code in the docs", copied.lessons)?;
    writeln!(report, "\nNot as in the recipe:")?;
    let mut notes = copied.differences(name);
    notes.extend(workspace_around(folder).map(|root| {
        format!("{} is a workspace: name the new crate in its `members` or in its `exclude`", root.display())
    }));
    for note in notes {
        *report += &hang("- ", "  ", &note);
    }
    Ok(plan)
}

/// The manifest of a workspace that the new crate would be in, and that says nothing of it.
fn workspace_around(folder: &Path) -> Option<PathBuf> {
    let folder = std::path::absolute(folder).ok()?;
    let existing = folder.ancestors().skip(1).find(|parent| parent.is_dir())?;
    // Cargo names the workspace by its real path.
    let folder = existing.canonicalize().ok()?.join(folder.strip_prefix(existing).ok()?);
    let root = workspace_root(existing).ok()?;
    let (_, manifest) = read(&root).ok()?;
    let workspace = manifest.get("workspace")?;
    let inside = folder.strip_prefix(root.parent()?.canonicalize().ok()?).ok()?;
    let inside: Vec<_> = inside.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    let names = |key: &str| {
        let patterns = workspace.get(key).and_then(Item::as_array).into_iter().flatten();
        patterns.filter_map(Value::as_str).map(|pattern| pattern.trim_start_matches("./")).collect::<Vec<_>>()
    };
    let is_member = names("members").iter().any(|pattern| {
        let parts: Vec<_> = pattern.split('/').filter(|part| !part.is_empty()).collect();
        covers(&parts, &inside)
    });
    let is_excluded =
        names("exclude").iter().any(|excluded| Path::new(&inside.join("/")).starts_with(excluded));
    (!is_member && !is_excluded).then_some(root)
}

/// Whether a pattern of `members`, in parts, covers a path, in parts.
fn covers(pattern: &[&str], path: &[Cow<'_, str>]) -> bool {
    match (pattern, path) {
        ([], []) => true,
        (["**", rest @ ..], _) => {
            covers(rest, path) || path.split_first().is_some_and(|(_, path)| covers(pattern, path))
        }
        ([part, pattern @ ..], [name, path @ ..]) => matches(part, name) && covers(pattern, path),
        _ => false,
    }
}

/// Whether a part of a pattern, in which `*` is any text and `?` any letter, is a name.
fn matches(part: &str, name: &str) -> bool {
    let Some(first) = part.chars().next() else { return name.is_empty() };
    let rest = &part[first.len_utf8()..];
    match first {
        '*' => name.char_indices().map(|(at, _)| at).chain([name.len()]).any(|at| matches(rest, &name[at..])),
        _ => name.chars().next().is_some_and(|letter| {
            (first == '?' || first == letter) && matches(rest, &name[letter.len_utf8()..])
        }),
    }
}

/// The files of a copy that are the recipe's, as the copy has them.
#[derive(Default)]
struct Copied {
    files: Vec<(String, Vec<u8>)>,
    /// The copy has the local server of `common` as a module.
    has_server: bool,
    /// Its binary runs a demo; that of an index shows pages.
    has_demo: bool,
    lessons: usize,
    proofs: usize,
    /// Sources that only the recipe's own `main` uses.
    left_out: BTreeSet<String>,
}

impl Copied {
    fn of(recipe: &Recipe) -> anyhow::Result<Self> {
        let library = recipe.text("src/lib.rs")?;
        let has_server = uses_server(&recipe.manifest()?);
        let has_demo = recipe.demo().is_some();
        let mut copied = Self { has_server, has_demo, ..Self::default() };
        for (path, bytes) in recipe.files() {
            let text = || std::str::from_utf8(bytes).with_context(|| format!("{path} is no text"));
            match path.as_str() {
                // They are made once it is known what goes along.
                "Cargo.toml" | "README.md" => {}
                "src/main.rs" if has_demo => copied.put(&path, main(&recipe.name, text()?, has_server)),
                "src/main.rs" => copied.put(&path, main_of_an_index(&recipe.name)),
                "src/lib.rs" => copied.put(&path, with_server(text()?, has_server)),
                _ if path.starts_with("src/") && !is_declared(library, &path) => {
                    copied.left_out.insert(path.splitn(3, '/').take(2).collect::<Vec<_>>().join("/"));
                }
                _ => copied.files.push((path, bytes.to_vec())),
            }
        }
        if has_server {
            copied.put("src/server.rs", book::SERVER.to_owned());
        }
        for (path, source) in recipe.lessons() {
            copied.lessons += book::count_lessons(source);
            copied.put(&format!("tests/{path}"), with_own_server(source, &recipe.name));
        }
        copied.proofs = recipe.proofs().iter().map(|(_, source)| book::count_lessons(source)).sum();
        let chapter = with_own_server(recipe.text("README.md")?, &recipe.name);
        let chapter = readme(&chapter, &copied.differences(&recipe.name));
        copied.put("README.md", chapter);
        Ok(copied)
    }

    /// What a reader of the recipe would look for in its copy in vain, or not look for.
    fn differences(&self, name: &str) -> Vec<String> {
        let main = match self.has_demo {
            true => "`src/main.rs` prints the log alone: no timeline, and no flags.",
            false => "`src/main.rs` prints the list, or the page that is named: no flags, and no colours.",
        };
        let mut notes = vec![main.to_owned()];
        if self.has_server {
            notes.push(
                "`src/server.rs` is the local server that the demo and the lessons fetch from.".to_owned(),
            );
        }
        if !self.left_out.is_empty() {
            let modules =
                self.left_out.iter().map(|module| format!("`{module}`")).collect::<Vec<_>>().join(", ");
            notes.push(format!("{modules} is left out: the command line of the recipe's own program."));
        }
        if self.proofs > 0 {
            let count = self.proofs;
            notes.push(format!(
                "The {count} proofs are left out: they need the cookbook's own tools. All lessons are in `tests/{name}`."
            ));
        }
        notes
    }

    fn put(&mut self, path: &str, text: String) {
        self.files.push((path.to_owned(), text.into_bytes()));
    }

    /// Whether one of the copied sources in `folder` names the crate in a path.
    fn names(&self, package: &str, folder: &str) -> bool {
        let path = format!("{}::", package.replace('-', "_"));
        self.files
            .iter()
            .filter(|(file, _)| file.starts_with(folder) || file == "README.md")
            .any(|(_, bytes)| names_path(&String::from_utf8_lossy(bytes), &path))
    }

    /// The recipe's own manifest, with what it inherits written out, and without what a copy does not need.
    fn manifest(&self, recipe: &Recipe) -> anyhow::Result<String> {
        let workspace = workspace()?;
        let mut manifest = recipe.manifest()?;
        manifest.remove("lints");
        let package = manifest.get_mut("package").and_then(Item::as_table_mut).context("no [package]")?;
        package.remove("metadata");
        let inherited: Vec<_> = package
            .iter()
            // The lessons, and the lock file that goes along, need a newer compiler than the patterns do.
            .filter(|(key, item)| item.get("workspace").is_some() || *key == "rust-version")
            .map(|(key, _)| key.to_owned())
            .collect();
        for key in inherited {
            let mut value = workspace["workspace"]["package"].get(&key).and_then(Item::as_value).cloned();
            // What is around it there is about the workspace.
            if let Some(value) = &mut value {
                value.decor_mut().clear();
            }
            package[&key] = Item::Value(value.with_context(|| format!("the workspace has no {key}"))?);
        }
        // What is in the copy's docs runs there, and nowhere else.
        if let Some(library) = manifest.get_mut("lib").and_then(Item::as_table_mut) {
            library.remove("doctest");
        }
        // Cargo finds tests/*.rs by itself.
        if let Some(tests) = manifest.get_mut("test").and_then(Item::as_array_of_tables_mut) {
            tests.retain(|test| {
                !test.get("path").and_then(Item::as_str).is_some_and(|path| path.starts_with("../"))
            });
        }

        let is_named = |name: &str| self.names(name, "src/");
        write_out(&mut manifest, "dependencies", &workspace, is_named)?;
        write_out(&mut manifest, "dev-dependencies", &workspace, |name| {
            // The examples of the patterns are in `src`.
            self.names(name, "tests/") || self.names(name, "src/")
        })?;

        let dependencies = manifest["dependencies"].as_table_like_mut().context("no [dependencies]")?;
        // What the new main is made of.
        if self.has_demo {
            add(dependencies, "tracing-subscriber", inherited_only("tracing-subscriber", &workspace)?);
        }
        if self.has_server {
            for (name, dependency) in server_dependencies(&workspace)? {
                add(dependencies, &name, dependency);
            }
        }
        let mut text = manifest.to_string();
        while text.contains("\n\n\n") {
            text = text.replace("\n\n\n", "\n\n");
        }
        Ok(format!("{}\n", text.trim_end()))
    }
}

/// Writes out what `section` inherits; drops what is found by a path, and what is not named.
fn write_out(
    manifest: &mut DocumentMut,
    section: &str,
    workspace: &DocumentMut,
    is_named: impl Fn(&str) -> bool,
) -> anyhow::Result<()> {
    let Some(table) = manifest.get_mut(section).and_then(Item::as_table_mut) else { return Ok(()) };
    let names: Vec<_> = table.iter().map(|(name, _)| name.to_owned()).collect();
    for name in names {
        let dependency = Dependency::read(&name, &table[&name], workspace)?;
        if dependency.version.is_none() || !is_named(&name) {
            table.remove(&name);
        } else {
            table[&name] = Item::Value(dependency.value());
        }
    }
    if table.is_empty() {
        manifest.remove(section);
    }
    Ok(())
}

/// A dependency as the workspace's manifest alone describes it.
fn inherited_only(name: &str, workspace: &DocumentMut) -> anyhow::Result<Dependency> {
    let inherited = super::dependency::inherited(name, workspace);
    Dependency::read(name, inherited.with_context(|| format!("the workspace has no {name}"))?, workspace)
}

/// Adds a dependency in the order of names, or its features to the one that is there.
fn add(dependencies: &mut dyn TableLike, name: &str, dependency: Dependency) {
    match dependencies.get_mut(name) {
        Some(there) => {
            let mut all = dependency.features;
            all.extend(there.as_table_like().map(features).unwrap_or_default());
            let version = there.as_str().map(str::to_owned).or(dependency.version);
            let default_features = there.as_table_like().map_or(dependency.default_features, |table| {
                !super::dependency::is(table, "default-features", false)
            });
            *there = Item::Value(Dependency { version, default_features, features: all }.value());
        }
        None => {
            dependencies.insert(name, Item::Value(dependency.value()));
            dependencies.sort_values();
        }
    }
}

/// Whether the recipe's main uses the local server of `common`.
fn uses_server(manifest: &DocumentMut) -> bool {
    let common = manifest.get("dependencies").and_then(|table| table.get("common"));
    common
        .and_then(Item::as_table_like)
        .is_some_and(|table| features(table).iter().any(|name| name == "server"))
}

/// What the feature `server` of `common` brings.
fn server_dependencies(workspace: &DocumentMut) -> anyhow::Result<Vec<(String, Dependency)>> {
    let common: DocumentMut = book::COMMON.parse().context("the manifest of common")?;
    let dependencies = common["dependencies"].as_table_like().context("common has no dependencies")?;
    let mut found = Vec::new();
    for feature in common["features"]["server"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let (name, dependency) = match (feature.strip_prefix("dep:"), feature.split_once('/')) {
            (Some(name), _) => {
                let item = dependencies.get(name).with_context(|| format!("common has no {name}"))?;
                (name, Dependency::read(name, item, workspace)?)
            }
            (None, Some((name, feature))) => {
                let mut dependency = inherited_only(name, workspace)?;
                dependency.features.insert(feature.to_owned());
                (name, dependency)
            }
            (None, None) => continue,
        };
        found.push((name.to_owned(), dependency));
    }
    Ok(found)
}

/// `text` with the local server where a copy has it, and its runs of `use` in the order that rustfmt gives them.
fn with_own_server(text: &str, name: &str) -> String {
    let text = text.replace("common::server", &format!("{name}::server"));
    let is_use = |line: &&str| line.starts_with("use ") && line.ends_with(";\n");
    let mut lines: Vec<_> = text.split_inclusive('\n').collect();
    for run in lines.chunk_by_mut(|above, below| is_use(above) && is_use(below)) {
        // As rustfmt: a module comes before what is in it.
        run.sort_unstable_by_key(|line| line.trim_end_matches(";\n"));
    }
    lines.concat()
}

fn with_server(library: &str, has_server: bool) -> String {
    const SERVER: &str = "pub mod server;";
    if !has_server {
        return library.to_owned();
    }
    let mut lines: Vec<_> = library.lines().collect();
    let after = lines.iter().position(|line| line.starts_with("pub mod ") && *line > SERVER);
    lines.insert(after.unwrap_or(lines.len()), SERVER);
    format!("{}\n", lines.join("\n"))
}

/// Whether the library has the module that `path` belongs to.
fn is_declared(library: &str, path: &str) -> bool {
    let module =
        path.trim_start_matches("src/").split('/').next().unwrap_or_default().trim_end_matches(".rs");
    library.lines().any(|line| {
        line.trim_start_matches("pub ").strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';'))
            == Some(module)
    })
}

/// The main of a copy: the demo, and a log that looks as the cookbook's does, by `tracing_subscriber` alone.
fn main(name: &str, original: &str, has_server: bool) -> String {
    let lines: Vec<_> = original.lines().collect();
    // None where the runtime is built by hand.
    let at = lines.iter().position(|line| line.starts_with("#[tokio::main"));
    let attribute = at.map_or("#[tokio::main(flavor = \"current_thread\")]".to_owned(), |at| {
        let why =
            lines[..at].iter().rposition(|line| !line.starts_with("// ")).map_or(0, |before| before + 1);
        lines[why..=at].join("\n")
    });
    // What has to come first, such as the entry of a worker process, comes first here too.
    let body = at.map_or(&[][..], |at| &lines[at + 2..]);
    // What is bound is for the hand-over, which the copy does not have.
    let hands_over = |line: &&str| line.contains("common::") || line.trim_start().starts_with("let ");
    let handed_over = body.iter().position(hands_over).unwrap_or(0);
    let first: String = body[..handed_over].iter().map(|line| format!("{line}\n")).collect();
    let (server, run) = if has_server {
        (
            format!("use {name}::server::Server;\n"),
            format!(
                "    let server = Server::start().await?;\n    {name}::demo::run(&server.url(\"/\")).await?;\n    \
                 server.stop().await;\n    Ok(())\n"
            ),
        )
    } else {
        (String::new(), format!("    {name}::demo::run().await\n"))
    };
    format!(
        r#"//! `cargo run`: the demo on real time, with its log.

use std::fmt;

{server}use tokio::time::Instant;
use tracing::{{Event, Subscriber}};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{{FmtContext, FormatEvent, FormatFields}};
use tracing_subscriber::registry::LookupSpan;

/// An event as the time since the start on the runtime's clock, and its message.
struct SinceStart(Instant);

impl<S, N> FormatEvent<S, N> for SinceStart
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {{
        // How a function ended, as `#[instrument(ret, err)]` tells it, has no message.
        if event.metadata().fields().field("message").is_none() {{
            return Ok(());
        }}
        write!(line, "{{:7.3}}s  ", self.0.elapsed().as_secs_f64())?;
        context.field_format().format_fields(line.by_ref(), event)?;
        writeln!(line)
    }}
}}

{attribute}
async fn main() -> anyhow::Result<()> {{
{first}    // A reader that closes the pipe, as `head` does, has read enough.
    let log = tracing_subscriber::fmt().log_internal_errors(false);
    log.event_format(SinceStart(Instant::now())).init();
{run}}}
"#
    )
}

/// The main of a copy of an index: the list, or a page, in place of a demo.
fn main_of_an_index(name: &str) -> String {
    format!(
        r#"//! `cargo run`: the list of the pages. With a name behind it, that page.

use std::io::{{self, Write}};

use {name}::pages;

fn main() {{
    let text = match std::env::args().nth(1) {{
        None => pages::list(),
        Some(name) => match pages::find(&name) {{
            Some(page) => page.show(str::to_owned, str::to_owned),
            None => format!("there is no page {{name}}: without a name, all are listed\n"),
        }},
    }};
    // A reader that closes the pipe, as `head` does, has read enough.
    let _closed = io::stdout().write_all(text.as_bytes());
}}
"#
    )
}

/// The chapter without links that lead out of the copy and without the commands that made it, but with what differs.
fn readme(chapter: &str, differences: &[String]) -> String {
    let (title, rest) = chapter.split_once('\n').unwrap_or((chapter, ""));
    let notes: String = differences.iter().map(|note| format!("\n> - {note}")).collect();
    let mut text =
        format!("{title}\n\n> A copy of a recipe of the Tokio Cookbook. Not as there:\n>{notes}\n");
    let mut in_copy_it = false;
    for line in rest.split_inclusive('\n') {
        if line.starts_with("## ") {
            in_copy_it = line.trim_end() == "## Copy it";
        }
        if !in_copy_it && !line.starts_with("cargo cookbook copy ") {
            text.push_str(line);
        }
    }
    // [text](../where) becomes text.
    let mut kept = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("](../") {
        let (before, link) = rest.split_at(at);
        let (Some(open), Some(close)) = (before.rfind('['), link.find(')')) else { break };
        kept.push_str(&before[..open]);
        kept.push_str(&before[open + 1..]);
        rest = &link[close + 1..];
    }
    kept.push_str(rest);
    format!(
        "{}\n\n## Licence\n\nMIT or Apache-2.0, at your choice. The pattern files, those whose first line says so, are \
         under 0BSD: no\nattribution needed.\n",
        kept.trim_end()
    )
}
