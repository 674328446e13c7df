//! Proofs of the pattern `wait`.

use std::sync::Arc;

use futures::FutureExt;
use gather::wait::ReturnWhen::{AllCompleted, FirstCompleted, FirstError};
use gather::wait::wait;

use crate::support::ms;
use crate::work::ABC;
use crate::work::wait::{spawn, waited};

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
