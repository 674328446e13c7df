//! Lessons of the pattern `single_flight`.

use std::cell::Cell;
use std::collections::HashMap;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_await::single_flight::LoadingCache;
use futures::FutureExt;
use futures::future::{join_all, try_join_all};
use tokio::join;
use tokio::task::yield_now;
use tokio::time::{Instant, advance, sleep, timeout};

use crate::support::{Count, PanicsWhenDropped, ms, panics, settle, soon};

type Cache = LoadingCache<&'static str, usize, &'static str>;

const MINUTE: Duration = Duration::from_secs(60);

/// A call that takes 100 ms. Returns the number of the call.
async fn load(calls: Count) -> Result<usize, &'static str> {
    calls.add();
    let number = calls.get();
    sleep(ms(100)).await;
    Ok(number)
}

/// A call that fails after 100 ms.
async fn fails(calls: Count) -> Result<usize, &'static str> {
    load(calls).await.and(Err("503"))
}

/// asyncio: look, load, store. Each caller that looks before the first one stores makes a call. Here: one call for all.
#[tokio::test(start_paused = true)]
async fn a_thousand_callers_in_one_instant_make_one_call() {
    let (cache, calls, start) = (Cache::new(MINUTE), Count::default(), Instant::now());
    let values = try_join_all((0..1_000).map(|_| cache.get("key", load(calls.clone()))));
    assert_eq!(soon(values).await.unwrap(), [1; 1_000]);
    assert_eq!((calls.get(), start.elapsed()), (1, ms(100)));
}

/// The hazard, a cache stampede: look, then load, then store. asyncio: the same with a dictionary.
#[tokio::test(start_paused = true)]
async fn but_look_then_load_makes_a_call_for_each() {
    let (kept, calls) = (Mutex::new(HashMap::new()), Count::default());
    let get = async || {
        let known = kept.lock().unwrap().get("key").copied();
        match known {
            Some(value) => value,
            None => {
                let value = load(calls.clone()).await.unwrap();
                kept.lock().unwrap().insert("key", value);
                value
            }
        }
    };
    soon(join_all((0..1_000).map(|_| get()))).await;
    assert_eq!(calls.get(), 1_000);
}

/// The hazard: one lock around look and load makes keys wait for each other. asyncio: the same with one `Lock`.
#[tokio::test(start_paused = true)]
async fn but_one_lock_around_the_load_makes_other_keys_wait() {
    let (lock, cache, calls) = (tokio::sync::Mutex::new(()), Cache::new(MINUTE), Count::default());
    let start = Instant::now();
    let locked = async || {
        let _locked = lock.lock().await;
        load(calls.clone()).await
    };
    let _both = join!(locked(), locked());
    assert_eq!(start.elapsed(), ms(200));

    let start = Instant::now();
    let both = join!(cache.get("one", load(calls.clone())), cache.get("other", load(calls.clone())));
    assert_eq!((both, start.elapsed()), ((Ok(3), Ok(4)), ms(100)));
}

/// asyncio: `lru_cache` keeps it forever. Here: for its time, counted from the end of the load.
#[tokio::test(start_paused = true)]
async fn a_value_is_kept_for_its_time() {
    let (cache, calls) = (Cache::new(MINUTE), Count::default());
    assert_eq!(cache.get("key", load(calls.clone())).await, Ok(1));
    advance(MINUTE - ms(1)).await;
    assert_eq!(cache.get("key", load(calls.clone())).await, Ok(1));
    advance(ms(1)).await;
    assert_eq!(cache.get("key", load(calls.clone())).await, Ok(2));
}

/// A load is a future: one that is not needed never runs. asyncio warns about such a coroutine.
#[tokio::test(start_paused = true)]
async fn a_load_that_is_not_needed_never_runs() {
    let (cache, calls, dropped) = (Cache::new(MINUTE), Count::default(), Count::default());
    assert_eq!(cache.get("key", load(calls.clone())).await, Ok(1));
    let captured = dropped.on_drop();
    let unneeded = async {
        let _captured = captured;
        panics("it ran")
    };
    assert_eq!(cache.get("key", unneeded).now_or_never(), Some(Ok(1)));
    assert_eq!(dropped.get(), 1);
}

/// asyncio: a kept `Task` raises its error again and again. Here: the callers that wait get it, and the next caller
/// loads anew.
#[tokio::test(start_paused = true)]
async fn an_error_reaches_all_who_wait_and_is_not_kept() {
    let (cache, calls) = (Cache::new(MINUTE), Count::default());
    let errors = join_all((0..1_000).map(|_| cache.get("key", fails(calls.clone()))));
    assert_eq!(soon(errors).await, vec![Err("503"); 1_000]);
    assert_eq!(calls.get(), 1);
    assert_eq!(cache.get("key", load(calls.clone())).await, Ok(2));
}

/// A kept error spares a service that is down. asyncio: `alru_cache` has an option for that.
#[tokio::test(start_paused = true)]
async fn an_error_is_kept_as_long_as_the_caller_says() {
    let (cache, calls) = (Cache::new(MINUTE).keep_errors(ms(500)), Count::default());
    assert_eq!(cache.get("key", fails(calls.clone())).await, Err("503"));
    advance(ms(499)).await;
    assert_eq!(cache.get("key", load(calls.clone())).await, Err("503"));
    advance(ms(1)).await;
    assert_eq!(cache.get("key", load(calls.clone())).await, Ok(2));
    assert_eq!(cache.get("key", load(calls.clone())).await, Ok(2), "a value is kept for its own time");
}

/// asyncio: a task that is shared without a `shield` is cancelled with any of its callers. Here: the next caller loads.
#[tokio::test(start_paused = true)]
async fn when_the_leader_is_cancelled_a_waiter_takes_over() {
    let (cache, calls, start) = (Cache::new(MINUTE), Count::default(), Instant::now());
    let leader = timeout(ms(50), cache.get("key", load(calls.clone())));
    let waiters = join_all((0..1_000).map(|_| cache.get("key", load(calls.clone()))));
    let (leader, waiters) = soon(async { join!(leader, waiters) }).await;
    assert!(leader.is_err());
    assert_eq!((waiters, calls.get(), start.elapsed()), (vec![Ok(2); 1_000], 2, ms(150)));
}

/// asyncio: a key whose task was cancelled stays cancelled, unless it is taken out. Here: the next caller loads.
#[tokio::test(start_paused = true)]
async fn when_all_are_cancelled_the_next_caller_loads() {
    let (cache, calls) = (Cache::new(MINUTE), Count::default());
    let gave_up = join_all((0..10).map(|_| timeout(ms(50), cache.get("key", load(calls.clone())))));
    assert!(soon(gave_up).await.iter().all(Result::is_err));
    let before = calls.get();
    assert_eq!(soon(cache.get("key", load(calls.clone()))).await, Ok(before + 1));
}

/// The hazard: each caller that takes over begins anew, and gives up before the end. A limit belongs into the load.
#[tokio::test(start_paused = true)]
async fn but_callers_that_give_up_in_turn_finish_no_load() {
    let (cache, calls) = (Cache::new(MINUTE), Count::default());
    let impatient = (1..=10).map(|number| timeout(ms(50 * number), cache.get("key", load(calls.clone()))));
    assert!(soon(join_all(impatient)).await.iter().all(Result::is_err));
    assert_eq!(calls.get(), 10);

    let calls = Count::default();
    let limited = async || timeout(ms(150), load(calls.clone())).await.unwrap_or(Err("too late"));
    let patient = join_all((1..=10).map(|_| cache.get("key", limited())));
    assert_eq!((soon(patient).await, calls.get()), (vec![Ok(1); 10], 1));
}

/// asyncio: a cancelled waiter cancels the task, unless it is shielded. Here: it has no effect on the load and the
/// other waiters.
#[tokio::test(start_paused = true)]
async fn a_cancelled_waiter_starts_no_second_call() {
    let (cache, calls) = (Cache::new(MINUTE), Count::default());
    let leader = cache.get("key", load(calls.clone()));
    let gives_up = timeout(ms(10), cache.get("key", load(calls.clone())));
    let comes_later = async {
        sleep(ms(20)).await;
        cache.get("key", load(calls.clone())).await
    };
    let (leader, gave_up, later) = soon(async { join!(leader, gives_up, comes_later) }).await;
    assert!(gave_up.is_err());
    assert_eq!((leader, later, calls.get()), (Ok(1), Ok(1), 1));
}

/// asyncio: the exception of a task is raised in all tasks that await it. Here: a panic reaches only its own caller,
/// and the next caller loads.
#[tokio::test(start_paused = true)]
async fn when_the_leader_panics_a_waiter_takes_over() {
    let (cache, calls) = (Cache::new(MINUTE), Count::default());
    let panic = async {
        sleep(ms(10)).await;
        std::panic::resume_unwind(Box::new(PanicsWhenDropped))
    };
    let leader = AssertUnwindSafe(cache.get("key", panic)).catch_unwind();
    let waiters = join_all((0..10).map(|_| cache.get("key", load(calls.clone()))));
    let (leader, waiters) = soon(async { join!(leader, waiters) }).await;
    // Its payload is whole: nothing here has dropped it.
    std::mem::forget(leader.unwrap_err());
    assert_eq!((waiters, calls.get()), (vec![Ok(1); 10], 1));
}

/// asyncio: `cache_clear` forgets what is kept. Here too. The call under way is not kept, and no new caller joins it.
#[tokio::test(start_paused = true)]
async fn a_removed_key_is_loaded_again() {
    let (cache, calls) = (Cache::new(MINUTE), Count::default());
    let first = cache.get("key", load(calls.clone()));
    let second = async {
        sleep(ms(50)).await;
        cache.remove(&"key");
        cache.get("key", load(calls.clone())).await
    };
    // The first call is over, the second is not.
    let third = async {
        sleep(ms(120)).await;
        cache.get("key", load(calls.clone())).await
    };
    assert_eq!(soon(async { join!(first, second, third) }).await, (Ok(1), Ok(2), Ok(2)));
    assert_eq!(cache.get("key", load(calls.clone())).await, Ok(2), "the later one is kept");
}

/// asyncio: a dictionary of results grows. Here: later calls remove entries past their time.
#[tokio::test(start_paused = true)]
async fn entries_past_their_time_go() {
    let cache = LoadingCache::new(MINUTE).keep_errors(ms(10));
    for key in 0..100_000 {
        let result = if key % 2 == 0 { Ok(key) } else { Err(key) };
        assert_eq!(cache.get(key, async { result }).await, result);
    }
    assert_eq!(cache.count(), 100_000);
    advance(MINUTE).await;
    assert_eq!(cache.get(0, async { Ok(1) }).await, Ok(1));
    assert_eq!(cache.count(), 1);

    let forever = LoadingCache::new(Duration::MAX);
    for key in 0..1_000 {
        let _result = forever.get(key, async { if key == 0 { Ok(key) } else { Err(key) } }).await;
    }
    advance(MINUTE).await;
    assert_eq!(forever.get(0, async { Err(1) }).await, Ok(0));
    assert_eq!(forever.count(), 1, "the errors are gone, and the value stays");
}

/// Callers that were cancelled leave nothing behind for good, and no call under way is removed.
#[tokio::test(start_paused = true)]
async fn keys_of_cancelled_callers_go() {
    let cache: LoadingCache<usize, usize, Infallible> = LoadingCache::new(ms(10));
    let slow = async |key| {
        sleep(MINUTE).await;
        Ok(key)
    };
    let mut under_way = Box::pin(cache.get(1_000, slow(1_000)));
    assert!(under_way.as_mut().now_or_never().is_none());
    for key in 0..1_000 {
        assert!(cache.get(key, slow(key)).now_or_never().is_none());
    }
    assert_eq!(cache.count(), 1_001);
    advance(ms(1_000)).await;
    let joined = cache.get(1_000, async { unreachable!() });
    assert_eq!(soon(async { join!(under_way, joined) }).await, (Ok(1_000), Ok(1_000)));
    assert_eq!(cache.count(), 1);
}

/// asyncio: a task that awaits itself raises `RuntimeError`. Here: a panic, also through another key.
#[tokio::test(start_paused = true)]
async fn a_load_that_awaits_its_own_key_panics() {
    let (cache, calls) = (Cache::new(MINUTE), Count::default());
    let circle = async { cache.get("other", async { cache.get("key", load(calls.clone())).await }).await };
    let circle = soon(AssertUnwindSafe(cache.get("key", circle)).catch_unwind()).await;
    assert_eq!(circle.unwrap_err().downcast_ref(), Some(&"a load awaits its own key"));
    assert_eq!(cache.get("key", load(calls.clone())).await, Ok(1), "no key is stuck");
    let nested = cache.get("outer", async { cache.get("key", load(calls.clone())).await });
    assert_eq!(nested.await, Ok(1), "another key does not count as its own");
}

/// The hazard: a load that awaits its key through another task is not recognised, and waits forever. asyncio: the same.
#[tokio::test(start_paused = true)]
async fn but_behind_another_task_a_load_waits_for_itself() {
    let (cache, calls) = (Arc::new(Cache::new(MINUTE)), Count::default());
    let (same, number) = (cache.clone(), calls.clone());
    let behind = async { tokio::spawn(async move { same.get("key", load(number)).await }).await.unwrap() };
    assert!(timeout(Duration::from_secs(3_600), cache.get("key", behind)).await.is_err());
    assert_eq!(soon(cache.get("key", load(calls.clone()))).await, Ok(1), "dropped, it makes way");
}

/// The hazard: a load runs in its caller's task, and stops while the caller does something else. A spawned load goes
/// on.
#[tokio::test(start_paused = true)]
async fn but_a_caller_that_is_not_polled_holds_up_the_others() {
    let (cache, calls) = (Cache::new(MINUTE), Count::default());
    let mut begun = Box::pin(cache.get("key", load(calls.clone())));
    assert!(begun.as_mut().now_or_never().is_none());
    let waiter = timeout(Duration::from_secs(3_600), cache.get("key", load(calls.clone()))).await;
    assert!(waiter.is_err());
    assert_eq!(begun.await, Ok(1));

    let spawned = async { tokio::spawn(load(calls.clone())).await.unwrap() };
    let mut begun = Box::pin(cache.get("other", spawned));
    assert!(begun.as_mut().now_or_never().is_none());
    settle().await;
    let waiter = timeout(ms(200), cache.get("other", load(calls.clone()))).await;
    assert!(waiter.is_err(), "the call is over, and its caller has not noted it");
    assert_eq!((begun.now_or_never(), calls.get()), (Some(Ok(2)), 2));
}

/// A destructor may call the cache, and may panic: the cache stays consistent, and no lock is held.
#[tokio::test(start_paused = true)]
async fn a_destructor_may_call_the_cache_and_panic() {
    struct Value(Rc<LoadingCache<u8, Rc<Value>, Infallible>>, Rc<Cell<bool>>);
    impl Drop for Value {
        fn drop(&mut self) {
            let _count = self.0.count();
            assert!(!self.1.get(), "while it is dropped");
        }
    }
    let (cache, panics) = (Rc::new(LoadingCache::new(ms(10))), Rc::new(Cell::new(false)));
    let value = async || Ok(Rc::new(Value(cache.clone(), panics.clone())));
    let get = async |key| drop(cache.get(key, value()).await);
    // Replaced, removed by a call, and removed by a later call for another key.
    get(1).await;
    advance(ms(10)).await;
    get(1).await;
    cache.remove(&1);
    get(1).await;
    advance(ms(2_000)).await;
    panics.set(true);
    assert!(AssertUnwindSafe(get(2)).catch_unwind().await.is_err());
    panics.set(false);
    get(2).await;
    assert_eq!(cache.count(), 1);
    cache.remove(&2);
}

/// Neither `Send` nor `'static` is needed. asyncio: everything is on one thread.
#[tokio::test(start_paused = true)]
async fn values_may_stay_on_one_thread() {
    let (text, cache) = ("text".to_owned(), LoadingCache::new(MINUTE));
    let value = cache.get("key", async {
        yield_now().await;
        Ok::<_, Infallible>(Rc::new(text.as_str()))
    });
    assert_eq!(*value.await.unwrap(), "text");
}
