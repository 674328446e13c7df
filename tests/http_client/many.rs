//! Lessons of the pattern `many`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use futures::{FutureExt, StreamExt, stream};
use http_client::many::{Limits, Many};
use reqwest::Url;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

use crate::support::limit;
use crate::work::many::{LIMITS, all, fetch, urls};
use crate::work::{DAY, seconds, url};

/// With no URL, one URL or a thousand, there are as many outcomes as URLs.
#[tokio::test(start_paused = true)]
async fn each_url_has_exactly_one_outcome() {
    for number in [0, 1, 1000] {
        let addresses = (0..number).map(|index| url(format!("http://host-{}/{index}", index % 7)));
        let mut outcomes = all(Many::new(stream::iter(addresses.clone()), LIMITS, fetch)).await;
        let mut expected: Vec<String> = join_all(addresses.map(fetch)).await;
        outcomes.sort();
        expected.sort();
        assert_eq!(outcomes, expected);
    }
}

/// aiohttp: tasks that wait for a slow host hold no connection of the connector. Here the waiting URLs are not even tasks.
#[tokio::test(start_paused = true)]
async fn a_slow_host_does_not_hold_up_the_others() {
    let hosts = &["slow", "slow", "slow", "slow", "one", "two", "one", "two"];
    let begin = Instant::now();
    let mut many = Many::new(urls(hosts), LIMITS, fetch);
    let mut quick = Vec::new();
    for _ in 0..4 {
        quick.push(many.next().await.unwrap());
    }
    assert_eq!(quick, ["one/4", "two/5", "one/6", "two/7"]);
    assert_eq!(begin.elapsed(), Duration::from_millis(20));
    assert_eq!(all(many).await, ["slow/0", "slow/1", "slow/2", "slow/3"]);
    assert_eq!(begin.elapsed(), seconds(4));
}

/// The hazard: when each task waits for its host inside, all tasks of the limit are soon waiting for one host.
#[tokio::test(start_paused = true)]
async fn but_waiting_for_the_host_inside_the_task_holds_up_all() {
    let hosts = &["slow", "slow", "slow", "slow", "one", "two", "one", "two"];
    let begin = Instant::now();
    let limits = http_client::limits::Limits::new(limit(3), limit(1));
    let mut outcomes = urls(hosts)
        .map(|url| async {
            let _permits = limits.permits(&url).await;
            fetch(url).await
        })
        .buffer_unordered(3);
    while !outcomes.next().await.unwrap().starts_with("one") {}
    assert_eq!(begin.elapsed(), Duration::from_millis(2010), "two of the slow host came first");
}

/// No host ever has more fetches under way than its limit, and all hosts together never more than the limit in all.
#[tokio::test(start_paused = true)]
async fn the_limits_hold_at_every_moment() {
    static ALL: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];
    static HOST: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];
    fn enter([now, peak]: &[AtomicUsize; 2]) {
        peak.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
    }
    let limits = Limits { all: limit(5), per_host: limit(2), aside: 100 };
    let addresses = (0..200).map(|index| url(format!("http://host-{}/{}", index % 3, index % 13)));
    let outcomes = all(Many::new(stream::iter(addresses), limits, |url| async move {
        let is_watched = url.host_str() == Some("host-2");
        enter(&ALL);
        if is_watched {
            enter(&HOST);
        }
        let milliseconds: u64 = url.path()[1..].parse().unwrap();
        sleep(Duration::from_millis(10 * milliseconds)).await;
        ALL[0].fetch_sub(1, SeqCst);
        if is_watched {
            HOST[0].fetch_sub(1, SeqCst);
        }
    }))
    .await;
    assert_eq!(outcomes.len(), 200);
    assert_eq!((ALL[1].load(SeqCst), HOST[1].load(SeqCst)), (5, 2));
}

/// `gather` makes a task for every URL before the first request. Here URLs are taken as they are needed, so a long list
/// costs no more memory.
#[tokio::test(start_paused = true)]
async fn the_list_is_taken_only_as_far_as_it_is_needed() {
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&taken);
    let endless = (0..).map(move |index| {
        counter.fetch_add(1, SeqCst);
        url(format!("http://host-{index}/"))
    });
    let mut many = Many::new(stream::iter(endless), LIMITS, fetch);
    assert_eq!(taken.load(SeqCst), 0);
    many.next().await.unwrap();
    assert_eq!(taken.load(SeqCst), 4, "three, and one for the slot that is free again");
    many.next().await.unwrap();
    sleep(DAY).await;
    assert_eq!(taken.load(SeqCst), 5, "nobody asked for more: nothing new begins");
}

/// Looking past a slow host has a bound: once `aside` URLs are put aside, the list waits for that host.
#[tokio::test(start_paused = true)]
async fn not_more_urls_are_put_aside_than_allowed() {
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&taken);
    let endless = (0..).map(move |index| {
        counter.fetch_add(1, SeqCst);
        url(format!("http://slow/{index}"))
    });
    let mut many = Many::new(stream::iter(endless), LIMITS, fetch);
    assert_eq!(many.next().await.unwrap(), "slow/0");
    assert_eq!(taken.load(SeqCst), 2 + LIMITS.aside);
    assert_eq!(many.next().await.unwrap(), "slow/1");
    assert_eq!(taken.load(SeqCst), 3 + LIMITS.aside);
}

/// `gather` raises a task's exception. Here the panic of a fetch goes on in `next`.
#[tokio::test(start_paused = true)]
async fn a_panic_in_a_fetch_is_one_of_next() {
    let mut many = Many::new(urls(&["one", "bad"]), LIMITS, |url| async move {
        assert!(url.host_str() != Some("bad"), "a bad host");
        fetch(url).await
    });
    let payload = std::panic::AssertUnwindSafe(many.next()).catch_unwind().await.unwrap_err();
    assert_eq!(*payload.downcast_ref::<&str>().unwrap(), "a bad host");
    assert_eq!(many.next().await.unwrap(), "one/0", "the others go on");
}

/// A host is free again after its fetch panicked, in the first poll or before it.
#[tokio::test(start_paused = true)]
async fn after_a_panic_the_host_has_its_next_turn() {
    let hosts = &["slow", "slow", "slow"];
    let mut many = Many::new(urls(hosts), LIMITS, |url| {
        assert!(url.path() != "/0", "before it");
        async move {
            assert!(url.path() != "/1", "in it");
            fetch(url).await
        }
    });
    for panic in ["before it", "in it"] {
        let payload = std::panic::AssertUnwindSafe(many.next()).catch_unwind().await.unwrap_err();
        assert_eq!(*payload.downcast_ref::<&str>().unwrap(), panic);
    }
    assert_eq!(all(many).await, ["slow/2"]);
}

/// Two at once to one host, five URLs: each fetch that ends lets the next begin.
#[tokio::test(start_paused = true)]
async fn a_host_has_room_again_when_a_fetch_has_ended() {
    let limits = Limits { all: limit(2), per_host: limit(2), aside: 100 };
    let begin = Instant::now();
    let outcomes = all(Many::new(urls(&["slow"; 5]), limits, fetch)).await;
    assert_eq!(outcomes, ["slow/0", "slow/1", "slow/2", "slow/3", "slow/4"]);
    assert_eq!(begin.elapsed(), seconds(3));
}

/// In a list of many hosts, each host is forgotten when its last URL is done.
#[tokio::test(start_paused = true)]
async fn a_host_that_is_done_takes_no_memory() {
    let fetch: fn(Url) -> BoxFuture<'static, String> = |url| fetch(url).boxed();
    let addresses: Vec<_> = (0..100).map(|index| url(format!("http://host-{index}/"))).collect();
    let mut many = Many::new(stream::iter(addresses), LIMITS, fetch);
    let mut most = 0;
    while many.next().await.is_some() {
        most = most.max(format!("{many:?}").matches("\"http://host-").count());
    }
    assert_eq!(most, 3, "those under way, three at once");
}

/// asyncio's tasks live on after the loop over them is left. Here, dropping the loop's source cancels them.
#[tokio::test(start_paused = true)]
async fn dropping_it_aborts_what_is_under_way() {
    let mut many = Many::new(urls(&["one", "two", "slow"]), LIMITS, fetch);
    many.next().await.unwrap();
    drop(many);
    yield_now().await;
    assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0);
}

/// `gather` goes on while its caller handles a page. Here a slot is filled before its page is handed over.
#[tokio::test(start_paused = true)]
async fn a_slot_is_filled_before_its_page_is_handled() {
    let limits = Limits { all: limit(10), per_host: limit(10), aside: 100 };
    let addresses = (0..40).map(|index| url(format!("http://slow/{index}")));
    let begin = Instant::now();
    let mut many = Many::new(stream::iter(addresses), limits, fetch);
    let mut handled = 0;
    while many.next().await.is_some() {
        sleep(Duration::from_millis(100)).await;
        handled += 1;
    }
    assert_eq!((handled, begin.elapsed()), (40, seconds(5)));
}

/// The limit applies to the host of the URL in the list: `Many` does not see redirects.
#[tokio::test(start_paused = true)]
async fn but_a_redirect_to_another_host_is_not_counted_there() {
    static AT_THE_TARGET: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];
    let addresses = (0..3).map(|index| url(format!("http://name-{index}/")));
    let outcomes = all(Many::new(stream::iter(addresses), LIMITS, |_named| async {
        let [now, peak] = &AT_THE_TARGET;
        peak.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
        sleep(seconds(1)).await;
        now.fetch_sub(1, SeqCst);
    }));
    assert_eq!(outcomes.await.len(), 3);
    assert_eq!(
        AT_THE_TARGET[1].load(SeqCst),
        3,
        "three names of one host, of which one at a time is allowed"
    );
}

/// asyncio refuses to cancel a `gather` that is done. Here, dropping the owner drops the finished outcomes too.
#[tokio::test(start_paused = true)]
async fn but_outcomes_that_nobody_asked_for_go_with_it() {
    let mut many = Many::new(urls(&["one", "two", "slow"]), LIMITS, fetch);
    assert_eq!(many.next().await.unwrap(), "one/0");
    // The form that keeps them, before it is dropped.
    assert_eq!(many.next().now_or_never(), Some(Some("two/1".to_owned())));
    assert_eq!(many.next().now_or_never(), None, "this one is under way");
}
