//! The pages in the order of the list, and the text of a page.

use std::fmt::Write as _;

/// The version of rustc whose messages these are. Another version may word them differently; the codes stay.
pub const COMPILER: &str = "1.95";

/// An error: the Python that worked, the Rust that does not compile, what rustc says, and the two ways out.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// The name of the file and of the module.
    pub name: &'static str,
    /// A whole program, which runs.
    pub python: &'static str,
    /// A whole program, which does not compile.
    pub broken: &'static str,
    /// The first error that rustc prints for it, without quotes from other crates.
    pub stderr: &'static str,
    source: &'static str,
}

// A macro, because `include_str!` needs literals: a page has four files of one name.
macro_rules! page {
    ($name:literal) => {
        Page {
            name: $name,
            python: include_str!(concat!("../errors/", $name, ".py")),
            broken: include_str!(concat!("../errors/", $name, ".rs")),
            stderr: include_str!(concat!("../errors/", $name, ".stderr")),
            source: include_str!(concat!($name, ".rs")),
        }
    };
}

/// All pages, ordered by how often public questions are about them.
pub const PAGES: [Page; 32] = [
    page!("not_general_enough"),
    page!("guard_over_an_await"),
    page!("boxed_error_in_a_task"),
    page!("recursion_without_a_box"),
    page!("callback_that_borrows"),
    page!("boxed_future_without_send"),
    page!("polled_without_a_pin"),
    page!("borrowed_self"),
    page!("borrowed_by_a_task"),
    page!("branches_of_two_types"),
    page!("forgotten_await"),
    page!("async_trait_object"),
    page!("question_mark_in_a_task"),
    page!("async_trait_in_a_task"),
    page!("changed_from_two_branches"),
    page!("handle_is_not_a_value"),
    page!("future_used_as_its_value"),
    page!("rc_in_a_task"),
    page!("future_keeps_its_argument"),
    page!("moved_in_a_loop"),
    page!("question_mark_without_a_type"),
    page!("generic_in_a_task"),
    page!("future_in_a_struct"),
    page!("await_outside_async"),
    page!("used_after_it_went_to_a_task"),
    page!("futures_in_a_vec"),
    page!("await_of_a_value"),
    page!("errors_that_do_not_convert"),
    page!("cell_over_an_await"),
    page!("stream_that_borrows"),
    page!("awaited_twice"),
    page!("one_receiver_in_two_tasks"),
];

/// Returns the page of that name.
pub fn find(name: &str) -> Option<Page> {
    PAGES.into_iter().find(|page| page.name == name)
}

/// Returns the list: number, name, and the beginning of the message.
pub fn list() -> String {
    let mut list = String::new();
    for (number, page) in PAGES.iter().enumerate() {
        let line = format!("{:2}  {:29}  {}", number + 1, page.name, page.message());
        list += &match line.char_indices().nth(WIDTH) {
            None => line,
            // Cuts at a word's end, with room for the dots.
            Some((end, _)) => {
                format!("{} ...", line[..line[..end - 4].rfind(' ').unwrap_or(end - 4)].trim_end())
            }
        };
        list.push('\n');
    }
    list + "\nShow one, and its fix: cargo run -p compile_errors -- borrowed_by_a_task\n"
}

/// The number of columns of a terminal.
const WIDTH: usize = 100;

impl Page {
    /// Returns the first line of the message, such as `error[E0373]: async block may outlive ...`.
    pub fn message(&self) -> &'static str {
        self.stderr.lines().next().unwrap_or_default()
    }

    /// Returns the cause of the error in one sentence.
    pub fn summary(&self) -> &'static str {
        let line = self.source.lines().nth(1).unwrap_or_default();
        line.strip_prefix("//! ").unwrap_or_default()
    }

    /// Returns a section of the page's docs, without the margin of a comment.
    pub fn section(&self, heading: &str) -> String {
        let docs = self.source.lines().map_while(|line| match line.starts_with("//") {
            true => Some(line.strip_prefix("//!").unwrap_or_default().trim_start()),
            false => None,
        });
        let section = docs.skip_while(|line| line.strip_prefix("# ") != Some(heading)).skip(1);
        let lines: Vec<_> = section.take_while(|line| !line.starts_with("# ")).collect();
        lines.join("\n").trim().to_owned()
    }

    /// Returns the code of the two ways out.
    pub fn code(&self) -> String {
        let code = self.source.lines().skip_while(|line| line.starts_with("//"));
        code.collect::<Vec<_>>().join("\n").trim().to_owned()
    }

    /// Returns the whole page as a terminal shows it. `heading` and `error` add colour to a line.
    pub fn show(&self, heading: impl Fn(&str) -> String, error: impl Fn(&str) -> String) -> String {
        let mut page = format!("{}\n", heading(&format!("# {}: {}", self.name, self.summary())));
        let mut part = |title: &str, text: &str| {
            // Writing to a string never fails.
            let _written = write!(page, "\n{}\n\n{}\n", heading(&format!("## {title}")), text.trim_end());
        };
        part("The Python that worked", self.python);
        part("The Rust that one writes first", self.broken);
        let message = self.message();
        let said = self.stderr.replacen(message, &error(message), 1);
        part(&format!("What rustc {COMPILER} says"), &said);
        part("What it means", &self.section("What it means"));
        part("What to do: `fixed`", &self.section("What to do"));
        part("Second best: `second_best`", &self.section("Second best"));
        part("Both of them", &self.code());
        page
    }
}
