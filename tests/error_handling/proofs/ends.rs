//! Numbers and durations at their ends: zero, one and the greatest.

use std::time::Duration;

use error_handling::retry::{Verdict, retry};
use error_handling::supervise::{End, Restart};
use tokio::time::{Instant, timeout};

use crate::support::{ms, soon};
use crate::work::Broken;
use crate::work::retry::PAUSES;
use crate::work::supervise::{ALWAYS, failing, supervisor};

/// A pause beyond the deadline is no attempt more; without a pause the next one follows after that of the builder.
#[tokio::test(start_paused = true)]
async fn a_pause_of_the_judge_at_its_ends() {
    for (at_least, expected) in [(Duration::ZERO, 2), (Duration::from_nanos(1), 2), (Duration::MAX, 1)] {
        let mut attempts = 0;
        let attempt = || {
            attempts += 1;
            std::future::ready(if attempts == 2 { Ok(()) } else { Err(Broken("a")) })
        };
        let deadline = Instant::now() + ms(60_000);
        let result = soon(retry(PAUSES, deadline, |_| Verdict::After(at_least), |_, _| {}, attempt)).await;
        assert_eq!((result.is_ok(), attempts), (expected == 2, expected));
    }
}

/// Without a grace period a worker is aborted at once; the greatest waits for it.
#[tokio::test(start_paused = true)]
async fn a_grace_period_at_its_ends() {
    for (grace, finishes) in
        [(Duration::ZERO, false), (Duration::from_nanos(1), false), (Duration::MAX, true)]
    {
        let (mut workers, _) = supervisor();
        let work = |_| async {
            tokio::time::sleep(ms(100)).await;
            Ok(())
        };
        workers.start("feed", None, work).unwrap();
        tokio::task::yield_now().await;
        let ends = soon(workers.shutdown(grace)).await;
        assert_eq!(matches!(&ends[..], [(_, End::Finished)]), finishes);
    }
}

/// No failure or one is no restart; as many as can be counted are no end.
#[tokio::test(start_paused = true)]
async fn a_restart_at_its_ends() {
    for failures in [0, 1, usize::MAX] {
        for time in [Duration::ZERO, Duration::MAX] {
            let (mut workers, told) = supervisor();
            let restart = Restart { failures, healthy: time, window: time, ..ALWAYS };
            workers.start("feed", Some(restart), failing(0)).unwrap();
            let ended = timeout(ms(1_000), workers.next_end()).await.is_ok();
            assert_eq!((ended, told.lock().unwrap().len() > 1), (failures < 2, failures > 1));
        }
    }
}
