//! Proofs of the pattern `cpu`.

use std::sync::{Arc, mpsc};

use cancel_sweep::At;
use cancel_sweep::Outcome::{Cancelled, Finished};
use executors::cpu::compute;
use tokio::task::spawn_blocking;

use crate::real_time::soon_on_a_thread;
use crate::support::Count;
use crate::tools::held_for_a_turn;
use crate::work::cpu::pool;

/// Cancelled anywhere, the work has run once or never, its values are dropped once, and the thread is free.
#[test]
fn cancelled_anywhere_it_has_run_once_or_never() {
    let swept = cancel_sweep::sweep_with(
        || {
            let (ran, dropped, pool) = (Count::default(), Count::default(), Arc::new(pool(1)));
            let (over, is_over) = mpsc::channel::<()>();
            let work = {
                let (ran, captured, held) = (ran.clone(), dropped.on_drop(), held_for_a_turn());
                move || {
                    let _captured = (captured, over);
                    ran.add();
                    held();
                }
            };
            // The clock does not advance while this waits: until the work is dropped and the thread is free.
            let free = pool.clone();
            let is_free = move || {
                let _gone = is_over.recv();
                free.install(|| ());
            };
            spawn_blocking(move || soon_on_a_thread(is_free));
            let mine = pool.clone();
            ((ran, dropped, pool), async move { compute(&mine, move |_| work()).await })
        },
        |(ran, dropped, _pool), outcome| {
            assert_eq!(dropped.get(), 1);
            match outcome {
                Cancelled(At { suspension: 0, .. }) => assert_eq!(ran.get(), 0),
                Cancelled(At { woken: false, .. }) => assert!(ran.get() <= 1),
                Cancelled(_) => assert_eq!(ran.get(), 1),
                Finished(result) => assert_eq!((result, ran.get()), (Ok(()), 1)),
            }
        },
    );
    assert_eq!(swept.points, 1);
}
