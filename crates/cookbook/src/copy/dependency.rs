//! What a dependency is to a manifest: a version, features, and whether the default ones are among them.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use toml_edit::{Array, DocumentMut, InlineTable, Item, TableLike, Value};

use crate::book::{self, Pattern};

/// A dependency, with all that its own manifest and the workspace's say of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dependency {
    /// `None` for one that is found by a path or in a repository.
    pub(crate) version: Option<String>,
    pub(crate) default_features: bool,
    pub(crate) features: BTreeSet<String>,
}

impl Dependency {
    /// Reads the value of one key of `[dependencies]`; `workspace` is the manifest that it may inherit from.
    pub(crate) fn read(name: &str, item: &Item, workspace: &DocumentMut) -> anyhow::Result<Self> {
        if let Some(version) = item.as_str() {
            return Ok(Self { version: Some(version.to_owned()), default_features: true, ..Self::default() });
        }
        let table = item.as_table_like().with_context(|| format!("the dependency {name} is no table"))?;
        let mut dependency = if is(table, "workspace", true) {
            let inherited = inherited(name, workspace);
            let inherited = inherited.with_context(|| format!("the workspace has no version of {name}"))?;
            Self::read(name, inherited, workspace)?
        } else {
            let version = table.get("version").and_then(Item::as_str).map(str::to_owned);
            Self { version, default_features: true, ..Self::default() }
        };
        if is(table, "default-features", false) {
            dependency.default_features = false;
        }
        dependency.features.extend(features(table));
        Ok(dependency)
    }

    /// As it is written into a manifest.
    pub(crate) fn value(&self) -> Value {
        let version = self.version.clone().unwrap_or_default();
        if self.default_features && self.features.is_empty() {
            return version.into();
        }
        let mut table = InlineTable::new();
        table.insert("version", version.into());
        if !self.default_features {
            table.insert("default-features", false.into());
        }
        if !self.features.is_empty() {
            table.insert("features", Array::from_iter(&self.features).into());
        }
        table.into()
    }
}

/// What `[workspace.dependencies]` says of `name`.
pub(crate) fn inherited<'a>(name: &str, workspace: &'a DocumentMut) -> Option<&'a Item> {
    workspace.get("workspace")?.get("dependencies")?.get(name)
}

pub(crate) fn is(table: &dyn TableLike, key: &str, value: bool) -> bool {
    table.get(key).and_then(Item::as_bool) == Some(value)
}

/// The features that a dependency's table names.
pub(crate) fn features(table: &dyn TableLike) -> Vec<String> {
    let features = table.get("features").and_then(Item::as_array);
    features.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The manifest of the cookbook's workspace.
pub(crate) fn workspace() -> anyhow::Result<DocumentMut> {
    book::WORKSPACE.parse().context("the workspace's manifest")
}

/// What a pattern's docs tell the reader to add, with the workspace's versions.
///
/// A command is `cargo add NAME... [--features A,B] [--no-default-features]`, on a line of its own or in backquotes.
///
/// # Errors
///
/// When a command cannot be understood, or names a crate of which the workspace has no version.
pub(crate) fn named_by(pattern: Pattern) -> anyhow::Result<Vec<(String, Dependency)>> {
    let workspace = workspace()?;
    let mut named = Vec::new();
    for line in pattern.docs() {
        for command in line.split("cargo add ").skip(1) {
            let command = command.split('`').next().unwrap_or_default();
            let added =
                added_by(command).with_context(|| format!("{}.rs: cargo add {command}", pattern.name))?;
            for (name, mut dependency) in added {
                let inherited = inherited(&name, &workspace);
                let inherited =
                    inherited.with_context(|| format!("the workspace has no version of {name}"))?;
                dependency.version = Dependency::read(&name, inherited, &workspace)?.version;
                named.push((name, dependency));
            }
        }
    }
    Ok(named)
}

/// What the arguments of one `cargo add` add.
fn added_by(arguments: &str) -> anyhow::Result<Vec<(String, Dependency)>> {
    let (mut names, mut features, mut default_features) = (Vec::new(), BTreeSet::new(), true);
    let mut arguments = arguments.split_whitespace();
    while let Some(argument) = arguments.next() {
        match argument {
            "--no-default-features" => default_features = false,
            "--features" | "-F" => {
                let list = arguments.next().context("--features of what?")?;
                features.extend(list.split(',').map(str::to_owned));
            }
            option if option.starts_with('-') => bail!("{option} is not understood"),
            name => names.push(name.to_owned()),
        }
    }
    if names.len() != 1 && !features.is_empty() {
        bail!("features belong to one crate, and there are {}", names.len());
    }
    let dependency = Dependency { version: None, default_features, features };
    Ok(names.into_iter().map(|name| (name, dependency.clone())).collect())
}
