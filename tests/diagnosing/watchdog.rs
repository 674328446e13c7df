//! Lessons of the pattern `watchdog`.

use std::sync::{Arc, Barrier, mpsc};
use std::time::Duration;

use diagnosing::watchdog::{Pulse, watch};
use tokio::runtime::Builder;
use tokio::task::yield_now;

use crate::real_time::soon_on_a_thread;
use crate::support::{ms, panics};
use crate::work::{four_workers, paused_runtime};

type Pulses = (Box<dyn FnMut(Pulse) + Send>, mpsc::Receiver<Pulse>);

fn pulses() -> Pulses {
    let (sender, receiver) = mpsc::channel();
    let report = move |pulse| {
        let _nobody_listens = sender.send(pulse);
    };
    (Box::new(report), receiver)
}

fn assert_back(pulse: Pulse, limit: Duration) {
    let Pulse::Back(after) = pulse else { panic!("{pulse:?}") };
    assert!(after >= limit, "{after:?}");
}

/// asyncio's debug mode logs a slow callback when it is over. This tells while it lasts, also if it never ends.
#[test]
fn a_runtime_that_is_blocked_is_noticed_while_it_is() {
    soon_on_a_thread(|| {
        for runtime in [paused_runtime(), Builder::new_current_thread().build().unwrap()] {
            let (report, heard) = pulses();
            let _watchdog = watch(runtime.handle(), ms(2), report).unwrap();
            runtime.block_on(async {
                for _ in 0..2 {
                    // It is blocked until that has been noticed.
                    assert_eq!(heard.recv(), Ok(Pulse::Blocked));
                    while heard.try_recv().map(|pulse| assert_back(pulse, ms(2))).is_err() {
                        yield_now().await;
                    }
                }
            });
        }
    });
}

/// Of many threads, all have to be blocked.
#[test]
fn of_many_threads_it_notices_when_all_are_blocked() {
    soon_on_a_thread(|| {
        let runtime = four_workers();
        let (report, heard) = pulses();
        let _watchdog = watch(runtime.handle(), ms(2), report).unwrap();
        let released = Arc::new(Barrier::new(5));
        for _ in 0..4 {
            let released = released.clone();
            runtime.spawn(async move { released.wait() });
        }
        assert_eq!(heard.recv(), Ok(Pulse::Blocked));
        released.wait();
        assert_back(heard.recv().unwrap(), ms(2));
    });
}

/// Its report is dropped with its thread.
#[test]
fn the_end_of_the_runtime_ends_it() {
    soon_on_a_thread(|| {
        for runtime in [paused_runtime(), four_workers()] {
            let (report, heard) = pulses();
            let _watchdog = watch(runtime.handle(), ms(1), report).unwrap();
            runtime.block_on(yield_now());
            drop(runtime);
            while heard.recv().is_ok() {}
        }
    });
}

/// A watch ends with its owner: its thread is gone although the runtime goes on.
#[test]
fn a_drop_of_it_ends_it_while_the_runtime_runs() {
    soon_on_a_thread(|| {
        let runtime = four_workers();
        let (report, heard) = pulses();
        drop(watch(runtime.handle(), ms(1), report).unwrap());
        while heard.recv().is_ok() {}
        drop(runtime);
    });
}

/// Also while the runtime is blocked, and forever.
#[test]
fn a_drop_of_it_ends_it_while_the_runtime_is_blocked() {
    soon_on_a_thread(|| {
        let runtime = paused_runtime();
        let (report, heard) = pulses();
        let watchdog = watch(runtime.handle(), ms(1), report).unwrap();
        assert_eq!(heard.recv(), Ok(Pulse::Blocked), "nobody runs it");
        drop(watchdog);
        assert!(heard.recv().is_err());
        runtime.block_on(yield_now());
    });
}

/// The bounds of the limit: zero reports an idle runtime, and `Duration::MAX` never reports.
#[test]
fn a_limit_of_zero_or_without_end_is_no_trouble() {
    soon_on_a_thread(|| {
        let runtime = paused_runtime();
        let (report, heard) = pulses();
        let eager = watch(runtime.handle(), Duration::ZERO, report).unwrap();
        assert_eq!(heard.recv(), Ok(Pulse::Blocked), "nobody runs it");
        drop(eager);
        assert!(heard.recv().is_err());
        let (report, heard) = pulses();
        let patient = watch(runtime.handle(), Duration::MAX, report).unwrap();
        runtime.block_on(yield_now());
        drop((patient, runtime));
        assert!(heard.recv().is_err());
    });
}

/// A limit that is never reached.
#[test]
fn what_is_not_blocked_is_not_reported() {
    soon_on_a_thread(|| {
        for runtime in [paused_runtime(), four_workers()] {
            let (report, heard) = pulses();
            let watchdog = watch(runtime.handle(), ms(3_600_000), report).unwrap();
            runtime.block_on(yield_now());
            drop(watchdog);
            drop(runtime);
            assert!(heard.recv().is_err(), "its thread has ended, and has said nothing");
        }
    });
}

/// The hazard: a report that panics ends the watchdog, and what comes later is not noticed.
#[test]
fn but_a_report_that_panics_ends_it() {
    soon_on_a_thread(|| {
        let (reported, heard) = mpsc::channel();
        let report = move |pulse| {
            reported.send(pulse).unwrap();
            panics::<()>("a report")
        };
        let paused = paused_runtime();
        let _watchdog = watch(paused.handle(), ms(1), report).unwrap();
        assert_eq!(heard.iter().collect::<Vec<_>>(), [Pulse::Blocked], "the sender is gone with the thread");
    });
}
