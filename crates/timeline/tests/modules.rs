//! The crate's modules are layers: each imports from those below it alone.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The modules from the bottom up. The crate's root is above them all.
const LAYERS: [&str; 14] = [
    "model::label",
    "model",
    "layer::values",
    "layer::record",
    "layer::tally",
    "layer::recording",
    "layer",
    "draw::units",
    "draw::labels",
    "draw::cells",
    "draw::table",
    "draw",
    "draw::text",
    "draw::svg",
];

/// The place in [`LAYERS`] of a module, and one above the last for the crate's root.
fn height(module: &str) -> usize {
    LAYERS.iter().position(|layer| *layer == module).unwrap_or(LAYERS.len())
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The paths that begin here, each as its segments: `a::{b, c::d}` is two.
fn paths(text: &str) -> Vec<Vec<&str>> {
    let text = text.trim_start();
    if let Some(group) = text.strip_prefix('{') {
        let mut depth = 0;
        let close = group.find(|character| {
            depth += i32::from(character == '{') - i32::from(character == '}');
            depth < 0
        });
        let group = &group[..close.unwrap_or(group.len())];
        let mut depth = 0;
        let members = group.split(|character| {
            depth += i32::from(character == '{') - i32::from(character == '}');
            character == ',' && depth == 0
        });
        return members.filter(|member| !member.trim().is_empty()).flat_map(paths).collect();
    }
    let (segment, rest) = text.split_at(text.find(|character| !is_word(character)).unwrap_or(text.len()));
    match rest.strip_prefix("::") {
        Some(rest) => {
            paths(rest).into_iter().map(|path| [vec![segment], path].concat()).collect::<Vec<Vec<&str>>>()
        }
        None => vec![vec![segment]],
    }
}

/// The modules that a source names by a path: from `crate`, `self`, `super`, or one of its own children.
fn imports(module: &str, source: &str) -> Vec<String> {
    let code: String =
        source.lines().map(|line| line.split("//").next().unwrap_or(line).to_owned() + "\n").collect();
    let inline = code.find("\nmod tests {").unwrap_or(code.len());
    let own: Vec<&str> = module.split("::").filter(|segment| !segment.is_empty()).collect();
    let starts = code.char_indices().filter(|&(at, character)| {
        let before = code[..at].chars().next_back().unwrap_or(' ');
        is_word(character) && !is_word(before) && !code[..at].ends_with("::")
    });
    let mut found = Vec::new();
    let starts = starts.flat_map(|(at, _)| paths(&code[at..]).into_iter().map(move |path| (at, path)));
    for (at, path) in starts.filter(|(_, path)| path.len() > 1) {
        let mut base = own.clone();
        let mut inside = at > inline;
        let mut rest = path.as_slice();
        match rest[0] {
            "crate" => (base, rest) = (Vec::new(), &rest[1..]),
            "self" => rest = &rest[1..],
            "super" => {
                while let ["super", after @ ..] = rest {
                    // Of the tests inside of a file, the first `super` is the file.
                    if !std::mem::take(&mut inside) {
                        base.pop();
                    }
                    rest = after;
                }
            }
            child if LAYERS.contains(&[own.as_slice(), &[child]].concat().join("::").as_str()) => {}
            _ => continue,
        }
        // As far as the path names modules.
        for segment in rest {
            let longer = [base.as_slice(), &[segment]].concat();
            if !LAYERS.contains(&longer.join("::").as_str()) {
                break;
            }
            base = longer;
        }
        found.push(base.join("::"));
    }
    found
}

/// The imports of a source that are not from below.
fn upward(module: &str, source: &str) -> Vec<String> {
    let own = height(module);
    imports(module, source).into_iter().filter(|import| height(import) > own).collect()
}

/// The module of each file under `folder`, and its source.
fn sources(folder: &Path, module: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let name = if module.is_empty() { stem } else { format!("{module}::{stem}") };
        if path.is_dir() {
            found.extend(sources(&path, &name));
        } else {
            let name = if name == "lib" { String::new() } else { name };
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

#[test]
fn modules_import_from_below_alone() {
    let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "");
    let files: BTreeSet<&str> = sources.iter().map(|(module, _)| module.as_str()).collect();
    assert_eq!(files, LAYERS.into_iter().chain([""]).collect(), "each module has its layer");
    let mut counted = 0;
    for (module, source) in &sources {
        counted += imports(module, source).len();
        assert_eq!(upward(module, source), Vec::<String>::new(), "{module} imports from above");
    }
    assert!(counted > 40, "{counted} imports are seen");
}

#[test]
fn an_upward_import_is_seen_however_it_is_written() {
    let seen = |module, source, expected: &[&str]| assert_eq!(upward(module, source), expected, "{source}");
    seen("model", "use crate::draw::text::TextStyle;", &["draw::text"]);
    seen(
        "model",
        "use crate::{\n    layer::{self, tally::Tally},\n    model::label,\n};",
        &["layer", "layer::tally"],
    );
    seen("model::label", "use super::Lane;", &["model"]);
    seen("model::label", "use super::super::draw::*;", &["draw"]);
    seen("layer", "    let text = crate::draw::units::exact(1);", &["draw::units"]);
    seen("layer", "fn style() -> super::draw::text::TextStyle {", &["draw::text"]);
    // By the root, where public names are at hand.
    seen("layer::record", "use crate::MAX_LANES;", &[""]);
    seen("draw", "mod svg;\n\nuse svg::Page;\nuse self::text::Layout;", &["draw::svg", "draw::text"]);
    seen("model", "#[cfg(test)]\nmod tests {\n    use super::super::draw::cells;\n", &["draw::cells"]);
}

#[test]
fn what_is_not_an_upward_import_is_let_through() {
    let free = |module, source| assert_eq!(upward(module, source), Vec::<String>::new(), "{source}");
    free("draw::svg", "use crate::draw::{cells::{self, Cell}, headline};\nuse crate::model::{Lane, label};");
    free("layer", "/// Draws it: [`text`](crate::draw::text).\nlet now = now(); // crate::draw::units");
    free(
        "layer",
        "use std::sync::{Arc, Mutex};\nuse tracing_subscriber::layer::Context;\nuse self::record::Record;",
    );
    free(
        "draw::cells",
        "#[cfg(test)]\nmod tests {\n    use super::Cell::{Running, Waiting};\n    use super::*;\n",
    );
}
