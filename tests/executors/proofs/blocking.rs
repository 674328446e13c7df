//! Proofs of the pattern `blocking`.

use std::sync::mpsc;

use cancel_sweep::At;
use cancel_sweep::Outcome::{Cancelled, Finished};
use executors::blocking::Blocking;
use futures::FutureExt;

use crate::real_time::PATIENCE;
use crate::support::{Count, ONE};
use crate::tools::held_for_a_turn;

/// Cancelled anywhere, no permit is lost, and the work has run once or never.
#[test]
fn cancelled_anywhere_its_place_is_free_again() {
    let swept = cancel_sweep::sweep_with(
        || {
            let calls = Blocking::at_most(ONE);
            // Has the permit before the other call asks for it.
            let mut first = Box::pin({
                let (calls, work) = (calls.clone(), held_for_a_turn());
                async move { calls.run(work).await }
            });
            assert!(first.as_mut().now_or_never().is_none());
            tokio::spawn(first);
            let (ran, dropped) = (Count::default(), Count::default());
            let work = {
                let (ran, captured, held) = (ran.clone(), dropped.on_drop(), held_for_a_turn());
                move || {
                    let _captured = captured;
                    ran.add();
                    held();
                }
            };
            ((calls.clone(), ran, dropped), async move { calls.run(work).await.unwrap() })
        },
        |(calls, ran, dropped), outcome| {
            assert_eq!(dropped.get(), 1);
            match outcome {
                Cancelled(At { suspension: 0 | 1, .. }) => assert_eq!(ran.get(), 0),
                // Dropped at once, the work may have begun on the other thread, or not.
                Cancelled(At { woken: false, .. }) => assert!(ran.get() <= 1),
                Cancelled(_) | Finished(()) => assert_eq!(ran.get(), 1),
            }
            let (begin, has_begun) = mpsc::channel();
            let mut next = Box::pin(calls.run(move || begin.send(()).unwrap()));
            assert!(next.as_mut().now_or_never().is_none_or(|outcome| outcome.is_ok()));
            has_begun.recv_timeout(PATIENCE).expect("its permit is free");
        },
    );
    assert_eq!(swept.points, 2, "the permit, and the result");
}
