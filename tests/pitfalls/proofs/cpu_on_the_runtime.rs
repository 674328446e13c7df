//! Proofs of the pattern `cpu_on_the_runtime`.

use pitfalls::cpu_on_the_runtime::fixed;

use crate::work::Visits;

/// asyncio: cancelling `await to_thread` leaves a running call alone. Tokio: so does dropping the await.
#[test]
fn cancelled_anywhere_the_work_is_done_once() {
    let swept = cancel_sweep::sweep_with(
        || {
            let done = Visits::default();
            let work = done.clone();
            (done, fixed(move || work.enter()))
        },
        |done, outcome| match outcome {
            cancel_sweep::Outcome::Cancelled(at) if at.suspension == 0 => assert_eq!(done.came(), 0),
            _ => assert_eq!(done.came(), 1),
        },
    );
    assert!(swept.points <= 1, "none, if the thread was quicker");
}
