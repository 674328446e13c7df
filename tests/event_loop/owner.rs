//! Lessons of the pattern `owner`.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::thread;
use std::thread::ThreadId;

use event_loop::owner::{CallError, Owner};
use fastrand::Rng;
use futures::FutureExt;
use tokio::sync::{Notify, oneshot};
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;

use crate::real_time::{soon_on_a_thread, soon_on_real_time};
use crate::support::OnDrop;
use crate::work::{many_threads, us};

/// A value that is not `Send`, and knows the thread on which it was made.
struct Engine {
    made_on: ThreadId,
    calls: Rc<Cell<u32>>,
    waiting: Notify,
    _guard: OnDrop<Box<dyn FnMut()>>,
}

impl Engine {
    fn new(dropped: mpsc::Sender<ThreadId>) -> Self {
        let guard = OnDrop(Box::new(move || {
            let _ignored = dropped.send(thread::current().id());
        }) as Box<dyn FnMut()>);
        Self { made_on: thread::current().id(), calls: Rc::default(), waiting: Notify::new(), _guard: guard }
    }

    fn count(&self) -> u32 {
        assert_eq!(thread::current().id(), self.made_on);
        self.calls.set(self.calls.get() + 1);
        self.calls.get()
    }
}

fn started() -> (Owner<Engine>, mpsc::Receiver<ThreadId>) {
    let (drops, dropped) = mpsc::channel();
    (Owner::start("engine", || Engine::new(drops)).unwrap(), dropped)
}

/// asyncio: other threads use a loop's objects through `run_coroutine_threadsafe`. Here the value never leaves its
/// thread.
#[tokio::test]
async fn the_value_is_made_used_and_dropped_on_a_thread_of_its_own() {
    let (owner, dropped) = started();
    let name = owner.call(async |engine| {
        engine.count();
        (thread::current().name().map(str::to_owned), engine.made_on)
    });
    let (name, made_on) = soon_on_real_time(name).await.unwrap();
    assert_eq!(name.as_deref(), Some("engine"));
    assert_ne!(made_on, thread::current().id());
    soon_on_real_time(owner.close()).await;
    assert_eq!(dropped.try_recv(), Ok(made_on), "the close has waited for it");
}

/// The future of a call need not be `Send`: it may keep an `Rc` over an await.
#[tokio::test]
async fn a_call_may_keep_what_is_not_send_over_an_await() {
    let (owner, _dropped) = started();
    let call = owner.call(async |engine| {
        let calls = engine.calls.clone();
        yield_now().await;
        calls.set(calls.get() + 40);
        engine.count()
    });
    assert_eq!(soon_on_real_time(call).await, Ok(41));
}

/// Two calls that wait for each other: the second begins while the first awaits.
#[tokio::test]
async fn calls_run_at_the_same_time_where_they_await() {
    let (owner, _dropped) = started();
    let waits = owner.call(async |engine| {
        engine.waiting.notified().await;
        "was waited for"
    });
    let tells = owner.call(async |engine| engine.waiting.notify_one());
    assert_eq!(soon_on_real_time(async { tokio::join!(waits, tells) }).await, (Ok("was waited for"), Ok(())));
}

/// asyncio: an exception of one call leaves an executor's thread alive. Here: the value survives a panic.
#[tokio::test]
async fn a_call_that_panics_is_an_error_and_the_next_one_works() {
    let (owner, _dropped) = started();
    let panics = owner.call(async |engine: &Engine| -> u32 { panic!("call {}", engine.count()) });
    assert_eq!(soon_on_real_time(panics).await, Err(CallError::Panicked("call 1".to_owned())));
    assert_eq!(soon_on_real_time(owner.call(async |engine| engine.count())).await, Ok(2));
}

/// A panic's payload may be a value whose destructor panics. It is the error of its call.
#[tokio::test]
async fn a_call_whose_panic_panics_when_dropped_is_an_error_too() {
    let (owner, _dropped) = started();
    let panics = owner.call(async |_| std::panic::panic_any(crate::support::PanicsWhenDropped));
    let text = "a value that is not text".to_owned();
    assert_eq!(soon_on_real_time(panics).await, Err::<(), _>(CallError::Panicked(text)));
    assert_eq!(soon_on_real_time(owner.call(async |engine| engine.count())).await, Ok(1));
}

/// asyncio: an initializer that raises breaks the executor, for every call. Here: every call gets `Gone`.
#[tokio::test]
async fn when_the_value_cannot_be_made_each_call_finds_the_owner_gone() {
    let owner = Owner::<Engine>::start("engine", || panic!("no licence")).unwrap();
    for _ in 0..2 {
        assert_eq!(soon_on_real_time(owner.call(async |engine| engine.count())).await, Err(CallError::Gone));
    }
    soon_on_real_time(owner.close()).await;
}

/// asyncio: cancelling the task that awaits the wrapped future cancels the coroutine in the other thread.
#[tokio::test]
async fn a_call_that_nobody_waits_for_any_more_is_dropped() {
    let (owner, _dropped) = started();
    let (sender, receiver) = mpsc::channel();
    let (begins, begun) = oneshot::channel();
    let call = owner.call(async move |_| {
        let _guard = OnDrop(move || sender.send("dropped").unwrap());
        begins.send(()).unwrap();
        std::future::pending::<()>().await;
    });
    soon_on_real_time(async {
        tokio::select! {
            _ = call => unreachable!(),
            begun = begun => begun.unwrap(),
        }
    })
    .await;
    soon_on_real_time(owner.close()).await;
    assert_eq!(receiver.try_recv(), Ok("dropped"), "the close has waited for that, too");
}

/// A call that has not begun, because the thread was busy, ends before the value is dropped.
#[test]
fn the_close_waits_for_calls_that_were_given_up() {
    soon_on_a_thread(|| {
        let (owner, _dropped) = started();
        let (begins, begun) = mpsc::channel();
        let (free, busy) = mpsc::channel();
        let (drops, dropping) = mpsc::channel();
        let (go_on, goes_on) = mpsc::channel();
        let mut blocks = Box::pin(owner.call(async move |_| {
            begins.send(()).unwrap();
            busy.recv().unwrap();
        }));
        assert_eq!(blocks.as_mut().now_or_never(), None);
        begun.recv().unwrap();
        drop(blocks);
        let guard = OnDrop(move || {
            drops.send(()).unwrap();
            goes_on.recv().unwrap();
        });
        let given_up = owner.call(async move |_| drop(guard));
        assert_eq!(given_up.now_or_never(), None);

        let mut close = Box::pin(owner.close());
        assert_eq!(close.as_mut().now_or_never(), None);
        free.send(()).unwrap();
        dropping.recv().unwrap();
        assert_eq!(close.as_mut().now_or_never(), None, "the call is being dropped");
        go_on.send(()).unwrap();
        futures::executor::block_on(close);
    });
}

/// A destructor cannot await: the value is dropped on its thread, later.
#[tokio::test]
async fn a_drop_of_the_owner_waits_for_nothing_and_ends_the_thread() {
    let (owner, dropped) = started();
    soon_on_real_time(owner.call(async |engine| engine.count())).await.unwrap();
    drop(owner);
    assert!(dropped.recv().is_ok());
}

/// A caller may itself be a task of a multi-thread runtime.
#[tokio::test]
async fn a_call_can_run_inside_a_spawned_task() {
    let (owner, _dropped) = started();
    let task = tokio::spawn(async move { owner.call(async |engine| engine.count()).await });
    assert_eq!(soon_on_real_time(task).await.unwrap(), Ok(1));
}

/// Tasks of many threads call, panic and give up: no call runs twice or is lost, and the value is dropped on its own
/// thread.
#[test]
fn from_many_threads_each_call_is_carried_out_once() {
    soon_on_a_thread(|| {
        many_threads().build().unwrap().block_on(async {
            for seed in 0..40 {
                let mut random = Rng::with_seed(seed);
                let (owner, dropped) = started();
                let (owner, mut tasks) = (Arc::new(owner), JoinSet::new());
                for _ in 0..4 {
                    let (owner, mut random) = (owner.clone(), random.fork());
                    tasks.spawn(async move {
                        let (mut certain, mut perhaps) = (0, 0);
                        for _ in 0..25 {
                            match random.u8(0..32) {
                                0 => {
                                    let panics = owner
                                        .call(async |engine: &Engine| -> () { panic!("{}", engine.count()) });
                                    assert!(matches!(panics.await, Err(CallError::Panicked(_))));
                                    certain += 1;
                                }
                                1..9 => {
                                    let limit = us(random.u64(0..100));
                                    let _given_up =
                                        timeout(limit, owner.call(async |engine| engine.count())).await;
                                    perhaps += 1;
                                }
                                _ => {
                                    let yields = async |engine: &Engine| {
                                        yield_now().await;
                                        engine.count()
                                    };
                                    owner.call(yields).await.unwrap();
                                    certain += 1;
                                }
                            }
                        }
                        (certain, perhaps)
                    });
                }
                let (mut certain, mut perhaps) = (0, 0);
                while let Some(ended) = tasks.join_next().await {
                    let (mine, given_up) = ended.unwrap();
                    (certain, perhaps) = (certain + mine, perhaps + given_up);
                }
                let (calls, made_on) =
                    owner.call(async |engine| (engine.calls.get(), engine.made_on)).await.unwrap();
                assert!((certain..=certain + perhaps).contains(&calls), "seed {seed}");
                Arc::into_inner(owner).unwrap().close().await;
                assert_eq!(dropped.try_recv(), Ok(made_on), "seed {seed}");
            }
        });
    });
}
