//! One pattern into a crate that is there, with what it depends on.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use semver::{Op, Version, VersionReq};
use toml_edit::{Array, Decor, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use super::dependency::{Dependency, inherited, is, named_by};
use super::{Plan, read, workspace_root};
use crate::book::{Pattern, Recipe};
use crate::example;
use crate::text::hang;

/// The edition that the patterns are written in.
const EDITION: &str = "2024";

/// Plans `pattern` as a module of the crate in `project`, and its dependencies in the manifest there.
///
/// # Errors
///
/// When there is no crate, or when it wants a version of a dependency that the pattern cannot use.
pub(crate) fn copy(recipe: &Recipe, pattern: Pattern, project: &Path) -> anyhow::Result<Plan> {
    // The folder of the crate, or its manifest.
    let path = if project.is_file() { project.to_path_buf() } else { project.join("Cargo.toml") };
    if !path.is_file() {
        bail!("{} is no crate: there is no {}", project.display(), path.display());
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let (old, mut manifest) = read(&path)?;
    if !manifest.contains_key("package") {
        bail!("{} is a workspace without a crate of its own: choose one of its members", path.display());
    }
    if !folder.join("src").is_dir() {
        bail!("{} is no folder: a pattern is a file in it", folder.join("src").display());
    }
    let root = workspace_root(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })?;
    let (_, workspace) = read(&root)?;
    let locked = Locked::beside(&root);

    let mut done = Vec::new();
    let mut notes = Vec::new();
    for (name, wanted) in named_by(pattern)? {
        let known = recipe.manifest()?;
        let known = known.get("dependencies").and_then(|table| table.get(&name));
        let known = known.with_context(|| format!("the recipe does not depend on {name}"))?;
        let whole = Dependency::read(&name, known, &super::dependency::workspace()?)?;
        let change = add(&mut manifest, &workspace, &name, &wanted, &whole)
            .with_context(|| format!("{} cannot be changed", path.display()))?;
        done.push(format!("{name}: {change}"));
        notes.extend(locked.is_older(&name, &wanted));
    }
    if let Some(edition) = edition(&manifest, &workspace).filter(|edition| edition.as_str() < EDITION) {
        notes.push(format!(
            "{} is of edition {edition}, and the pattern is written in {EDITION}: it may need changes",
            path.display()
        ));
    }

    let mut plan = Plan::default();
    for (path, source) in pattern.files() {
        let file = folder.join("src").join(path);
        plan.changes.put(file.clone(), example::ignored(source))?;
        writeln!(plan.report, "{}", file.display())?;
    }
    // What is parsed has lost the ends of lines that Windows writes.
    let mut new = manifest.to_string();
    if old.matches('\n').count() == old.matches("\r\n").count() {
        new = new.replace("\r\n", "\n").replace('\n', "\r\n");
    }
    plan.changes.edit(path.clone(), old, new);

    writeln!(plan.report, "{}", path.display())?;
    for line in done {
        plan.report += &hang("  ", "    ", &line);
    }
    for note in notes {
        plan.report += &hang("note: ", "      ", &note);
    }
    if let Some(line) = module(folder, pattern.name) {
        writeln!(plan.report, "{line}")?;
    }
    Ok(plan)
}

/// What the reader has to write to have the module, unless it is written already. `pub`: the compiler has nothing to say
/// then about what the reader does not use.
fn module(folder: &Path, name: &str) -> Option<String> {
    let roots = ["src/lib.rs", "src/main.rs"].map(|root| folder.join(root));
    let root = roots.iter().find(|root| root.is_file()).unwrap_or(&roots[0]);
    let source = fs::read_to_string(root).unwrap_or_default();
    let declared = format!("mod {name};");
    let is_there = source.lines().any(|line| line.trim().trim_start_matches("pub ") == declared);
    (!is_there).then(|| format!("Add to {}: pub {declared}", root.display()))
}

fn edition(manifest: &DocumentMut, workspace: &DocumentMut) -> Option<String> {
    let edition = manifest["package"].get("edition");
    let inherited = || workspace.get("workspace")?.get("package")?.get("edition");
    match edition {
        None => Some("2015".to_owned()),
        Some(edition) => edition.as_str().or_else(|| inherited()?.as_str()).map(str::to_owned),
    }
}

/// Adds what is `wanted` to the manifest, and says what it has done. `whole` is what the pattern's recipe depends on:
/// enough without the default features.
fn add(
    manifest: &mut DocumentMut,
    workspace: &DocumentMut,
    name: &str,
    wanted: &Dependency,
    whole: &Dependency,
) -> anyhow::Result<String> {
    let dependencies = manifest.entry("dependencies").or_insert_with(|| Item::Table(Table::new()));
    let dependencies = dependencies.as_table_like_mut().context("[dependencies] is no table")?;
    let is_renamed = |item: &Item| item.get("package").and_then(Item::as_str) == Some(name);
    if let Some((other, _)) = dependencies.iter().find(|(key, item)| *key != name && is_renamed(item)) {
        bail!("{name} is called {other} there, and the pattern calls it {name}");
    }
    if let Some(item) = dependencies.get(name) {
        let is_optional = item.get("optional").and_then(Item::as_bool) == Some(true);
        let merged = merge(dependencies, workspace, name, wanted, whole)?;
        return Ok(if is_optional {
            format!("{merged}, but it is optional, and the pattern needs it")
        } else {
            merged
        });
    }
    let was_sorted = dependencies.iter().map(|(key, _)| key).is_sorted();
    let from_workspace = inherited(name, workspace).is_some();
    if from_workspace {
        // As `cargo add` does it: a workspace that has a version of it wants this one used.
        let mut table = InlineTable::new();
        table.insert("workspace", true.into());
        dependencies.insert(name, Item::Value(table.into()));
        merge(dependencies, workspace, name, wanted, whole)?;
    } else {
        dependencies.insert(name, Item::Value(wanted.value()));
    }
    if was_sorted {
        dependencies.sort_values();
    }
    let version = match (from_workspace, &wanted.version) {
        (false, Some(version)) => format!("added, {version}"),
        _ => "added, the version of the workspace".to_owned(),
    };
    Ok(match wanted.features.is_empty() {
        true => version,
        false => format!("{version}, features {}", joined(&wanted.features)),
    })
}

/// Gives a dependency that is there what it lacks, and takes nothing from it.
fn merge(
    dependencies: &mut dyn TableLike,
    workspace: &DocumentMut,
    name: &str,
    wanted: &Dependency,
    whole: &Dependency,
) -> anyhow::Result<String> {
    let item = dependencies.get_mut(name).context("the dependency is gone")?;
    if let Some(package) = item.get("package").and_then(Item::as_str).filter(|package| *package != name) {
        bail!("{name} is another crate there, {package}");
    }
    let there = Dependency::read(name, item, workspace)?;
    if let (Some(there), Some(wanted)) = (&there.version, &wanted.version)
        && !agree(there, wanted)?
    {
        bail!("it wants {name} {there}, and the pattern needs {wanted}");
    }
    // Without the default features, all that the recipe names: it does without them too.
    let needed = match !there.default_features && wanted.default_features && !whole.default_features {
        true => &whole.features | &wanted.features,
        false => wanted.features.clone(),
    };
    let lacking: Vec<_> = needed.difference(&there.features).cloned().collect();
    let wants_default = !there.default_features && wanted.default_features && whole.default_features;
    if wants_default && is_inherited(item) {
        bail!("the workspace turns the default features of {name} off, and the pattern needs them");
    }
    if lacking.is_empty() && !wants_default {
        return Ok("is there already".to_owned());
    }
    if wants_default && let Some(table) = item.as_table_like_mut() {
        table.remove("default-features");
    }
    if !lacking.is_empty() {
        append_features(item, &lacking).with_context(|| format!("{name} is no table"))?;
    }
    let mut gained = lacking;
    gained.extend(wants_default.then(|| "default".to_owned()));
    Ok(format!("features {} added", gained.join(", ")))
}

fn is_inherited(item: &Item) -> bool {
    item.as_table_like().is_some_and(|table| is(table, "workspace", true))
}

/// Appends to the features of a dependency, in the form that they have.
fn append_features(item: &mut Item, lacking: &[String]) -> Option<()> {
    if let Some(Value::String(version)) = item.as_value() {
        // The comment that stands behind it stays there.
        let decor = version.decor().clone();
        let mut table = InlineTable::new();
        table.insert("version", version.value().as_str().into());
        *table.decor_mut() = decor;
        *item = Item::Value(table.into());
    }
    let table = item.as_table_like_mut()?;
    let Some(array) = table.get_mut("features").and_then(Item::as_array_mut) else {
        let mut features = Value::from(Array::from_iter(lacking));
        // In `{ version = "1" }`, the space before the brace belongs to the last value.
        if let Some((_, Item::Value(last))) = table.iter_mut().last()
            && let Some(space) = last.decor_mut().suffix().cloned()
        {
            last.decor_mut().set_suffix("");
            *features.decor_mut() = Decor::new(" ", space);
        }
        table.insert("features", Item::Value(features));
        return Some(());
    };
    for feature in lacking {
        append(array, feature);
    }
    Some(())
}

/// Appends to an array; where each item has a line of its own, so has the new one.
fn append(array: &mut Array, feature: &str) {
    let text =
        |raw: Option<&toml_edit::RawString>| raw.and_then(|raw| raw.as_str()).unwrap_or_default().to_owned();
    let ends_with_comma = array.trailing_comma();
    let trailing = text(Some(array.trailing()));
    let Some(last) = array.iter_mut().last() else { return array.push(feature) };
    let before = text(last.decor().prefix());
    let Some((_, indent)) = before.rsplit_once('\n') else { return array.push(feature) };
    let after = if ends_with_comma { trailing } else { text(last.decor().suffix()) };
    // A comment behind the last item stays behind it.
    let (comment, closing) = after.rsplit_once('\n').unwrap_or_default();
    let mut value = Value::from(feature).decorated(format!("{comment}\n{indent}"), "");
    let closing = format!("\n{closing}");
    if ends_with_comma {
        array.set_trailing(closing);
    } else {
        last.decor_mut().set_suffix("");
        value.decor_mut().set_suffix(closing);
    }
    array.push_formatted(value);
}

/// Whether some version satisfies both, that which is there and that which the pattern was tried with or a later one.
fn agree(there: &str, wanted: &str) -> anyhow::Result<bool> {
    let read = |requirement: &str| {
        VersionReq::parse(requirement).with_context(|| format!("{requirement:?} is no version"))
    };
    let (there, wanted) = (read(there)?, read(wanted)?);
    // If there is one, there is one at or right above the versions that the two name.
    Ok([&there, &wanted].into_iter().flat_map(|requirement| &requirement.comparators).any(|comparator| {
        let named =
            Version::new(comparator.major, comparator.minor.unwrap_or(0), comparator.patch.unwrap_or(0));
        let mut above = named.clone();
        match (comparator.op, comparator.minor, comparator.patch) {
            (Op::Greater, None, _) => above = Version::new(named.major + 1, 0, 0),
            (Op::Greater, _, None) => above = Version::new(named.major, named.minor + 1, 0),
            _ => above.patch += 1,
        }
        [named, above].iter().any(|version| there.matches(version) && wanted.matches(version))
    }))
}

fn joined(features: &BTreeSet<String>) -> String {
    features.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// The versions in the reader's Cargo.lock, if there is one.
struct Locked(Option<DocumentMut>);

impl Locked {
    fn beside(manifest: &Path) -> Self {
        let lock = fs::read_to_string(manifest.with_extension("lock")).ok();
        Self(lock.and_then(|lock| lock.parse().ok()))
    }

    /// What to say if each locked version of `name` is older than the one that the pattern was tried with.
    fn is_older(&self, name: &str, wanted: &Dependency) -> Option<String> {
        let needed = VersionReq::parse(wanted.version.as_deref()?).ok()?;
        let packages = self.0.as_ref()?.get("package")?.as_array_of_tables()?;
        let locked: Vec<_> = packages
            .iter()
            .filter(|package| package.get("name").and_then(Item::as_str) == Some(name))
            .filter_map(|package| Version::parse(package.get("version")?.as_str()?).ok())
            .collect();
        let newest = locked.iter().max()?;
        (!locked.iter().any(|version| needed.matches(version))).then(|| {
            format!("Cargo.lock has {name} {newest}, and the pattern needs {needed}: cargo update {name}")
        })
    }
}
