//! Proofs: `fixture`.

use cancel_sweep::{Outcome, sweep_with};
use testing::fixture::with_fixture;
use tokio::time::sleep;

use crate::support::{Log, ms};

/// Dropped anywhere, the fixture is dropped. The tear-down has run to its end if the call has, and not otherwise.
#[test]
fn dropped_anywhere_the_fixture_is_dropped_once() {
    let swept = sweep_with(
        || {
            let log = Log::default();
            let (made, torn_down) = (log.clone(), log.clone());
            let set_up = async move {
                sleep(ms(10)).await;
                made.add("made");
                made.on_drop("dropped")
            };
            let tear_down = async move |fixture| {
                sleep(ms(10)).await;
                drop(fixture);
                torn_down.add("torn down");
            };
            (log, with_fixture(set_up, async |_fixture| sleep(ms(10)).await, tear_down))
        },
        |log, outcome| {
            let seen = log.take();
            match outcome {
                Outcome::Finished(()) => assert_eq!(seen, ["made", "dropped", "torn down"]),
                Outcome::Cancelled(_) => assert!(seen.is_empty() || seen == ["made", "dropped"], "{seen:?}"),
            }
        },
    );
    assert_eq!(swept.points, 3);
}
