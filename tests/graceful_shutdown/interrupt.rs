//! Lessons of the pattern `interrupt`.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::{FutureExt, stream};
use graceful_shutdown::interrupt::{MainEnded, interruptible};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::support::{Count, Entries, busy, ends, in_a_few_turns, ms};
use crate::work::interrupt::main;
use crate::work::{AN_HOUR, signals_at};

async fn timed<T>(work: impl Future<Output = T>) -> (T, Duration) {
    let start = Instant::now();
    (ends(work).await, start.elapsed())
}

/// asyncio: without Ctrl-C `run` returns the value of `main`. Here: the same; a later signal changes nothing.
#[tokio::test(start_paused = true)]
async fn without_a_signal_main_finishes() {
    let ended = timed(interruptible(signals_at([]), main)).await;
    assert_eq!(ended, (MainEnded::Finished("done"), ms(1_000)));
    let ended = timed(interruptible(stream::pending::<u64>(), main)).await;
    assert_eq!(ended, (MainEnded::Finished("done"), ms(1_000)));
    let late = timed(interruptible(signals_at([2_000]), main)).await;
    assert_eq!(late, (MainEnded::Finished("done"), ms(1_000)));
}

/// asyncio: at Ctrl-C the main task is cancelled, its clean-up may await, and then `KeyboardInterrupt` is raised.
#[tokio::test(start_paused = true)]
async fn at_the_first_signal_main_is_told_to_end_and_cleans_up() {
    let ended = timed(interruptible(signals_at([300]), main)).await;
    assert_eq!(ended, (MainEnded::Interrupted(300, "cleaned up"), ms(350)));
}

/// asyncio: a main that swallows its cancellation returns as if nothing had happened. Here both are reported.
#[tokio::test(start_paused = true)]
async fn a_main_that_does_not_listen_runs_to_its_end() {
    let deaf = |_| async {
        sleep(ms(1_000)).await;
        "done"
    };
    let ended = timed(interruptible(signals_at([300]), deaf)).await;
    assert_eq!(ended, (MainEnded::Interrupted(300, "done"), ms(1_000)));
}

/// asyncio: a second Ctrl-C raises `KeyboardInterrupt` at once. Here main is dropped at its await.
#[tokio::test(start_paused = true)]
async fn at_the_second_signal_main_is_dropped_where_it_stands() {
    let (dropped, cleaned_up) = (Count::default(), Count::default());
    let long_clean_up = |cancel: CancellationToken| {
        let (guard, cleans_up) = (dropped.on_drop(), cleaned_up.clone());
        async move {
            let _guard = guard;
            cancel.cancelled().await;
            sleep(AN_HOUR).await;
            cleans_up.add();
        }
    };
    let ended = timed(interruptible(signals_at([300, 400]), long_clean_up)).await;
    assert_eq!(ended, (MainEnded::CutOff(400), ms(400)));
    assert_eq!((dropped.get(), cleaned_up.get()), (1, 0));
}

/// Two signals that are ready at once count as two: main has no time to clean up.
#[tokio::test(start_paused = true)]
async fn two_signals_in_one_instant_are_two() {
    let ended = timed(interruptible(signals_at([300, 300]), main)).await;
    assert_eq!(ended, (MainEnded::CutOff(300), ms(300)));
    let at_once = timed(interruptible(stream::iter([1, 2]), main)).await;
    assert_eq!(at_once, (MainEnded::CutOff(2), ms(0)));
}

/// Main is polled before the signals: a value in the instant of a signal is not lost.
#[tokio::test(start_paused = true)]
async fn a_main_that_ends_in_the_instant_of_the_signal_has_finished() {
    let ended = timed(interruptible(signals_at([1_000]), main)).await;
    assert_eq!(ended, (MainEnded::Finished("done"), ms(1_000)));
    let ready = timed(interruptible(stream::iter([1]), |_| async { "done" })).await;
    assert_eq!(ready, (MainEnded::Finished("done"), ms(0)));
}

/// asyncio: an exception that main raises in its clean-up comes out of `run`. Here: its panic resumes.
#[tokio::test(start_paused = true)]
async fn a_panic_of_main_goes_on_in_the_caller() {
    let panics = |cancel: CancellationToken| async move {
        cancel.cancelled().await;
        panic!("in the clean-up")
    };
    let ended = AssertUnwindSafe(interruptible::<_, (), _>(signals_at([300]), panics)).catch_unwind();
    let panic = ends(ended).await.unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"in the clean-up"));
}

/// Tasks that main has started with its token are cancelled, too, when main is dropped, panics or returns.
#[tokio::test(start_paused = true)]
async fn its_token_is_cancelled_however_it_ends() {
    let tokens = Entries::new();
    let hands_on = |cancel: CancellationToken| {
        tokens.add(cancel);
        std::future::pending::<()>()
    };
    assert!(timeout(ms(100), interruptible(signals_at([]), hands_on)).await.is_err());
    let returns = |cancel: CancellationToken| {
        tokens.add(cancel);
        std::future::ready(())
    };
    ends(interruptible(signals_at([]), returns)).await;
    let tokens = tokens.take();
    assert_eq!(tokens.iter().map(CancellationToken::is_cancelled).collect::<Vec<_>>(), [true, true]);
}

/// asyncio: a signal handler is called although `main` only yields, again and again. Here too, although `main` uses up
/// its budget each time.
#[tokio::test]
async fn a_busy_main_is_interrupted() {
    let (signal, mut signals) = tokio::sync::mpsc::unbounded_channel();
    let signals = stream::poll_fn(move |context| signals.poll_recv(context));
    let ended = tokio::spawn(interruptible(signals, |_cancel| busy::<()>()));
    tokio::task::yield_now().await;
    signal.send("first").unwrap();
    signal.send("second").unwrap();
    assert_eq!(in_a_few_turns(ended).await, MainEnded::CutOff("second"));
}
