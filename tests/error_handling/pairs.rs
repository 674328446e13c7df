//! The Rust half of the chapter's pairs: each function has the name, and asserts the same, as the one in `pairs.py`.

use std::sync::Mutex;
use std::time::Duration;

use error_handling::background::Failure;
use tokio::time::sleep;

use crate::support::{Count, ms};

#[derive(Debug, PartialEq, thiserror::Error)]
enum FetchError {
    #[error("busy")]
    Busy,
    #[error("{0} not found")]
    NotFound(&'static str),
    #[error("too late")]
    TooLate(#[from] tokio::time::error::Elapsed),
}

/// Simulates a request.
async fn fetch(page: &'static str) -> Result<String, FetchError> {
    sleep(ms(100)).await;
    if page == "missing" { Err(FetchError::NotFound(page)) } else { Ok(format!("<{page}>")) }
}

/// asyncio: a loop with a `sleep`, in a `timeout`. Tokio: the pattern `retry`, with a timeout for each attempt.
#[tokio::test(start_paused = true)]
async fn retry_five_times_and_give_up_after_a_minute() -> anyhow::Result<()> {
    let calls = Count::default();
    let fetch = async |page| {
        calls.add();
        if calls.get() < 3 { Err(FetchError::Busy) } else { fetch(page).await }
    };

    use error_handling::retry::{Policy, Verdict, retry};
    let policy = Policy { attempts: 5, total: Duration::from_secs(60), ..Policy::default() };
    let attempt = async || tokio::time::timeout(Duration::from_secs(10), fetch("home")).await?;
    let judge = |error: &FetchError| match error {
        FetchError::NotFound(_) => Verdict::Final,
        FetchError::Busy | FetchError::TooLate(_) => Verdict::Again,
    };
    let page = retry(policy, attempt, judge).await?;

    assert_eq!((page.as_str(), calls.get()), ("<home>", 3));
    Ok(())
}

/// asyncio: a list of failures and an `if`, or pybreaker. Tokio: the pattern `circuit_breaker`.
#[tokio::test(start_paused = true)]
async fn stop_calling_what_keeps_failing() -> anyhow::Result<()> {
    let (mut answers, mut refused) = (Vec::new(), 0);

    use error_handling::circuit_breaker::{BreakerLimits, CircuitBreaker};
    static SHOP: CircuitBreaker = CircuitBreaker::new(BreakerLimits { failures: 3, ..BreakerLimits::new() });
    for _ in 0..5 {
        match SHOP.call(|| fetch("missing"), Result::is_err).await {
            Ok(answer) => answers.push(answer), // of the call: `Ok` or `Err`
            Err(_open) => refused += 1,
        }
    }

    assert_eq!((answers.len(), refused), (3, 2));
    Ok(())
}

/// asyncio: `except` around `await task`. Tokio: an arm of a `match`, after the `?` for the task itself.
#[tokio::test(start_paused = true)]
async fn catch_one_tasks_error() -> anyhow::Result<()> {
    let result = tokio::spawn(fetch("missing")).await?; // this `?` is for a panic or an abort
    let page = match result {
        Err(FetchError::NotFound(_)) => "<default>".to_owned(),
        page => page?,
    };

    assert_eq!(page, "<default>");
    Ok(())
}

/// Python: `except*`, and the remaining errors are raised again. Rust: `take`, and `into_result`.
#[tokio::test]
async fn pick_a_group_of_errors_apart() -> anyhow::Result<()> {
    let errors = [FetchError::NotFound("news").into(), anyhow::anyhow!("no title")];
    let (mut missing, mut left) = (Vec::new(), Vec::new());

    let mut group = error_handling::error_group::ErrorGroup::new("pages", errors);
    missing.extend(group.take::<FetchError>());
    if let Err(rest) = group.into_result() {
        left.extend(rest.into_leaves());
    }

    assert_eq!(missing, [FetchError::NotFound("news")]);
    assert_eq!(left[0].to_string(), "no title");
    Ok(())
}

/// asyncio: "Task exception was never retrieved". Tokio: silence, unless the failure itself reports that it was dropped.
#[tokio::test(start_paused = true)]
async fn hear_of_a_background_task_that_failed() -> anyhow::Result<()> {
    static LOG: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let log = |failure: Failure<FetchError>| LOG.lock().unwrap().push(failure.to_string());

    tokio::spawn(error_handling::background::reported(fetch("missing"), log));
    sleep(ms(200)).await;

    assert_eq!(*LOG.lock().unwrap(), ["missing not found"]);
    Ok(())
}
