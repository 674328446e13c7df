//! Lessons of the pattern `shield`.

use std::task::Poll;

use futures::FutureExt;
use timeouts::shield::{ShieldFailure, shield};
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::TaskTracker;

use crate::support::{Count, OnDrop, PanicsWhenDropped, ends, ms, panics};
use crate::work::shield::{both, shielded};
use crate::work::{load, panics_in_drop};

async fn all_done(tasks: &TaskTracker) {
    tasks.close();
    ends(tasks.wait()).await;
}

/// asyncio: the outer task is cancelled, the inner goes on.
#[tokio::test(start_paused = true)]
async fn a_caller_that_is_cancelled_does_not_take_the_work_along() {
    let ((tasks, unheard), done) = (both(), Count::default());
    let finishes = done.clone();
    let caller = tokio::spawn(shielded(&tasks, &unheard, async move {
        let paid = load("paid", 200).await;
        finishes.add();
        paid
    }));
    sleep(ms(100)).await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    assert_eq!(done.get(), 0);
    all_done(&tasks).await;
    assert_eq!(done.get(), 1);
    assert_eq!(*unheard.lock().unwrap(), [], "a value that nobody hears is no failure");
}

/// asyncio: `wait_for(shield(task), limit)` raises, and the task can be awaited later.
#[tokio::test(start_paused = true)]
async fn a_caller_that_gives_up_may_wait_again_later() {
    let (tasks, unheard) = both();
    let start = Instant::now();
    let mut payment = shielded(&tasks, &unheard, load("paid", 200));
    assert!(timeout(ms(100), &mut payment).await.is_err());
    assert!(!payment.is_finished());
    assert_eq!(payment.await, Ok("paid"));
    assert_eq!(start.elapsed(), ms(200));
}

/// asyncio: `shield(coroutine)` makes a task of it at once. Here too.
#[tokio::test(start_paused = true)]
async fn the_work_begins_without_being_awaited() {
    let (tasks, unheard) = both();
    let payment = shielded(&tasks, &unheard, load("paid", 200));
    sleep(ms(300)).await;
    assert!(payment.is_finished());
    assert_eq!(payment.now_or_never(), Some(Ok("paid")));
}

/// asyncio: an exception that was retrieved is not logged. Here: a failure that was returned is not reported.
#[tokio::test(start_paused = true)]
async fn a_failure_that_is_heard_is_not_reported() {
    let (tasks, unheard) = both();
    let failed = shielded(&tasks, &unheard, load("bad card", 200)).await.unwrap_err();
    assert_eq!(failed, ShieldFailure::Error("bad card after 200".to_owned()));
    assert_eq!(failed.to_string(), "bad card after 200");
    let panicked = shielded(&tasks, &unheard, async { panics("a panic") }).await.unwrap_err();
    assert_eq!(panicked, ShieldFailure::Panicked("a panic".to_owned()));
    assert_eq!(panicked.to_string(), "panicked: a panic");
    all_done(&tasks).await;
    assert_eq!(*unheard.lock().unwrap(), []);
}

/// asyncio: when its caller is gone, the exception is logged once the task is collected, as never retrieved.
#[tokio::test(start_paused = true)]
async fn a_failure_that_nobody_hears_is_reported() {
    let (tasks, unheard) = both();
    let card = shielded(&tasks, &unheard, load("bad card", 200));
    let bug = shielded(&tasks, &unheard, async {
        sleep(ms(300)).await;
        panics("a panic")
    });
    assert!(timeout(ms(100), card).await.is_err());
    drop(bug);
    all_done(&tasks).await;
    let expected = [
        ShieldFailure::Error("bad card after 200".to_owned()),
        ShieldFailure::Panicked("a panic".to_owned()),
    ];
    assert_eq!(*unheard.lock().unwrap(), expected);
}

/// The caller goes away when the work is done and has not been looked at.
#[tokio::test(start_paused = true)]
async fn nor_is_one_lost_that_was_there_before_the_caller_went_away() {
    let (tasks, unheard) = both();
    let card = shielded(&tasks, &unheard, load("bad card", 200));
    all_done(&tasks).await;
    assert_eq!(*unheard.lock().unwrap(), [], "it may still be heard");
    drop(card);
    assert_eq!(*unheard.lock().unwrap(), [ShieldFailure::Error("bad card after 200".to_owned())]);
}

/// Tokio: a dropped handle is a shield as well, but what its task returns is dropped with it.
#[tokio::test(start_paused = true)]
async fn but_the_error_in_a_dropped_join_handle_is_lost() {
    let failed = Count::default();
    let fails = failed.clone();
    let task = tokio::spawn(async move { load("bad card", 200).await.inspect_err(|_| fails.add()) });
    assert!(timeout(ms(100), task).await.is_err());
    sleep(ms(200)).await;
    assert_eq!(failed.get(), 1, "it failed, and only the task itself could tell");
}

/// asyncio: when the inner task is cancelled itself, so is the awaiter of the shield. Here it is a value.
#[tokio::test(start_paused = true)]
async fn work_that_is_cut_off_itself_is_told_to_who_waits_and_is_not_reported() {
    let (tasks, unheard) = both();
    let heard = shielded(&tasks, &unheard, load("bad card", 200));
    heard.abort();
    let cancelled = heard.await.unwrap_err();
    assert_eq!((cancelled.to_string().as_str(), &cancelled), ("cancelled", &ShieldFailure::Cancelled));
    shielded(&tasks, &unheard, load("bad card", 200)).abort();
    all_done(&tasks).await;
    assert_eq!(*unheard.lock().unwrap(), []);
}

/// asyncio: `asyncio.run` cancels shielded tasks too, when `main` ends. Tokio: cuts them off, unless they are waited for.
#[test]
fn but_the_end_of_the_runtime_cuts_it_off() {
    let done = Count::default();
    for (waits, expected) in [(false, 0), (true, 1)] {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let ((tasks, unheard), finishes) = (both(), done.clone());
            drop(shielded(&tasks, &unheard, async move {
                sleep(ms(200)).await;
                finishes.add();
                Ok("paid")
            }));
            sleep(ms(100)).await;
            if waits {
                all_done(&tasks).await;
            }
        });
        drop(runtime);
        assert_eq!(done.get(), expected);
    }
}

/// A panic in the drop of the work, when it is done: a failure of the work as well.
#[tokio::test(start_paused = true)]
async fn a_panic_in_the_drop_of_the_work_is_a_failure() {
    let (tasks, unheard) = both();
    /// Ready, and panics when it is dropped.
    struct Bad {
        _panics: OnDrop<fn()>,
    }
    impl Future for Bad {
        type Output = Result<&'static str, String>;
        fn poll(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<Self::Output> {
            Poll::Ready(Ok("value"))
        }
    }
    let bad = || Bad { _panics: OnDrop(panics_in_drop) };
    assert_eq!(shielded(&tasks, &unheard, bad()).await, Err(ShieldFailure::Panicked("a panic".to_owned())));
    drop(shielded(&tasks, &unheard, bad()));
    all_done(&tasks).await;
    assert_eq!(*unheard.lock().unwrap(), [ShieldFailure::Panicked("a panic".to_owned())]);
}

/// A result is given out once. In asyncio a task can be awaited again.
#[tokio::test(start_paused = true)]
#[should_panic(expected = "polled after completion")]
async fn but_awaited_again_it_panics() {
    let (tasks, unheard) = both();
    let mut payment = shielded(&tasks, &unheard, load("paid", 10));
    assert_eq!((&mut payment).await, Ok("paid"));
    let _again = payment.await;
}

/// Each dropped caller leaves one failure: the report gets all of them.
#[tokio::test(start_paused = true)]
async fn ten_thousand_failures_that_nobody_hears_are_reported() {
    let (tasks, unheard) = both();
    for _ in 0..10_000 {
        drop(shielded(&tasks, &unheard, load("bad card", 10)));
    }
    all_done(&tasks).await;
    assert_eq!(unheard.lock().unwrap().len(), 10_000);
}

/// A panic may hold a value whose destructor panics.
#[tokio::test(start_paused = true)]
async fn a_panic_whose_drop_panics_is_a_failure_too() {
    let (tasks, unheard) = both();
    let panics = || async { std::panic::panic_any(PanicsWhenDropped) };
    let expected = ShieldFailure::Panicked("a value that is not text".to_owned());
    assert_eq!(shielded(&tasks, &unheard, panics()).await, Err(expected.clone()));
    drop(shielded(&tasks, &unheard, panics()));
    all_done(&tasks).await;
    assert_eq!(*unheard.lock().unwrap(), [expected]);
}

/// asyncio: a task that awaits itself raises `RuntimeError`. Tokio: it waits forever, and so does shielded work; a limit
/// ends the wait.
#[tokio::test(start_paused = true)]
async fn but_work_that_awaits_itself_waits_forever() {
    let (tasks, unheard) = both();
    let (send, own) = tokio::sync::oneshot::channel();
    let work = async {
        let own: timeouts::shield::Shielded<&'static str, String> = own.await.unwrap();
        match timeout(ms(100), own).await {
            Ok(_) => Ok("it has its own result"),
            Err(_elapsed) => Err("it waits for itself".to_owned()),
        }
    };
    let shielded = shielded(&tasks, &unheard, work);
    assert!(send.send(shielded).is_ok());
    all_done(&tasks).await;
    assert_eq!(*unheard.lock().unwrap(), [ShieldFailure::Error("it waits for itself".to_owned())]);
}

/// A report that panics, with a payload that panics as it is dropped, ends nothing: it is called in a drop.
#[tokio::test(start_paused = true)]
async fn a_report_that_panics_ends_nothing() {
    let tasks = TaskTracker::new();
    let shielded =
        shield(&tasks, async { Err::<(), _>("failed") }, |_| std::panic::panic_any(PanicsWhenDropped));
    all_done(&tasks).await;
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _dropped_while_a_panic_unwinds = shielded;
        panics::<()>("another")
    }));
    assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"another"));
}
