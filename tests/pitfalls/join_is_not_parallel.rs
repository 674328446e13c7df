//! Lessons of the pattern `join_is_not_parallel`.

use std::sync::Barrier;
use std::sync::{Arc, Mutex};
use std::thread;

use futures::FutureExt;
use pitfalls::join_is_not_parallel::{broken, fixed};

use crate::work::{IN_TIME, Visits, elsewhere, on_a_runtime_that_has_ended, paused};

/// asyncio: `run_in_executor` of a closed loop raises `RuntimeError`. Tokio: a cancelled `JoinError`.
#[test]
fn after_the_end_of_the_runtime_nothing_begins_and_that_is_told() {
    let never = fixed(0..3, |_| panic!("it begins"));
    assert!(on_a_runtime_that_has_ended::<Result<Vec<()>, _>>(never).unwrap_err().is_cancelled());
}

/// asyncio: `gather` runs on one thread. Tokio: `join_all` runs in one task, and a task runs on one thread at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn but_joined_they_compute_one_after_the_other_on_one_thread() {
    let at_work = Visits::default();
    let threads = broken(0..8, |_| {
        let _at_work = at_work.during();
        thread::current().id()
    })
    .await;
    assert!(threads.iter().all(|thread| *thread == threads[0]));
    assert_eq!((at_work.most(), at_work.came()), (1, 8));
}

/// Each computation waits for the other: one after the other, neither would end.
#[test]
fn on_threads_of_their_own_they_compute_at_the_same_time() {
    let both = elsewhere(
        || {
            let meeting = Arc::new(Barrier::new(2));
            paused().block_on(fixed(0..2, move |input| {
                meeting.wait();
                (input, thread::current().id())
            }))
        },
        IN_TIME,
    );
    let both = both.expect("they meet").unwrap();
    assert_eq!((both[0].0, both[1].0), (0, 1));
    assert_ne!(both[0].1, both[1].1);
}

/// Python: `Executor.map` keeps the order of the inputs. Here: the handles are awaited in that order.
#[tokio::test]
async fn the_results_stand_in_the_order_of_the_inputs() {
    assert_eq!(
        fixed(0..1_000, |input| input * 2).await.unwrap(),
        (0..1_000).map(|i| i * 2).collect::<Vec<_>>()
    );
    assert_eq!(fixed(0..0, |input| input).await.unwrap(), [0; 0]);
}

/// Python: reading the results of `Executor.map` raises the exception of a call. Here: the panic resumes.
#[tokio::test]
async fn a_panic_goes_on_in_the_caller() {
    let caller = tokio::spawn(fixed(0..3, |input| assert_ne!(input, 1, "the second")));
    assert!(caller.await.unwrap_err().is_panic());
}

/// A thread that has begun cannot be stopped. Sums that wait for a thread do not begin.
#[test]
fn dropped_it_begins_no_further_sum() {
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    let computed = Visits::default();
    let counting = computed.clone();
    runtime.block_on(async {
        let (begun, has_begun) = std::sync::mpsc::channel();
        let (go, gate) = std::sync::mpsc::channel();
        let (begun, gate) = (Mutex::new(begun), Mutex::new(gate));
        let shared = Arc::new((begun, gate));
        let all = fixed(0..10, move |_| {
            counting.enter();
            shared.0.lock().unwrap().send(()).unwrap();
            shared.1.lock().unwrap().recv_timeout(IN_TIME).unwrap();
        });
        let mut all = Box::pin(all);
        assert!((&mut all).now_or_never().is_none());
        has_begun.recv_timeout(IN_TIME).unwrap();
        drop(all);
        go.send(()).unwrap();
    });
    drop(runtime);
    assert_eq!(computed.came(), 1);
}
