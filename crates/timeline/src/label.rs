//! Labels: the fields of a span as text that is safe to print, and cut to the columns there are.

use std::fmt::{self, Debug, Write};

use tracing_core::field::{Field, Visit};
use unicode_width::UnicodeWidthChar;

/// A value longer than this many columns is cut when it is recorded: no value makes a recording large.
const VALUE_COLUMNS: usize = 120;

/// The values of a span's fields, in the order in which they came. A value recorded again takes the
/// place of the earlier one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values(Vec<(&'static str, String)>);

impl Values {
    /// Lets `record` write values, with no lock held: it runs the program's own `Debug` code.
    pub(crate) fn of(record: impl FnOnce(&mut dyn Visit)) -> Self {
        let mut values = Self::default();
        record(&mut values);
        values
    }

    pub(crate) fn merge(&mut self, later: Self) {
        for (field, value) in later.0 {
            self.set(field, value);
        }
    }

    /// `fetch a` for the span `fetch{name="a"}`.
    pub(crate) fn label(&self, name: &str) -> String {
        let values = self.0.iter().map(|(_, value)| value).filter(|value| !value.is_empty());
        values.fold(clean(name), |label, value| label + " " + value)
    }

    fn set(&mut self, field: &'static str, value: String) {
        match self.0.iter_mut().find(|(known, _)| *known == field) {
            Some((_, known)) => *known = value,
            None => self.0.push((field, value)),
        }
    }
}

impl Visit for Values {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut text = Harmless::default();
        // `Harmless` never fails; a value whose own formatting fails is shown as far as it got.
        let _shown = write!(text, "{value:?}");
        // A `String` argument comes by way of `Debug`, in quotes.
        let bare = match text.text.strip_prefix('"') {
            Some(rest) => rest.strip_suffix('"').unwrap_or(rest).to_owned(),
            None => text.text,
        };
        self.set(field.name(), bare);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field.name(), clean(value));
    }
}

/// Takes any text, keeps what is harmless on a terminal and in XML, and stops at [`VALUE_COLUMNS`].
#[derive(Default)]
struct Harmless {
    text: String,
    columns: usize,
    /// Counted apart, because marks that take no column could be piled up without end.
    characters: usize,
    full: bool,
}

impl Harmless {
    fn add(&mut self, text: &str) {
        for character in text.chars() {
            if self.full {
                return;
            }
            let Some(character) = harmless(character) else { continue };
            self.columns += width(character);
            self.characters += 1;
            self.full = self.columns > VALUE_COLUMNS || self.characters > 2 * VALUE_COLUMNS;
            self.text.push(if self.full { '…' } else { character });
        }
    }
}

impl fmt::Write for Harmless {
    /// What does not fit is dropped without an error: an error could make the value's own code panic.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.add(text);
        Ok(())
    }
}

/// The text without what could do harm on a terminal or in XML, cut where it is too long to keep.
pub(crate) fn clean(text: &str) -> String {
    let mut harmless = Harmless::default();
    harmless.add(text);
    harmless.text
}

/// Line breaks become spaces, control characters a replacement mark. Characters that only steer the
/// text (writing direction, joining, tags) are left out: they could reorder the picture around them.
fn harmless(character: char) -> Option<char> {
    match character {
        '\t' | '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some(' '),
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' => None,
        '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' => None,
        '\u{e0000}'..='\u{e0fff}' => None,
        // No character at all, and forbidden in XML.
        '\u{fffe}' | '\u{ffff}' => Some('\u{fffd}'),
        _ if character.is_control() => Some('\u{fffd}'),
        _ => Some(character),
    }
}

fn width(character: char) -> usize {
    character.width().unwrap_or(0)
}

/// The columns that `text` takes in a terminal.
pub(crate) fn columns(text: &str) -> usize {
    text.chars().map(width).sum()
}

/// The text in ASCII: a question mark for each character that it does not have.
pub(crate) fn ascii(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '…' => plain.push_str("..."),
            '\0'..='\x7f' => plain.push(character),
            _ => plain.push('?'),
        }
    }
    plain
}

/// The text in at most `limit` columns. Where something is cut off, `ellipsis` ends it if that fits.
pub(crate) fn fit(text: &str, limit: usize, ellipsis: &str) -> String {
    if columns(text) <= limit {
        return text.to_owned();
    }
    let ellipsis = if columns(ellipsis) < limit { ellipsis } else { "" };
    let room = limit - columns(ellipsis);
    let mut used = 0;
    let kept = text.chars().take_while(|&character| {
        used += width(character);
        used <= room
    });
    kept.collect::<String>() + ellipsis
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_no_harm() {
        assert_eq!(clean("a\nb\tc\r\u{2028}d"), "a b c  d");
        assert_eq!(clean("\x1b[31mred\x07\0"), "\u{fffd}[31mred\u{fffd}\u{fffd}");
        assert_eq!(clean("\u{202e}evil\u{200d}\u{2066}\u{e0041}"), "evil");
        assert_eq!(clean("\u{ffff}\u{9b}"), "\u{fffd}\u{fffd}");
    }

    #[test]
    fn a_value_without_end_is_cut() {
        let long = clean(&"x".repeat(1_000_000));
        assert_eq!(columns(&long), VALUE_COLUMNS + 1);
        assert!(long.ends_with('…'));
        // Marks that take no column have a limit too.
        let marks = |count| "\u{301}".repeat(count);
        assert_eq!(clean(&marks(2 * VALUE_COLUMNS)), marks(2 * VALUE_COLUMNS));
        assert_eq!(clean(&marks(1_000_000)), marks(2 * VALUE_COLUMNS) + "…");
    }

    #[test]
    fn ascii_has_three_dots_and_a_question_mark() {
        assert_eq!(ascii("naïve… 日"), "na?ve... ?");
    }

    #[test]
    fn a_wide_character_takes_two_columns() {
        assert_eq!(columns("日本"), 4);
        assert_eq!(fit("日本語", 6, "…"), "日本語");
        assert_eq!(fit("日本語", 5, "…"), "日本…");
        assert_eq!(fit("日本語", 4, "…"), "日…");
        assert_eq!(fit("日本語", 1, "…"), "");
        assert_eq!(fit("日本語", 0, "…"), "");
    }

    #[test]
    fn what_is_fitted_is_never_wider_than_asked() {
        for text in ["", "a", "plain ascii", "日本語 and ascii", "e\u{301}e\u{301}e\u{301}", "🦀🦀🦀"]
        {
            for limit in 0..20 {
                for ellipsis in ["…", "...", ""] {
                    assert!(columns(&fit(text, limit, ellipsis)) <= limit, "{text:?} in {limit}");
                }
            }
        }
    }
}
