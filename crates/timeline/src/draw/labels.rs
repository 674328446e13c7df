//! Labels in the columns that there are.

use std::collections::BTreeMap;

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

/// Each text in its own room, cut as [`fit`] cuts it. Where different texts would read the same after that, what
/// they share is cut out of them instead, so that they keep the end that differs.
pub(crate) fn fit_apart(texts: &[&str], rooms: &[usize], ellipsis: &str) -> Vec<String> {
    let mut cut: Vec<String> =
        texts.iter().zip(rooms).map(|(text, &room)| fit(text, room, ellipsis)).collect();
    let mut groups = alike(&cut, texts, (0..texts.len()).filter(|&index| cut[index] != texts[index]));
    while let Some(group) = groups.pop() {
        let shared = shared(texts, &group);
        let mut left = Vec::new();
        for form in [with_end, from_difference] {
            for &index in &group {
                cut[index] = form(texts[index], shared, rooms[index], ellipsis);
            }
            left = alike(&cut, texts, group.iter().copied());
            if left.is_empty() {
                break;
            }
        }
        // Those that are still alike share more than the whole group, or have no room at all.
        groups.extend(left.into_iter().filter(|part| self::shared(texts, part) > shared));
    }
    cut
}

/// The groups of these indexes whose cut texts are the same and whose whole texts are not.
fn alike(cut: &[String], texts: &[&str], indexes: impl Iterator<Item = usize>) -> Vec<Vec<usize>> {
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for index in indexes {
        groups.entry(&cut[index]).or_default().push(index);
    }
    // Where a value was too long to record, its text ends with dots: they are no difference.
    let text = |index: usize| texts[index].trim_end_matches(['…', '.', ' ']);
    let differ = |group: &Vec<usize>| group.iter().any(|&index| text(index) != text(group[0]));
    groups.into_values().filter(differ).collect()
}

/// The bytes with which all texts of the group begin.
fn shared(texts: &[&str], group: &[usize]) -> usize {
    let first = texts[group[0]];
    let with = |other: &str| {
        let same = first.char_indices().zip(other.chars()).take_while(|((_, one), other)| one == other);
        same.last().map_or(0, |((at, one), _)| at + one.len_utf8())
    };
    group.iter().map(|&index| with(texts[index])).min().unwrap_or(0)
}

/// The text without a part of its middle: `fetch http:…80/page/12`. What comes after the `shared` bytes is kept
/// whole, and the end has at least half of the room.
fn with_end(text: &str, shared: usize, room: usize, ellipsis: &str) -> String {
    let free = room.saturating_sub(columns(ellipsis));
    let Some(left) = free.checked_sub(columns(&text[shared..])) else {
        return from_difference(text, shared, room, ellipsis);
    };
    let head = fit(text, left.min(free - free / 2), "");
    let (wanted, mut used) = (free - columns(&head), 0);
    let end = text.char_indices().rev().take_while(|(_, character)| {
        used += width(*character);
        used <= wanted
    });
    let end = end.last().map_or(text.len(), |(at, _)| at);
    head + ellipsis + &text[end..]
}

/// The text from where it differs: `…page/12`.
fn from_difference(text: &str, shared: usize, room: usize, ellipsis: &str) -> String {
    let free = room.saturating_sub(columns(ellipsis));
    if free == 0 {
        return fit(text, room, ellipsis);
    }
    ellipsis.to_owned() + &fit(&text[shared..], free, ellipsis)
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

    fn apart(texts: &[&str], room: usize) -> Vec<String> {
        fit_apart(texts, &vec![room; texts.len()], "…")
    }

    #[test]
    fn labels_that_would_read_the_same_keep_what_differs() {
        assert_eq!(apart(&["http://host/1", "http://host/12"], 9), ["http…st/1", "http…t/12"]);
        // What differs has no room as a whole, so its beginning is shown.
        assert_eq!(apart(&["http://a/index.html", "http://b/index.html"], 8), ["…a/inde…", "…b/inde…"]);
        // The second and the third are alike once more when what all three share is left out.
        let texts = ["http://a/index.html", "http://b/page/one/1", "http://b/page/one/2"];
        assert_eq!(apart(&texts, 8), ["…a/inde…", "http…e/1", "http…e/2"]);
    }

    #[test]
    fn labels_that_differ_anyway_are_cut_at_the_end() {
        assert_eq!(apart(&["http://host/1", "fetch of a page"], 9), ["http://h…", "fetch of…"]);
        assert_eq!(apart(&["http://host/1", "http://host/1"], 9), ["http://h…", "http://h…"]);
        assert_eq!(apart(&["http://host/1", "http://host/2"], 13), ["http://host/1", "http://host/2"]);
    }

    #[test]
    fn different_labels_differ_in_every_room_for_three_characters() {
        let texts = [
            "",
            "1",
            "11",
            "111",
            "1111",
            "11111",
            "11112",
            "21111",
            "11113…",
            "日本語日本語",
            "日本語日本誤",
        ];
        for ellipsis in ["…", "..."] {
            for room in 0..12 {
                let cut = fit_apart(&texts, &[room; 11], ellipsis);
                assert!(cut.iter().all(|text| columns(text) <= room), "{cut:?} in {room}");
                let different: std::collections::BTreeSet<&String> = cut.iter().collect();
                assert!(
                    room < 2 + 2 * columns(ellipsis) || different.len() == texts.len(),
                    "{cut:?} in {room}"
                );
            }
        }
    }
}
