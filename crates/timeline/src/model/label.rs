//! Text that is safe to print: on a terminal, in XML, in one line.

use std::fmt;

use unicode_width::UnicodeWidthChar;

/// A value longer than this many columns is cut when it is recorded: no value makes a recording large.
const VALUE_COLUMNS: usize = 120;

/// Takes any text, keeps what is harmless on a terminal and in XML, and stops at [`VALUE_COLUMNS`].
#[derive(Default)]
pub(crate) struct Harmless {
    pub(crate) text: String,
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

pub(crate) fn width(character: char) -> usize {
    character.width().unwrap_or(0)
}

/// The columns that `text` takes in a terminal.
pub(crate) fn columns(text: &str) -> usize {
    text.chars().map(width).sum()
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
}
