//! Proofs of the pattern `threads`.

use cancel_sweep::At;
use executors::threads::Threads;
use tokio::runtime::Builder;

use crate::real_time::soon_on_real_time;
use crate::support::{Count, ONE};
use crate::tools::drop_at;
use crate::work::{Gate, held, my_thread, until};

/// asyncio: a cancelled `shutdown` has still shut the pool down. Here: a `finish` that is dropped anywhere does not
/// panic, and queued jobs run or are dropped. After a complete `finish` no job is left.
#[tokio::test]
async fn a_cancelled_finish_neither_panics_nor_blocks() {
    let mut finished = 0;
    for suspension in 0..=3 {
        for woken in [false, true] {
            let (threads, begun, end) =
                (Threads::new(ONE, "proof").unwrap(), Gate::default(), Gate::default());
            let (ran, dropped) = (Count::default(), Count::default());
            drop(threads.submit(held(&begun, &end)));
            for _ in 0..10 {
                let (ran, captured) = (ran.clone(), dropped.on_drop());
                drop(threads.submit(move || {
                    let _captured = captured;
                    ran.add();
                }));
            }
            begun.passed().await;
            // Runs in its own turn, after the first suspension.
            tokio::spawn({
                let end = end.clone();
                async move { end.open() }
            });
            let outcome = drop_at(threads.finish(), At { suspension, woken }).await;
            finished += u32::from(outcome.is_some());
            assert!(outcome.is_none() || ran.get() == 10);
            end.open();
            until(|| dropped.get() == 10).await;
            assert!(ran.get() <= 10);
        }
    }
    assert!(finished >= 2, "it suspends at most twice: for the jobs, and for the threads");
}

/// asyncio: idle threads stay. Here: so do they, when those of a runtime with Tokio's default have ended.
#[tokio::test]
async fn its_idle_threads_outlive_those_of_a_plain_runtime() {
    let (threads, ended) = (Threads::new(ONE, "proof").unwrap(), Count::default());
    let first = soon_on_real_time(threads.submit(my_thread)).await.unwrap();
    let hook = ended.clone();
    let plain = Builder::new_current_thread().on_thread_stop(move || hook.add()).build().unwrap();
    plain.spawn_blocking(|| ()).await.unwrap();
    until(|| ended.get() == 1).await; // ten seconds
    assert_eq!(soon_on_real_time(threads.submit(my_thread)).await.unwrap(), first);
    plain.shutdown_background();
}
