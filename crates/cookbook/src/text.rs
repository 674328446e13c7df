//! Text for a reader's terminal.

/// The columns of a page that no terminal reads, and of one that does not say how many it has.
const USUAL: usize = 80;

/// How wide a page may be: as the terminal is, within reason.
pub(crate) fn columns() -> usize {
    let terminal = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    terminal.unwrap_or(USUAL).clamp(40, 110)
}

/// `text` in lines of at most `width` characters, if its words allow it.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last().map_or(0, |line| line.chars().count());
        if line > 0 && line + 1 + word.chars().count() > width {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// `text` in lines as wide as the page: `first` comes before the first of them, and `rest` before the others.
pub(crate) fn hang(first: &str, rest: &str, text: &str) -> String {
    let width = columns() - first.chars().count().max(rest.chars().count());
    let lines = wrap(text, width);
    let before = std::iter::once(first).chain(std::iter::repeat(rest));
    before.zip(lines).map(|(before, line)| format!("{before}{line}\n")).collect()
}
