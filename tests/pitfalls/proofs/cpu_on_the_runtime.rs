//! Proofs of the pattern `cpu_on_the_runtime`.

use std::future::poll_fn;
use std::sync::mpsc::sync_channel;

use pitfalls::cpu_on_the_runtime::fixed;

use crate::work::{IN_TIME, Visits};

/// asyncio: cancelling `await to_thread` leaves a running call alone. Tokio: so does dropping the await.
#[test]
fn cancelled_anywhere_the_work_is_done_once() {
    let swept = cancel_sweep::sweep_with(
        || {
            let (done, (begun, may_begin)) = (Visits::default(), sync_channel(0));
            let work = done.clone();
            let mut computing = Box::pin(fixed(move || {
                may_begin.recv_timeout(IN_TIME).unwrap();
                work.enter();
            }));
            let mut begun = Some(begun);
            let computing = poll_fn(move |cx| {
                let polled = computing.as_mut().poll(cx);
                if let Some(begun) = begun.take() {
                    assert!(polled.is_pending());
                    // Returns when the work is on its thread, so that the work always ends after this poll.
                    begun.send(()).unwrap();
                }
                polled
            });
            (done, computing)
        },
        |done, outcome| match outcome {
            cancel_sweep::Outcome::Cancelled(at) if at.suspension == 0 => assert_eq!(done.came(), 0),
            _ => assert_eq!(done.came(), 1),
        },
    );
    assert_eq!(swept.points, 1);
}
