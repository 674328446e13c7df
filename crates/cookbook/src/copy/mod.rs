//! Copies that need nothing of the workspace: a whole recipe as a crate, or one pattern into a crate that is there.

mod dependency;
mod manifest;
mod needs;
mod pattern;
mod project;
mod recipe;
mod source;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
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

/// The root of the workspace that cargo sees in `folder`: the manifest of the crate itself, if it is in no other.
///
/// # Errors
///
/// When there is no manifest, or cargo does not understand it.
fn workspace_root(folder: &Path) -> anyhow::Result<PathBuf> {
    // `cargo run` names itself; else it is the one that the reader would type.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let located = Command::new(cargo)
        .args(["locate-project", "--workspace", "--message-format", "plain"])
        .current_dir(folder)
        .output()
        .context("cannot run cargo")?;
    if !located.status.success() {
        let error = String::from_utf8_lossy(&located.stderr);
        bail!("cargo says {}", error.trim_start_matches("error: ").trim_end());
    }
    Ok(PathBuf::from(String::from_utf8(located.stdout)?.trim_end()))
}

/// A manifest of the reader's: its text, and what it says.
fn read(path: &Path) -> anyhow::Result<(String, DocumentMut)> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let document = parse(path, &text)?;
    Ok((text, document))
}

fn parse(path: &Path, text: &str) -> anyhow::Result<DocumentMut> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.parse().with_context(|| format!("{} is no manifest", path.display()))
}
