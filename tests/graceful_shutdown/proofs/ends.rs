//! Every public function that takes a number or a time, at the ends of its arguments.

use std::time::Duration;

use futures::stream;
use graceful_shutdown::shutdown::{Grace, Jobs, StopReason, serve};
use graceful_shutdown::signals::{exit_after, exit_at_the_second};
use graceful_shutdown::until_signal::{ServedUntil, serve_until};

use crate::support::{TIMES, ends, ms};

/// With a limit of zero the task is left; with the longest `serve_until` waits for it.
#[tokio::test(start_paused = true)]
async fn of_the_limit_after_a_signal() {
    for limit in TIMES {
        let left = usize::from(limit < Duration::MAX);
        let one = |tasks: tokio_util::task::TaskTracker, _stopping| {
            tasks.spawn(tokio::time::sleep(ms(10)));
            std::future::pending::<()>()
        };
        let served = ends(serve_until(tokio::time::sleep(ms(5)), limit, one)).await;
        assert_eq!(served, ServedUntil { returned: None, left }, "{limit:?}");
    }
    let none = |_tasks, _stopping| std::future::ready(7);
    let served = ends(serve_until(std::future::pending(), Duration::ZERO, none)).await;
    assert_eq!(served, ServedUntil { returned: Some(7), left: 0 });
}

/// A job that ends at once is accounted for, whatever the grace periods.
#[tokio::test(start_paused = true)]
async fn of_a_shutdowns_grace() {
    for to_finish in TIMES {
        for to_clean_up in TIMES {
            let one = |jobs: Jobs<std::io::Error>| {
                jobs.start("one", |_| async { Ok(()) }).unwrap();
                std::future::ready(())
            };
            let grace = Grace { to_finish, to_clean_up };
            let summary = ends(serve(stream::pending::<()>(), grace, one, |_, _| ())).await;
            assert_eq!((summary.stop, summary.stragglers.len()), (StopReason::Intake(()), 0), "{grace:?}");
            assert_eq!(summary.finished + summary.cancelled, 1, "{grace:?}");
        }
    }
}

/// The two exits act only at a signal, and here none comes.
#[test]
fn of_the_time_before_an_exit() {
    for time in TIMES {
        exit_at_the_second(time).unwrap();
        exit_after(time).unwrap();
    }
}
