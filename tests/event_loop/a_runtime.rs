//! Lessons on Tokio's own runtime, and what goes wrong with it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::sleep;

use crate::support::{Count, OnDrop, ms};
use crate::work::{HOUR, many_threads, paused, text};

/// asyncio: `get_running_loop` raises `RuntimeError` where no loop runs. Tokio: `Handle::current` panics, and
/// `Handle::try_current` is an error.
#[test]
#[should_panic(
    expected = "there is no reactor running, must be called from the context of a Tokio 1.x runtime"
)]
fn outside_of_it_there_is_no_current_one() {
    assert!(Handle::try_current().is_err());
    Handle::current();
}

/// asyncio: one loop a thread, found by `get_running_loop`. Tokio: `enter` makes a runtime the current one, as
/// each of its tasks finds it.
#[test]
fn inside_of_it_the_current_one_is_found() {
    let (one, other) = (paused().build().unwrap(), paused().build().unwrap());
    assert_eq!(one.block_on(async { Handle::current().id() }), one.handle().id());
    let entered = other.enter();
    assert_eq!(Handle::current().id(), other.handle().id());
    drop(entered);
    assert!(Handle::try_current().is_err());
}

/// The hazard of a future that is made outside: `sleep` looks for its runtime when it is called, not when it is
/// awaited.
#[test]
#[should_panic(expected = "there is no reactor running")]
fn but_a_sleep_that_is_made_outside_panics() {
    let runtime = paused().build().unwrap();
    runtime.block_on(sleep(ms(1)));
}

/// asyncio: `run` inside `run` raises `RuntimeError`. Tokio: `block_on` inside `block_on` panics.
#[test]
#[should_panic(expected = "Cannot start a runtime from within a runtime")]
fn block_on_inside_of_block_on_panics() {
    let (outer, inner) = (paused().build().unwrap(), paused().build().unwrap());
    outer.block_on(async { inner.block_on(async {}) });
}

/// The hazard: the `block_on` of the futures crate does not know of Tokio. No other task runs meanwhile.
#[test]
fn but_another_crates_block_on_only_blocks() {
    paused().build().unwrap().block_on(async {
        let ran = Count::default();
        let other = tokio::spawn({
            let ran = ran.clone();
            async move { ran.add() }
        });
        let (answer, asked) = oneshot::channel();
        let thread = thread::spawn(move || answer.send("from a thread"));
        assert_eq!(futures::executor::block_on(asked), Ok("from a thread"));
        assert_eq!(ran.get(), 0, "a task that is ready has not run");
        thread.join().unwrap().unwrap();
        other.await.unwrap();
        assert_eq!(ran.get(), 1);
    });
}

/// asyncio: `loop.close` in a running loop raises `RuntimeError`. Tokio: dropping a runtime inside another one panics.
#[test]
#[should_panic(expected = "Cannot drop a runtime in a context where blocking is not allowed")]
fn to_drop_one_inside_of_another_panics() {
    let (outer, inner) = (paused().build().unwrap(), paused().build().unwrap());
    outer.block_on(async { drop(inner) });
}

/// asyncio: `call_soon` on a closed loop raises `RuntimeError`. Tokio: a handle outlives its runtime, and a task
/// spawned there is cancelled at once.
#[test]
fn what_is_spawned_on_one_that_has_ended_is_cancelled() {
    for mut builder in [paused(), many_threads()] {
        let runtime = builder.build().unwrap();
        let handle = runtime.handle().clone();
        drop(runtime);
        let (dropped, ran) = (Count::default(), Count::default());
        let (guard, runs) = (dropped.on_drop(), ran.clone());
        let task = handle.spawn(async move {
            let _guard = guard;
            runs.add();
        });
        let ended = futures::executor::block_on(task);
        assert!(ended.unwrap_err().is_cancelled());
        assert_eq!((dropped.get(), ran.get()), (1, 0));
    }
}

/// asyncio: a future that belongs to another loop raises `RuntimeError`. Tokio: timers and sockets belong to the
/// runtime that they were made on. While that runtime lives they work on any other; once it has ended they do not.
#[test]
fn what_was_made_on_one_that_has_ended_works_on_no_other() {
    use tokio::net::TcpListener;
    let (one, other) = (paused().build().unwrap(), paused().build().unwrap());
    let listener = one.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let timer = {
        let _inside = one.enter();
        sleep(ms(1))
    };
    drop(one);

    let error = other.block_on(listener.accept()).unwrap_err();
    assert!(error.to_string().contains("it is being shutdown"), "{error}");
    let panic = catch_unwind(AssertUnwindSafe(|| other.block_on(timer))).unwrap_err();
    assert!(text(&*panic).contains("it is being shutdown"), "{}", text(&*panic));
}

/// asyncio: `asyncio.run` cancels the tasks that are left, and waits for their `finally`. Tokio: the tasks are dropped
/// at their await, and the code after it does not run.
#[test]
fn its_tasks_are_dropped_where_they_stand_when_it_ends() {
    let (dropped, cleaned_up) = (Count::default(), Count::default());
    let runtime = paused().build().unwrap();
    runtime.block_on(async {
        let (guard, cleans_up) = (dropped.on_drop(), cleaned_up.clone());
        tokio::spawn(async move {
            let _guard = guard;
            sleep(HOUR).await;
            cleans_up.add();
        });
        yield_now().await;
    });
    assert_eq!(dropped.get(), 0, "between two mains it does not run");
    drop(runtime);
    assert_eq!((dropped.get(), cleaned_up.get()), (1, 0));
}

/// The hazard: a clean-up that a drop spawns at that moment is too late, and never runs.
#[test]
fn but_a_clean_up_that_a_drop_spawns_at_the_end_never_runs() {
    let cleaned_up = Count::default();
    let runtime = paused().build().unwrap();
    runtime.block_on(async {
        let cleans_up = cleaned_up.clone();
        let guard = OnDrop(move || {
            let cleans_up = cleans_up.clone();
            tokio::spawn(async move { cleans_up.add() });
        });
        tokio::spawn(async move {
            let _guard = guard;
            sleep(HOUR).await;
        });
        yield_now().await;
    });
    drop(runtime);
    assert_eq!(cleaned_up.get(), 0);
}
