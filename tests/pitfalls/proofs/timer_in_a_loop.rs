//! Proofs of the pattern `timer_in_a_loop`.

use std::sync::{Arc, Mutex};

use pitfalls::timer_in_a_loop::fixed;
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::support::ms;

/// A drop loses the batch that is not written yet; the written items are a prefix.
#[test]
fn cancelled_anywhere_what_was_written_is_whole_and_in_order() {
    let run = || {
        let written = Arc::new(Mutex::new(Vec::new()));
        let writing = Arc::clone(&written);
        let (queue, items) = mpsc::channel(1);
        tokio::spawn(async move {
            for item in 0..4 {
                sleep(ms(30)).await;
                if queue.send(item).await.is_err() {
                    break;
                }
            }
        });
        (written, fixed(items, ms(50), move |batch| writing.lock().unwrap().extend(batch)))
    };
    let swept = cancel_sweep::sweep_with(run, |written, outcome| {
        let written = written.lock().unwrap();
        assert!(written.iter().copied().eq(0..written.len()));
        assert!(written.len() == 4 || matches!(outcome, cancel_sweep::Outcome::Cancelled(_)));
    });
    assert!(swept.points >= 5);
}
