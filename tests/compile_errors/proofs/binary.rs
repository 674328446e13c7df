//! The program as its user has it.

use std::process::{Command, Output};

use compile_errors::pages::PAGES;
use expect_test::expect_file;

fn compile_errors(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_compile_errors"));
    command.args(arguments).env("RUST_BACKTRACE", "0");
    command
}

fn run(arguments: &[&str]) -> Output {
    compile_errors(arguments).output().unwrap()
}

fn printed(arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = run(arguments);
    assert!(status.success() && stderr.is_empty(), "{arguments:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// A reader looks for a message: the list has its beginning, on one line of a terminal.
#[test]
fn without_a_name_it_lists_every_message() {
    let list = printed(&[]);
    expect_file!["../../../recipes/compile_errors/transcript.txt"].assert_eq(&list);
    assert!(list.lines().all(|line| line.chars().count() <= 100), "{list}");
    for page in PAGES {
        let line = list.lines().find(|line| line.contains(&format!("  {}  ", page.name))).unwrap();
        let shown = line.split_once(page.name).unwrap().1.trim().trim_end_matches(" ...");
        assert!(page.message().starts_with(shown) && shown.len() > 16, "{line}");
    }
}

/// It needs no compiler: it shows the text that the lessons have checked.
#[test]
fn with_a_name_it_shows_the_message_and_both_ways_out() {
    for page in PAGES {
        let dashed = page.name.replace('_', "-");
        let shown = printed(&[page.name]);
        assert_eq!(printed(&[&dashed]), shown);
        let source = format!("{}/src/{}.rs", env!("CARGO_MANIFEST_DIR"), page.name);
        let source = std::fs::read_to_string(source).unwrap();
        let summary = source.lines().find_map(|line| line.strip_prefix("//! ")).unwrap();
        assert_eq!(shown.lines().next(), Some(&*format!("# {}: {summary}", page.name)));
        let parts = [page.python, page.broken, page.stderr, &page.section("What to do"), &page.code()];
        let places = parts.map(|part| shown.find(part.trim_end()).unwrap_or_else(|| panic!("{shown}")));
        assert!(places.is_sorted(), "{}", page.name);
        assert!(!shown.contains('\u{1b}'), "a pipe gets no colour");
    }
}

/// An empty stdout and exit code 2 show a script that the name is wrong; a near miss gets a suggestion.
#[test]
fn an_unknown_name_is_one_line_and_ends_with_2() {
    for arguments in [&["forgotten"][..], &["--no-such"], &["rc_in_a_task", "guard_over_an_await"]] {
        let output = run(arguments);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    for (typed, answer) in
        [("Rc-In-A-Tusk", "did you mean rc_in_a_task?"), ("zzz", "without a name, all are listed")]
    {
        let error = String::from_utf8(run(&[typed]).stderr).unwrap();
        assert!(error.contains(answer), "{error}");
    }
}

/// `compile_errors | head` closes the pipe early: `println!` would panic there.
#[test]
fn a_closed_pipe_is_no_failure() {
    for arguments in [&[][..], &["rc_in_a_task"]] {
        let (reader, closed) = std::io::pipe().unwrap();
        drop(reader);
        let output = compile_errors(arguments).stdout(closed).output().unwrap();
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
    }
}

/// Every binary of the book answers these.
#[test]
fn it_says_its_version_and_its_help() {
    assert!(printed(&["--version"]).starts_with("compile_errors "));
    let help = printed(&["--help"]);
    assert!(help.contains("[PAGE]") && help.contains("rustc"), "{help}");
}
