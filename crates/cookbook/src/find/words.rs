//! Text as the words that a search compares: without case, endings and synonyms.
//!
//! The build script reads the book's texts by this file, and the program what a reader has typed.

/// Words that say nothing of what is meant.
const EMPTY: &[&str] = &[
    "a",
    "about",
    "after",
    "all",
    "also",
    "an",
    "and",
    "any",
    "are",
    "as",
    "at",
    "be",
    "but",
    "by",
    "can",
    "cannot",
    "do",
    "does",
    "doesn",
    "don",
    "during",
    "each",
    "for",
    "from",
    "get",
    "gets",
    "give",
    "has",
    "have",
    "how",
    "i",
    "if",
    "in",
    "inside",
    "instead",
    "into",
    "is",
    "isn",
    "it",
    "its",
    "just",
    "make",
    "may",
    "me",
    "my",
    "no",
    "not",
    "of",
    "on",
    "one",
    "only",
    "or",
    "other",
    "out",
    "should",
    "so",
    "some",
    "still",
    "t",
    "than",
    "that",
    "the",
    "their",
    "them",
    "then",
    "there",
    "they",
    "this",
    "to",
    "under",
    "use",
    "used",
    "using",
    "want",
    "was",
    "way",
    "we",
    "what",
    "when",
    "where",
    "which",
    "while",
    "with",
    "without",
    "would",
    "you",
    "your",
    "asyncio",
    "tokio",
    "async",
    "python",
    "rust",
    "fix",
    "bug",
    "issue",
    "add",
    "support",
    "need",
    "s",
    "same",
    "through",
    "via",
    "up",
    "something",
    "things",
    "thing",
    "help",
    "please",
    "properly",
    "correctly",
    "sometimes",
    "example",
    "best",
    "good",
];

/// What a word is called here: each row is one meaning, and its first word is the one that is kept.
///
/// All of them are given without their endings, as `stem` leaves them.
const SYNONYMS: &[&[&str]] = &[
    &["concurrent", "parallel", "simultaneou", "concurrenc", "concurrency", "parallelism", "together"],
    &["cancel", "abort", "cancell", "cancellation"],
    &["stop", "shutdown", "exit", "quit", "terminat", "terminate", "shut", "graceful", "gracefully"],
    &["timeout", "timed", "deadline"],
    &["error", "exception", "failure", "fail", "rais", "raise", "catch", "except"],
    &["deadlock", "hang", "stuck", "freez", "freeze", "hung", "stall", "forever"],
    &["leak", "memory", "grow"],
    &["gc", "garbage", "reference", "collect"],
    &["limit", "cap", "bound", "bounded", "maximum", "max", "most", "throttl", "throttle"],
    &["wait", "await", "join"],
    &["thread", "threadpool"],
    &["start", "spawn", "launch", "begin"],
    &["finish", "complet", "complete", "done", "end"],
    &["http", "request", "fetch", "url", "requests"],
    &["lock", "mutex"],
    &["queue", "channel", "mpsc"],
    &["message", "item"],
    &["retry", "reconnect", "attempt", "retrie"],
    &["backoff", "exponential"],
    &["delay", "sleep", "paus", "pause"],
    &["every", "periodic", "interval", "recur", "repeat", "cron", "schedul", "schedule", "seconds", "second"],
    &["signal", "sigint", "sigterm", "ctrlc", "interrupt"],
    &["sync", "synchronou", "synchronous"],
    &["blocking", "block"],
    &["subprocess", "child", "command"],
    &["cpu", "compute", "comput", "heavy", "number-crunching", "computation"],
    &["result", "return", "value", "output"],
    &["stream", "iterator", "generator", "yield"],
    &["share", "shared", "global", "state"],
    &["close", "cleanup", "clean", "dispos", "dispose", "finally"],
    &["file", "disk"],
    &["socket", "tcp", "connection", "connect"],
    &["slow", "late", "lag"],
    &["several", "many", "multiple", "list", "1000", "100", "10"],
    &["newest", "latest"],
    &["oldest", "old"],
    &["callback", "hook"],
    &["test", "unittest", "pytest", "mock"],
    &["debug", "diagnos", "diagnose", "profile", "inspect"],
    &["background", "daemon", "fire-and-forget"],
    &["race", "racing"],
];

/// The words of `text`, in its order: names whole and in their parts, and Chinese by pairs of characters.
pub(crate) fn of(text: &str) -> Vec<String> {
    let text = text.replace("Ctrl-C", "ctrlc").replace("ctrl-c", "ctrlc").replace("Ctrl+C", "ctrlc");
    let text =
        text.replace("ctrl+c", "ctrlc").replace("back-off", "backoff").replace("dead-lock", "deadlock");
    let mut found = Vec::new();
    for word in text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty()) {
        if !word.is_ascii() {
            pairs(word, &mut found);
            continue;
        }
        let parts = parts(word);
        if parts.len() > 1 {
            push(&word.to_lowercase(), &mut found);
        }
        for part in parts {
            push(&part.to_lowercase(), &mut found);
        }
    }
    found
}

fn push(word: &str, found: &mut Vec<String>) {
    let is_number = word.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    if !EMPTY.contains(&word) && !is_number {
        found.push(meaning(&stem(word)).to_owned());
    }
}

/// `parts` of `ProcessPoolExecutor` and of `run_in_executor`.
fn parts(word: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    for word in word.split('_').filter(|part| !part.is_empty()) {
        let mut begin = 0;
        let bytes = word.as_bytes();
        for at in 1..bytes.len() {
            let after_lower = bytes[at - 1].is_ascii_lowercase() && bytes[at].is_ascii_uppercase();
            let last_upper = bytes[at - 1].is_ascii_uppercase()
                && bytes[at].is_ascii_uppercase()
                && bytes.get(at + 1).is_some_and(u8::is_ascii_lowercase);
            if after_lower || last_upper {
                parts.push(&word[begin..at]);
                begin = at;
            }
        }
        parts.push(&word[begin..]);
    }
    parts
}

/// Chinese has no spaces: two characters at a time are near enough to words.
fn pairs(word: &str, found: &mut Vec<String>) {
    let characters: Vec<_> = word.chars().collect();
    if characters.len() == 1 {
        found.push(word.to_owned());
    }
    found.extend(characters.windows(2).map(|two| two.iter().collect::<String>()));
}

/// `word` without the endings that English puts on it. It is rough, and the same for both sides of a comparison.
pub(crate) fn stem(word: &str) -> String {
    const ENDINGS: [(&str, usize); 7] =
        [("ations", 4), ("ation", 4), ("ings", 4), ("ing", 3), ("ies", 3), ("ed", 3), ("ly", 4)];
    let ended = |(ending, least): &(&'static str, usize)| {
        word.strip_suffix(ending).filter(|rest| rest.len() >= *least).map(|rest| (rest, *ending))
    };
    if let Some((rest, ending)) = ENDINGS.iter().find_map(ended) {
        let mut last = rest.bytes().rev();
        let is_double = rest.len() > 3 && last.next() == last.next() && !rest.ends_with(['l', 's']);
        return match ending {
            "ies" => format!("{rest}y"),
            // `running` is of `run`.
            _ if is_double => rest[..rest.len() - 1].to_owned(),
            _ => rest.strip_suffix('e').unwrap_or(rest).to_owned(),
        };
    }
    let is_many = word.len() > 3 && word.ends_with('s') && !word.ends_with("ss") && !word.ends_with("us");
    let one = if is_many { &word[..word.len() - 1] } else { word };
    if one.len() > 4 { one.strip_suffix('e').unwrap_or(one).to_owned() } else { one.to_owned() }
}

fn meaning(stem: &str) -> &str {
    let row = SYNONYMS.iter().find(|row| row.contains(&stem));
    row.map_or(stem, |row| row[0])
}

/// A message without case, quotes, and the lines and margins in which it was printed.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\'' | '"' | '`' | '‘' | '’' | '“' | '”' => {}
            c if c.is_whitespace() || c == '|' => {
                if !plain.ends_with(' ') && !plain.is_empty() {
                    plain.push(' ');
                }
            }
            c => plain.push(c.to_ascii_lowercase()),
        }
    }
    plain.truncate(plain.trim_end().len());
    plain
}
