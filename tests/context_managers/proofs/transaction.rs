//! Proofs of the pattern `transaction`.

use context_managers::transaction::Pool;
use futures::future::pending;
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicIsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};
use tokio::task::{JoinSet, yield_now};
use tokio::time::sleep;
use tokio_util::task::TaskTracker;

use crate::many_threads::on_many_threads;
use crate::support::{ms, panics};
use crate::work::transaction::{Connection, Fake, pool};
use crate::work::{all_over, random_turns};

/// Cancelled at any point, also while it waits for a connection: each transaction that began has ended, and the
/// connection is in the pool once.
#[test]
fn cancelled_at_any_point_the_transaction_ends_and_the_connection_is_back() {
    for fails in [false, true] {
        let swept = cancel_sweep::sweep_with(
            || {
                let (pool, database, _) = pool(1, None);
                let other = pool.clone();
                tokio::spawn(async move { other.transaction(async |_| Ok(())).await });
                let state = (pool.clone(), database);
                (state, async move {
                    // Lets the other transaction go first.
                    yield_now().await;
                    pool.transaction(async |_| {
                        sleep(ms(10)).await;
                        if fails { Err("bad") } else { Ok(()) }
                    })
                    .await
                })
            },
            |(pool, database), _| {
                assert_eq!((pool.idle(), pool.free(), database.connections.load(SeqCst)), (1, 1, 1));
                let log = database.log.take();
                let count = |text| log.iter().filter(|entry| entry.contains(text)).count();
                assert!(count("connect") == 1 && count("commit") + count("rollback") >= count("begin"));
            },
        );
        assert_eq!(swept.points, 5, "its turn, the permit, begin, the body, the end");
    }
}

/// 200 rounds of 24 transactions on three connections and four threads. Bodies succeed, fail, panic, or wait forever. A
/// step of the database fails or panics once in eight times; most are aborted somewhere.
#[test]
fn on_many_threads_no_connection_is_lost_or_used_twice() {
    on_many_threads(200, async |mut rng| {
        let cleanups = TaskTracker::new();
        let chance = Some(Arc::new(Mutex::new(rng.fork())));
        let database = Fake { chance, ..Fake::new(None) };
        let pool = Arc::new(Pool::new(database.clone(), NonZeroUsize::new(3).unwrap(), &cleanups));
        let (inside, most) = (Arc::new(AtomicIsize::new(0)), Arc::new(AtomicIsize::new(0)));
        let mut tasks = JoinSet::new();
        for _ in 0..24 {
            let (pool, inside, most) = (pool.clone(), inside.clone(), most.clone());
            let (end, turns, until_abort) = (rng.u8(0..4), rng.fork(), [rng.fork(), rng.fork(), rng.fork()]);
            let task = tasks.spawn(async move {
                let body = async |_: &mut Connection| {
                    most.fetch_max(inside.fetch_add(1, SeqCst) + 1, SeqCst);
                    let _leaves = scopeguard::guard((), |()| _ = inside.fetch_sub(1, SeqCst));
                    random_turns(turns).await;
                    match end {
                        0 => Ok(()),
                        1 => Err("bad"),
                        2 => panics("a panic"),
                        _ => pending().await,
                    }
                };
                let _any = pool.transaction(body).await;
            });
            tasks.spawn(async move {
                for turns in until_abort {
                    random_turns(turns).await;
                }
                task.abort();
            });
        }
        while tasks.join_next().await.is_some() {}
        all_over(&cleanups).await;
        assert_eq!(pool.free(), 3);
        assert_eq!(pool.idle(), database.connections.load(SeqCst) as usize, "every open one is in the pool");
        assert!(most.load(SeqCst) <= 3 && database.most.load(SeqCst) <= 3);
    });
}
