//! Each pattern inside a spawned task.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::support::ms;
use crate::work::{for_ever, load};

/// A caller may itself be a task: each pattern's future is `Send` when what it runs is.
#[tokio::test(start_paused = true)]
async fn every_pattern_can_run_inside_a_spawned_task() {
    use timeouts::timeout_and_wait::{LateValue, TimeLimits};
    let all = tokio::spawn(async {
        assert_eq!(timeouts::time_limit::time_limit(Some(ms(20)), load("a", 10)).await, Ok("a"));
        let deadline = timeouts::deadline::Deadline::after("request", Some(ms(20)));
        assert_eq!(deadline.run(load("a", 10)).await, Ok(Ok("a")));
        let limits = TimeLimits { time: Some(ms(20)), grace: None, late_value: LateValue::Discard };
        let work = |_stop| async { load("a", 10).await.map(Some) };
        let program = CancellationToken::new();
        assert_eq!(timeouts::timeout_and_wait::timeout_and_wait(&program, limits, work).await, Ok("a"));
        assert_eq!(timeouts::reschedule::Timeout::after(ms(20)).run(load("a", 10)).await, Ok(Ok("a")));
        let task = tokio::spawn(for_ever::<()>());
        assert_eq!(timeouts::abort::abort_and_wait(task).await, timeouts::abort::TaskEnd::Aborted);
        let (sender, mut jobs) = mpsc::channel(1);
        sender.try_send(("a", 10)).unwrap();
        drop(sender);
        let step = async |(name, millis)| load(name, millis).await.map(drop);
        let report =
            timeouts::cooperative::work_until_cancelled(&program, &mut jobs, step, async |_| Ok(())).await;
        assert_eq!(report.unwrap().done, 1);
        assert!(timeouts::cooperative::checksum(&program, ["block"].into_iter()).await.is_ok());
        let task = timeouts::cancel_and_confirm::CancellableTask::spawn(None, |stop| async move {
            stop.requested().await;
            Ok::<_, ()>(None::<()>)
        });
        let end = task.cancel_and_wait("enough").await;
        assert!(matches!(
            end,
            timeouts::cancel_and_confirm::CancelOutcome::Cancelled { reason: Some("enough"), .. }
        ));
        let shielded = timeouts::shield::shield(&TaskTracker::new(), load("a", 10), |_failure| {});
        assert_eq!(shielded.await, Ok("a"));
        let (connection, peer) = tokio::io::duplex(8);
        drop(peer);
        let mut lines = tokio_util::codec::FramedRead::new(connection, tokio_util::codec::LinesCodec::new());
        let end = timeouts::select_loop::read_frames(&mut lines, &program, ms(10), ms(20), |_event| {}).await;
        assert_eq!(end.unwrap(), timeouts::select_loop::ReadEnd::Closed);
    });
    all.await.unwrap();
}
