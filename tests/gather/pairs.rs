//! The Rust half of the chapter's pairs: each function has the name, and asserts the same, as the one in `pairs.py`.

use std::fmt::Display;
use std::time::Duration;

use tokio::time::sleep;

/// Takes 10 ms.
async fn fetch(page: impl Display) -> String {
    sleep(Duration::from_millis(10)).await;
    format!("<{page}>")
}

/// Takes 10 ms, and fails for a page that is missing.
async fn try_fetch(page: &str) -> Result<String, String> {
    sleep(Duration::from_millis(10)).await;
    if page == "missing" { Err(page.to_owned()) } else { Ok(format!("<{page}>")) }
}

/// asyncio: `gather`. Tokio: `join!` for a fixed number, `join_all` for a list.
#[tokio::test(start_paused = true)]
async fn results_stand_in_the_order_of_the_arguments() {
    let (home, news) = tokio::join!(fetch("home"), fetch("news")); // a fixed number, of any types
    let pages = futures::future::join_all(["home", "news", "help"].map(fetch)).await; // a list

    assert_eq!((home.as_str(), news.as_str()), ("<home>", "<news>"));
    assert_eq!(pages, ["<home>", "<news>", "<help>"]);
}

/// asyncio: `gather` with a semaphore. Tokio: `buffered`.
#[tokio::test(start_paused = true)]
async fn ten_at_a_time_in_order() {
    use futures::StreamExt;
    let pages: Vec<_> = futures::stream::iter(0..100).map(fetch).buffered(10).collect().await;

    assert_eq!(pages, (0..100).map(|page| format!("<{page}>")).collect::<Vec<_>>());
}

/// asyncio: `gather(return_exceptions=True)`. Tokio: `join_all` over results.
#[tokio::test(start_paused = true)]
async fn an_error_is_one_result_among_others() {
    use self::try_fetch as fetch;

    let outcomes = futures::future::join_all(["home", "missing"].map(fetch)).await;

    assert_eq!(outcomes, [Ok("<home>".to_owned()), Err("missing".to_owned())]);
}

/// asyncio: `gather` raises the first exception. Tokio: `try_join_all` returns the first error.
#[tokio::test(start_paused = true)]
async fn the_first_error_ends_the_wait() {
    use self::try_fetch as fetch;
    let (mut loaded, mut missing) = (Vec::new(), Vec::new());

    match futures::future::try_join_all(["home", "missing", "help"].map(fetch)).await {
        Ok(pages) => loaded.extend(pages),
        Err(error) => missing.push(error), // the other two are dropped
    }

    assert_eq!((loaded, missing), (vec![], vec!["missing".to_owned()]));
}

/// asyncio: `wait(FIRST_COMPLETED)`. Tokio: `select!` over a borrowed future.
#[tokio::test(start_paused = true)]
async fn the_first_of_two_and_the_other_runs_on() {
    let mut log = Vec::new();

    let mut page = std::pin::pin!(fetch("home"));
    let page = tokio::select! {
        page = &mut page => page,
        () = sleep(Duration::from_millis(1)) => {
            log.push("still loading".to_owned());
            page.await
        }
    };
    log.push(page);

    assert_eq!(log, ["still loading", "<home>"]);
}

/// asyncio: `as_completed`. Tokio: `JoinSet::join_next`.
#[tokio::test(start_paused = true)]
async fn each_result_when_it_is_there() -> anyhow::Result<()> {
    let mut log = Vec::new();
    let load = async |page, millis| {
        sleep(Duration::from_millis(millis)).await;
        page
    };

    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(load("slow", 20));
    tasks.spawn(load("quick", 10));
    while let Some(page) = tasks.join_next().await {
        log.push(page?);
    }

    assert_eq!(log, ["quick", "slow"]);
    Ok(())
}
