//! Proofs of the pattern `json`.

use std::sync::Arc;

use cancel_sweep::Outcome;
use http_client::json::json;

use crate::work::json::Project;
use crate::work::slow_response;

/// Cancelled at any point, the response is dropped.
#[test]
fn cancelled_anywhere_it_leaves_no_response_behind() {
    let swept = cancel_sweep::sweep_with(
        || {
            let halves = [r#"{"name": "tokio","#, r#" "stars": 5}"#];
            let (held, response) = slow_response(200, "application/json", halves);
            (held, json::<Project>(response, 1000))
        },
        |held, outcome| {
            assert_eq!(Arc::strong_count(&held), 1);
            if let Outcome::Finished(project) = outcome {
                assert_eq!(project.unwrap().stars, 5);
            }
        },
    );
    assert_eq!(swept.points, 2);
}
