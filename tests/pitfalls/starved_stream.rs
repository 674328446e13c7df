//! Lessons of the pattern `starved_stream`.

use std::cell::RefCell;

use pitfalls::starved_stream::{broken, fixed};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

use crate::support::{alive_tasks, limit, ms};
use crate::work::Visits;
use crate::work::starved_stream::fetch;

type Answers = RefCell<Vec<Result<usize, &'static str>>>;

async fn handle(answer: Result<usize, &'static str>, answers: &Answers) {
    sleep(ms(100)).await;
    answers.borrow_mut().push(answer);
}

/// asyncio: requests are tasks, and go on. Tokio: requests in `buffered` pause while the body of the loop awaits.
#[tokio::test(start_paused = true)]
async fn but_while_one_answer_is_handled_the_servers_of_the_others_hang_up() {
    let answers = Answers::default();
    broken([1, 4, 5], limit(3), fetch, |answer| handle(answer, &answers)).await;
    assert_eq!(*answers.borrow(), [Ok(1), Err("hung up"), Err("hung up")]);
}

/// asyncio: `create_task` for each request. Tokio: `buffered` over spawned tasks, which go on by themselves.
#[tokio::test(start_paused = true)]
async fn as_tasks_they_go_on_meanwhile() {
    let (answers, start) = (Answers::default(), Instant::now());
    fixed([1, 4, 5], limit(3), fetch, |answer| handle(answer, &answers)).await;
    assert_eq!(*answers.borrow(), [Ok(1), Ok(4), Ok(5)]);
    assert_eq!(start.elapsed(), ms(320), "20 ms for the first, and 100 for the handling of each");
}

/// Quick handling hides the mistake.
#[tokio::test(start_paused = true)]
async fn without_a_wait_in_the_body_both_are_right() {
    let whole = Visits::default();
    let handle = async |answer: Result<usize, _>| answer.map(|_| whole.enter()).unwrap_or_default();
    broken([1, 4, 5], limit(3), fetch, &handle).await;
    fixed([1, 4, 5], limit(3), fetch, &handle).await;
    assert_eq!(whole.came(), 6);
}

/// `buffered(7)` limits the spawned tasks too: it takes the next item when a slot is free, and keeps the order.
#[tokio::test(start_paused = true)]
async fn never_more_than_the_limit_are_under_way() {
    let under_way = Visits::default();
    let fetch = |key: usize| {
        let under_way = under_way.clone();
        async move {
            let _under_way = under_way.during();
            sleep(ms(10)).await;
            key
        }
    };
    let handled = RefCell::new(Vec::new());
    fixed(0..1_000, limit(7), fetch, async |key| handled.borrow_mut().push(key)).await;
    assert_eq!(*handled.borrow(), (0..1_000).collect::<Vec<_>>());
    assert_eq!((under_way.most(), under_way.came()), (7, 1_000));
    fixed(0..0, limit(7), fetch, async |_| panic!("there is none")).await;
}

/// asyncio: a `TaskGroup` cancels the rest when one fails. Here: the dropped stream aborts its handles.
#[tokio::test(start_paused = true)]
async fn a_panic_goes_on_in_the_caller_and_aborts_the_rest() {
    let fetch = async |key: usize| {
        sleep(ms(10)).await;
        assert_ne!(key, 1, "the second");
        key
    };
    let caller = tokio::spawn(fixed(0..5, limit(3), fetch, async |_| {}));
    assert!(caller.await.unwrap_err().is_panic());
    yield_now().await;
    assert_eq!(alive_tasks(), 0);
}
