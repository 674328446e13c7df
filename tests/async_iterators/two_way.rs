//! Lessons of the pattern `two_way`.

use std::sync::{Arc, Mutex};

use async_iterators::two_way::{TwoWay, two_way};
use futures::FutureExt;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{Count, Gauge, Log, ms};

/// Answers with the average of all values sent so far; each takes 10 ms.
fn averages() -> TwoWay<'static, u32, u32> {
    two_way(async |mut value, mut caller| {
        let (mut total, mut count) = (0, 0);
        loop {
            sleep(ms(10)).await;
            total += value;
            count += 1;
            value = caller.give(total / count).await;
        }
    })
}

/// asyncio: `asend(value)` returns what the generator yields next.
#[tokio::test(start_paused = true)]
async fn each_value_sent_is_answered_by_the_next_item() {
    let mut averages = averages();
    let start = Instant::now();
    let mut answers = Vec::new();
    for value in [10, 20, 60] {
        answers.push(averages.send(value).await.unwrap());
    }
    assert_eq!((answers, start.elapsed()), (vec![10, 15, 30], ms(30)));
}

/// asyncio: the first `asend` must be `None`, another value is a `TypeError`. Here it is the body's argument.
#[tokio::test(start_paused = true)]
async fn the_first_value_sent_reaches_the_body() {
    assert_eq!(averages().send(7).await, Some(7));
}

/// asyncio: a generator runs only inside `asend`. Here: the body is no task, and runs only inside `send`.
#[tokio::test(start_paused = true)]
async fn between_two_sends_the_body_stands_still() {
    let log = Log::default();
    let mut echo = two_way(async |mut value: &str, mut caller| {
        loop {
            log.add(value);
            value = caller.give(()).await;
            sleep(ms(10)).await;
        }
    });
    assert!(log.take().is_empty(), "not started");
    echo.send("a").await;
    sleep(ms(1_000)).await;
    let back = Instant::now();
    echo.send("b").await;
    assert_eq!((log.take(), back.elapsed()), (vec!["a".to_owned(), "b".to_owned()], ms(10)));
}

/// asyncio: `athrow` raises at the `yield`; if the generator catches it and yields, that is the result.
#[tokio::test]
async fn an_error_sent_in_may_be_answered() {
    let mut patient = two_way(async |mut value: Result<u32, &str>, mut caller| {
        loop {
            value = match value {
                Ok(value) => caller.give(format!("got {value}")).await,
                Err(error) => caller.give(format!("never mind {error}")).await,
            };
        }
    });
    assert_eq!(patient.send(Ok(1)).await.as_deref(), Some("got 1"));
    assert_eq!(patient.send(Err("the noise")).await.as_deref(), Some("never mind the noise"));
    assert_eq!(patient.send(Ok(2)).await.as_deref(), Some("got 2"));
}

/// asyncio: an exception that the generator does not catch ends it, and comes out of `athrow`.
#[tokio::test]
async fn an_error_sent_in_may_end_it() {
    let mut strict = two_way(async |mut value: Result<u32, String>, mut caller| {
        let error = loop {
            match value {
                Ok(number) => value = caller.give(Ok(number)).await,
                Err(error) => break error,
            }
        };
        let _nobody_is_asked_again = caller.give(Err(error)).await;
    });
    assert_eq!(strict.send(Ok(1)).await, Some(Ok(1)));
    assert_eq!(strict.send(Err("stop".to_owned())).await, Some(Err("stop".to_owned())));
    assert_eq!(strict.send(Ok(2)).await, None);
    assert_eq!(strict.send(Ok(3)).await, None);
}

/// asyncio: `asend` after the end raises `StopAsyncIteration`, again and again.
#[tokio::test]
async fn after_the_end_every_send_gives_none() {
    let mut once = two_way(async |value: u32, mut caller| {
        caller.give(value).await;
    });
    assert_eq!(once.send(1).await, Some(1));
    for _ in 0..3 {
        assert_eq!(once.send(2).await, None);
    }
}

/// asyncio: a cancelled `asend` raises in the generator and ends it. Here its variables are dropped at once.
#[tokio::test(start_paused = true)]
async fn a_send_that_is_dropped_half_way_ends_it() {
    let dropped = Count::default();
    let guard = dropped.on_drop();
    let mut slow = two_way(async move |value: u32, mut caller| {
        let _guard = guard;
        sleep(ms(100)).await;
        caller.give(value).await;
    });
    drop(slow.send(1));
    assert_eq!(dropped.get(), 0, "before its first poll a send is nothing");
    assert!(timeout(ms(50), slow.send(2)).await.is_err());
    assert_eq!(dropped.get(), 1);
    assert_eq!(slow.send(3).await, None);
}

/// asyncio: a generator that raises ends. Here: a panic resumes in `send`, and the next `send` returns `None`.
#[tokio::test]
async fn a_panic_goes_on_in_the_sender_and_it_is_over() {
    let mut panics = two_way::<u32, u32, _>(async |value, _caller| panic!("{value}"));
    let panic = std::panic::AssertUnwindSafe(panics.send(1)).catch_unwind().await.unwrap_err();
    assert_eq!(panic.downcast_ref::<String>().unwrap(), "1");
    assert_eq!(panics.send(2).await, None);
}

/// asyncio: a suspended generator keeps its variables until it is closed. Here: the drop frees them.
#[tokio::test]
async fn dropping_it_drops_the_bodys_variables_at_once() {
    let dropped = Count::default();
    let guard = dropped.on_drop();
    let mut held = two_way(async move |value: u32, mut caller| {
        let _guard = guard;
        caller.give(value).await;
    });
    assert_eq!(held.send(1).await, Some(1));
    assert_eq!(dropped.get(), 0);
    drop(held);
    assert_eq!(dropped.get(), 1);
}

/// asyncio: an `asend` that meets no other `await` does not suspend. Here: the same.
#[tokio::test]
async fn an_answer_that_need_not_be_waited_for_is_there_at_once() {
    let mut double = two_way(async |mut value: u32, mut caller| {
        loop {
            value = caller.give(2 * value).await;
        }
    });
    for value in 0..5 {
        assert_eq!(double.send(value).now_or_never(), Some(Some(2 * value)));
    }
}

/// If a body gives up waiting for the next value, its item has been given all the same. The next value goes to the next
/// `give`.
#[tokio::test]
async fn an_item_whose_give_was_dropped_is_an_answer() {
    let mut impatient = two_way(async |value: u32, mut caller| {
        let _given_up = caller.give(value).now_or_never();
        let value = caller.give(100).await;
        caller.give(value).await;
    });
    assert_eq!(impatient.send(1).await, Some(1));
    assert_eq!(impatient.send(2).await, Some(100));
}

/// The body has returned; its caller lives on in a task, and the conversation goes on there.
#[tokio::test]
async fn a_caller_that_was_given_to_a_task_still_answers() {
    let tasks = Arc::new(Mutex::new(tokio::task::JoinSet::new()));
    let spawner = tasks.clone();
    let mut handed_on = two_way(async move |mut value: u32, mut caller| {
        spawner.lock().unwrap().spawn(async move {
            loop {
                value = caller.give(2 * value).await;
            }
        });
    });
    for value in 1..4 {
        assert_eq!(handed_on.send(value).await, Some(2 * value));
    }
}

/// A generator may borrow from the function that made it, and move to another thread between two sends.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn it_may_borrow_and_it_may_move() {
    let factor = 3;
    let mut multiply = two_way(async |mut value: u32, mut caller| {
        loop {
            value = caller.give(value * factor).await;
        }
    });
    assert_eq!(multiply.send(2).await, Some(6));

    let mut averages = two_way(async |mut value: u32, mut caller| {
        loop {
            value = caller.give(value).await;
        }
    });
    assert_eq!(averages.send(10).await, Some(10));
    let moved = tokio::spawn(async move { averages.send(30).await });
    assert_eq!(moved.await.unwrap(), Some(30));
}

/// Questions and answers are moved through: one value is alive at a time.
#[tokio::test]
async fn a_hundred_thousand_exchanges_keep_nothing_in_memory() {
    let alive = Gauge::default();
    let mut echo = two_way(async |mut value, mut caller| {
        loop {
            value = caller.give(value).await;
        }
    });
    for _ in 0..100_000 {
        drop(echo.send(alive.enter()).await.unwrap());
    }
    assert_eq!((alive.peak(), alive.now()), (1, 0));
}
