//! Lessons of the pattern `deadline`.

use std::future::ready;
use std::time::Duration;

use timeouts::deadline::{Deadline, DeadlineExpired};
use tokio::task::yield_now;
use tokio::time::{Instant, advance, sleep, timeout, timeout_at};

use crate::support::{Count, ms};
use crate::work::{A_YEAR, for_ever, load, two_timers};

/// asyncio: `timeout_at(deadline)` around several steps, or around each with the same deadline.
#[tokio::test(start_paused = true)]
async fn one_deadline_covers_all_steps() {
    let request = Deadline::after("request", Some(ms(250)));
    let start = Instant::now();
    assert_eq!(request.run(load("connect", 100)).await, Ok(Ok("connect")));
    assert_eq!(request.remaining(), Some(ms(150)));
    assert_eq!(request.run(load("send", 100)).await, Ok(Ok("send")));
    assert_eq!(request.run(load("receive", 100)).await, Err(DeadlineExpired("request")));
    assert_eq!(start.elapsed(), ms(250));
}

/// The hazard: each step has its own 150 ms, and all of them together have no limit.
#[tokio::test(start_paused = true)]
async fn but_a_timeout_for_each_step_is_none_for_the_whole() {
    let start = Instant::now();
    for step in ["connect", "send", "receive"] {
        assert_eq!(timeout(ms(150), load(step, 100)).await, Ok(Ok(step)));
    }
    assert_eq!(start.elapsed(), ms(300));
}

/// asyncio: the timeout that expired raises, at its own `async with`.
#[tokio::test(start_paused = true)]
async fn the_earlier_of_two_deadlines_reports_whichever_is_inside() {
    let request = Deadline::after("request", Some(ms(100)));
    let start = Instant::now();
    assert_eq!(request.within("try", Some(ms(40))).run(for_ever::<()>()).await, Err(DeadlineExpired("try")));
    assert_eq!(start.elapsed(), ms(40));
    assert_eq!(
        request.within("try", Some(ms(90))).run(for_ever::<()>()).await,
        Err(DeadlineExpired("request"))
    );
    assert_eq!(start.elapsed(), ms(100));
    assert_eq!(DeadlineExpired("request").to_string(), "request timed out");
}

/// asyncio: of two nested timeouts with one deadline only the outermost raises; the inner sees a cancellation.
#[tokio::test(start_paused = true)]
async fn of_two_with_the_same_deadline_the_outer_reports() {
    let request = Deadline::after("request", Some(ms(100)));
    let inner = request.within("try", Some(ms(100)));
    assert_eq!(inner.run(for_ever::<()>()).await, Err(DeadlineExpired("request")));
}

/// Tokio: the inner one reports, for it is polled first.
#[tokio::test(start_paused = true)]
async fn but_of_two_nested_timeouts_with_the_same_deadline_the_inner_reports() {
    let when = Instant::now() + ms(100);
    let result = timeout_at(when, timeout_at(when, for_ever::<()>())).await;
    assert!(result.expect("the outer one says that all is well").is_err());
}

/// So a loop that tries again when the inner one is over begins a try when there is no time left.
#[tokio::test(start_paused = true)]
async fn but_a_loop_around_the_inner_timeout_begins_a_try_too_many() {
    let tries = Count::default();
    let attempt = || async {
        tries.add();
        for_ever::<()>().await;
    };
    let all = timeout(ms(100), async { while timeout(ms(50), attempt()).await.is_err() {} });
    assert!(all.await.is_err());
    assert_eq!(tries.get(), 3);

    let (mended, request) = (Count::default(), Deadline::after("request", Some(ms(100))));
    let attempt = || async {
        mended.add();
        for_ever::<()>().await;
    };
    let mut expired = DeadlineExpired("try");
    while expired == DeadlineExpired("try") && mended.get() < 10 {
        expired = request.within("try", Some(ms(50))).run(attempt()).await.unwrap_err();
    }
    assert_eq!((expired, mended.get()), (DeadlineExpired("request"), 2));
}

/// asyncio: a deadline of `None`, or one that is far away.
#[tokio::test(start_paused = true)]
async fn a_deadline_may_be_never() {
    for limit in [None, Some(Duration::MAX)] {
        let never = Deadline::after("request", limit);
        assert_eq!((never.at(), never.remaining(), never.check()), (None, None, Ok(())));
        assert_eq!(never.run(sleep(A_YEAR)).await, Ok(()));
        assert_eq!(never.within("try", None), never);
        assert_eq!(
            never.within("try", Some(ms(10))).run(for_ever::<()>()).await,
            Err(DeadlineExpired("try"))
        );
    }
    let request = Deadline::after("request", Some(ms(10)));
    assert_eq!(request.at(), Some(Instant::now() + ms(10)));
    assert_eq!(request.within("try", None), request);
    assert_eq!(request.within("try", Some(Duration::MAX)), request);
}

/// asyncio: a deadline in the past expires at the first suspension. Tokio: the same.
#[tokio::test(start_paused = true)]
async fn after_the_deadline_work_gets_as_far_as_its_first_wait() {
    let request = Deadline::after("request", Some(ms(10)));
    sleep(ms(20)).await;
    assert_eq!(request.remaining(), Some(Duration::ZERO));
    assert_eq!(request.run(ready("cached")).await, Ok("cached"));
    assert_eq!(request.run(yield_now()).await, Err(DeadlineExpired("request")));
    let inner = request.within("try", Some(ms(50)));
    assert_eq!(
        inner.run(yield_now()).await,
        Err(DeadlineExpired("request")),
        "no inner deadline gives more time"
    );
}

/// Nothing cuts off a loop that computes. It can look, and leave by itself.
#[tokio::test(start_paused = true)]
async fn a_loop_that_computes_asks() {
    let request = Deadline::after("request", Some(ms(100)));
    let mut rounds = 0;
    while request.check().is_ok() && rounds < 100 {
        rounds += 1;
        advance(ms(30)).await;
    }
    assert_eq!((request.check(), rounds), (Err(DeadlineExpired("request")), 4));
}

/// A deadline is a value: it goes with a request into tasks and over channels.
#[tokio::test(start_paused = true)]
async fn a_task_that_gets_it_later_has_what_is_left() {
    let request = Deadline::after("request", Some(ms(100)));
    sleep(ms(60)).await;
    let start = Instant::now();
    let task = tokio::spawn(async move { request.run(for_ever::<()>()).await });
    assert_eq!(task.await.unwrap(), Err(DeadlineExpired("request")));
    assert_eq!(start.elapsed(), ms(40));
}

/// Also with a timer that is set later than the deadline.
#[tokio::test(start_paused = true)]
async fn work_of_two_timers_in_the_instant_of_the_deadline_is_in_time() {
    let deadline = Deadline::after("outer", Some(ms(100)));
    assert_eq!(deadline.within("inner", Some(ms(100))).run(two_timers()).await, Ok(Ok(Some("in time"))));
}
