//! Lessons of the pattern `spawn_outside_a_runtime`.

use pitfalls::spawn_outside_a_runtime::{broken, fixed};
use tokio::runtime::Handle;
use tokio::task::yield_now;

use crate::support::alive_tasks;
use crate::work::paused;

/// asyncio: `create_task` outside a loop raises `RuntimeError`. Tokio: `spawn` panics.
#[test]
#[should_panic(expected = "there is no reactor running")]
fn but_before_there_is_a_runtime_it_panics() {
    drop(broken());
}

/// asyncio: `create_task` in another thread raises `RuntimeError`. Tokio: `spawn` there panics.
#[tokio::test]
#[should_panic(expected = "there is no reactor running")]
async fn but_in_a_thread_of_ones_own_it_panics_too() {
    let made = std::thread::spawn(|| drop(broken())).join();
    std::panic::resume_unwind(made.unwrap_err());
}

/// asyncio and Tokio: in async code there is a loop or runtime, so the mistake does not show.
#[tokio::test]
async fn inside_of_a_runtime_it_goes_well() {
    let counter = broken();
    counter.count_one.send(()).await.unwrap();
    assert_eq!(counter.total().await.unwrap(), 1);
}

/// asyncio: `run_coroutine_threadsafe` takes the loop. Tokio: a `Handle` spawns from any thread, at any time.
#[test]
fn with_a_handle_it_may_be_called_before_the_runtime_runs_and_from_any_thread() {
    let runtime = paused();
    let handle = runtime.handle().clone();
    let here = fixed(&handle);
    let elsewhere = std::thread::spawn(move || fixed(&handle)).join().unwrap();
    for counter in [here, elsewhere] {
        let counted = runtime.block_on(async {
            for _ in 0..10_000 {
                counter.count_one.send(()).await.unwrap();
            }
            counter.total().await
        });
        assert_eq!(counted.unwrap(), 10_000);
    }
}

/// A clone of the sender would keep the task alive, but the counter's `AbortOnDropHandle` ends it.
#[tokio::test]
async fn of_nothing_the_total_is_zero_and_a_dropped_counter_ends_its_task() {
    assert_eq!(fixed(&Handle::current()).total().await.unwrap(), 0);
    let counter = fixed(&Handle::current());
    // With this sender alive, the task would go on waiting.
    let _held = counter.count_one.clone();
    drop(counter);
    yield_now().await;
    assert_eq!(alive_tasks(), 0);
}
