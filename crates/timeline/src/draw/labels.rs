//! Labels in the columns that there are.

use crate::model::label::{columns, width};

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
