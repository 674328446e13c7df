//! Proofs of the pattern `lock_order`.

use diagnosing::lock_order::LockOrder;
use futures::FutureExt;
use tokio::sync::oneshot;
use tokio::task::yield_now;

use crate::support::settle;

/// Dropped anywhere, it has noted no lock as held, and the lock is free.
#[test]
fn cancelled_anywhere_it_holds_nothing() {
    let swept = cancel_sweep::sweep_with(
        || {
            let order = LockOrder::new(|cycle| panic!("{cycle}"));
            let locks = std::rc::Rc::new((order.mutex("first", ()), order.mutex("second", ())));
            let (held, is_held) = oneshot::channel();
            let holder = locks.clone();
            tokio::task::spawn_local(async move {
                let _held = holder.1.lock().await;
                held.send(()).unwrap();
                settle().await;
            });
            let mine = locks.clone();
            let caller = async move {
                is_held.await.unwrap();
                let _first = mine.0.lock().await;
                let _second = mine.1.lock().await; // it waits for the holder
                yield_now().await;
            };
            (locks, caller)
        },
        |locks, _| {
            // Any order would be reported, had one of them been left as held.
            let free = async { drop((locks.0.lock().await, locks.1.lock().await)) };
            assert_eq!(free.now_or_never(), Some(()));
        },
    );
    assert_eq!(swept.points, 3);
}
