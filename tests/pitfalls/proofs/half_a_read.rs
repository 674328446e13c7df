//! Proofs of the pattern `half_a_read`.

use std::sync::{Arc, Mutex};

use pitfalls::half_a_read::fixed;
use tokio::io::{BufReader, duplex};

use crate::support::ms;
use crate::work::half_a_read::{HALVES, write};

/// At each drop the caller has a prefix of the lines, each of them whole.
#[test]
fn cancelled_anywhere_the_lines_so_far_are_with_the_caller() {
    let run = || {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let reading = Arc::clone(&lines);
        let (near, far) = duplex(64);
        tokio::spawn(write(far, HALVES));
        let on_line = move |line: &str| reading.lock().unwrap().push(line.to_owned());
        (lines, fixed(BufReader::new(near), ms(70), on_line, || {}))
    };
    let swept = cancel_sweep::sweep_with(run, |lines, outcome| {
        let (lines, all) = (lines.lock().unwrap(), ["hello", "world", "end"]);
        assert!(all.starts_with(&lines.iter().map(String::as_str).collect::<Vec<_>>()));
        assert!(lines.len() == 3 || matches!(outcome, cancel_sweep::Outcome::Cancelled(_)));
    });
    assert!(swept.points >= 4);
}
