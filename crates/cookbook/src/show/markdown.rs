//! A chapter laid out for a terminal. Its tables are the reason: their rows are wider than any screen.

use std::mem::take;

use anstyle::Style;
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{Theme, rust, styled};

/// Text in one style.
type Span = (Style, String);

/// A word that is longer than a line is broken behind one of these.
const BREAKS: [char; 5] = ['_', ':', '/', '(', ','];

/// Between two columns of a table.
const GAP: &str = "  ";

pub(super) fn layout(chapter: &str, theme: Theme, width: usize) -> String {
    let mut page =
        Page { theme, width, text: String::new(), spans: Vec::new(), styles: Vec::new(), indent: 0 };
    let mut rows: Vec<Vec<Vec<Span>>> = Vec::new();
    let mut code: Option<(bool, String)> = None;
    for event in Parser::new_ext(chapter, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { .. }) => page.styles.push(theme.heading),
            Event::Start(Tag::Strong) => page.styles.push(theme.strong),
            Event::Start(Tag::Emphasis) => page.styles.push(theme.emphasis),
            Event::Start(Tag::Link { .. }) => page.styles.push(theme.link),
            Event::Start(Tag::Image { .. }) => page.styles.push(theme.emphasis),
            Event::End(TagEnd::Strong | TagEnd::Emphasis | TagEnd::Link | TagEnd::Image) => {
                page.styles.pop();
            }
            Event::End(TagEnd::Heading(_)) => {
                page.styles.pop();
                page.paragraph();
            }
            Event::Start(Tag::CodeBlock(kind)) => {
                let is_rust =
                    matches!(&kind, CodeBlockKind::Fenced(language) if language.starts_with("rust"));
                code = Some((is_rust, String::new()));
            }
            Event::End(TagEnd::CodeBlock) => {
                let (is_rust, source) = code.take().unwrap_or_default();
                page.code(&source, is_rust);
            }
            Event::Start(Tag::Item) => {
                page.tight();
                page.indent += 2;
            }
            Event::End(TagEnd::Item) => {
                page.tight();
                page.indent -= 2;
            }
            Event::End(TagEnd::List(_)) => page.text.push('\n'),
            Event::End(TagEnd::Paragraph) if page.indent > 0 => page.tight(),
            Event::End(TagEnd::Paragraph) => page.paragraph(),
            Event::Start(Tag::TableHead | Tag::TableRow) => rows.push(Vec::new()),
            Event::Start(Tag::TableCell) if rows.len() == 1 => page.styles.push(theme.strong),
            Event::End(TagEnd::TableCell) => {
                if rows.len() == 1 {
                    page.styles.pop();
                }
                let cell = take(&mut page.spans);
                rows.last_mut().into_iter().for_each(|row| row.push(cell.clone()));
            }
            Event::End(TagEnd::Table) => page.table(&take(&mut rows)),
            Event::Text(text) => match &mut code {
                Some((_, source)) => source.push_str(&text),
                None => page.say(&text, None),
            },
            Event::Code(text) => page.say(&text, Some(theme.code)),
            Event::SoftBreak | Event::HardBreak => page.say(" ", None),
            _ => {}
        }
    }
    page.text
}

struct Page {
    theme: Theme,
    width: usize,
    text: String,
    /// The paragraph or cell that is being read.
    spans: Vec<Span>,
    /// The innermost last.
    styles: Vec<Style>,
    /// Columns that a list takes on the left.
    indent: usize,
}

impl Page {
    fn say(&mut self, text: &str, style: Option<Style>) {
        let style = style.or(self.styles.last().copied()).unwrap_or_default();
        self.spans.push((style, text.to_owned()));
    }

    /// Ends a paragraph with an empty line.
    fn paragraph(&mut self) {
        self.tight();
        self.text.push('\n');
    }

    /// Ends a paragraph without one.
    fn tight(&mut self) {
        let spans = take(&mut self.spans);
        if spans.is_empty() {
            return;
        }
        let mark = if self.indent > 0 { format!("{}- ", " ".repeat(self.indent - 2)) } else { String::new() };
        for (number, line) in wrap(&spans, self.width - self.indent).iter().enumerate() {
            let before = if number == 0 { mark.clone() } else { " ".repeat(self.indent) };
            self.text.push_str(&format!("{before}{}\n", joined(line)));
        }
    }

    fn code(&mut self, source: &str, is_rust: bool) {
        let source = if is_rust { rust::highlight(source, self.theme) } else { source.to_owned() };
        for line in source.lines() {
            self.text.push_str(&format!("    {line}\n"));
        }
        self.text.push('\n');
    }

    fn table(&mut self, rows: &[Vec<Vec<Span>>]) {
        let columns = rows.first().map_or(0, Vec::len);
        let natural: Vec<usize> = (0..columns)
            .map(|at| rows.iter().filter_map(|row| row.get(at)).map(|cell| width(cell)).max().unwrap_or(0))
            .collect();
        let widths = shares(&natural, self.width.saturating_sub(GAP.len() * columns.saturating_sub(1)));
        let rule = styled(
            &"─".repeat(widths.iter().sum::<usize>() + GAP.len() * columns.saturating_sub(1)),
            self.theme.rule,
        );
        let is_narrow = widths == natural;
        for (number, row) in rows.iter().enumerate() {
            let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| wrap(cell, *width)).collect();
            for line in 0..cells.iter().map(Vec::len).max().unwrap_or(0) {
                let mut text = String::new();
                for (cell, wide) in cells.iter().zip(&widths) {
                    let spans = cell.get(line).map(Vec::as_slice).unwrap_or_default();
                    text.push_str(&joined(spans));
                    text.push_str(&" ".repeat(wide.saturating_sub(width(spans)) + GAP.len()));
                }
                self.text.push_str(text.trim_end());
                self.text.push('\n');
            }
            // Rows of several lines run into each other without it.
            if number == 0 || !is_narrow && number + 1 < rows.len() {
                self.text.push_str(&format!("{rule}\n"));
            }
        }
        self.text.push('\n');
    }
}

/// How wide each column may be: as wide as it likes if that is little, and the rest shared by the others.
fn shares(natural: &[usize], room: usize) -> Vec<usize> {
    let mut shares = natural.to_vec();
    let mut widest = natural.iter().copied().max().unwrap_or(0);
    while shares.iter().sum::<usize>() > room && widest > 1 {
        widest -= 1;
        shares = natural.iter().map(|width| *width.min(&widest)).collect();
    }
    shares
}

/// Breaks spans into lines of at most `width` columns: between words, or within one that is longer than a line.
fn wrap(spans: &[Span], width: usize) -> Vec<Vec<Span>> {
    let mut lines: Vec<Vec<Span>> = vec![Vec::new()];
    let mut used = 0;
    // A word may be made of several spans, such as `code` and a comma.
    let mut word: Vec<Span> = Vec::new();
    let mut place = |word: &mut Vec<Span>| {
        let wide = self::width(word);
        if wide == 0 {
            return;
        }
        if used > 0 && used + 1 + wide > width {
            lines.push(Vec::new());
            used = 0;
        } else if used > 0 {
            lines.iter_mut().last().into_iter().for_each(|line| line.push((Style::new(), " ".to_owned())));
            used += 1;
        }
        for (style, text) in word.drain(..) {
            let mut part = String::new();
            for character in text.chars() {
                let wide = character.width().unwrap_or(0);
                if used + wide > width && used > 0 {
                    // After a mark between two words of a path or a name, if there is one.
                    let at = part.rfind(BREAKS).map_or(part.len(), |at| at + 1);
                    let rest = part.split_off(at);
                    lines.iter_mut().last().into_iter().for_each(|line| line.push((style, take(&mut part))));
                    lines.push(Vec::new());
                    used = rest.width();
                    part = rest;
                }
                part.push(character);
                used += wide;
            }
            lines.iter_mut().last().into_iter().for_each(|line| line.push((style, take(&mut part))));
        }
    };
    for (style, text) in spans {
        for (number, part) in text.split(' ').enumerate() {
            if number > 0 {
                place(&mut word);
            }
            if !part.is_empty() {
                word.push((*style, part.to_owned()));
            }
        }
    }
    place(&mut word);
    lines
}

fn width(spans: &[Span]) -> usize {
    spans.iter().map(|(_, text)| text.width()).sum()
}

fn joined(spans: &[Span]) -> String {
    spans.iter().map(|(style, text)| styled(text, *style)).collect()
}
