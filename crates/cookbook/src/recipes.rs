//! What the recipes say of themselves in their manifests, carried inside the binary.

use anyhow::Context;
use include_dir::{Dir, include_dir};
use serde::Deserialize;

static RECIPES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../recipes");

/// One recipe, as its `Cargo.toml` describes it.
#[derive(Debug, Deserialize)]
pub(crate) struct Recipe {
    pub(crate) name: String,
    /// What it teaches, one sentence.
    pub(crate) description: String,
    metadata: Metadata,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    recipe: Index,
}

/// `[package.metadata.recipe]`
#[derive(Debug, Deserialize)]
struct Index {
    /// The recipe's place in reading order.
    chapter: u32,
    /// The names of asyncio that it answers.
    asyncio: Vec<String>,
}

impl Recipe {
    /// The names of asyncio that the recipe answers.
    pub(crate) fn asyncio(&self) -> &[String] {
        &self.metadata.recipe.asyncio
    }
}

/// Every recipe, in reading order.
///
/// # Errors
///
/// When a recipe's manifest lacks one of these fields.
pub(crate) fn all() -> anyhow::Result<Vec<Recipe>> {
    let mut recipes = RECIPES
        .dirs()
        .map(|folder| {
            let path = folder.path().join("Cargo.toml");
            let manifest =
                folder.get_file(&path).and_then(|file| file.contents_utf8()).context("no manifest");
            manifest.and_then(parse).with_context(|| format!("recipes/{}", path.display()))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    recipes.sort_by_key(|recipe| recipe.metadata.recipe.chapter);
    Ok(recipes)
}

fn parse(manifest: &str) -> anyhow::Result<Recipe> {
    #[derive(Deserialize)]
    struct Manifest {
        package: Recipe,
    }
    Ok(toml::from_str::<Manifest>(manifest)?.package)
}
