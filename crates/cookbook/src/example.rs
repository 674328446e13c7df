//! The example at the head of a pattern: a doctest of its recipe.

/// A fence of Rust that rustdoc runs.
const FENCE: &str = "```";

/// Puts the example first, as a program, and then the source without it. A source without an example stays as it is.
pub(crate) fn first(source: &str) -> String {
    let lines: Vec<_> = source.lines().collect();
    let head: Vec<_> = lines.iter().map_while(|line| line.strip_prefix("//")).collect();
    let fences: Vec<_> = (0..head.len()).filter(|&at| head[at].starts_with("! ```")).collect();
    // Fences come in pairs: one opens, the next one closes.
    let example = fences.chunks_exact(2).find(|pair| head[pair[0]].trim_start_matches("! ") == FENCE);
    let Some(&[begin, end]) = example else { return source.to_owned() };
    let code = head[begin + 1..end].iter().map(|line| line.trim_start_matches('!'));
    let code = code.map(|line| line.strip_prefix(' ').unwrap_or(line));
    // The blank line between the example and the text behind it.
    let behind = end + 1 + usize::from(head.get(end + 1) == Some(&"!"));
    let rest = lines[..begin].iter().chain(&lines[behind..]).copied();
    code.chain([""]).chain(rest).flat_map(|line| [line, "\n"]).collect()
}

/// Marks what rustdoc would run as `ignore`: it names the recipe's crate, which a reader of the copy does not have.
pub(crate) fn ignored(source: &str) -> String {
    let mut is_open = false;
    let mut marked = String::new();
    for line in source.split_inclusive('\n') {
        let code = line.trim_start();
        let doc = code.strip_prefix("//!").or_else(|| code.strip_prefix("///"));
        let fence = doc.map(str::trim).filter(|doc| doc.starts_with(FENCE));
        if fence.is_some_and(|fence| !is_open && [FENCE, "```rust"].contains(&fence)) {
            marked += &line.replacen(line.trim_end(), &format!("{}ignore", before_language(line)), 1);
        } else {
            marked += line;
        }
        is_open ^= fence.is_some();
    }
    marked
}

/// A line that opens a fence, up to and with the fence.
fn before_language(line: &str) -> &str {
    line.find(FENCE).map_or(line, |at| &line[..at + FENCE.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: [&str; 7] = [
        "// SPDX-License-Identifier: 0BSD",
        "//! Waits.",
        "//!",
        "//! ```sh",
        "//! cargo add x",
        "//! ```",
        "//!",
    ];
    const REST: [&str; 6] = ["//! More.", "", "/// ```rust", "/// c();", "/// ```", "pub fn b() {}"];

    fn source() -> String {
        let example =
            ["//! ```", "//! use a::b;", "//!", "//! fn main() {", "//!     b();", "//! }", "//! ```"];
        [&HEAD[..], &example, &["//!"], &REST].concat().join("\n") + "\n"
    }

    #[test]
    fn the_example_comes_first_and_nothing_twice() {
        let example = ["use a::b;", "", "fn main() {", "    b();", "}", ""];
        assert_eq!(first(&source()), [&example[..], &HEAD, &REST].concat().join("\n") + "\n");
        let demo = "//! A program.\n\nfn main() {}\n";
        assert_eq!(first(demo), demo);
    }

    #[test]
    fn what_would_run_is_ignored_and_nothing_else() {
        let expected = source().replace("```\n//! use", "```ignore\n//! use").replace("```rust", "```ignore");
        assert_eq!(ignored(&source()), expected);
        assert_eq!(ignored(&expected), expected);
    }
}
