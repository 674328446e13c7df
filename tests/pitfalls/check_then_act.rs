//! Lessons of the pattern `check_then_act`.

use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::join_all;
use pitfalls::check_then_act::{broken, fixed};
use tokio::sync::OnceCell;
use tokio::task::yield_now;

use crate::work::Visits;
use crate::work::check_then_act::load;

/// asyncio and Tokio: if there is an await between the check and the change, other tasks run there.
#[tokio::test(start_paused = true)]
async fn but_who_asks_while_it_is_loaded_loads_it_again() {
    let (cache, loads) = (Mutex::new(None), Visits::default());
    let (first, second) =
        tokio::join!(broken(&cache, load(&loads, false)), broken(&cache, load(&loads, false)));
    assert_eq!((first, second, loads.came()), (Ok(2), Ok(2), 2));
}

/// asyncio: cache the task, and both callers await it. Tokio: `OnceCell` makes the second caller wait.
#[tokio::test(start_paused = true)]
async fn who_asks_while_it_is_loaded_waits_for_it() {
    let (cache, loads) = (OnceCell::new(), Visits::default());
    let (first, second) =
        tokio::join!(fixed(&cache, load(&loads, false)), fixed(&cache, load(&loads, false)));
    assert_eq!((first, second, loads.came()), (Ok(1), Ok(1), 1));
    assert_eq!(fixed(&cache, load(&loads, false)).now_or_never(), Some(Ok(1)), "and later ones do not wait");
}

/// asyncio: a cached task that failed raises again at each await. Tokio: `OnceCell` keeps no error.
#[tokio::test(start_paused = true)]
async fn after_an_error_the_next_one_tries_again() {
    let (cache, loads) = (OnceCell::new(), Visits::default());
    let both = tokio::join!(fixed(&cache, load(&loads, true)), fixed(&cache, load(&loads, false)));
    assert_eq!((both, loads.came()), ((Err("no answer"), Ok(2)), 2));
}

/// Sixteen callers on four threads, a hundred rounds: check and load are one step, so one load each.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_many_threads_it_is_loaded_once() {
    let mut random = fastrand::Rng::with_seed(4);
    for _round in 0..100 {
        let state = Arc::new((OnceCell::new(), Visits::default()));
        let callers = (0..16).map(|_| {
            let (state, yields) = (Arc::clone(&state), random.u8(0..4));
            tokio::spawn(async move {
                let load = async {
                    state.1.enter();
                    for _ in 0..yields {
                        yield_now().await;
                    }
                    Ok::<_, ()>(42)
                };
                fixed(&state.0, load).await
            })
        });
        for value in join_all(callers.collect::<Vec<_>>()).await {
            assert_eq!(value.unwrap(), Ok(42));
        }
        assert_eq!(state.1.came(), 1);
    }
}
