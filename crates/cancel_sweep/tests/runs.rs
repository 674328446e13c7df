//! What one run is: where it stops, what its clock shows, what has ended when the check is called.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]

use std::{
    cell::{Cell, RefCell},
    future::{pending, poll_fn, ready},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::Duration,
};

use cancel_sweep::{At, Outcome, sweep, sweep_with};
use tokio::{
    sync::{mpsc, oneshot},
    task::{spawn_blocking, spawn_local, yield_now},
    time::{Instant, sleep},
};

const SECOND: Duration = Duration::from_secs(1);

fn at_once<T>(suspension: usize) -> Outcome<T> {
    Outcome::Cancelled(At { suspension, woken: false })
}

fn woken<T>(suspension: usize) -> Outcome<T> {
    Outcome::Cancelled(At { suspension, woken: true })
}

/// Notes the virtual time at which it is dropped.
struct DropTime(Rc<Cell<Option<Duration>>>, Instant);

impl DropTime {
    fn new() -> (Rc<Cell<Option<Duration>>>, Self) {
        let time = Rc::new(Cell::new(None));
        (time.clone(), Self(time, Instant::now()))
    }
}

impl Drop for DropTime {
    fn drop(&mut self) {
        self.0.set(Some(self.1.elapsed()));
    }
}

mod points {
    use super::*;

    /// asyncio: a task that is cancelled before its first step never runs. Tokio: nor does a future that is
    /// dropped.
    #[test]
    fn of_a_future_that_is_ready_at_once_are_none() {
        let mut seen = Vec::new();
        let swept = sweep(|| ready("done"), |outcome| seen.push(outcome));
        assert_eq!(swept.points, 0);
        assert_eq!(seen, [at_once(0), Outcome::Finished("done")]);
    }

    #[test]
    fn are_each_tried_at_once_and_after_the_wake_up() {
        let mut seen = Vec::new();
        let three = || async {
            sleep(SECOND).await;
            yield_now().await;
            sleep(SECOND).await;
            "done"
        };
        let swept = sweep(three, |outcome| seen.push(outcome));
        assert_eq!(swept.points, 3);
        assert_eq!(
            seen,
            [
                at_once(0),
                at_once(1),
                woken(1),
                at_once(2),
                woken(2),
                at_once(3),
                woken(3),
                Outcome::Finished("done")
            ],
        );
    }

    /// asyncio: an `await` that is ready at once never lets another task run. Tokio: nor does it, but after
    /// 128 operations in one turn it suspends the task all the same.
    #[test]
    fn include_the_suspensions_that_tokio_adds_when_much_is_ready_at_once() {
        let receive_all = || {
            let (sender, mut receiver) = mpsc::channel(300);
            for item in 0..300 {
                sender.try_send(item).unwrap();
            }
            drop(sender);
            async move { while receiver.recv().await.is_some() {} }
        };
        assert_eq!(sweep(receive_all, |_| {}).points, 2); // after 128 and 256 of the 301 operations
    }

    /// The waker is called although nothing has changed: the future looks, and suspends once more.
    #[test]
    fn include_a_wake_up_for_nothing() {
        let three_looks = || {
            let mut looks = 0;
            poll_fn(move |cx| {
                looks += 1;
                cx.waker().wake_by_ref();
                if looks == 3 { Poll::Ready(()) } else { Poll::Pending }
            })
        };
        assert_eq!(sweep(three_looks, |_| {}).points, 2);
    }
}

mod a_drop {
    use super::*;

    #[test]
    fn happens_when_the_future_suspends_or_when_its_wake_up_comes_on_the_virtual_clock() {
        let mut times = Vec::new();
        let make = || {
            let (time, guard) = DropTime::new();
            (time, async move {
                let _guard = guard;
                sleep(SECOND).await;
                sleep(SECOND).await;
            })
        };
        sweep_with(make, |time, _outcome| times.push(time.get().unwrap()));
        assert_eq!(times, [0, 0, 1, 1, 2, 2].map(|seconds| seconds * SECOND));
    }

    /// A future that wakes itself is not polled again before the other tasks had their turn, as in a task.
    #[test]
    fn after_a_wake_up_comes_after_the_tasks_that_were_ready() {
        let mut seen = Vec::new();
        let make = || {
            let other_ran = Arc::new(AtomicBool::new(false));
            let (in_task, in_future) = (other_ran.clone(), other_ran.clone());
            tokio::spawn(async move { in_task.store(true, Ordering::Relaxed) });
            struct Look(Arc<AtomicBool>, Rc<Cell<bool>>);
            impl Drop for Look {
                fn drop(&mut self) {
                    self.1.set(self.0.load(Ordering::Relaxed));
                }
            }
            let at_drop = Rc::new(Cell::new(false));
            let look = Look(in_future, at_drop.clone());
            let mut suspended = false;
            let future = poll_fn(move |cx| {
                let _look = &look;
                if std::mem::replace(&mut suspended, true) {
                    return Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            });
            (at_drop, future)
        };
        sweep_with(make, |at_drop, _outcome| seen.push(at_drop.get()));
        assert_eq!(seen, [false, false, true, true]);
    }

    /// asyncio: everything is on one thread. Tokio: so is a sweep; what is not `Send` can be swept as it is.
    #[test]
    fn may_take_what_is_not_send_and_may_spawn_it() {
        struct CleanUp(Rc<RefCell<Vec<&'static str>>>);
        impl Drop for CleanUp {
            fn drop(&mut self) {
                let log = self.0.clone();
                spawn_local(async move {
                    sleep(SECOND).await;
                    log.borrow_mut().push("clean");
                });
            }
        }
        let make = || {
            let log = Rc::new(RefCell::new(vec![]));
            let guard = CleanUp(log.clone());
            (log, async move {
                let _guard = guard;
                yield_now().await;
            })
        };
        let swept = sweep_with(make, |log, _outcome| assert_eq!(*log.borrow(), ["clean"]));
        assert_eq!(swept.points, 1);
    }
}

mod the_check {
    use super::*;

    /// What is left: a millisecond, or the first of 1, 3, 7, 15 ... at which no task is alive.
    #[test]
    fn is_called_when_no_task_is_alive_and_no_later_than_needed() {
        let elapsed_with_task_of = |life: Duration| {
            let mut elapsed = Vec::new();
            let make = || {
                tokio::spawn(sleep(life));
                (Instant::now(), ready(()))
            };
            sweep_with(make, |start, _outcome| elapsed.push(start.elapsed().as_millis()));
            elapsed
        };
        assert_eq!(elapsed_with_task_of(Duration::ZERO), [1, 1]);
        assert_eq!(elapsed_with_task_of(Duration::from_millis(5)), [7, 7]);
        assert_eq!(elapsed_with_task_of(40 * SECOND), [65_535, 65_535]);
        assert_eq!(elapsed_with_task_of(400 * SECOND), [65_535, 65_535]);
    }

    /// A blocking job holds the paused clock still, so the first step of the clock waits for it.
    #[test]
    fn is_called_after_the_blocking_jobs_that_a_drop_has_started() {
        struct InThread(Arc<AtomicBool>);
        impl Drop for InThread {
            fn drop(&mut self) {
                let done = self.0.clone();
                spawn_blocking(move || done.store(true, Ordering::Relaxed));
            }
        }
        let make = || {
            let done = Arc::new(AtomicBool::new(false));
            let guard = InThread(done.clone());
            (done, async move {
                let _guard = guard;
                yield_now().await;
            })
        };
        sweep_with(make, |done, _outcome| assert!(done.load(Ordering::Relaxed)));
    }

    /// asyncio: what is left when `run` returns is cancelled. Tokio: what is left is dropped with the
    /// runtime.
    #[test]
    fn sees_tasks_that_never_end_still_alive_and_they_end_after_it() {
        let mut guards = Vec::new();
        let make = || {
            let (sender, receiver) = oneshot::channel::<()>();
            tokio::spawn(async move {
                let _sender = sender;
                pending::<()>().await;
            });
            (receiver, yield_now())
        };
        sweep_with(make, |mut receiver, _outcome| {
            assert_eq!(receiver.try_recv(), Err(oneshot::error::TryRecvError::Empty));
            guards.push(receiver);
        });
        assert_eq!(guards.len(), 4);
        for mut receiver in guards {
            assert_eq!(receiver.try_recv(), Err(oneshot::error::TryRecvError::Closed));
        }
    }

    #[test]
    fn runs_inside_the_runtime_of_its_run() {
        sweep(yield_now, |_outcome| {
            tokio::spawn(async {});
            spawn_local(async {});
        });
    }
}
