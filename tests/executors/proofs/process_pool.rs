//! Proofs of the pattern `process_pool`.
use std::os::unix::process::ExitStatusExt;
use std::process::{self, Stdio};
use std::sync::Arc;

use cancel_sweep::At;
use executors::process_pool::{JobError, OnCrash, Options, Queued};
use fastrand::Rng;
use serde_json::Value;
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use crate::real_time::soon_on_real_time;
use crate::support::limit;
use crate::tools::drop_at;
use crate::work::process_pool::{Job, Pool, exists, pool};

mod dropped {
    use super::*;

    /// Dropped anywhere, the next job gets its result, and no process is left behind.
    #[tokio::test]
    async fn anywhere_a_run_leaves_a_pool_that_works() {
        for is_new in [true, false] {
            for suspension in 0.. {
                assert!(suspension < 100, "it has no end");
                let mut finished = false;
                for woken in [false, true] {
                    let pool = pool(1, Options::default());
                    if !is_new {
                        soon_on_real_time(pool.run(Job::ProcessId)).await.unwrap();
                    }
                    let outcome = drop_at(pool.run(Job::Add(1, 2)), At { suspension, woken }).await;
                    finished |= outcome.is_some_and(|outcome| outcome.unwrap()[0] == 3);
                    let next = soon_on_real_time(pool.run(Job::Add(3, 4))).await.unwrap();
                    assert_eq!(next[0], 7);
                    soon_on_real_time(pool.shutdown(Queued::Finish)).await;
                    assert!(!exists(&next[1]));
                }
                if finished {
                    break;
                }
            }
        }
    }
}

mod shutdown {
    use super::*;

    /// Dropped anywhere, it has closed the pool, and the next one waits for the same end.
    #[tokio::test]
    async fn dropped_anywhere_can_be_awaited_again() {
        for suspension in 0..3 {
            for woken in [false, true] {
                let pool = pool(1, Options::default());
                let process = soon_on_real_time(pool.run(Job::ProcessId)).await.unwrap();
                let ended = drop_at(pool.shutdown(Queued::Finish), At { suspension, woken }).await;
                assert_eq!(
                    pool.run(Job::ProcessId).await.is_ok(),
                    suspension == 0,
                    "closed, if it was polled"
                );
                soon_on_real_time(pool.shutdown(Queued::Finish)).await;
                assert!(!exists(&process));
                assert_eq!(ended.is_some(), suspension == 2);
            }
        }
    }
}

/// Four tasks on four threads share two workers; jobs crash, fail, panic, hang and are given up, each round from its
/// own seed. Each job that is awaited has its own answer, and at the end no process is left.
#[test]
fn many_threads_and_many_rounds_lose_no_job_and_leave_no_process() {
    async fn ask(pool: &Pool, mut random: Rng) -> Vec<Value> {
        let mut processes = Vec::new();
        for number in 0..8 {
            // Killed by a SIGKILL of this lesson, sent by any of its tasks.
            let killed = |error: &JobError| matches!(error, JobError::Crashed(Some(status)) if status.signal() == Some(9));
            match random.u8(..10) {
                0 => {
                    let error = pool.run(Job::Exit(7)).await.unwrap_err();
                    let exited = matches!(error, JobError::Crashed(Some(status)) if status.code() == Some(7));
                    assert!(exited || killed(&error), "{error:?}");
                }
                1 => {
                    let error = pool.run(Job::Fail).await.unwrap_err();
                    assert!(matches!(error, JobError::Failed(_)) || killed(&error), "{error:?}");
                }
                2 => {
                    let error = pool.run(Job::Panic(None)).await.unwrap_err();
                    assert!(matches!(error, JobError::Failed(_)) || killed(&error), "{error:?}");
                }
                3 => {
                    let at = At { suspension: random.usize(..6), woken: random.bool() };
                    drop(drop_at(pool.run(Job::ProcessId), at).await);
                }
                other => match pool.run(Job::Add(number, 1)).await {
                    Ok(result) => {
                        assert_eq!(result[0], number + 1);
                        if other == 4 {
                            let command = &mut process::Command::new("kill");
                            let command = command.args(["-KILL", &result[1].to_string()]);
                            drop(command.stderr(Stdio::null()).status());
                        }
                        processes.push(result[1].clone());
                    }
                    Err(error) => assert!(killed(&error), "{error:?}"),
                },
            }
        }
        processes
    }

    let runtime = Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    runtime.block_on(async {
        for seed in 0..5 {
            let mut random = Rng::with_seed(seed);
            let options = Options { on_crash: OnCrash::FailJob { limit: limit(1000) }, ..Options::default() };
            let (pool, mut tasks) = (Arc::new(pool(2, options)), JoinSet::new());
            for _ in 0..4 {
                let (pool, random) = (pool.clone(), random.fork());
                tasks.spawn(async move { ask(&pool, random).await });
            }
            let processes = soon_on_real_time(tasks.join_all()).await.concat();
            soon_on_real_time(pool.shutdown(Queued::Finish)).await;
            assert!(processes.iter().all(|process| !exists(process)), "seed {seed}");
        }
    });
}
