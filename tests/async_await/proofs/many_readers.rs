//! Proofs of the pattern `many_readers`.

use async_await::many_readers::SingleFlight;
use futures::FutureExt;

use crate::support::Count;
use crate::work::many_readers::load;

/// Cancelled anywhere, one reader costs the other neither the result nor a second load.
#[test]
fn a_cancelled_reader_costs_the_others_nothing() {
    let swept = cancel_sweep::sweep_with(
        || {
            let (flight, loads) = (SingleFlight::default(), Count::default());
            let (first, second) =
                (flight.join_or_start(load(loads.clone())), flight.join_or_start(load(loads.clone())));
            ((second, loads), first)
        },
        |(second, loads), _| {
            assert_eq!(second.now_or_never().expect("the load has ended").unwrap(), 1);
            assert_eq!(loads.get(), 1);
        },
    );
    assert_eq!(swept.points, 1);
}
