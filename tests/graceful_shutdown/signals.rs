//! Lessons of the pattern `signals`.

use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use graceful_shutdown::signals::{Signal, exit_after, exit_at_the_second, on_signal, signals};
use rustix::process::{Signal as Kind, getpid, kill_process};
use tokio::runtime::Builder;
use tokio::signal::unix::SignalKind;
use tokio::sync::Notify;
use tokio::task::yield_now;

use crate::processes::{say, wait_for_the_lesson, with_a_process};
use crate::real_time::soon_on_real_time;
use crate::support::{Count, OnDrop};
use crate::work::AN_HOUR;

fn runtime() -> tokio::runtime::Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// asyncio: Ctrl-C raises `KeyboardInterrupt`, and clean-ups run; SIGTERM ends the process. Here both end it. (The
/// lesson sends SIGTERM: a program that a shell starts in the background ignores SIGINT.)
#[test]
fn without_a_listener_a_signal_ends_the_process_and_no_destructor_runs() {
    with_a_process(
        "signals::without_a_listener_a_signal_ends_the_process_and_no_destructor_runs",
        || {
            let _guard = OnDrop(|| say("dropped"));
            say("ready");
            runtime().block_on(std::future::pending())
        },
        async |mut process| {
            process.until("ready").await;
            process.signal(Kind::TERM);
            let (status, rest) = process.end().await;
            assert_eq!((status.signal(), rest), (Some(15), vec![]));
        },
    );
}

/// asyncio: `add_signal_handler(SIGTERM, ...)`; Ctrl-C needs none. Tokio: one stream of both.
#[test]
fn a_stream_of_signals_lets_main_end_by_itself() {
    with_a_process(
        "signals::a_stream_of_signals_lets_main_end_by_itself",
        || {
            let _guard = OnDrop(|| say("dropped"));
            runtime().block_on(async {
                let mut signals = signals().unwrap();
                say("ready");
                let first = signals.next().await.unwrap();
                say(&first.to_string());
                let second = signals.next().await.unwrap();
                say(&second.to_string());
                second.exit_code()
            })
        },
        async |mut process| {
            process.until("ready").await;
            process.signal(Kind::INT);
            process.until("SIGINT").await;
            process.signal(Kind::TERM);
            let (status, rest) = process.end().await;
            assert_eq!((status.code(), rest), (Some(143), vec!["SIGTERM".to_owned(), "dropped".to_owned()]));
        },
    );
}

/// The code is 128 plus the number of the signal.
#[test]
fn each_has_the_exit_code_that_a_shell_reports() {
    for (signal, kind, name) in
        [(Signal::Interrupt, Kind::INT, "SIGINT"), (Signal::Terminate, Kind::TERM, "SIGTERM")]
    {
        assert_eq!((signal.to_string().as_str(), i32::from(signal.exit_code())), (name, 128 + kind.as_raw()));
    }
    let ends_itself = "sh -c 'kill -TERM $$'; exit $?";
    let shell = std::process::Command::new("sh").args(["-c", ends_itself]).output().unwrap();
    assert_eq!(shell.status.code(), Some(Signal::Terminate.exit_code().into()));
}

/// asyncio: `remove_signal_handler` puts the default back. Tokio never does.
#[test]
fn but_when_the_listener_is_gone_ctrl_c_does_nothing() {
    with_a_process(
        "signals::but_when_the_listener_is_gone_ctrl_c_does_nothing",
        || {
            let runtime = runtime();
            runtime.block_on(async { drop(signals().unwrap()) });
            drop(runtime);
            say("ready");
            wait_for_the_lesson();
            say("still there");
            7
        },
        async |mut process| {
            process.until("ready").await;
            process.signal(Kind::INT);
            process.signal(Kind::TERM);
            process.go_on().await;
            let (status, rest) = process.end().await;
            assert_eq!((status.code(), rest), (Some(7), vec!["still there".to_owned()]));
        },
    );
}

/// asyncio: the second Ctrl-C reaches a busy loop, as an exception. Here a blocked runtime sees no signal.
#[test]
fn but_a_runtime_that_is_blocked_sees_no_signal() {
    with_a_process(
        "signals::but_a_runtime_that_is_blocked_sees_no_signal",
        || {
            runtime().block_on(async {
                let mut signals = signals().unwrap();
                tokio::spawn(async move {
                    let signal = signals.next().await.unwrap();
                    say(&signal.to_string());
                    std::process::exit(signal.exit_code().into());
                });
                yield_now().await;
                say("ready");
                wait_for_the_lesson();
                say("blocked until now");
                std::future::pending().await
            })
        },
        async |mut process| {
            process.until("ready").await;
            process.signal(Kind::INT);
            process.go_on().await;
            let (status, rest) = process.end().await;
            assert_eq!(
                (status.code(), rest),
                (Some(130), vec!["blocked until now".to_owned(), "SIGINT".to_owned()])
            );
        },
    );
}

/// A thread of its own still sees the signals.
#[test]
fn the_second_signal_ends_a_process_whose_runtime_is_blocked() {
    with_a_process(
        "signals::the_second_signal_ends_a_process_whose_runtime_is_blocked",
        || {
            let _guard = OnDrop(|| say("dropped"));
            runtime().block_on(async {
                exit_at_the_second(Duration::ZERO).unwrap();
                say("ready");
                loop {
                    thread::park();
                }
            })
        },
        async |mut process| {
            process.until("ready").await;
            process.signal(Kind::INT);
            // Two signals that come too close are one, and the process does not show when it has seen the first.
            process.signal_until_it_ends(Kind::INT).await;
            let (status, rest) = process.end().await;
            assert_eq!((status.code(), rest), (Some(130), vec![]));
        },
    );
}

/// No third signal is needed: a signal that one listener has seen has reached the other too, so the next one is its
/// second.
#[test]
fn two_signals_are_enough() {
    with_a_process(
        "signals::two_signals_are_enough",
        || {
            runtime().block_on(async {
                exit_at_the_second(Duration::ZERO).unwrap();
                let mut signals = signals().unwrap();
                say("ready");
                signals.next().await.unwrap();
                say("first");
                std::future::pending().await
            })
        },
        async |mut process| {
            process.until("ready").await;
            process.signal(Kind::INT);
            process.until("first").await;
            process.signal(Kind::TERM);
            assert_eq!(process.end().await.0.code(), Some(143));
        },
    );
}

/// asyncio: a timer that calls `os._exit` ends a shutdown that hangs, if the loop still runs. Here a thread ends it.
#[test]
fn a_shutdown_that_hangs_ends_after_the_limit() {
    with_a_process(
        "signals::a_shutdown_that_hangs_ends_after_the_limit",
        || {
            let _guard = OnDrop(|| say("dropped"));
            exit_after(crate::support::ms(50)).unwrap();
            say("ready");
            loop {
                thread::park();
            }
        },
        async |mut process| {
            process.until("ready").await;
            process.signal(Kind::TERM);
            let (status, rest) = process.end().await;
            assert_eq!((status.code(), rest), (Some(143), vec![]));
        },
    );
}

/// The limit is for a shutdown that hangs. A process that ends earlier runs its destructors and has its own exit code.
#[test]
fn a_process_that_ends_before_the_limit_is_left_alone() {
    with_a_process(
        "signals::a_process_that_ends_before_the_limit_is_left_alone",
        || {
            let _guard = OnDrop(|| say("dropped"));
            runtime().block_on(async {
                exit_after(AN_HOUR).unwrap();
                let mut signals = signals().unwrap();
                say("ready");
                signals.next().await.unwrap();
            });
            7
        },
        async |mut process| {
            process.until("ready").await;
            process.signal(Kind::INT);
            let (status, rest) = process.end().await;
            assert_eq!((status.code(), rest), (Some(7), vec!["dropped".to_owned()]));
        },
    );
}

/// A forced exit runs no destructor: it must not come before a shutdown that is in time.
#[test]
fn a_process_that_ends_by_itself_within_the_grace_is_left_alone() {
    with_a_process(
        "signals::a_process_that_ends_by_itself_within_the_grace_is_left_alone",
        || {
            let _guard = OnDrop(|| say("dropped"));
            runtime().block_on(async {
                exit_at_the_second(AN_HOUR).unwrap();
                let mut signals = signals().unwrap();
                say("ready");
                for number in ["first", "second"] {
                    signals.next().await.unwrap();
                    say(number);
                }
            });
            7
        },
        async |mut process| {
            process.until("ready").await;
            process.signal(Kind::INT);
            process.until("first").await;
            process.signal(Kind::INT);
            let (status, rest) = process.end().await;
            assert_eq!((status.code(), rest), (Some(7), vec!["second".to_owned(), "dropped".to_owned()]));
        },
    );
}

/// asyncio: three signals make three calls of the handler. Tokio: signals that come before a listener is polled count
/// as one.
#[test]
fn but_signals_that_come_before_the_listener_is_polled_count_as_one() {
    with_a_process(
        "signals::but_signals_that_come_before_the_listener_is_polled_count_as_one",
        || {
            let (listens, sees) = (runtime(), runtime());
            let _inside = listens.enter();
            let mut slow = std::pin::pin!(signals().unwrap());
            sees.block_on(async {
                let mut quick = signals().unwrap();
                say("ready");
                for number in ["one", "two", "three"] {
                    quick.next().await.unwrap();
                    say(number);
                }
            });
            listens.block_on(async {
                assert_eq!(slow.next().await, Some(Signal::Interrupt));
                assert_eq!(slow.next().now_or_never(), None);
            });
            7
        },
        async |mut process| {
            process.until("ready").await;
            for number in ["one", "two", "three"] {
                process.signal(Kind::INT);
                process.until(number).await;
            }
            assert_eq!(process.end().await.0.code(), Some(7));
        },
    );
}

/// The hazard of a loop around `ctrl_c()`: each call listens anew, and a signal between two calls is lost.
#[test]
fn but_a_signal_between_two_calls_of_ctrl_c_is_lost() {
    with_a_process(
        "signals::but_a_signal_between_two_calls_of_ctrl_c_is_lost",
        || {
            runtime().block_on(async {
                let mut stream = signals().unwrap();
                let first = tokio::spawn(tokio::signal::ctrl_c());
                yield_now().await;
                say("ready");
                first.await.unwrap().unwrap();
                stream.next().await.unwrap();
                say("one");
                stream.next().await.unwrap();
                assert!(tokio::signal::ctrl_c().now_or_never().is_none());
            });
            7
        },
        async |mut process| {
            process.until("ready").await;
            process.signal(Kind::INT);
            process.until("one").await;
            process.signal(Kind::INT);
            assert_eq!(process.end().await.0.code(), Some(7));
        },
    );
}

/// Sends a signal to this process. Each lesson uses a signal of its own, because all lessons hear all signals.
fn raise(kind: Kind) {
    kill_process(getpid(), kind).unwrap();
}

/// Returns a callback that counts its calls and notifies of each.
fn counts() -> (impl FnMut() + Send + use<>, Count, Arc<Notify>) {
    let (count, called) = (Count::default(), Arc::new(Notify::new()));
    let (counts, calls) = (count.clone(), called.clone());
    let callback = move || {
        counts.add();
        calls.notify_one();
    };
    (callback, count, called)
}

/// asyncio: `add_signal_handler(SIGUSR1, callback)`.
#[tokio::test]
async fn a_callback_is_called_for_each_signal() {
    let (callback, count, called) = counts();
    let _handler = on_signal(SignalKind::user_defined1(), callback).unwrap();
    for expected in 1..=3 {
        raise(Kind::USR1);
        soon_on_real_time(called.notified()).await;
        assert_eq!(count.get(), expected);
    }
}

/// asyncio: there is one handler for a signal, and a second one replaces it. Tokio: every listener hears the signal.
#[tokio::test]
async fn every_listener_hears_it_and_a_dropped_one_no_more() {
    let ((first, firsts, first_called), (second, _, second_called)) = (counts(), counts());
    let first = on_signal(SignalKind::user_defined2(), first).unwrap();
    let _second = on_signal(SignalKind::user_defined2(), second).unwrap();
    raise(Kind::USR2);
    soon_on_real_time(async { tokio::join!(first_called.notified(), second_called.notified()) }).await;
    drop(first);
    raise(Kind::USR2);
    soon_on_real_time(second_called.notified()).await;
    yield_now().await;
    assert_eq!(firsts.get(), 1);
}

/// asyncio: an exception in a handler goes to the loop's exception handler; the next signal calls the handler again.
#[tokio::test]
async fn a_callback_that_panics_is_called_again() {
    let (mut callback, count, called) = counts();
    let panics = move || {
        callback();
        panic!("in the handler")
    };
    let _handler = on_signal(SignalKind::window_change(), panics).unwrap();
    for expected in 1..=2 {
        raise(Kind::WINCH);
        soon_on_real_time(called.notified()).await;
        assert_eq!(count.get(), expected);
    }
}

/// A panic's payload may be a value whose destructor panics.
#[tokio::test]
async fn a_callback_whose_panic_panics_when_dropped_is_called_again() {
    let (mut callback, count, called) = counts();
    let panics = move || {
        callback();
        std::panic::panic_any(crate::support::PanicsWhenDropped)
    };
    let _handler = on_signal(SignalKind::from_raw(Kind::URG.as_raw()), panics).unwrap();
    for expected in 1..=2 {
        raise(Kind::URG);
        soon_on_real_time(called.notified()).await;
        assert_eq!(count.get(), expected);
    }
}

/// asyncio: `RuntimeError` for a signal that cannot be caught, `ValueError` for one that does not exist. Tokio: an
/// error for both.
#[tokio::test]
async fn what_cannot_be_caught_is_an_error() {
    for number in [9, 4_242, -1] {
        assert!(on_signal(SignalKind::from_raw(number), || {}).is_err(), "{number}");
    }
}

/// asyncio: `add_signal_handler` in another thread raises `RuntimeError`. Tokio needs a runtime, and no special
/// thread.
#[test]
#[should_panic(expected = "there is no reactor running")]
fn outside_of_a_runtime_it_panics() {
    let _panics = signals();
}

/// One signal again and again, such as a Ctrl-C that is held down, hides no other. asyncio: each has its handler.
#[test]
fn a_signal_that_comes_again_hides_no_other() {
    with_a_process(
        "signals::a_signal_that_comes_again_hides_no_other",
        || {
            runtime().block_on(async {
                let (mut slow, mut quick) = (signals().unwrap(), signals().unwrap());
                say("ready");
                quick.next().await.unwrap();
                quick.next().await.unwrap();
                assert_eq!(slow.next().await, Some(Signal::Interrupt));
                say("again");
                quick.next().await.unwrap();
                assert_eq!(slow.next().await, Some(Signal::Terminate));
                assert_eq!(slow.next().await, Some(Signal::Interrupt));
            });
            7
        },
        async |mut process| {
            process.until("ready").await;
            process.signal(Kind::INT);
            process.signal(Kind::TERM);
            process.until("again").await;
            process.signal(Kind::INT);
            assert_eq!(process.end().await.0.code(), Some(7));
        },
    );
}
