//! Proofs of the pattern `starved_stream`.

use pitfalls::starved_stream::fixed;
use tokio::time::sleep;

use crate::support::{alive_tasks, limit, ms};
use crate::work::Visits;

/// `buffered` holds the handles: its drop aborts the requests that `spawn` would have detached.
#[test]
fn cancelled_anywhere_no_request_goes_on() {
    let run = || {
        let under_way = Visits::default();
        let requests = under_way.clone();
        let fetch = move |_: usize| {
            let under_way = requests.during();
            async move {
                sleep(ms(10)).await;
                drop(under_way);
            }
        };
        (under_way, fixed(0..4, limit(2), fetch, async |()| sleep(ms(5)).await))
    };
    let swept = cancel_sweep::sweep_with(run, |under_way, _| {
        assert_eq!((under_way.now(), alive_tasks()), (0, 0));
    });
    assert!(swept.points >= 6);
}
