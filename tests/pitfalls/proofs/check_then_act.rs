//! Proofs of the pattern `check_then_act`.

use std::sync::Arc;

use futures::FutureExt;
use pitfalls::check_then_act::fixed;
use tokio::sync::OnceCell;
use tokio::time::sleep;

use crate::support::ms;
use crate::work::Visits;
use crate::work::check_then_act::load;

/// `OnceCell` passes the load on: when the first caller is dropped, the waiter loads with its own future.
#[test]
fn cancelled_anywhere_the_next_one_loads_it() {
    let run = || {
        let state = Arc::new((OnceCell::new(), Visits::default()));
        let asking = Arc::clone(&state);
        let waiting = Arc::clone(&state);
        let other = tokio::spawn(async move {
            sleep(ms(50)).await;
            fixed(&waiting.0, load(&waiting.1, false)).await
        });
        ((state, other), async move { fixed(&asking.0, load(&asking.1, false)).await })
    };
    let swept = cancel_sweep::sweep_with(run, |(state, other), outcome| {
        let loads = &state.1;
        let other = other.now_or_never().expect("it has its value").unwrap();
        match outcome {
            cancel_sweep::Outcome::Finished(value) => {
                assert_eq!((value, other, loads.came()), (Ok(1), Ok(1), 1))
            }
            cancel_sweep::Outcome::Cancelled(_) => assert_eq!(other, Ok(loads.came())),
        }
    });
    assert_eq!(swept.points, 1);
}
