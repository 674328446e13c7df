//! Proofs of the pattern `wait`.

use std::sync::Arc;

use futures::FutureExt;
use gather::wait::ReturnWhen::{AllCompleted, FirstCompleted, FirstError};
use gather::wait::{take_done, wait};
use tokio::task::JoinSet;

use crate::support::ms;
use crate::work::wait::{spawn, waited};
use crate::work::{ABC, try_load};

/// Cancelled at any point, the wait has lost no result and ended no task.
#[test]
fn a_cancelled_wait_loses_no_result() {
    use std::sync::Mutex;
    for return_when in [FirstCompleted, FirstError, AllCompleted] {
        let swept = cancel_sweep::sweep_with(
            || {
                let tasks = Arc::new(tokio::sync::Mutex::new(spawn(ABC)));
                let waiter = tasks.clone();
                (tasks, async move { wait(&mut *waiter.lock().await, return_when, Some(ms(250))).await })
            },
            |tasks, _| {
                let tasks = Mutex::new(tasks.try_lock().expect("the cancelled wait has let go"));
                let mut tasks = tasks.into_inner().unwrap();
                let all = wait(&mut *tasks, AllCompleted, None).now_or_never();
                assert_eq!(all, Some(waited([0, 1, 2], [])), "the runtime has settled: every task is done");
            },
        );
        assert!(swept.points >= 1);
    }
}

/// Cancelled at any point, results that the loop has not taken are still in the set.
#[test]
fn a_cancelled_loop_loses_no_result() {
    let swept = cancel_sweep::sweep_with(
        || {
            let tasks: JoinSet<_> = ABC.into_iter().map(try_load).collect();
            let tasks = Arc::new(tokio::sync::Mutex::new((tasks, 0)));
            let taker = tasks.clone();
            (tasks, async move {
                let mut taker = taker.lock().await;
                let (tasks, taken) = &mut *taker;
                while let Ok(done) = take_done(tasks).await {
                    *taken += done.len();
                }
            })
        },
        |tasks, _| {
            let mut tasks = tasks.try_lock().expect("the cancelled loop has let go");
            let (tasks, taken) = &mut *tasks;
            let left = take_done(tasks).now_or_never().expect("the runtime has settled: every task is done");
            assert_eq!(left.map_or(0, |done| done.len()) + *taken, 3);
        },
    );
    assert!(swept.points >= 3);
}
