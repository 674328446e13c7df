//! What a sweep must find: each fault beside its mended form, and the message that a reader gets.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]

use std::{
    collections::VecDeque,
    future::{pending, poll_fn},
    panic::{self, AssertUnwindSafe, Location, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    thread,
    time::Duration,
};

use cancel_sweep::{At, MAX_POINTS, Outcome, Swept, sweep, sweep_with};
use tokio::{
    runtime::Handle,
    sync::{Semaphore, mpsc, oneshot},
    task::yield_now,
    time::sleep,
};

const SECOND: Duration = Duration::from_secs(1);

/// The message of the panic that `f` must end with.
fn failure<R>(f: impl FnOnce() -> R) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).err().expect("a sweep that fails");
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).expect("a message with text").to_owned()
}

/// asyncio: cancelling between `get` and the next step loses the item as well; there an `except` could put it
/// back. Tokio: `recv` itself is cancel safe, but the item it has given is a local variable that a drop takes
/// away.
mod a_lost_item {
    use super::*;

    type Items = Arc<Mutex<Vec<u32>>>;

    async fn take_then_wait(source: Arc<tokio::sync::Mutex<mpsc::Receiver<u32>>>, kept: Items) {
        let item = source.lock().await.recv().await.unwrap();
        sleep(SECOND).await;
        kept.lock().unwrap().push(item);
    }

    async fn wait_then_take(source: Arc<tokio::sync::Mutex<mpsc::Receiver<u32>>>, kept: Items) {
        sleep(SECOND).await;
        let item = source.lock().await.recv().await.unwrap();
        kept.lock().unwrap().push(item);
    }

    fn no_item_is_lost<Fut: Future>(
        take: impl Fn(Arc<tokio::sync::Mutex<mpsc::Receiver<u32>>>, Items) -> Fut,
    ) -> Swept {
        let make = || {
            let (sender, receiver) = mpsc::channel(1);
            tokio::spawn(async move {
                sleep(SECOND / 2).await;
                sender.send(7).await.unwrap();
            });
            let source = Arc::new(tokio::sync::Mutex::new(receiver));
            let kept = Items::default();
            ((source.clone(), kept.clone()), take(source, kept))
        };
        sweep_with(make, |(source, kept), _outcome| {
            let mut all = kept.lock().unwrap().clone();
            all.extend(source.try_lock().unwrap().try_recv().ok());
            assert!(all == [7], "the items are {all:?}");
        })
    }

    #[test]
    fn is_found_where_an_await_stands_between_taking_and_keeping() {
        assert_eq!(
            failure(|| no_item_is_lost(take_then_wait)),
            "cancel sweep: future dropped at suspension 2, at once: the check failed: the items are []",
        );
    }

    #[test]
    fn is_not_reported_when_the_item_is_taken_last() {
        assert_eq!(no_item_is_lost(wait_then_take).points, 1);
    }
}

/// asyncio: `async with` gives the permit back, whatever ends the block. Tokio: so does the permit's `Drop`.
/// A permit that was forgotten, to be added by hand later, is gone when the code that adds it is dropped.
mod a_leaked_permit {
    use super::*;

    async fn forget_and_add(limit: Arc<Semaphore>) {
        limit.acquire().await.unwrap().forget();
        sleep(SECOND).await;
        limit.add_permits(1);
    }

    async fn hold(limit: Arc<Semaphore>) {
        let _permit = limit.acquire().await.unwrap();
        sleep(SECOND).await;
    }

    /// Another task has the only permit at first, so that the future waits for it.
    fn the_permit_comes_back<Fut: Future>(work: impl Fn(Arc<Semaphore>) -> Fut) -> Swept {
        let make = || {
            let limit = Arc::new(Semaphore::new(1));
            let first = limit.clone().try_acquire_owned().unwrap();
            tokio::spawn(async move {
                sleep(SECOND).await;
                drop(first);
            });
            (limit.clone(), work(limit))
        };
        sweep_with(make, |limit, _outcome| {
            assert!(limit.available_permits() == 1, "{} permits are free", limit.available_permits());
        })
    }

    #[test]
    fn is_found_where_the_permit_was_forgotten() {
        assert_eq!(
            failure(|| the_permit_comes_back(forget_and_add)),
            "cancel sweep: future dropped at suspension 2, at once: the check failed: 0 permits are free",
        );
    }

    #[test]
    fn is_not_reported_for_a_permit_that_was_held_nor_for_one_on_its_way_to_a_dropped_waiter() {
        assert_eq!(the_permit_comes_back(hold).points, 2);
    }
}

/// asyncio: a `finally` runs with its awaits when the task is cancelled. Tokio: a drop runs no async code.
/// What must run after it is in a task of its own.
mod a_skipped_clean_up {
    use super::*;

    struct CloseOnDrop(Arc<AtomicBool>);

    impl Drop for CloseOnDrop {
        fn drop(&mut self) {
            tokio::spawn(close(self.0.clone()));
        }
    }

    async fn close(closed: Arc<AtomicBool>) {
        sleep(SECOND).await;
        closed.store(true, Ordering::Relaxed);
    }

    async fn close_at_the_end(closed: Arc<AtomicBool>) {
        sleep(SECOND).await;
        close(closed).await;
    }

    async fn close_in_a_task(closed: Arc<AtomicBool>) {
        let _guard = CloseOnDrop(closed);
        sleep(SECOND).await;
    }

    fn what_was_opened_is_closed<Fut: Future>(work: impl Fn(Arc<AtomicBool>) -> Fut) -> Swept {
        let make = || {
            let closed = Arc::new(AtomicBool::new(false));
            (closed.clone(), work(closed))
        };
        sweep_with(make, |closed, outcome| {
            let never_opened = outcome_is_unpolled(&outcome);
            assert!(never_opened || closed.load(Ordering::Relaxed), "it was not closed");
        })
    }

    fn outcome_is_unpolled<T>(outcome: &Outcome<T>) -> bool {
        matches!(outcome, Outcome::Cancelled(At { suspension: 0, .. }))
    }

    #[test]
    fn is_found_where_the_future_itself_was_to_do_it() {
        assert_eq!(
            failure(|| what_was_opened_is_closed(close_at_the_end)),
            "cancel sweep: future dropped at suspension 1, at once: the check failed: it was not closed",
        );
    }

    #[test]
    fn is_not_reported_when_a_task_of_its_own_does_it_after_the_drop() {
        assert_eq!(what_was_opened_is_closed(close_in_a_task).points, 1);
    }
}

/// asyncio: a getter that is cancelled after its wake-up passes it on; the next `get` receives that item.
/// Tokio's channels do the same, but a home-made queue has to do it itself. A drop before the wake-up shows
/// nothing.
mod an_item_handed_to_a_waiter_that_is_dropped {
    use super::*;

    /// A queue that hands each item to the waiter that has waited longest.
    #[derive(Default)]
    struct HandOver(Mutex<State>);

    #[derive(Default)]
    struct State {
        items: VecDeque<u32>,
        waiters: VecDeque<oneshot::Sender<u32>>,
    }

    impl HandOver {
        fn put(&self, mut item: u32) {
            let mut state = self.0.lock().unwrap();
            while let Some(waiter) = state.waiters.pop_front() {
                match waiter.send(item) {
                    Ok(()) => return,
                    Err(refused) => item = refused,
                }
            }
            state.items.push_back(item);
        }

        fn take_or_queue(&self) -> Result<u32, oneshot::Receiver<u32>> {
            let mut state = self.0.lock().unwrap();
            state.items.pop_front().ok_or_else(|| {
                let (sender, receiver) = oneshot::channel();
                state.waiters.push_back(sender);
                receiver
            })
        }

        async fn broken_get(self: Arc<Self>) -> u32 {
            match self.take_or_queue() {
                Ok(item) => item,
                Err(receiver) => receiver.await.unwrap(),
            }
        }

        async fn mended_get(self: Arc<Self>) -> u32 {
            match self.take_or_queue() {
                Ok(item) => item,
                Err(receiver) => {
                    let mut waiting = Waiting { queue: &self, receiver };
                    (&mut waiting.receiver).await.unwrap()
                }
            }
        }
    }

    struct Waiting<'a> {
        queue: &'a HandOver,
        receiver: oneshot::Receiver<u32>,
    }

    impl Drop for Waiting<'_> {
        fn drop(&mut self) {
            self.receiver.close();
            if let Ok(item) = self.receiver.try_recv() {
                self.queue.0.lock().unwrap().items.push_front(item);
            }
        }
    }

    fn scenario<Fut: Future>(get: impl Fn(Arc<HandOver>) -> Fut) -> impl Fn() -> (Arc<HandOver>, Fut) {
        move || {
            let queue = Arc::new(HandOver::default());
            let producer = queue.clone();
            tokio::spawn(async move {
                sleep(SECOND).await;
                producer.put(1);
                producer.put(2);
            });
            (queue.clone(), get(queue))
        }
    }

    fn the_items_are_all_there(queue: Arc<HandOver>, outcome: Outcome<u32>) {
        let mut all = Vec::from_iter(queue.0.lock().unwrap().items.iter().copied());
        if let Outcome::Finished(item) = outcome {
            all.insert(0, item);
        }
        assert!(all == [1, 2], "the items are {all:?}");
    }

    #[test]
    fn is_found_by_the_drop_after_the_wake_up() {
        assert_eq!(
            failure(|| sweep_with(scenario(HandOver::broken_get), the_items_are_all_there)),
            "cancel sweep: future dropped at suspension 1, after its wake-up: the check failed: the items are [2]",
        );
    }

    #[test]
    fn is_not_found_by_the_drops_at_once() {
        let swept = sweep_with(scenario(HandOver::broken_get), |queue, outcome| match outcome {
            Outcome::Cancelled(At { woken: true, .. }) => {}
            _ => the_items_are_all_there(queue, outcome),
        });
        assert_eq!(swept.points, 1);
    }

    #[test]
    fn is_not_reported_when_the_drop_puts_the_item_back_in_front() {
        assert_eq!(sweep_with(scenario(HandOver::mended_get), the_items_are_all_there).points, 1);
    }
}

/// asyncio: a test that waits forever hangs until it is interrupted. On the paused clock it takes no
/// time to see that nothing will ever come.
mod a_future_without_an_end {
    use super::*;

    async fn three_yields_then(end: impl Future) {
        for _ in 0..3 {
            yield_now().await;
        }
        end.await;
    }

    #[test]
    fn that_nobody_wakes_is_reported_with_its_suspension() {
        assert_eq!(
            failure(|| sweep(|| three_yields_then(pending::<()>()), |_| {})),
            "cancel sweep: future pending for ever after suspension 4: no wake-up came within a virtual day",
        );
    }

    /// The future's own drop at that suspension is tried before.
    #[test]
    fn is_checked_at_the_suspension_that_never_ends() {
        let mut seen = Vec::new();
        failure(|| sweep(pending::<()>, |outcome| seen.push(outcome)));
        assert_eq!(seen, [0, 1].map(|suspension| Outcome::Cancelled(At { suspension, woken: false })));
    }

    #[test]
    fn that_sleeps_for_less_than_a_day_is_no_hang() {
        assert_eq!(sweep(|| sleep(86_399 * SECOND), |_| {}).points, 1);
    }

    /// Sweeps a future that suspends a number of times, and then ends.
    fn yields(count: usize) -> Swept {
        sweep(
            || async move {
                for _ in 0..count {
                    yield_now().await;
                }
            },
            |_| {},
        )
    }

    #[test]
    fn is_not_one_that_suspends_as_often_as_is_allowed() {
        assert_eq!(yields(MAX_POINTS).points, MAX_POINTS);
    }

    #[test]
    fn that_yields_for_ever_is_stopped_after_the_largest_number_of_points() {
        assert_eq!(
            failure(|| yields(usize::MAX)),
            "cancel sweep: future suspended more than 256 times: give it less to do, or an end",
        );
    }
}

/// A panic of the future is a failure of the sweep, whatever the check would have said.
mod a_panic {
    use super::*;

    #[test]
    fn of_the_future_is_reported_with_the_suspension_it_followed() {
        let after = |suspensions| {
            move || async move {
                for _ in 0..suspensions {
                    yield_now().await;
                }
                panic!("no {suspensions}");
            }
        };
        assert_eq!(
            failure(|| sweep(after(0), |_: Outcome<()>| {})),
            "cancel sweep: future polled first: it panicked: no 0",
        );
        assert_eq!(
            failure(|| sweep(after(2), |_: Outcome<()>| {})),
            "cancel sweep: future polled after suspension 2: it panicked: no 2",
        );
    }

    struct Bomb {
        armed: bool,
    }

    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(!self.armed, "bang");
        }
    }

    #[test]
    fn of_its_drop_is_reported_with_the_place_of_the_drop() {
        let armed_while_suspended = || async {
            let mut bomb = Bomb { armed: true };
            yield_now().await;
            bomb.armed = false;
        };
        assert_eq!(
            failure(|| sweep(armed_while_suspended, |_| {})),
            "cancel sweep: future dropped at suspension 1, at once: its drop panicked: bang",
        );

        let armed_when_finished = || {
            let mut bomb = Bomb { armed: false };
            poll_fn(move |_cx| {
                let bomb = &mut bomb; // the whole of it moves into the future, not its field alone
                bomb.armed = true;
                Poll::Ready(())
            })
        };
        assert_eq!(
            failure(|| sweep(armed_when_finished, |_| {})),
            "cancel sweep: future finished: its drop panicked: bang",
        );
    }

    #[test]
    fn of_make_is_reported() {
        assert_eq!(
            failure(|| sweep(|| -> std::future::Ready<()> { panic!("no scenario") }, |_| {})),
            "cancel sweep: `make` panicked: no scenario",
        );
    }

    #[test]
    fn of_the_check_is_reported_also_when_the_future_finished_and_when_it_has_no_text() {
        assert_eq!(
            failure(|| sweep(yield_now, |outcome| assert!(outcome != Outcome::Finished(()), "too late"))),
            "cancel sweep: future finished: the check failed: too late",
        );
        assert_eq!(
            failure(|| sweep(yield_now, |_| panic::panic_any(42))),
            "cancel sweep: future dropped before its first poll: the check failed: a panic without text",
        );
    }

    /// The state, the future and the tasks of the run are gone; the next sweep has a runtime of its own.
    #[test]
    fn of_the_check_leaves_nothing_behind() {
        let witness = Arc::new(());
        let make = || {
            let of_task = witness.clone();
            tokio::spawn(async move {
                pending::<()>().await;
                drop(of_task);
            });
            let of_future = witness.clone();
            (witness.clone(), async move {
                yield_now().await;
                drop(of_future);
            })
        };
        failure(|| sweep_with(make, |_state, outcome| assert!(matches!(outcome, Outcome::Finished(())))));
        assert_eq!(Arc::strong_count(&witness), 1);
        assert!(Handle::try_current().is_err());
        assert_eq!(sweep(yield_now, |_| {}).points, 1);
    }

    /// An assertion that fails shows the line of the test, not one in this crate.
    #[test]
    fn of_the_sweep_is_at_the_line_of_its_caller() {
        let this_thread = thread::current().id();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let previous = Arc::new(panic::take_hook());
        panic::set_hook(Box::new({
            let (lines, previous) = (lines.clone(), previous.clone());
            move |info| {
                if thread::current().id() == this_thread {
                    let at = info.location().map(|location| (location.file().to_owned(), location.line()));
                    lines.lock().unwrap().push(at.unwrap());
                } else {
                    previous(info);
                }
            }
        }));
        let here = Location::caller();
        failure(|| sweep(pending::<()>, |_| {}));
        failure(|| sweep_with(|| ((), pending::<()>()), |(), _| {}));
        drop(panic::take_hook());
        let expected = [1, 2].map(|below| (here.file().to_owned(), here.line() + below));
        assert_eq!(*lines.lock().unwrap(), expected);
    }
}

/// asyncio: `run` refuses to start in a coroutine that a loop runs. Tokio: a runtime refuses to block on a
/// thread that drives one already, so a sweep in a `#[tokio::test]` cannot start its own.
#[tokio::test]
async fn a_sweep_on_a_runtime_is_refused() {
    assert_eq!(
        failure(|| sweep(yield_now, |_| {})),
        "cancel sweep: it starts a runtime for each run: call it in a plain #[test], not on a runtime",
    );
}
