//! Edits of the reader's manifest, which keep its form and lose nothing.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use anyhow::bail;
use similar::{ChangeTag, TextDiff};
use toml_edit::{Array, Decor, DocumentMut, InlineTable, Item, RawString, Table, TableLike, Value};

use super::dependency::is;

/// The table behind these keys.
pub(crate) fn table<'a>(manifest: &'a DocumentMut, keys: &[String]) -> Option<&'a dyn TableLike> {
    let mut item = manifest.as_item();
    for key in keys {
        // `dev_dependencies` is the older form.
        item = item.get(key).or_else(|| item.get(key.replace('-', "_")))?;
    }
    item.as_table_like()
}

/// The `[dependencies]`, which are made if there are none.
pub(crate) fn dependencies(manifest: &mut DocumentMut) -> anyhow::Result<&mut Item> {
    if !manifest.contains_key("dependencies") {
        let mut table = Table::new();
        // A comment at the end stays behind what it is behind now.
        let end = manifest.trailing().as_str().unwrap_or_default().to_owned();
        if end.contains('#') {
            let gap = if end.ends_with('\n') { "\n" } else { "\n\n" };
            *table.decor_mut() = Decor::new(end + gap, "");
            manifest.set_trailing("");
        }
        manifest.insert("dependencies", Item::Table(table));
    }
    let dependencies = &mut manifest["dependencies"];
    if !dependencies.is_table_like() {
        bail!("[dependencies] is no table");
    }
    Ok(dependencies)
}

/// Inserts a dependency: in the order of names, if that is the order that is there.
pub(crate) fn insert(dependencies: &mut Item, name: &str, value: Value) -> Option<()> {
    let table = dependencies.as_table_like_mut()?;
    let was_sorted = table.iter().map(|(key, _)| key).is_sorted();
    table.insert(name, Item::Value(value));
    if was_sorted {
        let names: BTreeSet<_> = table.iter().map(|(key, _)| key.to_owned()).collect();
        // What is in a dependency with dotted keys is offered too, and keeps its order.
        let order = |one: &str, other: &str| match names.contains(one) && names.contains(other) {
            true => one.cmp(other),
            false => Ordering::Equal,
        };
        match dependencies {
            Item::Table(table) => table.sort_values_by(|one, _, other, _| order(one.get(), other.get())),
            Item::Value(Value::InlineTable(table)) => {
                table.sort_values_by(|one, _, other, _| order(one.get(), other.get()));
            }
            _ => {}
        }
    }
    Some(())
}

/// As `cargo add` writes it: a workspace that has a version of it wants this one used.
pub(crate) fn inherits() -> InlineTable {
    let mut table = InlineTable::new();
    table.insert("workspace", true.into());
    table
}

/// The place and the version of a dependency that is in another table, without what else it says there.
pub(crate) fn source_of(item: &Item) -> InlineTable {
    const SOURCE: [&str; 9] =
        ["version", "path", "git", "branch", "tag", "rev", "registry", "package", "registry-index"];
    let mut source = InlineTable::new();
    if let Some(version) = item.as_str() {
        source.insert("version", version.into());
    }
    if let Some(table) = item.as_table_like() {
        if is(table, "workspace", true) {
            return inherits();
        }
        for key in SOURCE {
            if let Some(value) = table.get(key).and_then(Item::as_value) {
                let mut value = value.clone();
                value.decor_mut().clear();
                source.insert(key, value);
            }
        }
    }
    source
}

/// Appends to the features of a dependency, in the form that they have.
pub(crate) fn append_features(item: &mut Item, lacking: &[String]) -> Option<()> {
    if let Some(Value::String(version)) = item.as_value() {
        // The comment behind it stays there.
        let decor = version.decor().clone();
        let mut table = InlineTable::new();
        table.insert("version", version.value().as_str().into());
        *table.decor_mut() = decor;
        *item = Item::Value(table.into());
    }
    let is_inline = item.is_inline_table();
    let table = item.as_table_like_mut()?;
    let Some(array) = table.get_mut("features").and_then(Item::as_array_mut) else {
        let mut features = Value::from(Array::from_iter(lacking));
        // In `{ version = "1" }`, the space before the brace belongs to the last value.
        if is_inline
            && let Some((_, Item::Value(last))) = table.iter_mut().last()
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

/// Appends to an array, in the form of the items that are there.
fn append(array: &mut Array, feature: &str) {
    let text = |raw: Option<&RawString>| raw.and_then(RawString::as_str).unwrap_or_default().to_owned();
    let ends_with_comma = array.trailing_comma();
    let trailing = text(Some(array.trailing()));
    let above = array.len().checked_sub(2).and_then(|at| array.get(at));
    let above = above.map(|above| text(above.decor().suffix()));
    let Some(last) = array.iter_mut().last() else { return array.push(feature) };
    let (before, behind) = (text(last.decor().prefix()), text(last.decor().suffix()));
    let after = if ends_with_comma { &trailing } else { &behind };
    // A comment behind the last item stays behind it.
    let (comment, closing) = match after.rsplit_once('\n') {
        Some((comment, closing)) => (comment, format!("\n{closing}")),
        None => ("", after.clone()),
    };
    let mut value = Value::from(feature);
    let mut end = closing;
    if let Some((_, indent)) = before.rsplit_once('\n') {
        // Each item has a line of its own.
        *value.decor_mut() = Decor::new(format!("{comment}\n{indent}"), "");
        last.decor_mut().set_suffix("");
        if !end.starts_with('\n') {
            end = after.clone();
        }
    } else if let Some((_, indent)) = above.as_deref().and_then(|above| above.rsplit_once('\n'))
        && !ends_with_comma
    {
        // The comma is at the beginning of each line.
        last.decor_mut().set_suffix(format!("{comment}\n{indent}"));
        *value.decor_mut() = Decor::new(before, "");
    } else {
        // On one line, as close as the others are.
        let space = if above.is_some() { before } else { " ".to_owned() };
        last.decor_mut().set_suffix(above.unwrap_or_default());
        *value.decor_mut() = Decor::new(if comment.is_empty() { space } else { format!("{comment}\n") }, "");
    }
    if ends_with_comma {
        array.set_trailing(end);
    } else {
        value.decor_mut().set_suffix(end);
    }
    array.push_formatted(value);
}

/// `new` with the ends of lines that `old` has, and its byte order mark: parsing loses both.
pub(crate) fn as_it_was(old: &str, new: &str) -> String {
    let (mark, old) = match old.strip_prefix('\u{feff}') {
        Some(rest) => ("\u{feff}", rest),
        None => ("", old),
    };
    let lines: Vec<_> = old.split_inclusive('\n').collect();
    let is_windows = |line: &&&str| line.ends_with("\r\n");
    let usual = if 2 * lines.iter().filter(is_windows).count() > lines.len() { "\r\n" } else { "\n" };
    let (plain, new) = (old.replace("\r\n", "\n"), new.replace("\r\n", "\n"));
    let mut text = mark.to_owned();
    for change in TextDiff::from_lines(&plain, new.trim_start_matches('\u{feff}')).iter_all_changes() {
        match (change.tag(), change.old_index().and_then(|at| lines.get(at))) {
            (ChangeTag::Delete, _) => {}
            (ChangeTag::Equal, Some(line)) => text += line,
            (ChangeTag::Equal | ChangeTag::Insert, _) => text += &change.value().replace('\n', usual),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn appended(features: &str) -> String {
        let mut manifest: DocumentMut = format!("features = {features}\n").parse().unwrap();
        append(manifest["features"].as_array_mut().unwrap(), "new");
        let text = manifest.to_string();
        assert!(text.parse::<DocumentMut>().is_ok(), "{text}");
        text.strip_prefix("features = ").unwrap().trim_end().to_owned()
    }

    #[test]
    fn an_array_keeps_its_style() {
        for (before, after) in [
            ("[]", "[\"new\"]"),
            ("[\"a\"]", "[\"a\", \"new\"]"),
            ("[\"a\",\"b\"]", "[\"a\",\"b\",\"new\"]"),
            ("[ \"a\" ]", "[ \"a\", \"new\" ]"),
            ("[ \"a\", \"b\" ]", "[ \"a\", \"b\", \"new\" ]"),
            ("[\"a\", ]", "[\"a\", \"new\", ]"),
            ("[\n  \"a\",\n]", "[\n  \"a\",\n  \"new\",\n]"),
            ("[\n  \"a\"\n]", "[\n  \"a\",\n  \"new\"\n]"),
            ("[\n  \"a\", # why\n]", "[\n  \"a\", # why\n  \"new\",\n]"),
            ("[\n  \"a\" # why\n]", "[\n  \"a\", # why\n  \"new\"\n]"),
            ("[\n  \"a\",\n  \"b\"]", "[\n  \"a\",\n  \"b\",\n  \"new\"]"),
            ("[\n  \"a\", \"b\",\n]", "[\n  \"a\", \"b\", \"new\",\n]"),
            ("[\n  \"a\", \"b\"\n]", "[\n  \"a\", \"b\", \"new\"\n]"),
            ("[\n    \"a\"\n  , \"b\"\n  ]", "[\n    \"a\"\n  , \"b\"\n  , \"new\"\n  ]"),
            ("[ \"a\"\n, \"b\" # why\n]", "[ \"a\"\n, \"b\" # why\n, \"new\"\n]"),
        ] {
            assert_eq!(appended(before), after, "{before}");
        }
    }

    #[test]
    fn each_line_keeps_its_end() {
        for (old, new, after) in [
            ("a", "a\nb\n", "a\nb\n"),
            ("a\r\nb\r\n", "a\nx\nb\n", "a\r\nx\r\nb\r\n"),
            ("a\nb\r\nc\n", "a\nb\nx\nc\n", "a\nb\r\nx\nc\n"),
            ("\u{feff}a\n", "a\nb\n", "\u{feff}a\nb\n"),
        ] {
            assert_eq!(as_it_was(old, new), after);
        }
    }
}
