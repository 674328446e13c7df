//! What the ways of `recipes/context_managers` cost a use: a body that suspends once, and a clean-up that counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bench::{Row, asyncio, measure, print_ratios};
use context_managers::exit_stack::ExitStack;
use context_managers::scope::with;
use context_managers::transaction::{Database, Pool};
use futures::FutureExt;
use scopeguard::guard;
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;
use tokio_util::task::TaskTracker;

const ITEMS: usize = 10_000;
const ROUNDS: usize = 21;

/// Counts its commits, and does nothing else.
struct Nothing(Arc<AtomicUsize>);

impl Database for Nothing {
    type Connection = ();
    type Error = ();

    async fn connect(&self) -> Result<(), ()> {
        Ok(())
    }

    async fn begin(&self, (): &mut ()) -> Result<(), ()> {
        Ok(())
    }

    async fn commit(&self, (): &mut ()) -> Result<(), ()> {
        self.0.fetch_add(1, Relaxed);
        Ok(())
    }

    async fn rollback(&self, (): &mut ()) -> Result<(), ()> {
        Ok(())
    }
}

/// Runs `work`, which has to clean up ITEMS times.
fn measured(runtime: &Runtime, name: &str, work: impl AsyncFn(Arc<AtomicUsize>, TaskTracker)) -> Row {
    measure(name, ITEMS, ROUNDS, || {
        let closed = Arc::new(AtomicUsize::new(0));
        runtime.block_on(work(closed.clone(), TaskTracker::new()));
        assert_eq!(closed.load(Relaxed), ITEMS);
    })
}

fn main() -> anyhow::Result<()> {
    // One thread on each side: the comparison is of overhead, not of cores.
    let runtime = Builder::new_current_thread().build()?;
    let mut rows = vec![
        measured(&runtime, "a guard with a drop", drops),
        measured(&runtime, "scope::with", scopes),
        measured(&runtime, "ExitStack, one clean-up each", stacks),
        measured(&runtime, "ExitStack, one for all", one_stack),
        measured(&runtime, "transaction", transactions),
    ];
    rows.extend(asyncio("context_managers.py", &[ITEMS, ROUNDS])?);
    print_ratios("context_managers", &rows);
    Ok(())
}

async fn drops(closed: Arc<AtomicUsize>, _: TaskTracker) {
    for _ in 0..ITEMS {
        let _counted = guard((), |()| {
            closed.fetch_add(1, Relaxed);
        });
        yield_now().await;
    }
}

async fn scopes(closed: Arc<AtomicUsize>, cleanups: TaskTracker) {
    for _ in 0..ITEMS {
        let closed = closed.clone();
        let scope = with(
            &cleanups,
            async { Ok(closed) },
            async |_, _| yield_now().map(Ok::<_, ()>).await,
            |closed, _| {
                async move {
                    closed.fetch_add(1, Relaxed);
                    Ok(())
                }
                .boxed()
            },
        );
        assert_eq!(scope.await, Ok(()));
    }
}

/// Puts a clean-up on the stack.
fn push(stack: &mut ExitStack<()>, closed: &Arc<AtomicUsize>) {
    let closed = closed.clone();
    stack.callback(move || async move {
        closed.fetch_add(1, Relaxed);
        Ok(())
    });
}

async fn stacks(closed: Arc<AtomicUsize>, cleanups: TaskTracker) {
    for _ in 0..ITEMS {
        let mut stack = ExitStack::new(&cleanups);
        push(&mut stack, &closed);
        yield_now().await;
        assert_eq!(stack.close(Ok(())).await, Ok(Some(())));
    }
}

async fn one_stack(closed: Arc<AtomicUsize>, cleanups: TaskTracker) {
    let mut stack = ExitStack::new(&cleanups);
    for _ in 0..ITEMS {
        push(&mut stack, &closed);
        yield_now().await;
    }
    assert_eq!(stack.close(Ok(())).await, Ok(Some(())));
}

async fn transactions(closed: Arc<AtomicUsize>, cleanups: TaskTracker) {
    let pool = Pool::new(Nothing(closed), std::num::NonZeroUsize::MIN, &cleanups);
    for _ in 0..ITEMS {
        assert_eq!(pool.transaction(async |()| yield_now().map(Ok).await).await, Ok(()));
    }
}
