//! The list, the chapter, the files and the pages agree.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use compile_errors::pages::{PAGES, find};

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn files(folder: &str, extension: &str) -> BTreeSet<String> {
    let files = std::fs::read_dir(here().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|found| found == extension));
    files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

/// A page that is missing from the list could not be found.
#[test]
fn every_page_has_its_four_files() {
    let names: BTreeSet<_> = PAGES.iter().map(|page| page.name.to_owned()).collect();
    assert_eq!(names.len(), PAGES.len());
    for extension in ["py", "rs", "stderr"] {
        assert_eq!(files("errors", extension), names, "{extension}");
    }
    let mut sources = files("src", "rs");
    for other in ["lib", "main", "pages"] {
        sources.remove(other);
    }
    assert_eq!(sources, names);
}

/// A reader has a message: each page begins with it, then says what it means, what to do, and when to take the
/// second-best fix.
#[test]
fn each_page_says_what_to_do_and_when_to_do_otherwise() {
    for page in PAGES {
        let source = std::fs::read_to_string(here().join(format!("src/{}.rs", page.name))).unwrap();
        let message = format!("//! ```text\n//! {}\n//! ```\n", page.message());
        assert!(source.contains(&message), "{} does not begin with its message", page.name);
        for heading in ["What it means", "What to do", "Second best"] {
            assert!(!page.section(heading).is_empty(), "{} has no {heading}", page.name);
        }
        assert!(page.section("Second best").contains("Take it w"), "{}", page.name);
        let code = page.code();
        for form in ["pub async fn fixed()", "pub async fn second_best()"] {
            assert!(code.contains(form), "{} has no {form}", page.name);
        }
    }
}

/// The chapter has a row for each page, in the order of the list, and each row begins as the message does.
#[test]
fn the_chapter_has_every_message_in_the_order_of_the_list() {
    let chapter = std::fs::read_to_string(here().join("README.md")).unwrap();
    let rows: Vec<_> =
        chapter.lines().filter(|line| line.contains("](src/") && line.starts_with('|')).collect();
    let linked = rows.iter().map(|row| row.split("](src/").nth(1).unwrap().split(".rs)").next().unwrap());
    assert!(linked.eq(PAGES.iter().map(|page| page.name)), "{rows:#?}");
    for (row, page) in rows.iter().zip(PAGES) {
        let shown = row.split(" | ").next().unwrap().trim_start_matches("| ");
        let message = page.message();
        let words = message.split_once(": ").map_or(message, |(_, words)| words);
        assert!(words.starts_with(shown) && shown.len() >= 16, "{shown:?} is not how {words:?} begins");
        let code = page.message().strip_prefix("error[").map_or("", |rest| rest.split(']').next().unwrap());
        assert_eq!(row.split(" | ").nth(1).unwrap().trim(), code, "{row}");
    }
}

/// A name is matched as a whole: neither a prefix nor an empty string finds a page.
#[test]
fn an_unknown_name_is_not_found() {
    assert!(find("rc_in_a_task").is_some());
    assert!(find("rc_in").is_none() && find("").is_none());
}
