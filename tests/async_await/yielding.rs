//! Lessons of the pattern `yielding`.

use std::future::poll_fn;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_await::yielding::{search, search_on_budget};
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio::time::advance;
use tokio::time::{Instant, sleep, timeout};

use crate::support::ms;
use crate::work::heart_beat;
use crate::work::yielding::{lines, n};

/// The number of operations that Tokio lets a task do before one of them yields.
const BUDGET: usize = 128;

/// Returns how often `work` is suspended before it ends.
async fn suspensions(work: impl Future) -> usize {
    let mut work = pin!(work);
    let mut suspensions = 0;
    poll_fn(|cx| {
        let polled = work.as_mut().poll(cx).map(drop);
        suspensions += usize::from(polled.is_pending());
        polled
    })
    .await;
    suspensions
}

/// asyncio: `sleep(0)` gives every other task that is ready one turn, and they come back in the same order.
/// Tokio: `yield_now` gives them a turn as well. Tokio promises no order for tasks that yield, and in this version the
/// order changes.
#[tokio::test]
async fn yield_now_gives_every_ready_task_a_turn() {
    let order = Arc::new(Mutex::new(Vec::new()));
    for name in ["a", "b", "c"] {
        let order = order.clone();
        tokio::spawn(async move {
            for turn in 1..=2 {
                order.lock().unwrap().push((turn, name));
                yield_now().await;
            }
        });
    }
    yield_now().await;
    assert_eq!(*order.lock().unwrap(), [(1, "a"), (1, "b"), (1, "c")]);
    yield_now().await;
    order.lock().unwrap()[3..].sort();
    assert_eq!(order.lock().unwrap()[3..], [(2, "a"), (2, "b"), (2, "c")]);
}

/// The hazard: `sleep(Duration::ZERO)` reads like asyncio's `sleep(0)`. If a paused clock is at a whole millisecond,
/// the sleep is over when it is first polled, and no other task gets a turn.
#[tokio::test(start_paused = true)]
async fn but_a_sleep_of_zero_does_not_on_a_paused_clock() {
    let (beats, _other_task) = heart_beat();
    sleep(Duration::ZERO).await;
    assert_eq!(beats.get(), 0);
    yield_now().await;
    assert_eq!(beats.get(), 1);
}

/// A real clock is nearly always between two milliseconds. There the sleep waits for the timer's next step, which is
/// long for a turn. `yield_now` takes no time.
#[tokio::test(start_paused = true)]
async fn and_waits_a_millisecond_on_one_that_runs() {
    advance(Duration::from_micros(300)).await;
    let start = Instant::now();
    yield_now().await;
    assert_eq!(start.elapsed(), ms(0));
    sleep(Duration::ZERO).await;
    assert_eq!(start.elapsed(), ms(1));
}

/// asyncio: an `await` of something that is ready never suspends. Tokio: each is one operation on the budget of the
/// task. When the budget is used up, the next operation yields.
#[tokio::test]
async fn an_await_of_what_is_ready_suspends_when_the_budget_is_used_up() {
    let permits = Semaphore::new(1);
    let acquire = async |times| {
        for _ in 0..times {
            let _permit = permits.acquire().await.unwrap();
        }
    };
    assert_eq!(suspensions(acquire(BUDGET)).await, 0);
    yield_now().await; // a new turn has a new budget
    assert_eq!(suspensions(acquire(BUDGET + 1)).await, 1);
}

/// A yield must not change the result: at any interval no line is skipped or searched twice.
#[tokio::test]
async fn the_search_finds_the_same_however_often_it_yields() {
    for number in [0, 1, 2, 3, 300] {
        let expected: Vec<_> = (0..number).filter(|line| line % 3 == 1).collect();
        for at_a_time in [1, 2, 3, 299, 300, 301, usize::MAX] {
            assert_eq!(search(lines(number), "needle", n(at_a_time)).await, expected);
        }
        assert_eq!(search_on_budget(lines(number), "needle").await, expected);
    }
}

/// asyncio and Tokio: a task that computes keeps the thread, and the others wait. A task that yields gives them a turn
/// each time.
#[tokio::test]
async fn a_search_that_yields_lets_others_run_and_one_that_does_not_holds_them_up() {
    let (beats, _other_task) = heart_beat();
    search(lines(3_000), "needle", NonZeroUsize::MAX).await;
    assert_eq!(beats.get(), 0);
    search(lines(3_000), "needle", n(1_000)).await;
    assert_eq!(beats.get(), 3);
}

/// asyncio: `sleep(0)` after every n lines. Tokio: `yield_now`; the lesson counts each.
#[tokio::test]
async fn the_search_yields_after_every_so_many_lines_and_not_before() {
    for (number, yields) in [(0, 0), (1, 0), (99, 0), (100, 1), (199, 1), (200, 2), (10_000, 100)] {
        assert_eq!(suspensions(search(lines(number), "needle", n(100))).await, yields, "{number} lines");
    }
}

/// asyncio has no such budget. Tokio: every 128 operations a task yields.
#[tokio::test]
async fn on_its_budget_the_search_yields_after_every_128_lines() {
    for (number, yields) in [(0, 0), (BUDGET, 0), (BUDGET + 1, 1), (10 * BUDGET, 9), (10 * BUDGET + 1, 10)] {
        yield_now().await; // a new turn has a new budget
        assert_eq!(suspensions(search_on_budget(lines(number), "needle")).await, yields, "{number} lines");
    }
    let (beats, _other_task) = heart_beat();
    yield_now().await;
    let before = beats.get();
    search_on_budget(lines(BUDGET + 1), "needle").await;
    assert!(beats.get() > before);
}

/// If a task also takes permits or receives messages, the lines and these operations share one budget.
#[tokio::test]
async fn the_budget_is_shared_with_everything_else_that_the_task_does() {
    let search_with_permits = async |number| {
        let permits = Semaphore::new(1);
        for _ in 0..number {
            let _permit = permits.acquire().await.unwrap();
            search_on_budget(lines(1), "needle").await;
        }
    };
    assert_eq!(suspensions(search_with_permits(BUDGET / 2)).await, 0);
    yield_now().await;
    assert_eq!(suspensions(search_with_permits(BUDGET / 2 + 1)).await, 1);
}

/// asyncio: `wait_for` cannot end a coroutine that never suspends. Tokio: a timeout is checked only when the work is
/// suspended, so it cannot end a search that never yields.
#[tokio::test(start_paused = true)]
async fn a_timeout_ends_a_search_that_yields_and_no_other() {
    let found = timeout(Duration::ZERO, search(lines(300), "needle", NonZeroUsize::MAX)).await;
    assert_eq!(found.map(|found| found.len()), Ok(100));
    assert!(timeout(Duration::ZERO, search(lines(300), "needle", n(100))).await.is_err());
}

/// asyncio: `time.sleep` stops the loop. Tokio: `std::thread::sleep` stops this thread with all its tasks, and the
/// runtime's paused clock does not move. Our clippy.toml forbids it.
#[tokio::test(start_paused = true)]
async fn a_blocking_sleep_holds_up_every_task() {
    let (beats, _other_task) = heart_beat();
    let start = Instant::now();
    #[expect(clippy::disallowed_methods, reason = "the lesson: a lint can forbid it")]
    std::thread::sleep(ms(1));
    assert_eq!((beats.get(), start.elapsed()), (0, ms(0)));
}
