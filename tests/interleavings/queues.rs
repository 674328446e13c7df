//! Scenarios of `recipes/queues/src/joinable.rs` for a scheduler that chooses who goes next at each lock, permit and
//! notification. `tests/interleavings.py` builds them with shuttle in the place of std's locks and of Tokio.
#![allow(dead_code, reason = "no scenario uses all of a pattern")]

mod joinable;

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use joinable::{TaskDoneError, Queue, ShutDown};
use shuttle::future::{block_on, spawn, yield_now};

/// The steps between which the scheduler can choose end where an operation begins. Shuttle lets a `notify_waiters`
/// follow upon what is before it without such a step; here it gets one.
mod steps {
    #[derive(Debug)]
    pub(crate) struct Notify(tokio::sync::Notify);

    impl Notify {
        pub(crate) fn new() -> Self {
            Self(tokio::sync::Notify::new())
        }

        pub(crate) fn notified(&self) -> impl Future<Output = ()> {
            self.0.notified()
        }

        pub(crate) fn notify_waiters(&self) {
            shuttle::thread::yield_now();
            self.0.notify_waiters();
        }
    }
}

const ONE: NonZeroUsize = NonZeroUsize::new(1).unwrap();

/// The task that has an item at the end writes it down here.
type Ledger = Arc<Mutex<Vec<usize>>>;

fn add(ledger: &Ledger, item: usize) {
    ledger.lock().unwrap().push(item);
}

/// Two who put and join, and a worker: a join returns for its own item, not for the end of an earlier one.
async fn a_join_waits_for_what_was_put_in_before_it() {
    let queue = Arc::new(Queue::<Arc<AtomicUsize>>::unbounded());
    let worker = spawn({
        let queue = queue.clone();
        async move {
            while let Ok(item) = queue.get_guarded().await {
                item.fetch_add(1, SeqCst);
            }
        }
    });
    let joiners = [(); 2].map(|()| {
        let queue = queue.clone();
        spawn(async move {
            for _ in 0..2 {
                let done = Arc::new(AtomicUsize::new(0));
                queue.try_put(done.clone()).unwrap();
                queue.join().await;
                assert_eq!(done.load(SeqCst), 1);
            }
        })
    });
    for joiner in joiners {
        joiner.await.unwrap();
    }
    queue.shutdown();
    worker.await.unwrap();
}

async fn every_item_is_in_one_hand_after_a_shutdown() {
    one_hand(false).await;
}

async fn every_item_is_in_one_hand_after_a_shutdown_at_once() {
    one_hand(true).await;
}

/// Two producers, two consumers, one place, and a shutdown at any moment.
async fn one_hand(at_once: bool) {
    let (queue, ledger) = (Arc::new(Queue::bounded(ONE)), Ledger::default());
    let mut tasks = Vec::new();
    for first in [0, 2] {
        let (queue, ledger) = (queue.clone(), ledger.clone());
        tasks.push(spawn(async move {
            if let Err(ShutDown(item)) = queue.put(first).await {
                add(&ledger, item);
            }
            match queue.reserve().await {
                Ok(slot) => {
                    if let Err(ShutDown(item)) = slot.put(first + 1) {
                        add(&ledger, item);
                    }
                }
                Err(_) => add(&ledger, first + 1),
            }
        }));
    }
    tasks.push(spawn({
        let (queue, ledger, mut puts_back) = (queue.clone(), ledger.clone(), true);
        async move {
            while let Ok(ticket) = queue.get_guarded().await {
                if !std::mem::take(&mut puts_back) {
                    add(&ledger, *ticket);
                } else if let Err(ShutDown(item)) = ticket.requeue() {
                    add(&ledger, item);
                }
            }
        }
    }));
    tasks.push(spawn({
        let (queue, ledger) = (queue.clone(), ledger.clone());
        async move {
            while let Ok(item) = queue.get().await {
                add(&ledger, item);
                queue.task_done().unwrap();
            }
        }
    }));
    yield_now().await;
    if at_once {
        queue.shutdown_now().into_iter().for_each(|item| add(&ledger, item));
    } else {
        queue.shutdown();
    }
    for task in tasks {
        task.await.unwrap();
    }
    queue.join().await;
    let mut items = ledger.lock().unwrap().clone();
    items.sort_unstable();
    assert_eq!(items, [0, 1, 2, 3]);
    assert_eq!((queue.len(), queue.task_done()), (0, Err(TaskDoneError)));
}

/// A getter and a holder of slots are aborted at any moment: no item and no place goes with them.
async fn an_abort_takes_nothing_with_it() {
    let (queue, taken) = (Arc::new(Queue::bounded(ONE)), Arc::new(AtomicUsize::new(0)));
    let getter = spawn({
        let (queue, taken) = (queue.clone(), taken.clone());
        async move {
            while queue.get().await.is_ok() {
                taken.fetch_add(1, SeqCst);
                queue.task_done().unwrap();
            }
        }
    });
    let holder = spawn({
        let queue = queue.clone();
        async move {
            for _ in 0..2 {
                drop(queue.reserve().await);
            }
        }
    });
    let producer = spawn({
        let queue = queue.clone();
        async move {
            for item in 0..2 {
                queue.put(item).await.unwrap();
            }
        }
    });
    yield_now().await;
    getter.abort();
    holder.abort();
    let _how_they_ended = (getter.await, holder.await);
    while taken.load(SeqCst) < 2 {
        queue.get().await.unwrap();
        taken.fetch_add(1, SeqCst);
        queue.task_done().unwrap();
    }
    producer.await.unwrap();
    queue.join().await;
    assert_eq!((queue.len(), queue.is_full()), (0, false));
}

/// Each scenario on a number of random schedules, and on as many with up to three changes of priority.
fn check<F: Future<Output = ()> + 'static>(name: &str, schedules: usize, scenario: fn() -> F) {
    shuttle::check_random(move || block_on(scenario()), schedules);
    shuttle::check_pct(move || block_on(scenario()), schedules, 3);
    println!("{name}: {} schedules", 2 * schedules);
}

fn main() {
    let schedules = std::env::args().nth(1).and_then(|count| count.parse().ok()).expect("a number of schedules");
    check("a_join_waits_for_what_was_put_in_before_it", schedules, a_join_waits_for_what_was_put_in_before_it);
    check("every_item_is_in_one_hand_after_a_shutdown", schedules, every_item_is_in_one_hand_after_a_shutdown);
    check(
        "every_item_is_in_one_hand_after_a_shutdown_at_once",
        schedules,
        every_item_is_in_one_hand_after_a_shutdown_at_once,
    );
    check("an_abort_takes_nothing_with_it", schedules, an_abort_takes_nothing_with_it);
}
