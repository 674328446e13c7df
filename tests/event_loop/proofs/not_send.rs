//! Proofs of the pattern `not_send`.

use event_loop::not_send::word_counts;
use tokio::runtime::Handle;
use tokio::task::LocalSet;

use crate::support::Count;
use crate::work::many_threads;
use crate::work::not_send::{counts, load};

/// Inside any other runtime a `LocalSet` runs such tasks. A function on a multi-thread runtime may have one.
#[tokio::test]
async fn a_local_set_is_a_place_for_them_in_any_runtime() {
    let in_main = LocalSet::new().run_until(word_counts([("a b", 1), ("b", 1)], load)).await;
    assert_eq!(in_main.unwrap(), counts([("a", 1), ("b", 2)]));

    let on_many_threads = tokio::task::spawn_blocking(|| {
        let runtime = many_threads().build().unwrap();
        runtime.block_on(LocalSet::new().run_until(word_counts([("a b", 1), ("b", 1)], load)))
    });
    assert_eq!(on_many_threads.await.unwrap().unwrap(), counts([("a", 1), ("b", 2)]));
}

/// Cancelled at any point, every load is dropped, and no load runs on.
#[test]
fn a_drop_of_it_drops_every_load() {
    let swept = cancel_sweep::sweep_with(
        || {
            let dropped = Count::default();
            let drops = dropped.clone();
            let counted = word_counts([("a", 100), ("b", 200)], move |page| {
                let guard = drops.on_drop();
                async move {
                    let _guard = guard;
                    load(page).await
                }
            });
            (dropped, counted)
        },
        |dropped, outcome| {
            let made = match outcome {
                cancel_sweep::Outcome::Cancelled(at) if at.suspension == 0 => 0,
                _ => 2,
            };
            assert_eq!((dropped.get(), Handle::current().metrics().num_alive_tasks()), (made, 0));
        },
    );
    assert_eq!(swept.points, 2);
}
