//! Proofs of the pattern `ignored_token`.

use std::sync::Arc;

use pitfalls::ignored_token::fixed;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::work::Visits;
use crate::work::ignored_token::handle;

/// A dropped `recv` takes nothing: each job was begun or is still in the queue, and one at most was cut.
#[test]
fn cancelled_anywhere_no_job_is_lost_but_the_one_under_way() {
    let run = || {
        let (queue, jobs) = mpsc::channel(3);
        for () in [(); 3] {
            queue.try_send(()).unwrap();
        }
        drop(queue);
        let state = Arc::new((tokio::sync::Mutex::new(jobs), Visits::default(), Visits::default()));
        let working = Arc::clone(&state);
        (state, async move {
            let (jobs, begun, done) = &*working;
            let handle = |()| {
                begun.enter();
                handle(done.clone())
            };
            fixed(&mut *jobs.lock().await, &CancellationToken::new(), handle).await;
        })
    };
    let swept = cancel_sweep::sweep_with(run, |state, _| {
        let (jobs, begun, done) = &*state;
        assert_eq!(jobs.try_lock().unwrap().len() + begun.came(), 3);
        assert!(begun.came() - done.came() <= 1);
    });
    assert_eq!(swept.points, 3);
}
