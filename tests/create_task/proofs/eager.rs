//! Proofs of the pattern `eager`.

use create_task::eager::start;
use tokio::time::sleep;

use crate::support::{Entries, ms};

/// As with `spawn`: a caller that stops waiting does not stop the work.
#[test]
fn a_cancelled_join_lets_the_work_run_on() {
    let swept = cancel_sweep::sweep_with(
        || {
            let log = Entries::default();
            let work = {
                let log = log.clone();
                async move {
                    sleep(ms(100)).await;
                    log.add("finished");
                }
            };
            (log, start(work).join())
        },
        |log, _| assert_eq!(log.take(), ["finished"]),
    );
    assert_eq!(swept.points, 1);
}
