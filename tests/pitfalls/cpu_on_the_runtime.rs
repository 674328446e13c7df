//! Lessons of the pattern `cpu_on_the_runtime`.

use std::time::Duration;

use futures::FutureExt;
use pitfalls::cpu_on_the_runtime::{broken, fixed};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::work::{IN_TIME, on_a_runtime_that_has_ended, others_have_a_turn};

/// asyncio: `run_in_executor` of a closed loop raises `RuntimeError`. Tokio: the error is a cancelled `JoinError`.
#[test]
fn after_the_end_of_the_runtime_it_does_not_begin_and_says_so() {
    let never = fixed(|| panic!("it begins"));
    assert!(on_a_runtime_that_has_ended::<Result<(), _>>(never).unwrap_err().is_cancelled());
}

/// asyncio: a coroutine that computes stops the loop. Tokio: it stops every task of its thread.
#[tokio::test]
async fn but_between_two_awaits_nobody_else_runs() {
    assert!(!others_have_a_turn(broken(|| (0..1_000_000_u64).fold(0, u64::wrapping_add))).await);
}

/// The computation ends when another task has had a turn after its beginning.
#[tokio::test]
async fn on_another_thread_it_lets_them_run() {
    let (begun, has_begun) = oneshot::channel();
    let (turn, turns) = std::sync::mpsc::channel();
    let other = tokio::spawn(async move {
        has_begun.await.unwrap();
        turn.send(()).unwrap();
    });
    let compute = move || {
        begun.send(()).unwrap();
        turns.recv_timeout(IN_TIME)
    };
    assert_eq!(fixed(compute).await.unwrap(), Ok(()));
    other.await.unwrap();
}

/// asyncio's debug mode logs a slow step. Here the late timeout is the only sign.
#[tokio::test]
async fn but_a_timeout_cannot_end_it() {
    let computed = timeout(Duration::ZERO, broken(|| std::iter::repeat_n(1, 1_000_000).sum::<u32>())).await;
    assert_eq!(computed, Ok(1_000_000), "it was ready when it was asked");
}

/// asyncio: the await of `to_thread` raises the call's exception. Here: the await resumes the panic.
#[tokio::test]
async fn a_panic_goes_on_in_the_caller() {
    let caller = tokio::spawn(fixed(|| panic!("division by zero")));
    let panic = caller.await.unwrap_err().into_panic();
    assert_eq!(panic.downcast_ref(), Some(&"division by zero"));
}

/// asyncio and Tokio: a thread that has begun runs on.
#[tokio::test]
async fn dropped_it_leaves_the_work_running() {
    let (go, gate) = std::sync::mpsc::channel();
    let (done, is_done) = oneshot::channel();
    let compute = move || {
        gate.recv_timeout(IN_TIME).unwrap();
        done.send(()).unwrap();
    };
    // The job is taken from the queue even if it begins only after the drop.
    assert!(fixed(compute).now_or_never().is_none());
    go.send(()).unwrap();
    timeout(IN_TIME, is_done).await.unwrap().unwrap();
}
