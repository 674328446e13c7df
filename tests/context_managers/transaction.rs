//! Lessons of the pattern `transaction`.

use std::num::NonZeroUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};

use Step::{Begin, Commit, Connect, Rollback};
use context_managers::transaction::{Database, Pool};
use futures::future::pending;
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;

use crate::support::{ms, panics};
use crate::work::all_over;
use crate::work::transaction::{Connection, Fake, Step, pool};

/// asyncio: a driver's `async with` commits at its end. Here: so does `transaction`; its connection returns to the
/// pool.
#[tokio::test(start_paused = true)]
async fn a_success_is_committed_and_the_connection_is_used_again() {
    let (pool, database, _) = pool(2, None);
    for _ in 0..2 {
        assert_eq!(pool.transaction(async |on| Ok(on.number)).await, Ok(1));
    }
    let expected = [" 10 connect", " 20 begin 1", " 30 commit 1", " 40 begin 1", " 50 commit 1"];
    assert_eq!(database.log.take(), expected);
    assert_eq!((pool.idle(), pool.free()), (1, 2));
}

/// asyncio: an exception causes a rollback, and goes on after it.
#[tokio::test(start_paused = true)]
async fn an_error_is_rolled_back_before_the_caller_gets_it() {
    let (pool, database, _) = pool(1, None);
    assert_eq!(pool.transaction(async |_| Err::<(), _>("disk full")).await, Err("disk full"));
    database.log.at("caller");
    assert_eq!(database.log.take(), [" 10 connect", " 20 begin 1", " 30 rollback 1", " 30 caller"]);
    assert_eq!((pool.idle(), pool.free()), (1, 1));
}

/// asyncio: the cancelled task itself awaits its rollback. Here: the caller is dropped, so a task awaits it.
#[tokio::test(start_paused = true)]
async fn a_panic_and_a_cancellation_are_rolled_back_by_a_task() {
    let (pool, database, cleanups) = pool(1, None);
    let task = tokio::spawn({
        let pool = pool.clone();
        async move { pool.transaction(async |_| panics::<Result<(), _>>("a panic")).await }
    });
    assert!(task.await.unwrap_err().is_panic());
    database.log.at("caller");
    assert!(timeout(ms(50), pool.transaction(async |_| pending::<Result<(), _>>().await)).await.is_err());
    database.log.at("caller");
    all_over(&cleanups).await;
    let first = [" 10 connect", " 20 begin 1", " 20 caller", " 30 rollback 1"];
    let second = [" 40 begin 1", " 70 caller", " 80 rollback 1"];
    assert_eq!(database.log.take(), [&first[..], &second].concat());
    assert_eq!((pool.idle(), pool.free(), database.connections.load(SeqCst)), (1, 1, 1));
}

/// An abort that has not arrived yet will need a rollback: the transaction counts from its start.
#[tokio::test(start_paused = true)]
async fn a_drain_waits_for_a_transaction_that_an_abort_has_not_reached_yet() {
    let (pool, database, cleanups) = pool(1, None);
    let task =
        tokio::spawn(async move { pool.transaction(async |_| pending::<Result<(), _>>().await).await });
    sleep(ms(25)).await;
    task.abort();
    assert!(!task.is_finished());
    all_over(&cleanups).await;
    assert_eq!(database.log.take(), [" 10 connect", " 20 begin 1", " 35 rollback 1"]);
}

/// A waiter gets the connection when the rollback is over, not when its user is dropped.
#[tokio::test(start_paused = true)]
async fn a_waiter_gets_the_connection_when_the_rollback_is_over() {
    let (pool, database, _) = pool(1, None);
    let (first, second) = tokio::join!(
        timeout(ms(50), pool.transaction(async |_| pending::<Result<(), _>>().await)),
        pool.transaction(async |on| Ok(on.number)),
    );
    assert!(first.is_err());
    assert_eq!(second, Ok(1));
    let expected = [" 10 connect", " 20 begin 1", " 60 rollback 1", " 70 begin 1", " 80 commit 1"];
    assert_eq!(database.log.take(), expected);
}

/// Waiters are FIFO: no caller can be passed over for a connection.
#[tokio::test(start_paused = true)]
async fn callers_get_connections_in_the_order_in_which_they_asked() {
    let (pool, _, _) = pool(1, None);
    let order = Mutex::new(Vec::new());
    let all = (0..5).map(|n| {
        let order = &order;
        pool.transaction(async move |_| {
            order.lock().unwrap().push(n);
            Ok(())
        })
    });
    assert!(futures::future::join_all(all).await.iter().all(Result::is_ok));
    assert_eq!(order.into_inner().unwrap(), [0, 1, 2, 3, 4]);
}

/// After a failed commit or rollback the state of the connection is unknown: it is closed, and its permit is free.
#[tokio::test(start_paused = true)]
async fn after_a_failed_step_the_connection_is_closed_and_its_place_is_free() {
    for failing in [Connect, Begin, Commit, Rollback] {
        let (pool, database, _) = pool(1, Some(failing));
        let body_fails = failing == Rollback;
        let body = async |_: &mut Connection| if body_fails { Err("the body") } else { Ok(()) };
        let expected = if body_fails { "the body" } else { "failed" };
        assert_eq!(pool.transaction(body).await, Err(expected));
        assert_eq!((pool.idle(), pool.free(), database.connections.load(SeqCst)), (0, 1, 0));
    }
}

/// A commit that has begun runs to its end. A caller that was cancelled meanwhile does not know, as with any database.
#[tokio::test(start_paused = true)]
async fn a_cancellation_during_the_commit_does_not_cut_it_off() {
    let (pool, database, cleanups) = pool(1, None);
    assert!(timeout(ms(25), pool.transaction(async |_| Ok(()))).await.is_err());
    all_over(&cleanups).await;
    assert_eq!(database.log.take(), [" 10 connect", " 20 begin 1", " 30 commit 1"]);
    assert_eq!((pool.idle(), pool.free()), (1, 1));
}

/// After a panic the state of the commit is unknown: the connection is closed, and not used again.
#[tokio::test(start_paused = true)]
async fn a_panic_in_the_commit_goes_on_in_the_caller_and_closes_the_connection() {
    struct Panics(Fake);
    impl Database for Panics {
        type Connection = Connection;
        type Error = &'static str;
        fn connect(&self) -> impl Future<Output = Result<Connection, &'static str>> + Send {
            self.0.connect()
        }
        fn begin(&self, on: &mut Connection) -> impl Future<Output = Result<(), &'static str>> + Send {
            self.0.begin(on)
        }
        async fn commit(&self, _: &mut Connection) -> Result<(), &'static str> {
            panics("a panic")
        }
        fn rollback(&self, on: &mut Connection) -> impl Future<Output = Result<(), &'static str>> + Send {
            self.0.rollback(on)
        }
    }
    let database = Fake::new(None);
    let pool = Arc::new(Pool::new(Panics(database.clone()), NonZeroUsize::MIN, &TaskTracker::new()));
    let task = tokio::spawn({
        let pool = pool.clone();
        async move { pool.transaction(async |_| Ok(())).await }
    });
    assert!(task.await.unwrap_err().is_panic());
    assert_eq!((pool.idle(), pool.free(), database.connections.load(SeqCst)), (0, 1, 0));
}
