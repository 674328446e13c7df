//! What the words of a question say, compared with phrases, headings and texts.

use super::{Found, name, words};
use crate::concordance::{ENTRIES, Entry, Kind, WORDS};

/// Below this, an answer has too little in common with the question.
const LEAST: f64 = 3.2;
/// So much of a question, by weight, must be in what answers it, if it is a single word.
const SHARE: f64 = 0.35;
/// No question needs more of these.
const MOST: usize = 12;
/// What an answer gains if its name is in the question.
const NAMED: f64 = 4.0;
/// What an unknown word weighs: beside at most one known word, and among several, where it is a name of the reader's own.
const UNKNOWN: (f64, f64) = (7.0, 2.0);

/// A word of the question: its place in `WORDS`, if it is there, and how much it says.
struct Word {
    number: Option<u16>,
    weight: f64,
}

/// The answers whose words are most like those of `typed`, the best first.
pub(super) fn lookup(typed: &str) -> Vec<Found> {
    let asked = question(typed);
    let all: f64 = asked.iter().map(|word| word.weight).sum();
    if asked.is_empty() {
        return Vec::new();
    }
    let named = named(typed);
    let scored = ENTRIES.iter().map(|entry| {
        let place = named.iter().position(|other| std::ptr::eq(*other, entry));
        // The first name is mostly what it is about.
        let bonus = place.map_or(0.0, |place| NAMED / (1.0 + place as f64 / 4.0));
        (score(entry, &asked, all) + bonus, entry)
    });
    let mut found: Vec<_> = scored.filter(|(score, _)| *score >= LEAST).collect();
    found.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    found.truncate(MOST);
    found.into_iter().map(|(_, entry)| Found::new(entry)).collect()
}

/// Whether these words are, all of them, a phrase by which a task is asked for.
pub(super) fn is_phrase(typed: &str) -> bool {
    let mut asked: Vec<_> = question(typed).iter().map(|word| word.number).collect();
    asked.sort_unstable();
    let asked: Option<Vec<_>> = asked.into_iter().collect();
    asked.is_some_and(|asked| {
        let tasks = ENTRIES.iter().filter(|entry| entry.kind == Kind::Task);
        !asked.is_empty() && tasks.flat_map(|entry| entry.phrases).any(|phrase| *phrase == asked)
    })
}

/// The entries for the names in a sentence: `asyncio.wait_for`, `ClientSession`, `tokio::select!`.
fn named(typed: &str) -> Vec<&'static Entry> {
    let words = typed.split(|c: char| c.is_whitespace() || "`'\",;()[]".contains(c));
    let looks_like_one = |word: &&str| {
        let inner = word.trim_matches(|c: char| !c.is_alphanumeric());
        inner.contains(['.', '_']) && inner.chars().any(char::is_alphabetic)
            || inner.contains("::")
            || word.ends_with('!')
            || inner.chars().skip(1).any(char::is_uppercase) && inner.chars().any(char::is_lowercase)
    };
    let mut found: Vec<&'static Entry> = Vec::new();
    for best in words.filter(looks_like_one).filter_map(|word| name::lookup(word).into_iter().next()) {
        if !found.iter().any(|other| std::ptr::eq(*other, best.entry)) {
            found.push(best.entry);
        }
    }
    found
}

fn question(typed: &str) -> Vec<Word> {
    let mut words = words::of(typed);
    words.sort_unstable();
    words.dedup();
    let entries = ENTRIES.len() as f64;
    let number = |word: &String| WORDS.binary_search_by(|(known, _)| (*known).cmp(word)).ok();
    let numbers: Vec<_> = words.iter().map(number).collect();
    let known = |number: usize| (1.0 + entries / (1.0 + f64::from(WORDS[number].1))).ln();
    let all_known: f64 = numbers.iter().flatten().map(|number| known(*number)).sum();
    let (known_words, unknown_words) =
        (numbers.iter().flatten().count(), numbers.iter().filter(|number| number.is_none()).count());
    let unknown = match known_words {
        0 | 1 => UNKNOWN.0,
        // However many they are, half of a sentence is enough to understand it.
        _ => UNKNOWN.1.min(all_known / 2.0 / unknown_words.max(1) as f64),
    };
    let word = |number: Option<usize>| Word {
        number: number.and_then(|number| u16::try_from(number).ok()),
        weight: number.map_or(unknown, known),
    };
    numbers.into_iter().map(word).collect()
}

fn score(entry: &Entry, asked: &[Word], all: f64) -> f64 {
    // The weight of the words that are in it, and their number.
    let common = |text: &[u16]| {
        let there = asked.iter().filter(|word| word.number.is_some_and(|number| text.contains(&number)));
        there.fold((0.0, 0), |(weight, count), word| (weight + word.weight, count + 1))
    };
    let average = all / asked.len() as f64;
    // As much of the question as of the phrase. A word that was not asked for weighs half of an average one.
    let likeness = |text: &[u16]| {
        let (weight, count) = common(text);
        let missing = text.len().saturating_sub(count) as f64 * 0.5 * average;
        if count == 0 { 0.0 } else { 2.0 * weight / (all + weight + missing) }
    };
    let (by_phrase, by_title) = match entry.kind {
        Kind::Task => (10.0, 6.0),
        Kind::Page => (8.0, 5.0),
        Kind::Message => (6.0, 5.0),
        Kind::Name | Kind::Rust => (7.0, 6.0),
    };
    let mut texts = entry.phrases.iter().copied().chain([entry.title, entry.text]).map(&common);
    if !texts.any(|(weight, count)| count > 1 || weight >= SHARE * all) {
        return 0.0;
    }
    let phrase = entry.phrases.iter().map(|phrase| likeness(phrase)).fold(0.0, f64::max);
    let exact = (phrase * by_phrase).max(likeness(entry.title) * by_title);
    exact + (2.0 * common(entry.text).0 + common(entry.title).0) / all
}
