//! Proofs: `shared`.

use std::sync::Arc;

use testing::shared::Shared;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::many_threads::{on_many_threads, some_turns};
use crate::real_time::soon_on_real_time;
use crate::support::{Count, ms};
use crate::tools::drop_at;

/// Dropped anywhere, the making ends, and the next caller makes the fixture. Nothing of the first one is left.
#[tokio::test]
async fn dropped_anywhere_the_next_test_makes_it() {
    for suspensions in 0.. {
        let (shared, begun, ended) = (Shared::new(), Count::default(), Count::default());
        // In the first round it waits for a permit that never comes.
        let permits = Arc::new(Semaphore::new(suspensions));
        let make = || {
            begun.add();
            let (left, permits) = (ended.on_drop(), permits.clone());
            async move {
                let _left = left;
                let _permit = permits.acquire().await;
                7
            }
        };
        let is_finished = drop_at(shared.get(make), suspensions).await.is_some();
        assert_eq!(shared.get(|| async { 7 }).await, &7);
        let all_end = async {
            while begun.get() > ended.get() {
                sleep(ms(1)).await;
            }
        };
        soon_on_real_time(all_end).await;
        if is_finished {
            assert_eq!((suspensions > 0, begun.get()), (true, 1));
            break;
        }
    }
}

/// Tests on many threads ask for it at once: it is made once, and each gets it.
#[test]
fn many_tests_at_once_have_one_fixture() {
    on_many_threads(20, async |mut rng| {
        let shared: &Shared<usize> = Box::leak(Box::new(Shared::new()));
        let made = Count::default();
        let mut tests = Vec::new();
        for _test in 0..8 {
            let made = made.clone();
            let make = move || async move {
                made.add();
                made.get()
            };
            tests.push(tokio::spawn(async move { *shared.get(make).await }));
            some_turns(&mut rng, 3).await;
        }
        for test in tests {
            assert_eq!(test.await.unwrap(), 1);
        }
        assert_eq!(made.get(), 1);
    });
}
