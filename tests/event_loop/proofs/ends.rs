//! Every public function that takes a number or a time, at the ends of its arguments.

use std::sync::mpsc;
use std::time::Duration;

use event_loop::callbacks::Callbacks;
use event_loop::from_a_thread::{submit, wait_for};
use event_loop::runner::Runner;
use tokio::task::spawn_blocking;

use crate::real_time::soon_on_a_thread;
use crate::support::{Entries, TIMES, ends, ms};
use crate::work::{many_threads, paused};

/// A delay without end waits behind every other.
#[tokio::test(start_paused = true)]
async fn of_a_callbacks_delay() {
    let (callbacks, log) = (Callbacks::new(), Entries::new());
    for time in TIMES.into_iter().rev() {
        let log = log.clone();
        callbacks.call_later(time, move || log.add(time)).unwrap();
    }
    let end = callbacks.clone();
    callbacks.call_later(ms(2), move || end.stop()).unwrap();
    ends(callbacks.run(|_| ())).await.unwrap();
    assert_eq!((log.take(), callbacks.len()), (TIMES[..2].to_vec(), 1));
}

/// A wait that ends without a result returns the task; a wait without end returns the result.
#[test]
fn of_a_threads_wait() {
    soon_on_a_thread(|| {
        let runtime = many_threads().build().unwrap();
        for time in TIMES {
            let (sender, receiver) = tokio::sync::oneshot::channel();
            let task = submit(runtime.handle(), receiver);
            if time < Duration::MAX {
                let again = wait_for(task, time).unwrap_err();
                sender.send(time).unwrap();
                assert_eq!(event_loop::from_a_thread::wait(again).unwrap(), Ok(time));
            } else {
                sender.send(time).unwrap();
                assert_eq!(wait_for(task, time).unwrap().unwrap(), Ok(time));
            }
        }
    });
}

/// The end of the runtime also waits for a blocking call.
#[test]
fn of_a_runners_grace() {
    for time in TIMES {
        soon_on_a_thread(move || {
            let mut runner = Runner::new(&mut paused(), |_, _| ()).unwrap();
            let stop = |stop: tokio_util::sync::CancellationToken| async move {
                stop.cancelled().await;
                Ok(())
            };
            runner.tasks().spawn("stops", stop).unwrap();
            let (begun, has_begun) = mpsc::channel();
            let call = runner.run(async || drop(spawn_blocking(move || begun.send(()))));
            call.unwrap();
            has_begun.recv().unwrap();
            assert_eq!(runner.close(time), Ok(()), "{time:?}");
        });
    }
}
