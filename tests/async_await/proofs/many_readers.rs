//! Proofs of the pattern `many_readers`.

use async_await::many_readers::{SingleFlight, spawn_shared};
use futures::FutureExt;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::coop::{consume_budget, has_budget_remaining};
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::support::{Count, ms};
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

/// A reader without budget is polled and dropped while the value comes: the other reader is still woken.
/// `FutureExt::shared` loses that wake-up within some hundred rounds.
#[test]
fn a_reader_out_of_budget_takes_no_wake_up_along() {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    runtime.block_on(async {
        for round in 0..4_000 {
            let (send, value) = oneshot::channel();
            let (one, other) = {
                let task = spawn_shared(async move { value.await.unwrap() });
                (task.clone(), task)
            };
            let other = tokio::spawn(other);
            if round % 2 == 0 {
                yield_now().await;
            }
            while has_budget_remaining() {
                consume_budget().await;
            }
            send.send(round).unwrap();
            drop(one.now_or_never());
            let woken = timeout(ms(10_000), other).await;
            assert_eq!(woken.expect("it wakes").unwrap().unwrap(), round);
        }
    });
}
