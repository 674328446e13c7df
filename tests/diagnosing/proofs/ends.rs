//! Every public function that takes a number or a time, at the ends of its arguments.

use std::sync::mpsc;
use std::time::Duration;

use diagnosing::slow_polls::report_slow_polls;
use diagnosing::watchdog::{Pulse, watch};
use tokio::runtime::Builder;

use crate::real_time::soon_on_a_thread;
use crate::support::{Count, TIMES};

/// At a limit of zero each poll is slow.
#[tokio::test(start_paused = true)]
async fn of_the_limit_for_a_poll() {
    for (time, expected) in TIMES.into_iter().zip([1, 0, 0]) {
        let polls = Count::default();
        report_slow_polls(time, |_| polls.add(), async {}).await;
        assert_eq!(polls.get(), expected, "{time:?}");
    }
}

/// A limit of zero is one millisecond; one without end reports nothing.
#[test]
fn of_a_watchdogs_limit() {
    soon_on_a_thread(|| {
        for time in TIMES {
            let runtime = Builder::new_current_thread().build().unwrap();
            let (log, pulses) = mpsc::channel();
            let watchdog =
                watch(runtime.handle(), time, move |pulse| log.send(pulse).unwrap_or_default()).unwrap();
            if time < Duration::MAX {
                assert_eq!(pulses.recv(), Ok(Pulse::Blocked), "{time:?}");
            }
            drop((watchdog, runtime));
            assert!(pulses.iter().all(|pulse| pulse == Pulse::Blocked), "{time:?}");
        }
    });
}
