//! The recipes, all or those that have a word in them.

use std::fmt::Write as _;

use anyhow::bail;

use crate::book::{self, Recipe};
use crate::near;

/// A recipe a paragraph: its name, what it teaches, and the names of asyncio that it answers.
pub(crate) fn all() -> anyhow::Result<String> {
    let recipes = book::recipes()?;
    let width = recipes.iter().map(|recipe| recipe.name.len()).max().unwrap_or_default();
    let mut list = String::new();
    for recipe in &recipes {
        let names = recipe.asyncio.join(", ");
        writeln!(list, "{:width$}  {}\n{:width$}  asyncio: {names}", recipe.name, recipe.description, "")?;
    }
    Ok(list)
}

/// The recipes in which `words` occur, and where: in their names, in asyncio's, in a chapter, in a pattern's docs.
///
/// # Errors
///
/// When they occur nowhere.
pub(crate) fn with(words: &str) -> anyhow::Result<String> {
    let wanted: Vec<_> = words.split_whitespace().map(str::to_lowercase).collect();
    let recipes = book::recipes()?;
    let mut found: Vec<_> = recipes.iter().map(|recipe| (places(recipe, &wanted), recipe)).collect();
    found.retain(|(places, _)| !places.is_empty());
    if found.is_empty() {
        let mut names: Vec<_> =
            recipes.iter().flat_map(|recipe| &recipe.asyncio).map(String::as_str).collect();
        names.extend(recipes.iter().map(|recipe| recipe.name.as_str()));
        let near = near::nearest(words, &names);
        let near =
            if near.is_empty() { String::new() } else { format!(": did you mean {}?", near.join(", or ")) };
        bail!("no recipe has {words:?} in it{near}");
    }
    let mut list = String::new();
    for (places, recipe) in found {
        writeln!(list, "{}  {}", recipe.name, recipe.description)?;
        for place in places {
            writeln!(list, "  {place}")?;
        }
    }
    Ok(list)
}

/// Where in a recipe all of the words stand together, a line each.
fn places(recipe: &Recipe, wanted: &[String]) -> Vec<String> {
    let has = |text: &str| {
        let text = text.to_lowercase();
        wanted.iter().all(|word| text.contains(word.as_str()))
    };
    let mut places = Vec::new();
    let names: Vec<_> = recipe.asyncio.iter().filter(|name| has(name)).map(String::as_str).collect();
    if !names.is_empty() {
        places.push(format!("asyncio: {}", names.join(", ")));
    } else if has(&recipe.name) || has(&recipe.description) {
        places.push("its name".to_owned());
    }
    // A line may end between two words that belong together, a table's row or a paragraph does not.
    let mut heading = "its question";
    let mut sections = Vec::new();
    for block in recipe.text("README.md").unwrap_or_default().split("\n\n") {
        heading = block.lines().rev().find_map(|line| line.strip_prefix("## ")).unwrap_or(heading);
        let rows = block.starts_with('|') || block.contains("\n|");
        let found = if rows { block.lines().any(&has) } else { has(block) };
        if found && sections.last() != Some(&heading) {
            sections.push(heading);
        }
    }
    if !sections.is_empty() {
        places.push(format!("chapter: {}", sections.join(", ")));
    }
    for pattern in recipe.patterns() {
        if has(&pattern.docs().collect::<Vec<_>>().join(" ")) || has(pattern.name) {
            places.push(format!("pattern {}: {}", pattern.name, pattern.summary()));
        }
    }
    places
}
