//! Proofs: `mock`.

use std::sync::Arc;

use cancel_sweep::sweep_with;
use testing::mock::Mock;
use tokio::time::sleep;

use crate::many_threads::{on_many_threads, some_turns};
use crate::support::{Count, ms};

/// Dropped anywhere, its answer is dropped. The call counts if it was polled.
#[test]
fn dropped_anywhere_the_answer_is_dropped() {
    let swept = sweep_with(
        || {
            let (begun, ended) = (Count::default(), Count::default());
            let counts = (begun.clone(), ended.clone());
            let mock = Arc::new(Mock::with(move |_: &u32| {
                begun.add();
                let left = ended.on_drop();
                async move {
                    let _left = left;
                    sleep(ms(10)).await;
                }
            }));
            ((mock.clone(), counts), async move { mock.call(1).await })
        },
        |(mock, (begun, ended)), _outcome| {
            assert_eq!(begun.get(), ended.get());
            assert_eq!(mock.calls().len(), begun.get());
        },
    );
    assert_eq!(swept.points, 1);
}

/// Calls from many threads: each is kept, and each answer is given once.
#[test]
fn calls_from_many_threads_are_all_kept() {
    on_many_threads(20, async |mut rng| {
        let mock = Arc::new(Mock::in_order(0..50));
        let mut calls = Vec::new();
        for number in 0..50 {
            let mock = mock.clone();
            calls.push(tokio::spawn(async move { mock.call(number).await }));
            some_turns(&mut rng, 1).await;
        }
        let mut answers = Vec::new();
        for call in calls {
            answers.push(call.await.unwrap());
        }
        let mut arguments = mock.calls();
        arguments.sort_unstable();
        answers.sort_unstable();
        assert_eq!((arguments, answers), ((0..50).collect(), (0..50).collect::<Vec<_>>()));
    });
}
