//! Proofs of the pattern `context`.

use std::sync::{Arc, Mutex};

use create_task::context::inherit;
use tokio::time::sleep;

use crate::support::ms;
use crate::work::context::{REQUEST, request};

/// Clean-up runs in the context, wherever the task is dropped, even before its first poll.
#[test]
fn the_clean_up_of_a_cancelled_child_sees_the_context() {
    struct TellOnDrop(Arc<Mutex<Option<&'static str>>>);
    impl Drop for TellOnDrop {
        fn drop(&mut self) {
            *self.0.lock().unwrap() = request();
        }
    }
    let swept = cancel_sweep::sweep_with(
        || {
            let seen = Arc::default();
            let guard = TellOnDrop(Arc::clone(&seen));
            let child = async move {
                let _guard = guard;
                sleep(ms(100)).await;
            };
            (seen, REQUEST.sync_scope("request-1", || inherit(&REQUEST, child)))
        },
        |seen, _| assert_eq!(*seen.lock().unwrap(), Some("request-1")),
    );
    assert_eq!(swept.points, 1);
}
