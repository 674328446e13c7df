//! Lessons of the pattern `gathered_handles`.

use pitfalls::gathered_handles::{broken, fixed};
use tokio::time::{Instant, sleep, timeout};

use crate::support::{alive_tasks, ms};
use crate::work::Visits;
use crate::work::gathered_handles::save;

/// asyncio: after the first exception of a `gather`, the others run on. Tokio: over handles they run on, over futures they
/// are dropped.
#[tokio::test(start_paused = true)]
async fn but_after_the_first_error_the_others_save_on() {
    let saved = Visits::default();
    let all = broken([("good", 200), ("bad", 100)], |job| save(job, saved.clone())).await;
    assert_eq!((all, saved.came()), (Err("disk full"), 0));
    sleep(ms(200)).await;
    assert_eq!(saved.came(), 1);
}

/// asyncio: a `TaskGroup` cancels and awaits the siblings before it raises. Here: `JoinSet::shutdown` does so.
#[tokio::test(start_paused = true)]
async fn when_the_error_is_reported_nobody_is_at_work() {
    let (saved, start) = (Visits::default(), Instant::now());
    let all = fixed([("good", 200), ("bad", 100)], |job| save(job, saved.clone())).await;
    assert_eq!((all, start.elapsed(), alive_tasks()), (Err("disk full"), ms(100), 0));
    sleep(ms(200)).await;
    assert_eq!(saved.came(), 0);
}

/// asyncio: `gather` keeps the order of its arguments. Here: each value has an index to sort by.
#[tokio::test(start_paused = true)]
async fn without_an_error_the_values_stand_in_order() {
    let saved = Visits::default();
    let all = fixed([("slow", 300), ("quick", 100), ("medium", 200)], |job| save(job, saved.clone())).await;
    assert_eq!((all, saved.came()), (Ok(vec!["slow", "quick", "medium"]), 3));
    assert_eq!(fixed([], |job| save(job, saved.clone())).await, Ok(vec![]));
    let many = fixed((0..10_000).map(|_| ("many", 100)), |job| save(job, saved.clone())).await;
    assert_eq!(many.unwrap().len(), 10_000);
}

/// asyncio: a `TaskGroup` raises once the siblings have ended. Here: a panic resumes once they have ended.
#[tokio::test(start_paused = true)]
async fn a_panic_goes_on_in_the_caller_when_the_rest_has_ended() {
    let saved = Visits::default();
    let inside = saved.clone();
    let caller = tokio::spawn(fixed([("good", 200), ("panics", 100)], move |job| save(job, inside.clone())));
    assert!(caller.await.unwrap_err().is_panic());
    assert_eq!(alive_tasks(), 0);
    sleep(ms(200)).await;
    assert_eq!(saved.came(), 0);
}

/// asyncio: a cancelled `gather` cancels its children. Tokio: over handles it detaches them.
#[tokio::test(start_paused = true)]
async fn but_after_a_timeout_the_others_save_on_as_well() {
    for is_fixed in [false, true] {
        let saved = Visits::default();
        let jobs = [("good", 200)];
        let in_time = match is_fixed {
            false => timeout(ms(100), broken(jobs, |job| save(job, saved.clone()))).await,
            true => timeout(ms(100), fixed(jobs, |job| save(job, saved.clone()))).await,
        };
        assert!(in_time.is_err());
        sleep(ms(200)).await;
        assert_eq!(saved.came(), usize::from(!is_fixed));
    }
}
