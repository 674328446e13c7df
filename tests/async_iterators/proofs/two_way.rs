//! Proofs of the pattern `two_way`.

use std::sync::{Arc, Mutex};

use async_iterators::two_way::two_way;
use tokio::time::sleep;

use crate::support::{Count, ms};

/// Wherever a conversation is dropped, nothing of it is left, and no answer belongs to another value.
#[test]
fn a_cancelled_send_ends_it_and_never_answers_another_value() {
    let swept = cancel_sweep::sweep_with(
        || {
            let answers = Arc::new(Mutex::new(Vec::new()));
            let dropped = Count::default();
            let (log, guard) = (answers.clone(), dropped.on_drop());
            ((answers, dropped), async move {
                let mut echo = two_way(async move |mut value: u32, mut caller| {
                    let _guard = guard;
                    loop {
                        sleep(ms(10)).await;
                        value = caller.give(value).await;
                    }
                });
                for value in 0..3 {
                    let answer = echo.send(value).await;
                    log.lock().unwrap().push((value, answer));
                }
            })
        },
        |(answers, dropped), _| {
            assert!(answers.lock().unwrap().iter().all(|(value, answer)| *answer == Some(*value)));
            assert_eq!(dropped.get(), 1);
        },
    );
    assert!(swept.points >= 3);
}
