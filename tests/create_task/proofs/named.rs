//! Proofs of the pattern `named`.

use std::sync::Arc;

use create_task::named::{Names, State};
use futures::FutureExt;

use crate::work::load;

/// After a cancelled wait, a second wait gets the result.
#[test]
fn a_cancelled_wait_loses_no_result() {
    let swept = cancel_sweep::sweep_with(
        || {
            let task = Arc::new(tokio::sync::Mutex::new(Names::default().spawn("loader", load(("a", 100)))));
            (task.clone(), async move { task.lock().await.result().await.is_ok() })
        },
        |task, _| {
            let mut task = task.try_lock().unwrap();
            assert_eq!(task.state(), State::Finished);
            assert_eq!(task.result().now_or_never().unwrap().as_ref().unwrap(), &Ok("a"));
        },
    );
    assert_eq!(swept.points, 1);
}
