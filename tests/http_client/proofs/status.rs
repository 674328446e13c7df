//! Proofs of the pattern `status`.

use std::sync::Arc;

use cancel_sweep::Outcome;
use http_client::status::raise_for_status;

use crate::work::slow_response;

/// Cancelled at any point, the response is dropped.
#[test]
fn cancelled_anywhere_it_leaves_no_response_behind() {
    let swept = cancel_sweep::sweep_with(
        || {
            let (held, response) = slow_response(503, "text/plain", ["try again ", "later"]);
            (held, raise_for_status(response, 100))
        },
        |held, outcome| {
            assert_eq!(Arc::strong_count(&held), 1);
            if let Outcome::Finished(error) = outcome {
                assert_eq!(error.unwrap_err().body, "try again later");
            }
        },
    );
    assert_eq!(swept.points, 2);
}
