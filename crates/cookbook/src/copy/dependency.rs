//! A dependency in a manifest: its version, its features, and whether the default features are on.

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

/// Returns the dependencies that a pattern's docs say to add, with the workspace's versions.
///
/// A command is a line `cargo add NAME [--features A,B] [--no-default-features]`.
///
/// # Errors
///
/// When a command cannot be understood, or names a crate of which the workspace has no version.
pub(crate) fn named_by(pattern: Pattern) -> anyhow::Result<Vec<(String, Dependency)>> {
    let workspace = workspace()?;
    let commands = pattern.docs().filter_map(|line| line.strip_prefix("cargo add "));
    commands
        .map(|command| {
            let (name, mut dependency) = added_by(command)?;
            let inherited = inherited(&name, &workspace);
            let inherited = inherited.with_context(|| format!("the workspace has no version of {name}"))?;
            dependency.version = Dependency::read(&name, inherited, &workspace)?.version;
            Ok((name, dependency))
        })
        .collect::<anyhow::Result<_>>()
        .with_context(|| format!("{}.rs", pattern.name))
}

/// What the arguments of one `cargo add` add.
fn added_by(arguments: &str) -> anyhow::Result<(String, Dependency)> {
    let mut dependency = Dependency { default_features: true, ..Dependency::default() };
    let mut words = arguments.split_whitespace();
    let name = words.next().context("`cargo add` of what?")?;
    while let Some(word) = words.next() {
        match word {
            "--no-default-features" => dependency.default_features = false,
            "--features" => {
                let features = words.next().context("--features of what?")?;
                dependency.features.extend(features.split(',').map(str::to_owned));
            }
            _ => bail!("`cargo add {arguments}`: {word} is not understood"),
        }
    }
    Ok((name.to_owned(), dependency))
}

/// Whether `text` has `path` where no longer name ends with it.
pub(crate) fn names_path(text: &str, path: &str) -> bool {
    text.match_indices(path).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        !before.is_some_and(|before| before.is_alphanumeric() || before == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The code of a pattern names the crates that its docs say to add, and no other of its recipe's; and the recipe
    /// has the features that they say.
    #[test]
    fn every_pattern_says_what_it_needs() -> anyhow::Result<()> {
        let mut wrong = Vec::new();
        for recipe in book::recipes()? {
            let manifest = recipe.manifest()?;
            let known = manifest["dependencies"].as_table_like().context("no dependencies")?;
            for pattern in recipe.patterns() {
                let at = format!("{}/{}", recipe.name, pattern.name);
                let named = named_by(pattern)?;
                for (name, dependency) in &named {
                    let Some(item) = known.get(name) else {
                        wrong.push(format!("{at}: the recipe does not depend on {name}"));
                        continue;
                    };
                    let whole = Dependency::read(name, item, &workspace()?)?;
                    for feature in dependency.features.difference(&whole.features) {
                        // The one brings the other.
                        if feature != "rt" || !whole.features.contains("rt-multi-thread") {
                            wrong.push(format!(
                                "{at}: the recipe does without the feature {feature} of {name}"
                            ));
                        }
                    }
                }
                let code = pattern.code();
                for (name, _) in known.iter() {
                    let uses = names_path(&code, &format!("{}::", name.replace('-', "_")));
                    if uses != named.iter().any(|(named, _)| named == name) {
                        let does = if uses { "names" } else { "does not name" };
                        wrong.push(format!("{at}: the code {does} {name}, and the docs say otherwise"));
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
        Ok(())
    }

    /// What the paths of code need of a crate. Other crates of the same copy may bring it too, and hide that it is missing.
    const FEATURES: [(&str, &str, &str); 24] = [
        ("tokio", "select", "macros"),
        ("tokio", "join", "macros"),
        ("tokio", "try_join", "macros"),
        ("tokio", "main", "macros"),
        ("tokio", "test", "macros"),
        ("tokio", "spawn", "rt"),
        ("tokio", "task", "rt"),
        ("tokio", "runtime", "rt"),
        ("tokio", "time", "time"),
        ("tokio", "sync", "sync"),
        ("tokio", "net", "net"),
        ("tokio", "fs", "fs"),
        ("tokio", "process", "process"),
        ("tokio", "signal", "signal"),
        ("tokio", "io::AsyncReadExt", "io-util"),
        ("tokio", "io::AsyncWriteExt", "io-util"),
        ("tokio", "io::AsyncBufReadExt", "io-util"),
        ("tokio", "io::BufReader", "io-util"),
        ("tokio", "io::copy", "io-util"),
        ("tokio", "io::copy_bidirectional", "io-util"),
        ("tokio_util", "codec", "codec"),
        ("tokio_util", "io", "io"),
        ("tokio_util", "task", "rt"),
        ("tokio_util", "time", "time"),
    ];

    #[test]
    fn every_pattern_names_the_features_of_its_code() -> anyhow::Result<()> {
        let mut wrong = Vec::new();
        for recipe in book::recipes()? {
            for pattern in recipe.patterns() {
                for (name, dependency) in named_by(pattern)? {
                    let ident = name.replace('-', "_");
                    let features = &dependency.features;
                    // `rt-multi-thread` and `join-map` bring `rt`.
                    let has = |feature: &str| {
                        let brings = |there: &String| {
                            there.starts_with(feature) || (feature == "rt" && there == "join-map")
                        };
                        features.iter().any(brings)
                    };
                    for (_, source) in pattern.files() {
                        for path in super::super::source::paths(source, &ident) {
                            let needed = FEATURES.iter().filter(|(of, begin, _)| {
                                *of == ident
                                    && path
                                        .strip_prefix(begin)
                                        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
                            });
                            for (.., feature) in needed.filter(|(.., feature)| !has(feature)) {
                                wrong.push(format!(
                                    "{}/{}: {ident}::{path} needs {feature}",
                                    recipe.name, pattern.name
                                ));
                            }
                        }
                    }
                }
            }
        }
        wrong.dedup();
        assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
        Ok(())
    }

    #[test]
    fn what_is_no_plain_command_is_not_guessed_at() {
        for command in ["", "tokio --features", "tokio serde", "tokio --git https://example.org"] {
            assert!(added_by(command).is_err(), "{command}");
        }
    }
}
