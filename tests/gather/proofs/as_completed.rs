//! Proofs of the pattern `as_completed`.

use std::sync::Arc;

use gather::as_completed::as_completed;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::ms;
use crate::work::ABC;
use crate::work::load;

/// Cancelled at any point, each result is either delivered or still in the set.
#[test]
fn a_cancelled_wait_loses_no_result() {
    use std::sync::Mutex;
    let swept = cancel_sweep::sweep_with(
        || {
            let tasks: JoinSet<_> = ABC.map(load).into_iter().collect();
            let state = Arc::new((tokio::sync::Mutex::new(tasks), Mutex::new(Vec::new())));
            let reader = state.clone();
            (state, async move {
                let (tasks, arrived) = &*reader;
                let deadline = Instant::now() + ms(1_000);
                let on_result = |result: Result<(_, &'static str), tokio::task::JoinError>| {
                    arrived.lock().unwrap().push(result.unwrap().1);
                };
                as_completed(&mut *tasks.lock().await, deadline, on_result).await
            })
        },
        |state, _| {
            let mut arrived = state.1.lock().unwrap().clone();
            let mut rest = state.0.try_lock().expect("the cancelled reader has let go");
            while let Some(result) = rest.try_join_next() {
                arrived.push(result.unwrap());
            }
            assert_eq!(arrived, ["b", "c", "a"]);
        },
    );
    assert_eq!(swept.points, 3);
}
