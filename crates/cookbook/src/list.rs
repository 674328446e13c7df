//! The recipes, all or those that have a word in them.

use anyhow::bail;

use crate::book::{self, Pattern, Recipe};
use crate::text::hang;
use crate::{concordance, near};

/// Before the names of asyncio that a recipe answers.
const NAMES: &str = "asyncio: ";

/// A recipe a paragraph: its name, what it teaches, and the names of asyncio that it answers.
pub(crate) fn all() -> anyhow::Result<String> {
    let recipes = book::recipes()?;
    let width = recipes.iter().map(|recipe| recipe.name.len()).max().unwrap_or_default();
    let mut list = String::new();
    for recipe in &recipes {
        let (name, below) = (format!("{:width$}  ", recipe.name), " ".repeat(width + 2));
        list += &hang(&name, &below, &recipe.description);
        list += &hang(&below, &below, &format!("{NAMES}{}", recipe.asyncio.join(", ")));
    }
    Ok(list)
}

/// The recipes in which `words` occur, and where: in their names, in asyncio's, in a chapter, in a pattern.
///
/// # Errors
///
/// When they occur nowhere.
pub(crate) fn with(words: &str) -> anyhow::Result<String> {
    let wanted: Vec<_> = words.split_whitespace().map(str::to_lowercase).collect();
    let recipes = book::recipes()?;
    let mut found: Vec<_> = recipes.iter().map(|recipe| (places(recipe, &wanted), recipe)).collect();
    found.retain(|(places, _)| !places.is_empty());
    // What has it among its names comes before what mentions it.
    found.sort_by_key(|(places, _)| !places.iter().any(|place| place.starts_with(NAMES)));
    if found.is_empty() {
        // Python has more names than the book has recipes.
        if concordance::map(words).is_ok() {
            bail!("no recipe has {words:?} in it, but `{} map {words}` has an answer", crate::program());
        }
        let mut names: Vec<_> =
            recipes.iter().flat_map(|recipe| &recipe.asyncio).map(String::as_str).collect();
        names.extend(recipes.iter().map(|recipe| recipe.name.as_str()));
        bail!("no recipe has {words:?} in it{}", near::hint(words, &names));
    }
    let mut list = String::new();
    for (places, recipe) in found {
        list += &hang("", "  ", &format!("{}: {}", recipe.name, recipe.description));
        for place in places {
            list += &hang("  ", "    ", &place);
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
        places.push(format!("{NAMES}{}", names.join(", ")));
    } else if has(&recipe.name) || has(&recipe.description) {
        places.push("its name".to_owned());
    }
    // A line may end between two words that belong together; a table's row or a paragraph does not.
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
    let in_pattern = |pattern: &Pattern| {
        has(pattern.name)
            || has(&pattern.docs().collect::<Vec<_>>().join(" "))
            || pattern.source.lines().any(&has)
    };
    for pattern in recipe.patterns().iter().filter(|pattern| in_pattern(pattern)) {
        places.push(format!("pattern {}: {}", pattern.name, pattern.summary()));
    }
    places
}
