//! Proofs of the pattern `cancelled_halfway`.

use std::sync::{Arc, Mutex};

use pitfalls::cancelled_halfway::{Accounts, broken, fixed};

use crate::work::cancelled_halfway::{MOVED, START, approval, held};

/// The sweep tries each drop that a timeout may cause. Such a sweep finds this mistake.
#[test]
fn cancelled_anywhere_no_money_is_lost() {
    let run = || {
        let accounts = Arc::new(Mutex::new(START));
        let transfer = Arc::clone(&accounts);
        (accounts, async move { fixed(&transfer, 30, approval()).await })
    };
    let swept = cancel_sweep::sweep_with(run, |accounts, outcome| match outcome {
        cancel_sweep::Outcome::Finished(result) => {
            assert_eq!((result, held(&accounts)), (Ok(()), MOVED));
        }
        cancel_sweep::Outcome::Cancelled(_) => assert_eq!(held(&accounts), START),
    });
    assert_eq!(swept.points, 1);
}

/// The counter-proof: the same sweep fails over the broken form, so it can see the loss.
#[test]
#[should_panic(expected = "future dropped at suspension 1, at once: the check failed: money is lost")]
fn but_the_sweep_finds_it_in_the_broken_one() {
    let run = || {
        let accounts = Arc::new(Mutex::new(START));
        let transfer = Arc::clone(&accounts);
        (accounts, async move { broken(&transfer, 30, approval()).await })
    };
    cancel_sweep::sweep_with(run, |accounts, _| {
        let Accounts { from, to } = held(&accounts);
        assert!(from + to == 100, "money is lost");
    });
}
