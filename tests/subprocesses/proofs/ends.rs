//! Every number and every time at its ends: zero, one, and the greatest.

use std::num::NonZeroUsize;
use std::time::Duration;

use subprocesses::group::{How, ProcessGroup};
use subprocesses::lines::OutputLines;
use subprocesses::many::{collect_all, fail_fast};
use subprocesses::run::{OutputError, run};
use subprocesses::terminal::{Size, Terminal, command};
use tokio::io::empty;

use crate::real_time::soon_on_real_time;
use crate::support::TIMES;
use crate::work::sh;

/// A limit of nothing allows no byte; the greatest one has no overflow.
#[tokio::test]
async fn a_limit_on_output_may_be_zero_or_the_greatest() {
    for limit in [0, 1, usize::MAX] {
        assert!(soon_on_real_time(run(sh("exit 0"), limit)).await.unwrap().stdout.is_empty());
        let error = soon_on_real_time(run(sh("echo; echo"), limit)).await.err();
        let is_too_much = matches!(error, Some(OutputError::TooMuch { .. }));
        assert_eq!(is_too_much, limit < 2, "{limit}");
    }
}

/// Times of zero, of a moment, and without end, for the limit and for the grace period.
#[tokio::test]
async fn a_limit_and_a_grace_may_be_zero_or_endless() {
    for limit in TIMES {
        for grace in TIMES {
            let mut group = ProcessGroup::spawn(sh("exit 0")).unwrap();
            soon_on_real_time(group.within(limit, grace)).await.unwrap();
            let mut group = ProcessGroup::spawn(sh("exec sleep 600")).unwrap();
            let ended = match limit {
                Duration::MAX => soon_on_real_time(group.end(grace)).await.unwrap(),
                _ => soon_on_real_time(group.within(limit, grace)).await.unwrap(),
            };
            assert_ne!(ended.how, How::Itself);
        }
    }
}

/// A line of at most one byte, and one of any length; one command at a time, and all at once.
#[tokio::test]
async fn a_length_and_a_number_may_be_one_or_the_greatest() {
    for number in [NonZeroUsize::MIN, NonZeroUsize::MAX] {
        let mut lines = OutputLines::new(&b"a\n"[..], empty(), number);
        assert_eq!(lines.next().await.unwrap().unwrap().text, b"a");
        assert_eq!(collect_all([1, 2], number, async |number| number).await, [1, 2]);
        assert_eq!(fail_fast([1, 2], number, async |number: i32| Ok::<_, ()>(number)).await, Ok(vec![1, 2]));
    }
}

/// A read of no byte and of one, a write of nothing, and a terminal of the smallest and the greatest size.
#[tokio::test]
async fn a_terminal_may_have_any_size() {
    for side in [0, 1, u16::MAX] {
        let mut stty = command("stty");
        stty.arg("size");
        let mut terminal = Terminal::spawn(stty, Size { rows: side, columns: side }).unwrap();
        soon_on_real_time(terminal.write(b"")).await.unwrap();
        let (mut said, mut byte) = (Vec::new(), [0; 1]);
        while soon_on_real_time(terminal.read(&mut byte)).await.unwrap() == 1 {
            said.push(byte[0]);
            assert_eq!(soon_on_real_time(terminal.read(&mut [])).await.unwrap(), 0);
        }
        assert_eq!(String::from_utf8(said).unwrap(), format!("{side} {side}\r\n"));
        assert!(terminal.wait().await.unwrap().success());
    }
}
