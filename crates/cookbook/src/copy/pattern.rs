//! One pattern into a crate that is there, with what it depends on.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use semver::Version;
use toml_edit::{Array, DocumentMut, InlineTable, Item, Value};

use super::dependency::inherited;
use super::manifest::{self, append_features, as_it_was, source_of};
use super::needs::{Fit, Need, is_older_tokio};
use super::project::{Declared, Kind, Project, Root, ident};
use super::source::{Declaration, declares, names_crate, with_prelude, with_use};
use super::{Plan, parse, read};
use crate::book::{Pattern, Recipe};
use crate::example;
use crate::text::hang;

/// The oldest compiler that the patterns compile with.
const RUST: Version = Version::new(1, 85, 0);

/// The patterns that need edition 2024, and why. A gate compiles all others in 2018 and in 2021.
const NEED_2024: [(&str, &str, &str); 0] = [];

/// Crates whose derives name them: they are found by their own name alone.
const DERIVES: [&str; 2] = ["serde", "thiserror"];

/// What has been done for one dependency.
#[derive(Default)]
struct Done {
    said: String,
    notes: Vec<String>,
    /// What the reader's code calls it, if that is another name.
    alias: Option<String>,
    /// What turns it on, if it is optional.
    feature: Option<String>,
}

/// Plans `pattern` as a module of the crate in `project`, and its dependencies in the manifest there.
///
/// # Errors
///
/// When there is no crate, or when the copy would not build.
pub(crate) fn copy(
    recipe: &Recipe,
    pattern: Pattern,
    project: &Path,
    name: Option<&str>,
) -> anyhow::Result<Plan> {
    let name = name.unwrap_or(pattern.name);
    if !is_module(name) {
        bail!("{name:?} is no name of a module: letters, digits and _, as in my_{}", pattern.name);
    }
    let project = Project::read(project)?;
    let path = project.manifest.clone();
    let mut manifest = parse(&path, &project.text)?;
    let (_, workspace) = read(&project.root.join("Cargo.toml"))?;

    let mut plan = Plan::default();
    let mut done = Vec::new();
    let mut notes = Vec::new();
    let (mut aliases, mut features) = (Vec::new(), Vec::new());
    for need in Need::all(recipe, pattern)? {
        let one = add(&mut manifest, &workspace, &project, &need)
            .with_context(|| format!("{} cannot be changed", path.display()))?;
        done.push(format!("{}: {}", need.name, one.said));
        notes.extend(one.notes);
        aliases.extend(one.alias.map(|alias| (ident(&need.name), alias)));
        features.extend(one.feature.filter(|feature| !features.contains(feature)));
    }
    notes.extend(runtime(&project));
    notes.extend(project.rust_version().filter(|version| *version < RUST).map(|version| {
        format!("the crate promises Rust {version}, and the pattern is checked with {RUST} and later")
    }));
    notes.extend(edition(recipe, pattern, &project));

    let place = Place::of(&project, pattern, name)?;
    for (file, source) in place.files(pattern) {
        let mut source = with_prelude(&example::ignored(source), project.edition());
        for (crate_name, alias) in &aliases {
            if names_crate(&source, crate_name) {
                source = with_use(&source, &format!("use {alias} as {crate_name};"));
            }
        }
        plan.changes.put(file.clone(), source)?;
        writeln!(plan.report, "{}", file.display())?;
    }
    // Last: without it nothing uses the files.
    let new = as_it_was(&project.text, &manifest.to_string());
    plan.changes.edit(path.clone(), project.text.clone(), new);

    writeln!(plan.report, "{}", path.display())?;
    for line in done {
        plan.report += &hang("  ", "    ", &line);
    }
    notes.extend(place.notes(&project, name));
    for note in notes {
        plan.report += &hang("note: ", "      ", &note);
    }
    if let Some(line) = place.line(name, &features) {
        writeln!(plan.report, "{line}")?;
    }
    Ok(plan)
}

fn is_module(name: &str) -> bool {
    const TAKEN: [&str; 53] = [
        "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do",
        "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let",
        "lib", "loop", "macro", "main", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
        "return", "self", "Self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
        "unsafe", "unsized", "use", "virtual", "where", "while",
    ];
    let is_word = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    is_word && begins && name != "_" && name != "yield" && !TAKEN.contains(&name)
}

/// Where the module goes, and where it is declared.
struct Place {
    root: Root,
    /// The other files that a crate begins with.
    others: Vec<Root>,
    source: String,
    /// The folder of the new files.
    folder: PathBuf,
    /// The file, from the folder of the root.
    path: Option<String>,
    /// `name/mod.rs` and its neighbours, not `name.rs` and `name/`.
    is_folder: bool,
    name: String,
}

impl Place {
    fn of(project: &Project, pattern: Pattern, name: &str) -> anyhow::Result<Self> {
        let mut roots = project.roots();
        if roots.is_empty() {
            bail!("{} has no library and no program: cargo init makes one", project.manifest.display());
        }
        let root = roots.remove(0);
        let beside = root.path.parent().unwrap_or(Path::new("")).to_path_buf();
        let sources = project.folder.join("src");
        // Cargo takes each file of src/bin for a program. And where there is a `src`, sources are expected in it.
        let is_elsewhere = beside == sources.join("bin") || (beside == project.folder && sources.is_dir());
        let (folder, up) = match (is_elsewhere, beside == project.folder) {
            (false, _) => (beside, None),
            (true, true) => (sources, Some("src/")),
            (true, false) => (sources, Some("../")),
        };
        // The modules inside a file that `#[path]` names are looked for beside it.
        let is_folder = up.is_some() && pattern.files().len() > 1;
        let file = if is_folder { format!("{name}/mod.rs") } else { format!("{name}.rs") };
        let other = if is_folder { format!("{name}.rs") } else { format!("{name}/mod.rs") };
        if folder.join(&other).exists() {
            bail!(
                "{} is there already, and a module has one file: --as NAME copies the pattern under another name",
                folder.join(other).display()
            );
        }
        let path = up.map(|up| format!("{up}{file}"));
        let source =
            fs::read_to_string(&root.path).with_context(|| format!("cannot read {}", root.path.display()))?;
        Ok(Self { root, others: roots, source, folder, path, is_folder, name: name.to_owned() })
    }

    fn files(&self, pattern: Pattern) -> Vec<(PathBuf, &'static str)> {
        let files = pattern.files().into_iter().map(|(path, source)| {
            let path = match path.split_once('/') {
                Some((_, inside)) => format!("{}/{inside}", self.name),
                None if self.is_folder => format!("{}/mod.rs", self.name),
                None => format!("{}.rs", self.name),
            };
            (self.folder.join(path), source)
        });
        files.collect()
    }

    /// What the reader has to write to have the module, unless it is written already. `pub`: the compiler has nothing to
    /// say then about what the reader does not use.
    fn line(&self, name: &str, features: &[String]) -> Option<String> {
        if declares(&self.source, name).is_some() {
            return None;
        }
        let cfg = match features {
            [] => String::new(),
            [one] => format!("#[cfg(feature = \"{one}\")] "),
            all => {
                let all: Vec<_> = all.iter().map(|feature| format!("feature = \"{feature}\"")).collect();
                format!("#[cfg(all({}))] ", all.join(", "))
            }
        };
        let path = self.path.as_deref().map(|path| format!("#[path = \"{path}\"] ")).unwrap_or_default();
        let public = if self.root.kind == Kind::Macros { "" } else { "pub " };
        Some(format!("Add to {}: {cfg}{path}{public}mod {name};", self.root.path.display()))
    }

    fn notes(&self, project: &Project, name: &str) -> Vec<String> {
        let mut notes = Vec::new();
        if declares(&self.source, name) == Some(Declaration::Inline) {
            notes.push(format!(
                "{} has a module {name} of its own, in braces: --as NAME copies the pattern under another name",
                self.root.path.display()
            ));
        }
        let programs: Vec<_> = self
            .others
            .iter()
            .filter(|other| other.kind == Kind::Program)
            .map(|other| other.path.display().to_string())
            .collect();
        match (&*programs, self.root.kind, project.library()) {
            ([], ..) => {}
            ([first, rest @ ..], Kind::Library, Some(library)) => {
                let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
                notes.push(format!("{first}{more} can use it as {library}::{name}"));
            }
            _ => notes.push(format!(
                "for another program, the line goes into its own file: {}",
                programs.join(", ")
            )),
        }
        notes
    }
}

/// What a program lacks that has no runtime yet.
fn runtime(project: &Project) -> Option<String> {
    const RUNTIMES: [&str; 5] = ["async-std", "smol", "actix-web", "actix-rt", "embassy-executor"];
    let is_program = project.roots().iter().any(|root| root.kind == Kind::Program);
    let has_one =
        project.dependencies().iter().filter(|dependency| !dependency.is_for_the_build()).any(|there| {
            let starts = |feature: &String| ["full", "rt", "rt-multi-thread"].contains(&feature.as_str());
            RUNTIMES.contains(&there.name.as_str())
                || (there.name == "tokio" && there.features.iter().any(starts))
        });
    (is_program && !has_one).then(|| {
        "a program needs a runtime: cargo add tokio --features macros,rt-multi-thread, and above `async fn main` \
         #[tokio::main]"
            .to_owned()
    })
}

/// What there is to say of an edition that is not the patterns' own.
fn edition(recipe: &Recipe, pattern: Pattern, project: &Project) -> Option<String> {
    let edition = project.edition();
    let manifest = project.manifest.display();
    if edition == "2015" {
        return Some(format!(
            "{manifest} is of edition 2015, which has no async: set edition = \"2024\", or 2018 at least"
        ));
    }
    let (.., why) = NEED_2024.iter().find(|(of, name, _)| *of == recipe.name && *name == pattern.name)?;
    (edition < "2024")
        .then(|| format!("{manifest} is of edition {edition}, and the pattern needs 2024: {why}"))
}

/// Adds what is needed to the manifest, or to what is there of it, and says what it has done.
fn add(
    manifest: &mut DocumentMut,
    workspace: &DocumentMut,
    project: &Project,
    need: &Need,
) -> anyhow::Result<Done> {
    let (name, ident) = (&need.name, ident(&need.name));
    let there: Vec<_> = project.dependencies().iter().filter(|there| !there.is_for_the_build()).collect();
    for other in there.iter().filter(|there| there.ident() == ident) {
        let at = match other.is_plain() {
            true => String::new(),
            false => format!(" in [{}]", other.table().join(".")),
        };
        if other.name != *name {
            bail!("{name} is another crate there{at}, {}: give that one another name", other.name);
        }
        if need.fit(&other.req)? == Fit::No {
            let wants = other.wants();
            let way_out = match need.is_same_as_new(&other.req)? {
                true => "raise it".to_owned(),
                false => format!(
                    "raise it, or give it another name, as in old_{ident} = {{ package = \"{name}\", version = \"{wants}\" }}"
                ),
            };
            bail!("it wants {name} {wants}{at}, and the pattern needs {} or later: {way_out}", need.minimum);
        }
    }
    if let Some(plain) = there.iter().find(|there| there.ident() == ident && there.is_plain()) {
        return merge(manifest, project, need, plain);
    }
    // A second name for one version is an error of cargo's. Another version under another name is accepted.
    let mut renamed = None;
    for other in there.iter().filter(|there| there.name == *name && there.ident() != ident) {
        if need.is_same_as_new(&other.req)? {
            renamed = renamed.or(Some(other));
        }
    }
    if let Some(renamed) = renamed {
        let key = renamed.key();
        if !renamed.is_plain() || DERIVES.contains(&name.as_str()) || need.fit(&renamed.req)? == Fit::No {
            bail!(
                "{name} is called {key} in [{}], and the pattern needs it as {name}: give it that name",
                renamed.table().join(".")
            );
        }
        let mut done = merge(manifest, project, need, renamed)?;
        done.alias = Some(renamed.ident());
        done.said += &format!(", as {key}");
        return Ok(done);
    }
    let mut done = Done::default();
    let elsewhere = there.iter().find(|there| there.ident() == ident);
    let mut has_default = need.wanted.default_features;
    let (mut table, version) = if let Some(other) = elsewhere {
        // One version, and from one place.
        done.notes.extend(older(project, need, &other.req)?);
        let keys = other.table();
        let item = manifest::table(manifest, &keys).and_then(|table| table.get(other.key()));
        let table = source_of(item.with_context(|| format!("there is no {name} in [{}]", keys.join(".")))?);
        if table.contains_key("workspace") {
            has_default = other.uses_default_features;
        }
        (table, format!("that of [{}]", keys.join(".")))
    } else if let Some(item) = of_workspace(need, workspace)? {
        let there = super::dependency::Dependency::read(name, item, workspace)?;
        if let Some(version) = &there.version {
            done.notes.extend(older(project, need, version)?);
        }
        has_default = there.default_features;
        (manifest::inherits(), "the version of the workspace".to_owned())
    } else {
        let version = version(project, need);
        (InlineTable::from_iter([("version", Value::from(&version))]), version)
    };
    let of_workspace = inherited(name, workspace).filter(|_| table.contains_key("workspace"));
    let of_workspace = of_workspace.and_then(Item::as_table_like).map(super::dependency::features);
    let features = need.lacking(has_default, &of_workspace.unwrap_or_default(), None);
    if !need.wanted.default_features && !table.contains_key("workspace") {
        table.insert("default-features", false.into());
    }
    if !features.is_empty() {
        table.insert("features", Array::from_iter(&features).into());
    }
    let value = match (table.len(), table.get("version")) {
        (1, Some(version)) => version.clone().decorated(" ", ""),
        _ => table.into(),
    };
    manifest::insert(manifest::dependencies(manifest)?, name, value).context("[dependencies] is no table")?;
    done.said = match features.is_empty() {
        true => format!("added, {version}"),
        false => format!("added, {version}, features {}", features.join(", ")),
    };
    Ok(done)
}

/// What the workspace has of it, if the pattern can use that.
fn of_workspace<'a>(need: &Need, workspace: &'a DocumentMut) -> anyhow::Result<Option<&'a Item>> {
    let Some(item) = inherited(&need.name, workspace) else { return Ok(None) };
    let package = item.get("package").and_then(Item::as_str);
    if package.is_some_and(|package| package != need.name) {
        return Ok(None);
    }
    let version = item.as_str().or_else(|| item.get("version").and_then(Item::as_str));
    Ok(match version {
        Some(version) if need.fit(version)? == Fit::No => None,
        _ => Some(item),
    })
}

/// The version of a new dependency: the one that was tried, unless the reader's lock file or his compiler wants an older.
fn version(project: &Project, need: &Need) -> String {
    let locked: Vec<_> =
        project.locked(&need.name).into_iter().filter(|version| need.is_of_the_series(version)).collect();
    let in_series =
        |version: &Version| if need.is_of_the_series(version) { version.clone() } else { series(need) };
    match locked.iter().max() {
        Some(newest) if *newest < need.tried && need.takes(newest) => newest.to_string(),
        // Cargo takes the newest that the compiler, or the runtime, allows.
        None if project.rust_version().is_some_and(|version| version < RUST) || is_held_back(project) => {
            in_series(&need.minimum).to_string()
        }
        _ => need.wanted.version.clone().unwrap_or_default(),
    }
}

/// Whether the reader allows no tokio but older ones than the newest of its family ask for.
fn is_held_back(project: &Project) -> bool {
    let mut there = project.dependencies().iter().filter(|there| !there.is_for_the_build());
    there.any(|there| there.name == "tokio" && there.ident() == "tokio" && is_older_tokio(&there.req))
}

/// The first version that is compatible with the one that was tried.
fn series(need: &Need) -> Version {
    match need.tried.major {
        0 => Version::new(0, need.tried.minor, 0),
        major => Version::new(major, 0, 0),
    }
}

/// What there is to say if the reader's versions are older than the one that was tried.
fn older(project: &Project, need: &Need, requirement: &str) -> anyhow::Result<Option<String>> {
    let (name, tried) = (&need.name, need.wanted.version.clone().unwrap_or_default());
    let allowed = semver::VersionReq::parse(requirement).context("the version")?;
    let locked = project.locked(name).into_iter().filter(|version| allowed.matches(version)).max();
    if let Some(locked) = locked {
        return Ok(if !need.takes(&locked) {
            let minimum = &need.minimum;
            Some(format!(
                "Cargo.lock has {name} {locked}, and the pattern needs {minimum} or later: cargo update {name}@{locked}"
            ))
        } else {
            (locked < need.tried)
                .then(|| format!("Cargo.lock has {name} {locked}: it compiles, and {tried} was tried"))
        });
    }
    Ok((need.fit(requirement)? == Fit::Older).then(|| {
        let wants = requirement.strip_prefix('^').unwrap_or(requirement);
        format!("{name} {wants} is older than {tried}, which was tried: it compiles from {} on", need.minimum)
    }))
}

/// Gives a dependency that is there what it lacks, and takes nothing from it.
fn merge(
    manifest: &mut DocumentMut,
    project: &Project,
    need: &Need,
    there: &Declared,
) -> anyhow::Result<Done> {
    let mut done = Done { notes: older(project, need, &there.req)?.into_iter().collect(), ..Done::default() };
    let lacking = need.lacking(there.uses_default_features, &there.features, Some(&there.req));
    done.said = match lacking.is_empty() {
        true => "is there already".to_owned(),
        false => format!("features {} added", lacking.join(", ")),
    };
    if !lacking.is_empty() {
        let item =
            manifest::dependencies(manifest)?.get_mut(there.key()).context("the dependency is gone")?;
        append_features(item, &lacking).with_context(|| format!("{} is no table", need.name))?;
    }
    if there.optional {
        done.said += ", but it is optional, and the pattern needs it";
        done.feature = project.feature_for(there.key()).map(str::to_owned);
    }
    Ok(done)
}
