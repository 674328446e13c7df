//! Proofs of the pattern `one_process`.

use cancel_sweep::At;
use executors::one_process::run;
use serde_json::Value;

use crate::real_time::soon_on_real_time;
use crate::tools::drop_at;
use crate::work::process_pool::{Job, exists_soon, file, runs, worker};
use crate::work::until;

/// Dropped at any suspension, its process is gone, with the program that the job has started.
#[tokio::test]
async fn dropped_anywhere_it_leaves_no_process() {
    for suspension in 0.. {
        assert!(suspension < 100, "it has no end");
        let mut finished = false;
        for woken in [false, true] {
            let sum =
                drop_at(run::<_, Value>(worker("one job"), &Job::Add(1, 2)), At { suspension, woken }).await;
            finished |= sum.is_some_and(|sum| sum.unwrap()[0] == 3);
        }
        if finished {
            break;
        }
    }
    for _ in 0..20 {
        let (_folder, path) = file();
        let job = Job::WaitForProgram(path.clone());
        soon_on_real_time(async {
            tokio::select! {
                outcome = run::<_, Value>(worker("one job"), &job) => panic!("{outcome:?}"),
                () = exists_soon(&path) => {}
            }
        })
        .await;
        let program = std::fs::read_to_string(&path).unwrap();
        until(|| !runs(&program)).await;
    }
}
