//! Lessons of the pattern `lock_order`.

use std::sync::Arc;

use diagnosing::lock_order::{Cycle, LockOrder};
use tokio::sync::Barrier;
use tokio::time::timeout;

use crate::support::{Entries, ms, settle};

/// The names of the locks of each circle: held and wanted.
fn names(cycle: &Cycle) -> Vec<(&'static str, &'static str)> {
    cycle.steps.iter().map(|step| (step.held, step.wanted)).collect()
}

fn watched() -> (LockOrder, Entries<Cycle>) {
    let cycles = Entries::new();
    let log = cycles.clone();
    (LockOrder::new(move |cycle| log.add(cycle.clone())), cycles)
}

/// asyncio has nothing for it: two tasks that meet hang, and two that do not meet show no fault.
#[tokio::test(start_paused = true)]
async fn opposite_orders_are_found_though_the_tasks_never_meet() {
    let (order, cycles) = watched();
    let (ann, bob) = (order.mutex("ann", 1), order.mutex("bob", 2));
    {
        let (_ann, _bob) = (ann.lock().await, bob.lock().await);
    }
    let line = line!() - 2;
    assert_eq!(order.reports(), 0);
    let (_bob, _ann) = (bob.lock().await, ann.lock().await);
    let [cycle] = &cycles.take()[..] else { panic!("one circle") };
    assert_eq!(names(cycle), [("bob", "ann"), ("ann", "bob")]);
    let lines = cycle.steps.iter().map(|step| (step.held_at.line(), step.wanted_at.line()));
    assert_eq!(lines.collect::<Vec<_>>(), [(line + 4, line + 4), (line, line)]);
    let file = file!();
    let text = format!("bob (held since {file}:{}) before ann ({file}:{})", line + 4, line + 4);
    assert!(cycle.to_string().starts_with(&text), "{cycle}");
}

/// The report comes before the task waits: that of a real dead-lock, too.
#[tokio::test(start_paused = true)]
async fn a_real_dead_lock_is_reported_before_it_hangs() {
    let (order, cycles) = watched();
    let locks = [Arc::new(order.mutex("ann", ())), Arc::new(order.mutex("bob", ()))];
    let both_hold = Arc::new(Barrier::new(2));
    let transfer = |from: usize, to: usize| {
        let (locks, both_hold) = (locks.clone(), both_hold.clone());
        tokio::spawn(async move {
            let _from = locks[from].lock().await;
            both_hold.wait().await;
            let _to = locks[to].lock().await;
        })
    };
    let (one, other) = (transfer(0, 1), transfer(1, 0));
    assert!(timeout(ms(1_000), async { (one.await, other.await) }).await.is_err(), "it hangs");
    assert_eq!(cycles.take().len(), 1);
}

/// Each lock is held until its own guard is dropped, in whatever order the guards go.
#[tokio::test(start_paused = true)]
async fn a_lock_is_held_until_its_own_guard_is_dropped() {
    let (order, cycles) = watched();
    let (ann, bob, cid) = (order.mutex("ann", ()), order.mutex("bob", ()), order.mutex("cid", ()));
    {
        let (_ann, bob) = (ann.lock().await, bob.lock().await);
        drop(bob);
        let _cid = cid.lock().await;
    }
    let (_cid, _ann) = (cid.lock().await, ann.lock().await);
    assert_eq!(cycles.take().iter().map(names).collect::<Vec<_>>(), [[("cid", "ann"), ("ann", "cid")]]);
}

/// Of three tasks, each holds what the next one wants: no two of them take the same pair.
#[tokio::test(start_paused = true)]
async fn a_circle_of_three_locks_is_found() {
    let (order, cycles) = watched();
    let locks = ["a", "b", "c"].map(|name| order.mutex(name, ()));
    for (first, second) in [(0, 1), (1, 2), (2, 0)] {
        let (_first, _second) = (locks[first].lock().await, locks[second].lock().await);
    }
    assert_eq!(cycles.take().iter().map(names).collect::<Vec<_>>(), [[("c", "a"), ("a", "b"), ("b", "c")]]);
}

/// asyncio: a task that awaits a lock which it holds hangs. Here it does, too, and is reported before.
#[tokio::test(start_paused = true)]
async fn a_lock_that_a_task_holds_already_is_reported() {
    let (order, cycles) = watched();
    let lock = order.mutex("ann", ());
    let _held = lock.lock().await;
    assert!(timeout(ms(10), lock.lock()).await.is_err());
    assert_eq!(names(&cycles.take()[0]), [("ann", "ann")]);
}

/// The fix: one order for all, or one lock at a time.
#[tokio::test(start_paused = true)]
async fn one_order_for_all_is_never_reported() {
    let (order, cycles) = watched();
    let (ann, bob) = (order.mutex("ann", ()), order.mutex("bob", ()));
    for _ in 0..3 {
        let (_ann, _bob) = (ann.lock().await, bob.lock().await);
    }
    drop(bob.lock().await);
    drop(ann.lock().await);
    assert_eq!(cycles.take(), []);
}

/// A pair that is used a million times is one line in the log.
#[tokio::test(start_paused = true)]
async fn a_circle_is_reported_once() {
    let (order, cycles) = watched();
    let (ann, bob) = (order.mutex("ann", ()), order.mutex("bob", ()));
    for _ in 0..3 {
        let (_ann, _bob) = (ann.lock().await, bob.lock().await);
        drop((_ann, _bob));
        let (_bob, _ann) = (bob.lock().await, ann.lock().await);
    }
    assert_eq!((cycles.take().len(), order.reports()), (1, 1));
}

/// What two tasks hold at the same time is no order: each of them takes one lock.
#[tokio::test(start_paused = true)]
async fn the_locks_of_other_tasks_are_no_order() {
    let (order, cycles) = watched();
    let (ann, bob) = (Arc::new(order.mutex("ann", ())), Arc::new(order.mutex("bob", ())));
    let takes = |lock: &Arc<diagnosing::lock_order::Mutex<()>>| {
        let lock = lock.clone();
        tokio::spawn(async move {
            let _held = lock.lock().await;
            settle().await;
        })
    };
    for (first, second) in [(&ann, &bob), (&bob, &ann)] {
        let tasks = (takes(first), takes(second));
        tasks.0.await.unwrap();
        tasks.1.await.unwrap();
    }
    assert_eq!(cycles.take(), []);
}

/// The trap: branches of a `join!` are one task, so two locks of two branches look like an order.
#[tokio::test(start_paused = true)]
async fn but_branches_of_one_join_are_one_task() {
    let (order, cycles) = watched();
    let (ann, bob) = (order.mutex("ann", ()), order.mutex("bob", ()));
    let takes = async |lock: &diagnosing::lock_order::Mutex<()>| {
        let _held = lock.lock().await;
        settle().await;
    };
    tokio::join!(takes(&ann), takes(&bob));
    tokio::join!(takes(&bob), takes(&ann));
    assert_eq!(cycles.take().len(), 1, "though no branch wants what the other one has");
}

/// A lock for each account would else fill the table.
#[tokio::test(start_paused = true)]
async fn a_lock_that_is_dropped_is_forgotten() {
    let (order, cycles) = watched();
    let ann = order.mutex("ann", ());
    for _ in 0..2 {
        let bob = order.mutex("bob", ());
        {
            let (_ann, _bob) = (ann.lock().await, bob.lock().await);
        }
    }
    assert_eq!(format!("{order:?}"), "LockOrder { locks: 1, pairs: 0, reports: 0, .. }");
    {
        let other = order.mutex("bob", ());
        let (_other, _ann) = (other.lock().await, ann.lock().await);
        assert_eq!(format!("{order:?}"), "LockOrder { locks: 2, pairs: 1, reports: 0, .. }");
    }
    assert_eq!(format!("{order:?}"), "LockOrder { locks: 1, pairs: 0, reports: 0, .. }");
    assert_eq!(cycles.take(), []);
}

/// It is a lock: what is behind it changes one at a time.
#[tokio::test(start_paused = true)]
async fn what_is_behind_it_is_read_and_changed() {
    let (order, _cycles) = watched();
    let count = order.mutex("count", 1);
    *count.lock().await += 1;
    assert_eq!(format!("{:?}", count.lock().await), "2");
}
