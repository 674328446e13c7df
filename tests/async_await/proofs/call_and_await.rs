//! Proofs of the pattern `call_and_await`.

use crate::work::Server;
use crate::work::call_and_await::{ACCOUNT, BALANCE, ask};

/// Cancelled at either await, the call that it waited for is gone, and none follows.
#[test]
fn cancelled_anywhere_it_leaves_no_call_behind() {
    let swept = cancel_sweep::sweep_with(
        || {
            let server = Server::new([(ACCOUNT, 100, Ok("7")), (BALANCE, 200, Ok("250"))]);
            (server.clone(), async move { ask(&server).await })
        },
        |server, outcome| {
            if let cancel_sweep::Outcome::Cancelled(at) = outcome {
                assert_eq!(server.begun().len(), at.suspension);
            }
            assert_eq!(server.gone(), server.begun().len());
        },
    );
    assert_eq!(swept.points, 2);
}
