//! A message as it was pasted: with other names and numbers, quotes, and whatever a log or a traceback puts before it.

use std::collections::{BTreeMap, BTreeSet};

use super::Found;
use super::words::plain;
use crate::concordance::{ENTRIES, Entry, Kind};

/// A form of fewer letters than this says too little to be recognised inside of a text.
const LEAST: usize = 8;
/// So much of a form, in letters, is a fragment by which it is recognised; less, if it is a sentence.
const FRAGMENT: f64 = 0.85;
const WORDS: usize = 4;
/// How much of the words of a message must be there, by weight, if they are in another order.
const ENOUGH: f64 = 0.75;

/// The messages that `pasted` is or contains, the one that says most first.
pub(super) fn lookup(pasted: &str) -> Vec<Found> {
    let text = plain(pasted);
    if !text.contains(' ') && !is_code(&text) {
        return Vec::new();
    }
    let mut found = best_of(|parts| as_it_is(parts, &text));
    if found.is_empty() {
        let there: BTreeSet<_> = text.split(is_gap).collect();
        let counts = counts();
        found = best_of(|parts| by_words(parts, &there, &counts));
    }
    found.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    found.into_iter().map(|(_, found)| found).collect()
}

/// Each message with the form of it that fits best.
fn best_of(score: impl Fn(&[&str]) -> Option<f64>) -> Vec<(f64, Found)> {
    let messages = ENTRIES.iter().filter(|entry| entry.kind == Kind::Message);
    let best = |entry: &'static Entry| {
        let scores = entry.parts.iter().enumerate().filter_map(|(name, parts)| Some((score(parts)?, name)));
        let (score, name) = scores.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
        Some((score, Found { name, heading: entry.names[name].replace("{}", "..."), ..Found::new(entry) }))
    };
    messages.filter_map(best).collect()
}

/// How many letters of a form are in the text, in their order; or how many of the text in it, if that is a fragment.
fn as_it_is(parts: &[&str], text: &str) -> Option<f64> {
    let letters: usize = parts.iter().map(|part| part.len()).sum();
    let mut rest = text;
    let is_there = (letters >= LEAST || parts.iter().any(|part| is_code(part)))
        && parts.iter().all(|part| match end_of(part.trim(), rest) {
            Some(end) => {
                rest = &rest[end..];
                true
            }
            None => false,
        });
    if is_there {
        return Some(letters as f64);
    }
    let is_most = text.len() as f64 >= FRAGMENT * letters as f64;
    let is_fragment = is_most || text.split(' ').count() >= WORDS;
    (is_fragment && text.len() >= LEAST && parts.iter().any(|part| part.contains(text)))
        .then_some(text.len() as f64 / 2.0)
}

/// How much of a form's words are there.
fn by_words(parts: &[&str], there: &BTreeSet<&str>, counts: &BTreeMap<&str, u32>) -> Option<f64> {
    let weigh = |word: &str| 1.0 / f64::from(1 + counts.get(word).copied().unwrap_or_default()).sqrt();
    let words: Vec<_> =
        parts.iter().flat_map(|part| part.split(is_gap)).filter(|word| word.len() > 1).collect();
    let all: f64 = words.iter().map(|word| weigh(word)).sum();
    let common: f64 = words.iter().filter(|word| there.contains(*word)).map(|word| weigh(word)).sum();
    (words.len() >= 4 && common >= ENOUGH * all).then_some(common)
}

/// In how many forms each word is.
fn counts() -> BTreeMap<&'static str, u32> {
    let mut counts = BTreeMap::new();
    for parts in ENTRIES.iter().flat_map(|entry| entry.parts) {
        for word in parts.iter().flat_map(|part| part.split(is_gap)) {
            *counts.entry(word).or_insert(0) += 1;
        }
    }
    counts
}

/// An error code of the compiler's, such as E0373.
fn is_code(text: &str) -> bool {
    text.len() == 5 && text.starts_with('e') && text[1..].bytes().all(|b| b.is_ascii_digit())
}

/// Where `part` ends in `text`, if it is there as whole words.
fn end_of(part: &str, text: &str) -> Option<usize> {
    let is_letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    text.match_indices(part).map(|(at, _)| (at, at + part.len())).find_map(|(at, end)| {
        let begins = !is_letter(part.chars().next()) || !is_letter(text[..at].chars().next_back());
        let ends = !is_letter(part.chars().next_back()) || !is_letter(text[end..].chars().next());
        (begins && ends).then_some(end)
    })
}

fn is_gap(c: char) -> bool {
    !(c.is_alphanumeric() || c == '_')
}
