//! Every public function that takes a number or a time, at the ends of its arguments.

use std::future::ready;
use std::time::Duration;

use timeouts::cancel_and_confirm::{CancelOutcome, CancellableTask, StopRequest};
use timeouts::cooperative::{Report, work_until_cancelled};
use timeouts::deadline::{Deadline, DeadlineExpired};
use timeouts::reschedule::{Expired, Timeout};
use timeouts::select_loop::{ReadEnd, read_frames};
use timeouts::time_limit::{LimitError, time_limit};
use timeouts::timeout_and_wait::{LateValue, TimeLimits, TimeoutFailure, timeout_and_wait};
use tokio::task::yield_now;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::support::{TIMES, ends, ms};
use crate::work::Rows;
use crate::work::cancel_and_confirm::Job;
use crate::work::cooperative::jobs;
use crate::work::select_loop::{lines, never};
use crate::work::timeout_and_wait::parent;

async fn in_ten() -> Result<&'static str, ()> {
    sleep(ms(10)).await;
    Ok("in time")
}

fn is_never(time: Duration) -> bool {
    time == Duration::MAX
}

/// Work of ten milliseconds is late, or is never late.
#[tokio::test(start_paused = true)]
async fn of_a_time_limit() {
    for time in TIMES {
        let ended = ends(time_limit(Some(time), in_ten())).await;
        assert_eq!(ended, if is_never(time) { Ok("in time") } else { Err(LimitError::TimedOut(time)) });
    }
}

/// The earlier of two reports; of two at the same time, the outer one.
#[tokio::test(start_paused = true)]
async fn of_a_deadline() {
    for outer in TIMES {
        for inner in TIMES {
            let deadline = Deadline::after("outer", Some(outer)).within("inner", Some(inner));
            let ended = ends(deadline.run(in_ten())).await;
            let name = if inner < outer { "inner" } else { "outer" };
            let is_in_time = is_never(outer) && is_never(inner);
            assert_eq!(ended, if is_in_time { Ok(Ok("in time")) } else { Err(DeadlineExpired(name)) });
        }
    }
}

/// It is not moved: it is a time limit.
#[tokio::test(start_paused = true)]
async fn of_a_timeout_that_can_be_moved() {
    for time in TIMES {
        let ended = ends(Timeout::after(time).run(in_ten())).await;
        assert_eq!(ended, if is_never(time) { Ok(Ok("in time")) } else { Err(Expired) });
    }
}

/// A clean-up of ten milliseconds is cut off, or never is.
#[tokio::test(start_paused = true)]
async fn of_the_grace_of_a_task() {
    for time in TIMES {
        let task: Job = CancellableTask::spawn(Some(time), |stop: StopRequest<_>| async move {
            stop.requested().await;
            sleep(ms(10)).await;
            Ok(None)
        });
        yield_now().await;
        let ended = ends(task.cancel_and_wait("enough")).await;
        assert_eq!(ended, CancelOutcome::Cancelled { reason: Some("enough"), cleaned_up: is_never(time) });
    }
}

/// With no time the work is not begun; with no grace it is aborted.
#[tokio::test(start_paused = true)]
async fn of_the_limits_of_work_that_is_waited_for() {
    for time in TIMES {
        for grace in TIMES {
            let limits = TimeLimits { time: Some(time), grace: Some(grace), late_value: LateValue::Return };
            let work = |stop: CancellationToken| async move {
                let rows: Rows = Ok(stop.run_until_cancelled(sleep(ms(10))).await.map(|()| "in time"));
                sleep(ms(10)).await;
                rows
            };
            let ended = ends(timeout_and_wait(&parent(), limits, work)).await;
            let cleaned_up = time == Duration::ZERO || is_never(grace);
            let expected =
                if is_never(time) { Ok("in time") } else { Err(TimeoutFailure::TimedOut { cleaned_up }) };
            assert_eq!(ended, expected, "{limits:?}");
            let at_once =
                ends(timeout_and_wait(&parent(), limits, |_| ready(Rows::Ok(Some("at once"))))).await;
            assert_eq!(at_once.is_ok(), time != Duration::ZERO, "{limits:?}");
        }
    }
}

/// A heartbeat of zero is one of a millisecond.
#[tokio::test(start_paused = true)]
async fn of_a_heartbeat_and_of_silence() {
    for heartbeat in TIMES {
        for idle in TIMES {
            let ((mut frames, peer), mut events) = (lines(64), 0);
            let closes = async {
                sleep(ms(10)).await;
                drop(peer);
            };
            let stop = never();
            let reading = read_frames(&mut frames, &stop, heartbeat, idle, |_| events += 1);
            let (ended, ()) = ends(async { tokio::join!(reading, closes) }).await;
            assert_eq!(ended.unwrap(), if is_never(idle) { ReadEnd::Closed } else { ReadEnd::Idle });
            let beats = is_never(idle) && !is_never(heartbeat);
            assert_eq!(events >= 9, beats, "{heartbeat:?}, {idle:?}: {events}");
        }
    }
}

/// The number is the clean-up's: how many jobs are done.
#[tokio::test]
async fn of_the_number_of_jobs() {
    for count in [0, 1, 1_000] {
        let mut jobs = jobs(count);
        let clean_up = async |done| if done == count { Ok(()) } else { Err(done) };
        let report = work_until_cancelled(&never(), &mut jobs, async |_| Ok(()), clean_up).await;
        assert_eq!(report, Ok(Report { done: count, was_cancelled: false }));
    }
}
