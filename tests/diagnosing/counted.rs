//! Lessons of the pattern `counted`.

use std::future::pending;

use diagnosing::counted::{Counts, One};

use crate::support::{alive_tasks, settle};

/// tracemalloc: `compare_to` says which line's memory has grown. Here: which line's values have.
#[tokio::test(start_paused = true)]
async fn what_has_grown_is_named_with_its_line() {
    let counts = Counts::default();
    let _kept = counts.one("session");
    let before = counts.alive();
    let leaked: Vec<One> = (0..3).map(|_| counts.one("heartbeat")).collect();
    let line = line!() - 1;
    let [grown] = &counts.grown_since(&before)[..] else { panic!("one line") };
    assert_eq!((grown.name, grown.place.line(), grown.alive, grown.more), ("heartbeat", line, 3, 3));
    assert_eq!(grown.to_string(), format!("heartbeat: 3 alive, 3 more, made at {}:{line}", file!()));
    drop(leaked);
    assert_eq!(counts.grown_since(&before), []);
}

/// What grows most is what to look at first.
#[test]
fn the_line_that_has_grown_most_comes_first() {
    let counts = Counts::default();
    let before = counts.alive();
    let _few = [(); 2].map(|()| counts.one("few"));
    let _many = [(); 5].map(|()| counts.one("many"));
    let grown = counts.grown_since(&before);
    assert_eq!(
        grown.iter().map(|grown| (grown.name, grown.more)).collect::<Vec<_>>(),
        [("many", 5), ("few", 2)]
    );
}

/// asyncio: `len(all_tasks())` grows. Tokio's count does, too; it does not say which line has spawned them.
#[tokio::test(start_paused = true)]
async fn the_runtime_counts_tasks_without_their_lines() {
    let counts = Counts::default();
    let before = (counts.alive(), alive_tasks());
    let spawn = |one: One| {
        tokio::spawn(async move {
            let _one = one;
            pending::<()>().await
        })
    };
    let tasks = [spawn(counts.one("poller")), spawn(counts.one("heartbeat"))];
    settle().await;
    assert_eq!(alive_tasks() - before.1, 2);
    let grown = counts.grown_since(&before.0);
    let lines: Vec<_> = grown.iter().map(|grown| (grown.name, grown.place.column())).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    settle().await;
    assert_eq!((alive_tasks() - before.1, counts.grown_since(&before.0)), (0, vec![]));
}

/// A cache has grown once. A leak grows with each round.
#[test]
fn a_second_look_tells_a_cache_from_a_leak() {
    let counts = Counts::default();
    let (mut cache, mut leak) = (Vec::new(), Vec::new());
    let mut round = || {
        cache.resize_with(10, || counts.one("cache"));
        leak.push(counts.one("leak"));
        counts.alive()
    };
    let (none, first, second) = (counts.alive(), round(), round());
    let grown = |before| counts.grown_since(before).into_iter().map(|grown| grown.name).collect::<Vec<_>>();
    assert_eq!(grown(&none), ["cache", "leak"]);
    assert_eq!(grown(&first), ["leak"]);
    assert_eq!(grown(&second), [""; 0]);
}

/// The trap: a value that is forgotten is counted as long as the program runs, as its memory is.
#[test]
fn but_what_is_forgotten_counts_on() {
    let counts = Counts::default();
    let before = counts.alive();
    std::mem::forget(counts.one("forgotten"));
    assert_eq!(counts.grown_since(&before)[0].alive, 1);
}
