//! Proofs of the pattern `outcome`.

use error_handling::outcome::every_outcome;
use tokio::time::sleep;

use crate::support::{Log, alive_tasks, ms};
use crate::work::Broken;

/// asyncio: a cancelled `gather` cancels its tasks. Here: the handles abort on drop, from the call on.
#[test]
fn a_cancelled_wait_aborts_every_task_also_before_its_first_poll() {
    let swept = cancel_sweep::sweep_with(
        || {
            let log = Log::default();
            let tasks = [100, 200].map(|millis| {
                let ends = log.clone();
                let work = async move {
                    sleep(ms(millis)).await;
                    ends.add("ended");
                    Ok::<_, Broken>(())
                };
                (millis, tokio::spawn(work))
            });
            (log, every_outcome(tasks))
        },
        |log, outcome| {
            assert_eq!(alive_tasks(), 0);
            let ended = log.take().len();
            match outcome {
                cancel_sweep::Outcome::Finished(outcomes) => assert_eq!((ended, outcomes.len()), (2, 2)),
                cancel_sweep::Outcome::Cancelled(at) => {
                    assert_eq!(ended, at.suspension.saturating_sub(usize::from(!at.woken)).min(2), "{at}");
                }
            }
        },
    );
    assert_eq!(swept.points, 2);
}
