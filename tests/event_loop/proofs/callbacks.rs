//! Proofs of the pattern `callbacks`.

use cancel_sweep::Outcome;
use event_loop::callbacks::Callbacks;
use futures::FutureExt;
use tokio::time::sleep;

use crate::support::{Entries, ms};
use crate::work::callbacks::adds;

/// Cancelled at any point, a run neither loses nor repeats a callback: the next run goes on, in order.
#[test]
fn a_cancelled_run_loses_no_callback() {
    let swept = cancel_sweep::sweep_with(
        || {
            let (callbacks, log) = (Callbacks::new(), Entries::new());
            for (name, millis) in [("c", 30), ("a", 10), ("b", 20)] {
                callbacks.call_later(ms(millis), adds(&log, name)).unwrap();
            }
            callbacks.call_soon(adds(&log, "soon")).unwrap();
            let (later, more) = (callbacks.clone(), adds(&log, "from elsewhere"));
            tokio::spawn(async move {
                sleep(ms(15)).await;
                later.call_soon(more).unwrap();
                sleep(ms(25)).await;
                later.stop();
            });
            let runs = callbacks.clone();
            ((callbacks, log), async move { runs.run(|_| {}).await })
        },
        |(callbacks, log), outcome| {
            if let Outcome::Cancelled(_) = outcome {
                callbacks.stop();
                assert_eq!(callbacks.run(|_| {}).now_or_never(), Some(Ok(())));
            }
            let mut entries = log.take();
            let elsewhere = entries.iter().position(|entry| *entry == "from elsewhere").unwrap();
            entries.remove(elsewhere);
            assert_eq!(entries, ["soon", "a", "b", "c"]);
            assert_eq!(callbacks.len(), 0);
        },
    );
    assert!(swept.points >= 5, "{swept:?}");
}
