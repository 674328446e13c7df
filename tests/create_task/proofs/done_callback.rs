//! Proofs of the pattern `done_callback`.

use create_task::done_callback::Announced;

use crate::support::Entries;
use crate::work::done_callback::tells;
use crate::work::load;

/// A cancelled join loses no callback.
#[test]
fn a_cancelled_join_leaves_every_callback_to_be_called_once() {
    let swept = cancel_sweep::sweep_with(
        || {
            let log = Entries::default();
            let task = Announced::new(tokio::spawn(load(("a", 100))));
            task.add_done_callback(tells(&log));
            (log, task.join())
        },
        |log, _| assert_eq!(log.take(), ["value"]),
    );
    assert_eq!(swept.points, 1);
}

/// asyncio: `remove_done_callback` removes a callback from its list. Two million callbacks, added and removed, leave no
/// memory in use.
///
/// The check runs in a process of its own, because all proofs share the memory of this one.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn removed_callbacks_cost_no_memory() {
    let name = "done_callback::removed_callbacks_cost_no_memory";
    if std::env::var_os("ALONE").is_none() {
        let this = std::env::current_exe().unwrap();
        let alone =
            std::process::Command::new(this).args(["--exact", name]).env("ALONE", "1").output().unwrap();
        assert!(alone.status.success(), "{}", String::from_utf8_lossy(&alone.stdout));
        return;
    }
    let pages = || {
        let sizes = std::fs::read_to_string("/proc/self/statm").unwrap();
        sizes.split(' ').nth(1).unwrap().parse::<u64>().unwrap()
    };
    let task = Announced::new(tokio::spawn(std::future::pending::<()>()));
    let before = pages();
    for _ in 0..2_000_000 {
        assert!(task.add_done_callback(|_| {}).remove());
    }
    // A page is 4 KiB: less than one byte for each callback.
    assert!(pages() < before + 256, "{before} pages before, {} after", pages());
    task.abort();
    assert!(task.join().await.unwrap_err().is_cancelled());
}
