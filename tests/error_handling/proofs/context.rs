//! Proofs of the pattern `context`.

use error_handling::context::{or_backup, settings};
use tokio::time::sleep;

use crate::support::{Log, alive_tasks, ms};
use crate::work::Missing;

/// No task is spawned, so a drop ends the first attempt or the backup at its current await.
#[test]
fn a_cancelled_read_drops_whichever_is_under_way() {
    let swept = cancel_sweep::sweep_with(
        || {
            let log = Log::default();
            let entries = log.clone();
            let step = move |name| {
                let guard = entries.on_drop(name);
                async move {
                    let _guard = guard;
                    sleep(ms(10)).await;
                    Err::<(), _>(anyhow::Error::from(Missing(name)))
                }
            };
            (log, or_backup(step("first"), step("backup")))
        },
        |log, _| {
            let mut dropped = log.take();
            dropped.sort();
            assert_eq!(dropped, ["backup", "first"]);
        },
    );
    assert_eq!(swept.points, 2);
    let swept = cancel_sweep::sweep(
        || {
            let read = async {
                sleep(ms(10)).await;
                Ok("7".to_owned())
            };
            settings("limits", read, str::parse::<u32>)
        },
        |_| assert_eq!(alive_tasks(), 0),
    );
    assert_eq!(swept.points, 1);
}
