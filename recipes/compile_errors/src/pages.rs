//! The pages in the order of the list, and what a page shows.

use std::fmt::Write as _;

/// The compiler whose messages these are. Another one may word them otherwise; the codes stay.
pub const COMPILER: &str = "1.95";

/// An error: the Python that worked, the Rust that does not compile, what rustc says, and the two ways out.
#[derive(Clone, Copy, Debug)]
pub struct ErrorPage {
    /// As the file and the module are called.
    pub name: &'static str,
    /// A whole program, which runs.
    pub python: &'static str,
    /// A whole program, which does not compile.
    pub broken: &'static str,
    /// The first error that rustc prints for it, without what it quotes from other crates.
    pub stderr: &'static str,
    source: &'static str,
}

// A macro, since `include_str!` wants literals: these are four files of one name.
macro_rules! page {
    ($name:literal) => {
        ErrorPage {
            name: $name,
            python: include_str!(concat!("../errors/", $name, ".py")),
            broken: include_str!(concat!("../errors/", $name, ".rs")),
            stderr: include_str!(concat!("../errors/", $name, ".stderr")),
            source: include_str!(concat!($name, ".rs")),
        }
    };
}

/// All of them, by how often public questions are about them.
pub const PAGES: [ErrorPage; 32] = [
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

/// The page of that name.
pub fn find(name: &str) -> Option<ErrorPage> {
    PAGES.into_iter().find(|page| page.name == name)
}

/// The list: number, name, and how the message begins.
pub fn list() -> String {
    let mut list = String::new();
    for (number, page) in PAGES.iter().enumerate() {
        let line = format!("{:2}  {:29}  {}", number + 1, page.name, page.message());
        list += &match line.char_indices().nth(WIDTH) {
            None => line,
            // At a word's end, with room for the dots.
            Some((end, _)) => {
                format!("{} ...", line[..line[..end - 4].rfind(' ').unwrap_or(end - 4)].trim_end())
            }
        };
        list.push('\n');
    }
    list + "\nShow one, and its fix: cargo run -p compile_errors -- borrowed_by_a_task\n"
}

/// The columns of a terminal.
const WIDTH: usize = 100;

impl ErrorPage {
    /// The first line of what rustc prints, as `error[E0373]: async block may outlive ...`.
    pub fn message(&self) -> &'static str {
        self.stderr.lines().next().unwrap_or_default()
    }

    /// What the reader has done, one sentence.
    pub fn summary(&self) -> &'static str {
        let line = self.source.lines().nth(1).unwrap_or_default();
        line.strip_prefix("//! ").unwrap_or_default()
    }

    /// A section of the page's docs, without the margin of a comment.
    pub fn section(&self, heading: &str) -> String {
        let docs = self.source.lines().map_while(|line| match line.starts_with("//") {
            true => Some(line.strip_prefix("//!").unwrap_or_default().trim_start()),
            false => None,
        });
        let section = docs.skip_while(|line| line.strip_prefix("# ") != Some(heading)).skip(1);
        let lines: Vec<_> = section.take_while(|line| !line.starts_with("# ")).collect();
        lines.join("\n").trim().to_owned()
    }

    /// The code of the two ways out.
    pub fn code(&self) -> String {
        let code = self.source.lines().skip_while(|line| line.starts_with("//"));
        code.collect::<Vec<_>>().join("\n").trim().to_owned()
    }

    /// The whole page as a terminal shows it. `heading` and `error` put a line into colour.
    pub fn show(&self, heading: impl Fn(&str) -> String, error: impl Fn(&str) -> String) -> String {
        let mut page = format!("{}\n", heading(&format!("# {}: {}", self.name, self.summary())));
        let mut part = |title: &str, text: &str| {
            // A string takes all that is written.
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
