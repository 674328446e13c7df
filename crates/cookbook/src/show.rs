//! A chapter or a pattern as a terminal shows it best: laid out, in colour, a page at a time. A pipe gets it as it is.

mod markdown;
mod rust;

use std::io::{self, IsTerminal, Seek, Write};
use std::process::Command;

use anstyle::{AnsiColor, Style};

use crate::book::{Pattern, Recipe};
use crate::example;
use crate::text::columns;

/// What colours there are.
#[derive(Clone, Copy, Debug, Default)]
struct Theme {
    heading: Style,
    strong: Style,
    emphasis: Style,
    link: Style,
    code: Style,
    keyword: Style,
    string: Style,
    comment: Style,
    rule: Style,
}

impl Theme {
    const COLOUR: Self = Self {
        heading: AnsiColor::Yellow.on_default().bold(),
        strong: Style::new().bold(),
        emphasis: Style::new().italic(),
        link: Style::new().underline(),
        code: AnsiColor::Cyan.on_default(),
        keyword: AnsiColor::Magenta.on_default(),
        string: AnsiColor::Green.on_default(),
        comment: AnsiColor::BrightBlack.on_default(),
        rule: AnsiColor::BrightBlack.on_default(),
    };
}

/// Shows a recipe's chapter.
pub(crate) fn chapter(recipe: &Recipe) -> anyhow::Result<()> {
    let chapter = recipe.text("README.md")?;
    match terminal() {
        None => crate::print(chapter),
        Some((theme, width)) => page(&markdown::layout(chapter, theme, width)),
    }
}

/// Shows a pattern or a demo: how it is called, then its source. Each file of a pattern's folder follows under a comment
/// with its path.
pub(crate) fn pattern(pattern: Pattern) -> anyhow::Result<()> {
    let mut text = example::first(pattern.source);
    for (path, inside) in pattern.files().iter().skip(1) {
        text += &format!(
            "
// {path}
{inside}"
        );
    }
    match terminal() {
        None => crate::print(&text),
        Some((theme, _)) => page(&rust::highlight(&text, theme)),
    }
}

/// The terminal that reads what is printed: its colours and columns. `None` if it is a pipe or a file.
fn terminal() -> Option<(Theme, usize)> {
    if !io::stdout().is_terminal() {
        return None;
    }
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    let theme = if no_colour || dumb { Theme::default() } else { Theme::COLOUR };
    Some((theme, columns()))
}

/// Shows `text` by the reader's pager, by `less`, or as it is if there is neither.
fn page(text: &str) -> anyhow::Result<()> {
    let set = std::env::var("PAGER").ok().filter(|pager| !pager.trim().is_empty());
    let mut pager = match &set {
        // It may come with arguments of its own.
        Some(pager) if cfg!(unix) => {
            let mut shell = Command::new("sh");
            shell.arg("-c").arg(pager);
            shell
        }
        Some(pager) => Command::new(pager),
        None => Command::new("less"),
    };
    if std::env::var_os("LESS").is_none() {
        // What fits the screen is printed, colours are passed on, and the page stays there at the end.
        pager.env("LESS", "FRX");
    }
    let mut file = tempfile::tempfile()?;
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    match become_pager(pager.stdin(file)) {
        Ok(()) => Ok(()),
        Err(_no_pager) => crate::print(text),
    }
}

/// Replaces this program by the pager: a Ctrl-C is then the pager's alone, and not the end of half of the two.
#[cfg(unix)]
fn become_pager(pager: &mut Command) -> io::Result<()> {
    use std::os::unix::process::CommandExt;
    Err(pager.exec())
}

#[cfg(not(unix))]
fn become_pager(pager: &mut Command) -> io::Result<()> {
    pager.status().map(drop)
}

/// `text` in `style`, if there is any style.
pub(crate) fn styled(text: &str, style: Style) -> String {
    format!("{style}{text}{style:#}")
}
