//! Proofs of the pattern `shutdown`.

use cancel_sweep::Outcome;
use graceful_shutdown::shutdown::{Closed, serve};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::support::{Count, Entries, ms};
use crate::work::shutdown::{GRACE, Jobs, Kind, job};
use crate::work::signals_at;

/// Cancelled at any point: every job that was started is reported or dropped, each once, and its token is cancelled.
#[test]
fn a_drop_of_it_aborts_the_jobs_and_loses_none() {
    #[derive(Clone)]
    struct Ledger {
        started: Count,
        dropped: Count,
        reported: Count,
        cancelled: Count,
        jobs: Entries<Jobs>,
    }
    let swept = cancel_sweep::sweep_with(
        || {
            let (started, dropped, reported, cancelled) = <(Count, Count, Count, Count)>::default();
            let ledger = Ledger { started, dropped, reported, cancelled, jobs: Entries::new() };
            let books = ledger.clone();
            let intake = move |jobs: Jobs| async move {
                books.jobs.add(jobs.clone());
                for kind in [Kind::Takes(50), Kind::CleansUp(50), Kind::Panics(350), Kind::Takes(9_000)] {
                    let (guard, cancelled) = (books.dropped.on_drop(), books.cancelled.clone());
                    let start = move |cancel: CancellationToken| async move {
                        let _guard = guard;
                        let child = cancel.clone();
                        tokio::spawn(async move {
                            child.cancelled().await;
                            cancelled.add();
                        });
                        job(kind, cancel).await
                    };
                    jobs.start("one", start).unwrap();
                    books.started.add();
                    sleep(ms(10)).await;
                }
                std::future::pending::<()>().await;
            };
            let reported = ledger.reported.clone();
            let serving =
                async move { serve(signals_at([300]), GRACE, intake, move |_, _| reported.add()).await };
            (ledger, serving)
        },
        |ledger, outcome| {
            let (started, reported) = (ledger.started.get(), ledger.reported.get());
            assert_eq!(ledger.dropped.get(), started, "each is dropped, once");
            assert!(ledger.cancelled.get() <= started);
            for jobs in ledger.jobs.take() {
                assert_eq!(jobs.start("late", |_| async { Ok(()) }), Err(Closed));
                assert!(jobs.closing().is_cancelled());
            }
            if let Outcome::Finished(summary) = outcome {
                assert_eq!((started, reported, ledger.cancelled.get()), (4, 3, 4));
                assert_eq!((summary.finished, summary.cancelled, summary.failed), (1, 1, 1));
                assert_eq!(summary.stragglers.len(), 1);
            }
        },
    );
    assert!(swept.points >= 8, "{swept:?}");
}
