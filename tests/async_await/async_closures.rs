//! Lessons of the pattern `async_closures`.

use std::time::Duration;

use async_await::async_closures::{poll_until, spawn_poll_until};
use tokio::time::{Instant, sleep};

use crate::support::{Count, ms};
use crate::work::heart_beat;

type Answer = Result<Option<&'static str>, &'static str>;

/// asyncio: an `async def` is passed, and changes its surroundings by `nonlocal`. Tokio: an async closure borrows
/// what it changes, across its own awaits; afterwards it is the caller's again.
#[tokio::test(start_paused = true)]
async fn a_closure_may_change_what_it_borrows_across_its_awaits() {
    let start = Instant::now();
    let mut asked = Vec::new();
    let answer = poll_until(ms(100), async || -> Answer {
        asked.push(start.elapsed());
        sleep(ms(10)).await;
        Ok((asked.len() == 3).then_some("ready"))
    });
    assert_eq!(answer.await, Ok("ready"));
    assert_eq!(asked, [ms(0), ms(110), ms(220)]);
    assert_eq!(start.elapsed(), ms(230));
}

/// asyncio: any callable that returns an awaitable will do. Rust: any `AsyncFnMut`; three forms implement it.
#[tokio::test(start_paused = true)]
async fn an_async_fn_and_a_closure_that_returns_a_future_are_taken_too() {
    async fn ask() -> Answer {
        Ok(Some("ready"))
    }
    assert_eq!(poll_until(ms(100), ask).await, Ok("ready"));
    assert_eq!(poll_until(ms(100), || std::future::ready(Answer::Ok(Some("ready")))).await, Ok("ready"));
}

/// asyncio: an exception leaves the loop. Rust: so does an `Err`; no third call follows.
#[tokio::test(start_paused = true)]
async fn the_first_error_ends_it() {
    let mut answers = [Ok(None), Err("gone"), Ok(Some("ready"))].into_iter();
    let start = Instant::now();
    assert_eq!(poll_until(ms(100), async || -> Answer { answers.next().unwrap() }).await, Err("gone"));
    assert_eq!((start.elapsed(), answers.len()), (ms(100), 1));
}

/// asyncio: any coroutine can become a task. Tokio: a task needs `Send`, and a function cannot require that of the
/// futures of an `AsyncFn`. It requires it of a closure that returns a future, or its caller spawns.
#[tokio::test(start_paused = true)]
async fn on_a_task_of_its_own_it_needs_futures_that_are_send() {
    let asked = Count::default();
    let task = spawn_poll_until(ms(100), {
        let asked = asked.clone();
        move || {
            let asked = asked.clone();
            async move {
                asked.add();
                Answer::Ok((asked.get() == 3).then_some("ready"))
            }
        }
    });
    assert_eq!(task.await.unwrap(), Ok("ready"));

    let mut asked = 0;
    let task = tokio::spawn(poll_until(ms(100), async move || -> Answer {
        asked += 1;
        Ok((asked == 3).then_some("ready"))
    }));
    assert_eq!(task.await.unwrap(), Ok("ready"));
}

/// asyncio: a forgotten task may be collected. Tokio: one whose handle is dropped runs on.
#[tokio::test(start_paused = true)]
async fn a_dropped_handle_does_not_end_the_questions() {
    let asked = Count::default();
    drop(spawn_poll_until(ms(100), {
        let asked = asked.clone();
        move || {
            asked.add();
            std::future::ready(Answer::Ok((asked.get() == 3).then_some("ready")))
        }
    }));
    sleep(ms(500)).await;
    assert_eq!(asked.get(), 3);
}

/// With a pause of zero it asks as fast as it can, and yet other tasks get turns. A paused clock gives a sleep of zero
/// no time; there the task's budget does it.
#[tokio::test(start_paused = true)]
async fn a_pause_of_zero_does_not_keep_the_thread_for_ever() {
    let (beats, _other_task) = heart_beat();
    let mut asked = 0;
    let answer = poll_until(Duration::ZERO, async || {
        asked += 1;
        if asked > 1_000 { Err("others had no turn yet") } else { Ok((beats.get() == 3).then_some("ready")) }
    });
    assert_eq!(answer.await, Ok("ready"));
}
