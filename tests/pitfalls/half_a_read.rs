//! Lessons of the pattern `half_a_read`.

use std::cell::RefCell;
use std::io;

use pitfalls::half_a_read::{broken, fixed};
use tokio::io::{BufReader, duplex};
use tokio::time::timeout;

use crate::support::ms;
use crate::work::Visits;
use crate::work::half_a_read::{HALVES, write};

/// asyncio: when a `wait_for` ends a read, the bytes stay in the `StreamReader`'s buffer. Tokio: `read_line` keeps them in
/// its future, and `select!` drops that future.
#[tokio::test(start_paused = true)]
async fn but_half_a_line_is_lost_when_another_branch_is_quicker() {
    let (near, far) = duplex(64);
    let (lines, idle) = (RefCell::new(Vec::new()), Visits::default());
    let read = broken(
        BufReader::new(near),
        ms(70),
        |line| lines.borrow_mut().push(line.to_owned()),
        || idle.enter(),
    );
    tokio::join!(read, write(far, HALVES)).0.unwrap();
    assert_eq!((lines.into_inner(), idle.came()), (vec!["lo".into(), "ld".into(), "end".to_owned()], 2));
}

/// asyncio: a cancelled `readline` leaves half a line in the reader's buffer. Tokio: `Lines` keeps it too.
#[tokio::test(start_paused = true)]
async fn a_reader_that_keeps_what_it_has_loses_nothing() {
    let (near, far) = duplex(64);
    let (lines, idle) = (RefCell::new(Vec::new()), Visits::default());
    let read =
        fixed(BufReader::new(near), ms(70), |line| lines.borrow_mut().push(line.to_owned()), || idle.enter());
    tokio::join!(read, write(far, HALVES)).0.unwrap();
    assert_eq!(
        (lines.into_inner(), idle.came()),
        (vec!["hello".into(), "world".into(), "end".to_owned()], 2)
    );
}

/// The same holds for `read_exact`, `send` and any other future that has taken a part.
#[tokio::test(start_paused = true)]
async fn but_a_timeout_around_read_exact_loses_what_came() {
    use tokio::io::AsyncReadExt;
    let (mut near, far) = duplex(64);
    let mut frame = [0; 5];
    let read = async {
        assert!(timeout(ms(50), near.read_exact(&mut frame)).await.is_err());
        near.read_exact(&mut frame).await
    };
    let (read, ()) = tokio::join!(read, write(far, [(0, "hel"), (100, "lo")]));
    assert_eq!(read.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}

/// A text is cut in two halves at every position, with and without a line end at its end.
#[tokio::test(start_paused = true)]
async fn wherever_the_line_is_cut_it_comes_whole() {
    const TEXT: &str = "one\r\n\ntwo \u{e9}";
    for cut in (0..=TEXT.len()).filter(|cut| TEXT.is_char_boundary(*cut)) {
        let (near, far) = duplex(64);
        let mut lines = Vec::new();
        let read = fixed(BufReader::new(near), ms(70), |line| lines.push(line.to_owned()), || {});
        let (first, second) = TEXT.split_at(cut);
        tokio::join!(read, write(far, [(0, first), (100, second)])).0.unwrap();
        assert_eq!(lines, ["one", "", "two \u{e9}"], "cut at {cut}");
    }
}

/// asyncio: `readline` returns bytes, and bad UTF-8 fails at `decode`. Tokio: `next_line` itself fails.
#[tokio::test(start_paused = true)]
async fn nothing_and_what_is_no_text_end_it() {
    let none = |_: &str| panic!("there is none");
    fixed(&b""[..], ms(70), none, || {}).await.unwrap();
    let error = fixed(&b"\xff\n"[..], ms(70), none, || {}).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
}

/// Each line takes a new `select!` with a new timer: no line is skipped, doubled or swapped.
#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_lines_come_in_order() {
    let text = (0..100_000).fold(String::new(), |text, line| text + &format!("{line}\n"));
    let mut expected = 0;
    let count = |line: &str| {
        assert_eq!(line.parse(), Ok(expected));
        expected += 1;
    };
    fixed(text.as_bytes(), ms(70), count, || {}).await.unwrap();
    assert_eq!(expected, 100_000);
}
