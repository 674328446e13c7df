//! Lessons of the pattern `optional`.

use context_managers::optional::{given_or_opened, limited};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use crate::support::{Log, LogOnDrop, ms};

/// asyncio: `async with semaphore if limited else nullcontext():`. Rust: an `Option` of a guard.
#[tokio::test(start_paused = true)]
async fn with_a_limit_work_waits_and_without_one_it_does_not() {
    for (limit, expected) in
        [(None, ms(100)), (Some(Semaphore::new(2)), ms(200)), (Some(Semaphore::new(1)), ms(300))]
    {
        let start = Instant::now();
        let work = (0..3).map(|_| limited(limit.as_ref(), async { sleep(ms(100)).await }));
        assert!(futures::future::join_all(work).await.iter().all(Result::is_ok));
        assert_eq!(start.elapsed(), expected);
    }
}

/// asyncio: a `Semaphore` has no `close`. Tokio: with a closed semaphore the work is never polled.
#[tokio::test]
async fn a_closed_limit_is_an_error_and_nothing_runs() {
    let limit = Semaphore::new(1);
    limit.close();
    assert!(limited(Some(&limit), async { unreachable!("it is closed") }).await.is_err());
}

/// asyncio: `nullcontext(given)` leaves the given resource open. Rust: so does a `&mut`.
#[tokio::test]
async fn what_is_given_stays_open_and_what_was_opened_is_dropped() {
    let log = Log::default();
    let mut given = log.on_drop("given");
    let body = async |resource: &mut LogOnDrop| {
        resource.0.add(format_args!("uses {}", resource.1));
        Ok::<_, &str>(5)
    };
    let no_need = async { unreachable!("one is given") };
    assert_eq!(given_or_opened(Some(&mut given), no_need, body).await, Ok(5));
    assert_eq!(log.take(), ["uses given"]);

    let open = async { Ok(log.on_drop("opened")) };
    assert_eq!(given_or_opened(None, open, body).await, Ok(5));
    assert_eq!(log.take(), ["uses opened", "opened"]);

    let refused = async { Err("refused") };
    assert_eq!(given_or_opened(None, refused, body).await, Err("refused"));
    drop(given);
    assert_eq!(log.take(), ["given"]);
}
