//! Lessons of the pattern `nested_runtime`.

use pitfalls::nested_runtime::{broken, fixed};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::support::ms;
use crate::work::nested_runtime::{ARTICLES, price};
use crate::work::{elsewhere, paused};

/// asyncio: a `RuntimeError`, "cannot be called from a running event loop". Tokio: a panic.
#[tokio::test]
#[should_panic(expected = "Cannot start a runtime from within a runtime")]
async fn but_block_on_inside_of_a_runtime_panics() {
    broken(ARTICLES, price).await;
}

/// `block_on` of `futures` does not check. Its future needs the thread that it blocks.
#[test]
fn but_block_on_of_futures_stops_the_thread_for_ever() {
    let answered = || {
        paused().block_on(async {
            let (answer, answered) = oneshot::channel();
            tokio::spawn(async { answer.send(42) });
            #[expect(clippy::disallowed_methods, reason = "the pitfall")]
            futures::executor::block_on(answered)
        })
    };
    assert_eq!(elsewhere(answered, ms(200)), None);
}

/// asyncio and Tokio: async code awaits; only a synchronous `main` starts a loop or a runtime.
#[tokio::test(start_paused = true)]
async fn with_awaits_all_the_way_up_it_needs_no_other_runtime() {
    assert_eq!(fixed(ARTICLES, price).await, 7);
    assert_eq!(fixed([("", u32::MAX), ("", 1)], price).await, u32::MAX, "and it does not wrap");
    assert_eq!(fixed([("", 0); 0], price).await, 0);
}

/// Code that cannot await may block where no task runs.
#[tokio::test]
async fn in_a_blocking_job_a_handle_may_block() {
    let runtime = Handle::current();
    let job = tokio::task::spawn_blocking(move || runtime.block_on(async { 42 }));
    assert_eq!(job.await.unwrap(), 42);
}
