//! Proofs of the pattern `single_flight`.

use std::sync::Arc;
use std::time::Duration;

use async_await::single_flight::LoadingCache;
use cancel_sweep::Outcome;
use futures::FutureExt;
use tokio::task::{JoinSet, yield_now};
use tokio::time::sleep;

use crate::many_threads::{on_many_threads, some_turns};
use crate::support::{Count, Gauge, ms, panics};

async fn load(calls: Count) -> Result<usize, ()> {
    calls.add();
    let number = calls.get();
    sleep(ms(10)).await;
    yield_now().await;
    Ok(number)
}

/// Cancelled anywhere, a call that leads costs the waiter one more call, and a call that waits costs nothing.
#[test]
fn a_cancelled_caller_costs_the_others_no_result() {
    for leads in [true, false] {
        let swept = cancel_sweep::sweep_with(
            || {
                let (cache, calls) = (Arc::new(LoadingCache::new(ms(60_000))), Count::default());
                let get = |calls: &Count| {
                    let (cache, calls) = (cache.clone(), calls.clone());
                    async move { cache.get("key", load(calls)).await }
                };
                let mut other = Box::pin(get(&calls));
                if !leads {
                    assert!(other.as_mut().now_or_never().is_none());
                }
                let swept = get(&calls);
                // After the first poll of what is swept, if that leads.
                let other = tokio::spawn(async move {
                    yield_now().await;
                    other.await
                });
                ((cache.clone(), calls, other), swept)
            },
            |(cache, calls, other), outcome| {
                let other = other.now_or_never().expect("it does not hang").unwrap();
                let kept = cache.get("key", load(calls.clone())).now_or_never();
                assert_eq!(kept, Some(other), "it is kept");
                let most = match outcome {
                    Outcome::Cancelled(_) if leads => 2,
                    _ => 1,
                };
                assert!((1..=most).contains(&calls.get()), "{} calls", calls.get());
            },
        );
        assert!(swept.points >= 1, "{leads}: {}", swept.points);
    }
}

/// On four threads, callers are cancelled, fail and panic at any moment: a key has one call at a time, and none hangs.
#[test]
fn on_four_threads_a_key_has_one_call_at_a_time() {
    on_many_threads(300, async |mut rng| {
        let cache = Arc::new(LoadingCache::new(ms(rng.u64(0..2))).keep_errors(ms(rng.u64(0..2))));
        let gauges = [Gauge::default(), Gauge::default(), Gauge::default()];
        let mut callers = JoinSet::new();
        for _ in 0..40 {
            let (own, mut luck, key) = (cache.clone(), rng.fork(), rng.usize(0..3));
            let gauge = gauges[key].clone();
            let caller = callers.spawn(async move {
                some_turns(&mut luck, 3).await;
                let load = gauge.around(async {
                    some_turns(&mut luck, 3).await;
                    match luck.u8(0..6) {
                        0 => panics("in a load"),
                        1 => Err(key),
                        _ => Ok(key),
                    }
                });
                let (Ok(result) | Err(result)) = own.get(key, load).await;
                assert_eq!(result, key);
            });
            if rng.u8(0..4) == 0 {
                some_turns(&mut rng, 3).await;
                caller.abort();
            }
            if rng.u8(0..10) == 0 {
                cache.count();
            }
        }
        while let Some(ended) = callers.join_next().await {
            let is_expected = ended.as_ref().map_or_else(
                |error| error.is_cancelled() || error.to_string().contains("in a load"),
                |()| true,
            );
            assert!(is_expected, "{ended:?}");
        }
        for gauge in gauges {
            assert!(gauge.peak() <= 1 && gauge.now() == 0, "{}", gauge.peak());
        }
    });
}

/// On four threads, callers that come when the call ends start no second one.
#[test]
fn on_four_threads_a_kept_key_is_loaded_once() {
    on_many_threads(300, async |mut rng| {
        let (cache, calls) = (Arc::new(LoadingCache::new(Duration::MAX)), Count::default());
        let mut callers = JoinSet::new();
        for _ in 0..40 {
            let (own, calls, mut luck) = (cache.clone(), calls.clone(), rng.fork());
            callers.spawn(async move {
                some_turns(&mut luck, 3).await;
                let load = async {
                    calls.add();
                    some_turns(&mut luck, 3).await;
                    Ok::<_, ()>(1)
                };
                own.get("key", load).await
            });
        }
        assert_eq!(callers.join_all().await, [Ok(1); 40]);
        assert_eq!(calls.get(), 1);
    });
}

/// On four threads, keys are removed at any moment: each caller has the value of its key, and none hangs.
#[test]
fn on_four_threads_a_removal_costs_no_caller_its_value() {
    on_many_threads(300, async |mut rng| {
        let cache = Arc::new(LoadingCache::new(ms(rng.u64(0..2))));
        let mut callers = JoinSet::new();
        for _ in 0..40 {
            let (own, mut luck, key) = (cache.clone(), rng.fork(), rng.usize(0..3));
            callers.spawn(async move {
                some_turns(&mut luck, 3).await;
                if luck.bool() {
                    own.remove(&key);
                }
                let load = async {
                    some_turns(&mut luck, 3).await;
                    Ok::<_, ()>(key)
                };
                assert_eq!(own.get(key, load).await, Ok(key));
            });
        }
        callers.join_all().await;
        assert!(cache.count() <= 3);
    });
}
