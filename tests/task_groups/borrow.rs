//! Lessons of the pattern `borrow`.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::future::pending;

use futures::FutureExt;
use task_groups::borrow::reachable;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

use crate::support::{ms, panics};
use crate::work::{Life, panic_of};

/// asyncio: tasks use the variables around them. Tokio: so do futures that stay inside their parent, here without an
/// `Arc`, a lock, or a `Send`.
#[tokio::test(start_paused = true)]
async fn children_look_into_what_is_the_parents() {
    let start = Instant::now();
    let site = HashMap::from([
        ("home", vec!["news", "help"]),
        ("news", vec!["home", "sport"]),
        ("help", vec!["home"]),
    ]);
    let (asked, at_once, most) = (RefCell::new(Vec::new()), Cell::new(0), Cell::new(0));
    let found = reachable("home", async |page| {
        asked.borrow_mut().push(page);
        at_once.set(at_once.get() + 1);
        most.set(most.get().max(at_once.get()));
        sleep(ms(100)).await;
        at_once.set(at_once.get() - 1);
        Ok::<_, ()>(site.get(page).cloned().unwrap_or_default())
    });
    assert_eq!(found.await, Ok(HashSet::from(["home", "news", "help", "sport"])));
    assert_eq!(start.elapsed(), ms(300), "three levels");
    assert_eq!(most.get(), 2, "news and help at once");
    let mut asked = asked.into_inner();
    asked.sort();
    assert_eq!(asked, ["help", "home", "news", "sport"], "each once");
}

/// A page that was seen is not visited again: links to itself are no endless loop.
#[tokio::test(start_paused = true)]
async fn from_a_page_without_links_only_it_is_reached() {
    let found = reachable(7, async |_| Ok::<_, ()>(vec![]));
    assert_eq!(found.now_or_never(), Some(Ok(HashSet::from([7]))));
    let found = reachable(7, async |_| Ok::<_, ()>(vec![7, 7, 7]));
    assert_eq!(found.now_or_never(), Some(Ok(HashSet::from([7]))), "it links to itself");
}

/// asyncio: the first exception ends the others. Tokio: they are dropped, and their borrows end.
#[tokio::test(start_paused = true)]
async fn the_first_error_drops_the_others() {
    let (start, life) = (Instant::now(), Life::default());
    let mut owned = vec![100, 200, 300];
    let links = async |n: usize| {
        let _life = life.begin();
        sleep(ms(owned.get(n).copied().unwrap_or_default())).await;
        match n {
            0 => Ok(vec![1, 2, 3]),
            3 => Ok(vec![4]),
            _ => Err(n),
        }
    };
    assert_eq!(reachable(0, links).await, Err(4));
    assert_eq!((start.elapsed(), life.get()), (ms(100), (5, 5)));
    owned.clear();
}

/// The children share one task: while one computes, the others wait, and none runs on another thread.
#[tokio::test(start_paused = true)]
async fn all_children_share_the_parents_task() {
    let task = tokio::spawn(async {
        let ids = std::sync::Mutex::new(HashSet::new());
        let links = async |n| {
            ids.lock().unwrap().insert(tokio::task::id());
            yield_now().await;
            Ok::<_, ()>(if n < 10 { vec![n + 1, n + 2] } else { vec![] })
        };
        let found = reachable(0, links).await.unwrap();
        (found.len(), ids.into_inner().unwrap(), tokio::task::id())
    });
    let (found, ids, id) = task.await.unwrap();
    assert_eq!((found, ids), (12, HashSet::from([id])));
}

/// A panic of one child drops the others at once.
#[tokio::test(start_paused = true)]
async fn a_panic_takes_the_others_with_it() {
    let life = Life::default();
    let found = reachable(0, async |n| {
        let _life = life.begin();
        match n {
            0 => Ok::<_, ()>(vec![1, 2]),
            1 => pending().await,
            _ => panics("two"),
        }
    });
    assert_eq!(panic_of(found).await, "two");
    assert_eq!(life.get(), (3, 3));
}

/// A chain of ten thousand pages, and ten thousand links on one page.
#[tokio::test(start_paused = true)]
async fn many_are_found() {
    let row = reachable(0, async |n| Ok::<_, ()>(if n < 9_999 { vec![n + 1] } else { vec![] }));
    assert_eq!(row.await.map(|found| found.len()), Ok(10_000));

    let start = Instant::now();
    let fan = reachable(0, async |n| {
        sleep(ms(100)).await;
        Ok::<_, ()>(if n == 0 { (1..10_000).collect() } else { vec![] })
    });
    assert_eq!((fan.await.map(|found| found.len()), start.elapsed()), (Ok(10_000), ms(200)));
}

/// With endless links that are ready at once, it yields, so that another task runs.
#[tokio::test(start_paused = true)]
async fn links_that_are_known_at_once_do_not_keep_others_from_their_turn() {
    let (is_set, setter) = (Cell::new(false), tokio::spawn(async {}));
    let endless = reachable(0, |page| {
        assert!(page < 10_000, "nothing else runs");
        std::future::ready(if is_set.get() { Err(page) } else { Ok(vec![page + 1]) })
    });
    let tells = async {
        setter.await.unwrap();
        is_set.set(true);
    };
    let (found, ()) = tokio::join!(endless, tells);
    assert!(found.is_err());
}
