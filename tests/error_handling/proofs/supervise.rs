//! Proofs of the pattern `supervise`.

use error_handling::supervise::Restart;
use futures::FutureExt;
use futures::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use crate::support::{Log, alive_tasks, ms};
use crate::work::supervise::{ALWAYS, failing, supervisor};

/// An end is either still in the supervisor or has been returned.
#[test]
fn a_cancelled_wait_for_an_end_loses_none() {
    let swept = cancel_sweep::sweep_with(
        || {
            let (mut supervisor, _) = supervisor();
            supervisor.start("feed", Some(Restart { failures: 2, ..ALWAYS }), failing(100)).unwrap();
            supervisor.start("mail", None, |_| async { Ok(()) }).unwrap();
            let supervisor = Arc::new(tokio::sync::Mutex::new(supervisor));
            let taken = Arc::new(AtomicUsize::new(0));
            let state = (supervisor.clone(), taken.clone());
            (state, async move {
                while supervisor.lock().await.next_end().await.is_some() {
                    taken.fetch_add(1, SeqCst);
                }
            })
        },
        |(supervisor, taken), _| {
            let mut supervisor = supervisor.try_lock().unwrap();
            let mut ends = taken.load(SeqCst);
            while let Some(Some(_)) = supervisor.next_end().now_or_never() {
                ends += 1;
            }
            assert_eq!(ends, 2);
        },
    );
    assert_eq!(swept.points, 2);
}

/// A dropped `shutdown` cannot wait for workers that ignore the token: it aborts them instead of detaching them.
#[test]
fn a_cancelled_shutdown_aborts_every_worker() {
    let swept = cancel_sweep::sweep_with(
        || {
            let (mut supervisor, _) = supervisor();
            let log = Log::default();
            for name in ["deaf", "deafer"] {
                let guard = log.on_drop("dropped");
                let work = move |_| {
                    let _owned = &guard;
                    pending()
                };
                supervisor.start(name, None, work).unwrap();
            }
            (log, supervisor.shutdown(ms(100)))
        },
        |log, _| {
            assert_eq!(alive_tasks(), 0);
            assert_eq!(log.take().len(), 2);
        },
    );
    assert_eq!(swept.points, 6, "the grace, four turns for what is due with it, and the end of the aborted");
}
