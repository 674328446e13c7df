//! The list, the chapter, the files and the scenes have the same pitfalls.

use std::path::Path;

use pitfalls::scenes::{Caught, GROUPS, Pitfall, find};

fn all() -> impl Iterator<Item = Pitfall> {
    GROUPS.into_iter().flat_map(|group| group.pitfalls).copied()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The program prints this list: a pattern that is missing from it could not be found.
#[test]
fn every_file_of_a_pitfall_is_in_the_list_and_no_other() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.is_file() && std::fs::read_to_string(path).unwrap().starts_with("// SPDX"));
    let mut files: Vec<_> =
        files.iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    files.sort();
    let mut names: Vec<_> = all().map(|pitfall| pitfall.name).collect();
    names.sort_unstable();
    assert_eq!(names, files);
}

/// The chapter has a row per pitfall, in the order of the list, with the lint that catches it.
#[test]
fn the_chapter_says_of_each_what_the_list_says() {
    let chapter = read("README.md");
    let rows: Vec<_> = chapter.lines().filter(|line| line.starts_with("| [`")).collect();
    let names = rows.iter().map(|row| row.split('`').nth(1).unwrap());
    assert!(names.eq(all().map(|pitfall| pitfall.name)), "{rows:#?}");
    for (row, pitfall) in rows.into_iter().zip(all()) {
        let caught_by = row.trim_end_matches([' ', '|']).rsplit(" | ").next().unwrap();
        let lints =
            |lints: &[&str]| lints.iter().map(|lint| format!("`{lint}`")).collect::<Vec<_>>().join(", ");
        let expected = match pitfall.caught_by {
            Caught::ByDefault(names) => lints(names),
            Caught::Configured(names) => format!("{}, if it is on", lints(names)).replace("`, `", "`, `"),
            Caught::ByNothing => "nothing".to_owned(),
        };
        assert_eq!(caught_by, expected, "{row}");
    }
}

/// Each file has the symptom, the lint, the fix and both forms.
#[test]
fn each_file_says_what_is_seen_what_catches_it_and_what_to_do() {
    for pitfall in all() {
        let source = read(&format!("src/{}.rs", pitfall.name));
        for part in
            ["//! # What you see", "//! # What catches it", "//! # What to do", "fn broken", "fn fixed"]
        {
            assert!(source.contains(part), "{} has no {part}", pitfall.name);
        }
    }
}

/// A name is matched as a whole: neither a prefix nor an empty string finds a pitfall.
#[test]
fn an_unknown_name_is_not_found() {
    assert!(find("forgotten_await").is_some());
    assert!(find("forgotten").is_none() && find("").is_none());
}
