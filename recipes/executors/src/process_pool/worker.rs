// SPDX-License-Identifier: 0BSD
//! The worker's side: a program that does the jobs of its pool.

use std::env;
use std::error::Error;
use std::fs::File;
use std::io::{self, Write};
use std::mem;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream as Channel;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rustix::process::{Signal, getpgrp, getpid, kill_current_process_group};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::wire::{Incoming, RemoteError, Reply, frame};

/// The environment variable that makes a program a worker: how many milliseconds it may take to end.
pub(super) const WORKER: &str = "PROCESS_POOL_WORKER";

/// Makes this process a worker if it was started as one. A worker does the jobs of its pool and exits, so the call does
/// not return. Any other process goes on at once.
///
/// Call it first in `main`. `prepare` is the `initializer`: it returns the function that does the jobs, one after the
/// other, on a thread of its own outside any runtime. The function is dropped at the end. From an error the pool gets
/// the type's name, the text and the causes. A panic is an error of its job, and the worker goes on. This includes a
/// panic in reading the job, printing its error, sending its result or dropping it.
pub fn serve<J, O, W, E>(prepare: impl FnOnce() -> Result<W, E> + Send + 'static)
where
    J: DeserializeOwned,
    O: Serialize,
    W: FnMut(J) -> Result<O, E>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    if let Some(channel) = own_channel() {
        let code = match serve_on(channel, prepare) {
            Ok(()) => 0,
            Err(error) => {
                eprintln!("error: the worker cannot work: {error}");
                1
            }
        };
        process::exit(code);
    }
}

/// Returns the channel to the pool, if this process is a worker that does not serve yet.
pub(super) fn own_channel() -> Option<Channel> {
    env::var_os(WORKER)?;
    let channel = Channel::from(io::stdin().as_fd().try_clone_to_owned().ok()?);
    // A program that a job has started has the variable too, but another stdin.
    channel.local_addr().is_ok().then_some(channel)
}

fn serve_on<J, O, W, E>(
    channel: Channel,
    prepare: impl FnOnce() -> Result<W, E> + Send + 'static,
) -> io::Result<()>
where
    J: DeserializeOwned,
    O: Serialize,
    W: FnMut(J) -> Result<O, E>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    // Only this thread may use the channel: neither a job that reads its stdin, nor a program that it starts.
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    let (jobs, requests) = mpsc::sync_channel(1);
    let (ended, end) = mpsc::channel();
    let replies = channel.try_clone()?;
    thread::Builder::new().name("jobs".to_owned()).spawn(move || {
        let _ended: mpsc::Sender<()> = ended;
        work(&replies, &requests, prepare)
    })?;
    // This thread reads all the time, so it sees the end of the pool even during a job.
    let mut incoming = Incoming::default();
    while let Ok(request) = incoming.read_blocking(&channel) {
        if send(&channel, &Reply::<()>::Taken).is_err() || jobs.send(request).is_err() {
            break;
        }
    }
    drop(jobs);
    // An idle worker has time to save its state.
    let end_limit = env::var(WORKER).ok().and_then(|limit| limit.parse().ok());
    let ended = end.recv_timeout(Duration::from_millis(end_limit.unwrap_or(0)));
    // The pool waits neither for another result nor for the programs that the job has started.
    if ended == Err(RecvTimeoutError::Timeout) && getpgrp() == getpid() {
        drop(io::stdout().flush());
        kill_current_process_group(Signal::KILL)?;
    }
    Ok(())
}

/// Does one job after the other.
fn work<J, O, W, E>(
    mut channel: &Channel,
    requests: &mpsc::Receiver<Vec<u8>>,
    prepare: impl FnOnce() -> Result<W, E>,
) where
    J: DeserializeOwned,
    O: Serialize,
    W: FnMut(J) -> Result<O, E>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let mut work = match contained(|| prepare().map_err(RemoteError::new)) {
        Ok(work) => work,
        Err(error) => {
            drop(send(channel, &Reply::<()>::Done(Err(error))));
            process::exit(1);
        }
    };
    let mut sent = send(channel, &Reply::<()>::Ready);
    while let Ok(request) = sent.and_then(|()| requests.recv().map_err(io::Error::other)) {
        let answer = answer(&request, &mut work);
        sent = answer.and_then(|answer| channel.write_all(&answer));
        if sent.is_err() {
            // The pool sees the exit, if it still exists: no job is left without an answer.
            process::exit(1);
        }
    }
}

/// Does a job, and returns the frame of its outcome. The caller's code is called, and its values are dropped, only
/// inside `contained`.
fn answer<J, O, W, E>(request: &[u8], work: &mut W) -> io::Result<Vec<u8>>
where
    J: DeserializeOwned,
    O: Serialize,
    W: FnMut(J) -> Result<O, E>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let answer = contained(|| {
        let job = serde_json::from_slice(request).map_err(RemoteError::new)?;
        let outcome = work(job).map_err(RemoteError::new)?;
        // A result that cannot be sent fails only its own job.
        frame(&Reply::Done(Ok(outcome))).map_err(RemoteError::new)
    });
    answer.or_else(|error| frame(&Reply::<()>::Done(Err(error))))
}

/// Calls `f`. Turns its panic into an error that can be sent to another process.
fn contained<T>(f: impl FnOnce() -> Result<T, RemoteError>) -> Result<T, RemoteError> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        let error = RemoteError::panic(text.unwrap_or("a value that is not text").to_owned());
        // The payload may be a value whose destructor panics.
        if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
            mem::forget(another);
        }
        Err(error)
    })
}

fn send(mut channel: &Channel, message: &impl Serialize) -> io::Result<()> {
    channel.write_all(&frame(message)?)
}
