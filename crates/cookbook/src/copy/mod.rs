//! Copies that stand alone: a whole recipe as a crate, or one pattern into a crate that is there.

mod dependency;
mod lessons;
mod pattern;
mod recipe;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use toml_edit::DocumentMut;

pub(crate) use self::pattern::copy as pattern;
pub(crate) use self::recipe::copy as recipe;

use crate::changes::Changes;

/// What a copy is about to write, and what there is to say of it.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) changes: Changes,
    /// For when it is written.
    pub(crate) report: String,
}

/// The manifest of the nearest workspace that `folder` lies in, be it one of its members or not.
fn enclosing_workspace(folder: &Path) -> anyhow::Result<Option<PathBuf>> {
    let folder = std::path::absolute(folder.join("."))?;
    let mut parents = PathBuf::new();
    // `..` is taken away by name: the folder need not be there yet.
    for part in folder.components() {
        match part {
            std::path::Component::ParentDir => drop(parents.pop()),
            part => parents.push(part),
        }
    }
    for parent in parents.ancestors().skip(1) {
        let manifest = parent.join("Cargo.toml");
        if manifest.is_file() && read(&manifest)?.1.contains_key("workspace") {
            return Ok(Some(manifest));
        }
    }
    Ok(None)
}

/// A manifest of the reader's: its text, and what it says.
fn read(path: &Path) -> anyhow::Result<(String, DocumentMut)> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let document = text.parse().with_context(|| format!("{} is no manifest", path.display()))?;
    Ok((text, document))
}
