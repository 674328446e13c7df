//! Turns text from elsewhere into one safe line.

/// One line: without line breaks, without what moves a terminal's cursor, and without the name and password of a URL.
///
/// The query of a URL stays as it is: what is secret in it, only its writer knows.
#[must_use]
pub fn one_line(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().map(without_password).collect();
    words.join(" ").replace(moves_the_cursor, "\u{fffd}")
}

/// `https://user:password@host/` becomes `https://***@host/`.
fn without_password(word: &str) -> String {
    let Some((scheme, rest)) = word.split_once("//") else { return word.to_owned() };
    let (host, path) = rest.split_at(rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len()));
    match host.rsplit_once('@') {
        Some((_secret, host)) => format!("{scheme}//***@{host}{}", without_password(path)),
        None => format!("{scheme}//{host}{}", without_password(path)),
    }
}

/// Matches control characters, and characters that change the direction of the text.
fn moves_the_cursor(letter: char) -> bool {
    let turns = ['\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}'];
    letter.is_control() || turns.contains(&letter) || ('\u{2066}'..='\u{2069}').contains(&letter)
}
