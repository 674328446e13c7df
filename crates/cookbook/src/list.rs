//! The table of contents.

use crate::book;
use crate::concordance;
use crate::text::hang;

/// How many names of asyncio's are beside a recipe.
const NAMES: usize = 8;

/// A recipe a paragraph: its name, what it teaches, and the first of the names of asyncio's that it answers.
pub(crate) fn all() -> anyhow::Result<String> {
    let recipes = book::recipes()?;
    let width = recipes.iter().map(|recipe| recipe.name.len()).max().unwrap_or_default();
    let mut list = String::new();
    for recipe in &recipes {
        let (name, below) = (format!("{:width$}  ", recipe.name), " ".repeat(width + 2));
        list += &hang(&name, &below, &recipe.description);
        let names = concordance::names_of(&recipe.name, NAMES);
        if !names.is_empty() {
            list += &hang(&below, &below, &format!("Python: {}", names.join(", ")));
        }
    }
    Ok(list)
}
