//! Proofs of the pattern `one_task`.

use std::sync::Arc;

use error_handling::one_task::{LoadError, page_or};
use futures::FutureExt;
use tokio::time::sleep;

use crate::support::ms;

/// A borrowed handle keeps its result when the wait is cancelled.
#[test]
fn a_cancelled_wait_leaves_the_result_in_the_handle() {
    let swept = cancel_sweep::sweep_with(
        || {
            let task = tokio::spawn(async {
                sleep(ms(100)).await;
                Err::<String, _>(LoadError::NotFound("home".to_owned()))
            });
            let task = Arc::new(tokio::sync::Mutex::new(task));
            let lent = task.clone();
            (task, async move { page_or("default", &mut *lent.lock().await).await })
        },
        |task, outcome| {
            if let cancel_sweep::Outcome::Cancelled(_) = outcome {
                let result = (&mut *task.try_lock().unwrap()).now_or_never();
                assert!(matches!(result, Some(Ok(Err(LoadError::NotFound(_))))));
            }
        },
    );
    assert_eq!(swept.points, 1);
}
