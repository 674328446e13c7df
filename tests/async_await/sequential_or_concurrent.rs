//! Lessons of the pattern `sequential_or_concurrent`.

use std::sync::Mutex;

use async_await::sequential_or_concurrent::{
    Page, at_once, every_outcome, one_after_the_other, with_a_dependency,
};
use futures::future::join_all;
use tokio::join;
use tokio::time::{Instant, sleep};

use crate::support::ms;
use crate::work::sequential_or_concurrent::{OFFERS, ORDERS, PROFILE, server};
use crate::work::{Server, calls};

/// The orders fail at once, the profile later.
fn failing_server() -> Server {
    Server::new([(PROFILE, 200, Err("no profile")), (ORDERS, 100, Err("no orders")), (OFFERS, 300, Ok("3"))])
}

fn page() -> Page {
    Page { profile: "Ada".to_owned(), orders: "2".to_owned(), offers: "3".to_owned() }
}

/// asyncio and Tokio: three awaits in a row take the sum of the times.
#[tokio::test(start_paused = true)]
async fn one_after_the_other_takes_the_sum_of_the_times() {
    let server = server();
    let start = Instant::now();
    assert_eq!(one_after_the_other("ada", |path| server.get(path)).await, Ok(page()));
    assert_eq!(start.elapsed(), ms(600));
    assert_eq!(server.begun(), calls([(PROFILE, 0), (ORDERS, 300), (OFFERS, 400)]));
}

/// asyncio: `gather` takes the time of the longest. Tokio: so does `try_join!`.
#[tokio::test(start_paused = true)]
async fn at_once_takes_the_time_of_the_longest() {
    let server = server();
    let start = Instant::now();
    assert_eq!(at_once("ada", |path| server.get(path)).await, Ok(page()));
    assert_eq!(start.elapsed(), ms(300));
    assert_eq!(server.begun(), calls([(PROFILE, 0), (ORDERS, 0), (OFFERS, 0)]));
}

/// asyncio: coroutines in a list, awaited in a loop, run one after the other; tasks run at once. Tokio: the same.
/// Creating a future starts nothing.
#[tokio::test(start_paused = true)]
async fn futures_awaited_in_a_loop_run_one_after_the_other_and_tasks_do_not() {
    let start = Instant::now();
    for future in [1, 2, 3].map(|_| async { sleep(ms(100)).await }) {
        future.await;
    }
    assert_eq!(start.elapsed(), ms(300));

    let start = Instant::now();
    for task in [1, 2, 3].map(|_| tokio::spawn(sleep_100())) {
        task.await.unwrap();
    }
    assert_eq!(start.elapsed(), ms(100));

    let start = Instant::now();
    join_all([1, 2, 3].map(|_| sleep_100())).await;
    assert_eq!(start.elapsed(), ms(100));
}

async fn sleep_100() {
    sleep(ms(100)).await;
}

/// asyncio: an exception ends the function before its next call. Rust: so does `?`.
#[tokio::test(start_paused = true)]
async fn one_after_the_other_the_first_error_in_order_ends_it() {
    let server = failing_server();
    let start = Instant::now();
    let page = one_after_the_other("ada", |path| server.get(path)).await;
    assert_eq!(page, Err("no profile".to_owned()));
    assert_eq!((start.elapsed(), server.begun().len()), (ms(200), 1));
}

/// asyncio: `gather` raises the first exception in time, and the other calls run on. Tokio: `try_join!` drops them at
/// the `.await` they have reached.
#[tokio::test(start_paused = true)]
async fn at_once_the_first_error_in_time_ends_it_and_the_other_calls_are_dropped() {
    let server = failing_server();
    let start = Instant::now();
    assert_eq!(at_once("ada", |path| server.get(path)).await, Err("no orders".to_owned()));
    assert_eq!(start.elapsed(), ms(100));
    assert_eq!((server.gone(), server.finished()), (3, 1));
}

/// asyncio: `gather(return_exceptions=True)`. Tokio: `join!`, because an error is a value.
#[tokio::test(start_paused = true)]
async fn every_outcome_is_waited_for() {
    let server = failing_server();
    let start = Instant::now();
    let outcomes = every_outcome("ada", |path| server.get(path)).await;
    assert_eq!(outcomes, [Err("no profile".to_owned()), Err("no orders".to_owned()), Ok("3".to_owned())]);
    assert_eq!((start.elapsed(), server.finished()), (ms(300), 3));
}

/// asyncio: an inner `async def` for the two calls that belong together. Tokio: an `async` block.
#[tokio::test(start_paused = true)]
async fn only_a_call_that_needs_an_answer_waits_for_it() {
    const LAST: &str = "/users/ada/orders/last";
    const DELIVERY: &str = "/orders/9/delivery";
    let server =
        Server::new([(LAST, 100, Ok("9")), (DELIVERY, 150, Ok("on its way")), (OFFERS, 200, Ok("3"))]);
    let start = Instant::now();
    let result = with_a_dependency("ada", |path| server.get(path)).await;
    assert_eq!(result, Ok(("on its way".to_owned(), "3".to_owned())));
    assert_eq!(start.elapsed(), ms(250));
    assert_eq!(server.begun(), calls([(LAST, 0), (OFFERS, 0), (DELIVERY, 100)]));
}

/// asyncio: `gather` makes a task of each coroutine. Tokio: `join!` polls its branches on the task that calls it, so on
/// one thread at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn join_makes_no_tasks() {
    async fn id_and_thread() -> (tokio::task::Id, std::thread::ThreadId) {
        (tokio::task::id(), std::thread::current().id())
    }
    let task = tokio::spawn(async { (id_and_thread().await, join!(id_and_thread(), id_and_thread())) });
    let (mine, theirs) = task.await.unwrap();
    assert_eq!(theirs, (mine, mine));
}

/// asyncio and Tokio: a branch that computes without a suspension runs to its end before the next one begins.
#[tokio::test]
async fn a_branch_that_never_yields_holds_up_the_others() {
    let steps = Mutex::new(Vec::new());
    let branch = async |name| {
        for step in 1..=2 {
            steps.lock().unwrap().push((name, step));
        }
    };
    join!(branch("a"), branch("b"));
    assert_eq!(steps.into_inner().unwrap(), [("a", 1), ("a", 2), ("b", 1), ("b", 2)]);
}
