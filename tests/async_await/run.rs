//! Lessons: `run`.

use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;
use tokio::time::sleep;

use crate::support::{Count, ms};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

/// asyncio: `run(main())` returns what `main` returns. Tokio: `block_on` does, and `#[tokio::main]` calls it.
#[test]
fn returns_what_the_future_returns() {
    assert_eq!(runtime().block_on(async { 7 }), 7);
}

/// asyncio: `run` cancels the tasks that are left and waits for their clean-up, awaits included. Tokio: the tasks are
/// dropped at the `.await` they have reached. `Drop` runs; the code after the await does not.
#[test]
fn tasks_that_are_left_are_dropped_and_not_waited_for() {
    let (dropped, cleaned_up) = (Count::default(), Count::default());
    let runtime = runtime();
    runtime.block_on(async {
        let (dropped, cleaned_up) = (dropped.clone(), cleaned_up.clone());
        tokio::spawn(async move {
            let _guard = dropped.on_drop();
            sleep(ms(3_600_000)).await;
            cleaned_up.add();
        });
        yield_now().await;
    });
    assert_eq!((dropped.get(), cleaned_up.get()), (0, 0), "the end of `block_on` ends no task");
    drop(runtime);
    assert_eq!((dropped.get(), cleaned_up.get()), (1, 0));
}

/// asyncio: `run` inside a running loop raises `RuntimeError`. Tokio: `block_on` inside a runtime panics.
#[test]
#[should_panic(expected = "Cannot start a runtime from within a runtime")]
fn inside_of_another_panics() {
    let inner = runtime();
    runtime().block_on(async { inner.block_on(async {}) });
}
