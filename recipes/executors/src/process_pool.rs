// SPDX-License-Identifier: 0BSD
//! Runs work in processes of its own, so that a crash costs one worker and not the program:
//! `concurrent.futures.ProcessPoolExecutor`.
//!
//! ```sh
//! cargo add rustix --features stdio
//! cargo add serde --features derive
//! cargo add serde_json
//! cargo add thiserror
//! cargo add tokio --features io-util,macros,net,process,rt,sync,time
//! cargo add tokio-util --features rt
//! ```
//!
//! ```
//! use std::convert::Infallible;
//! use std::env::current_exe;
//!
//! use executors::process_pool::{Options, ProcessPool, Queued, serve};
//! use tokio::process::Command;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     // A worker is this program, started once more: it does not come past this line.
//!     serve(|| Ok::<_, Infallible>(|number: u64| Ok(number * number)));
//!
//!     let pool = ProcessPool::new(Command::new(current_exe()?), Options::default())?;
//!     let (nine, sixteen) = tokio::try_join!(pool.run(3), pool.run(4))?;
//!     assert_eq!((nine, sixteen), (9_u64, 16_u64));
//!     pool.shutdown(Queued::Finish).await;
//!     Ok(())
//! }
//! ```
//!
//! Threads compute at the same time, so a program needs no process pool to use its cores. It is for code that can take
//! its process along: a library in C, a stack that overflows, memory that runs out, a loop that nothing else could
//! stop.
//!
//! A `tokio::process::Command` with `kill_on_drop` is enough for one such job now and then.
//!
//! A worker is a program that calls [`serve`] first thing in its `main`; most often it is the same program, started
//! once more. A job and its result are JSON, behind four bytes with their length, over a socket that the worker finds
//! in the place of its stdin. What a job prints goes where the program prints. It reads an empty stdin. Processes are
//! started when there is work for them. Ctrl-C reaches the program and not its workers, which end when their pool does:
//! at its [`shutdown`](ProcessPool::shutdown), when it is dropped, and when the program dies, whatever the reason.
//!
//! It works on Unix, within a Tokio runtime that has its I/O and its time enabled.
//!
//! # Cancel safety
//!
//! [`run`](ProcessPool::run) that is dropped before its job began: the job never begins. Dropped while the job runs:
//! its worker is killed, so `tokio::time::timeout` stops a job that no thread could stop. A dropped
//! [`shutdown`](ProcessPool::shutdown) has closed the pool if it was polled once; await it again to wait.
//!
//! # Errors
//!
//! [`JobError`]. Each job gets its answer, also if its worker dies; [`OnCrash`] says whether the others do.
//!
//! # Cost
//!
//! A process for each worker, some milliseconds to start it, and some ten microseconds for each job.
#![cfg(unix)]

use std::any::type_name;
use std::env;
use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Write};
use std::marker::PhantomData;
use std::mem;
use std::num::NonZeroUsize;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream as Channel;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{self, ExitStatus, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// Tells a program that it is a worker, and how many milliseconds it may take to end.
const WORKER: &str = "PROCESS_POOL_WORKER";
/// How many causes of an error are sent. Each lies within the other, and JSON may not be nested too deep.
const MAX_CAUSES: usize = 32;

/// What a pool is like.
#[derive(Debug, Clone)]
pub struct Options {
    /// At most so many processes: `max_workers`. As many as there are cores, unless told otherwise.
    pub max_workers: NonZeroUsize,
    /// After so many jobs a worker gives way to a new one: `max_tasks_per_child`. Never, unless told otherwise.
    pub max_jobs_per_worker: Option<NonZeroUsize>,
    /// How long a job may run before its worker is killed. The wait for a worker is not counted. For ever, unless told
    /// otherwise.
    pub time_limit: Option<Duration>,
    /// How long a worker may take to get ready, and to take a job. 30 s, unless told otherwise.
    pub start_limit: Duration,
    /// How long a worker that is no longer wanted may take to end before it is killed. 1 s, unless told otherwise.
    pub end_limit: Duration,
    /// What a crash means for the pool.
    pub on_crash: OnCrash,
}

/// What it means that a worker died, or did not get ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnCrash {
    /// Every job fails, those that run and those that wait, and nothing new is taken: what asyncio does.
    BreakPool,
    /// The worker's own job fails, and the next job gets a new worker. After `limit` crashes without a result between
    /// them the pool is broken: what crashes each time would crash for ever.
    FailJob {
        /// As many crashes, one after the other, break the pool.
        limit: NonZeroUsize,
    },
}

impl Default for Options {
    fn default() -> Self {
        const TEN: NonZeroUsize = NonZeroUsize::new(10).unwrap();
        Self {
            max_workers: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            max_jobs_per_worker: None,
            time_limit: None,
            start_limit: Duration::from_secs(30),
            end_limit: Duration::from_secs(1),
            on_crash: OnCrash::FailJob { limit: TEN },
        }
    }
}

/// Why a job has no result.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// It failed or panicked in its worker, which lives on.
    #[error(transparent)]
    Failed(#[from] RemoteError),
    /// Its worker died. The status is `None` if the system did not tell it.
    #[error("the worker died{}", .0.map(|status| format!(": {status}")).unwrap_or_default())]
    Crashed(Option<ExitStatus>),
    /// It ran longer than [`Options::time_limit`], and its worker was killed.
    #[error("the job ran longer than {0:?}, and its worker was killed")]
    TimedOut(Duration),
    /// It is not possible to send it. It has not left this process.
    #[error("the job cannot be sent")]
    Unsendable(#[source] io::Error),
    /// What its worker has sent is no result of this type.
    #[error("the result cannot be read")]
    Unreadable(#[source] io::Error),
    /// There was no worker for it.
    #[error("a worker did not get ready")]
    NoWorker(#[source] io::Error),
    /// Too many workers have died: `BrokenProcessPool`. Holds what happened last.
    #[error("the pool is broken: {0}")]
    Broken(String),
    /// The pool was shut down before the job began.
    #[error("the pool is shut down")]
    ShutDown,
}

/// An error of a job, as it comes from another process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct RemoteError {
    /// The name of the error's type, `panic`, or `cause` for what is behind another error.
    pub kind: String,
    /// What it says.
    pub message: String,
    /// What is behind it. [`Error::source`] leads there, as for an error of this process.
    #[source]
    pub cause: Option<Box<RemoteError>>,
}

/// What becomes of the jobs that have not begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queued {
    /// They run: `shutdown()`.
    Finish,
    /// They fail: `shutdown(cancel_futures=True)`.
    Cancel,
}

/// What a worker says.
#[derive(Debug, Serialize, Deserialize)]
enum Reply<O> {
    /// It can be sent a job.
    Ready,
    /// It has the job. One that was sent and not taken can go to another worker.
    Taken,
    Done(Result<O, RemoteError>),
}

/// Processes that turn jobs, each a `J`, into results, each an `O`.
#[derive(Debug)]
pub struct ProcessPool<J, O> {
    command: Mutex<Command>,
    options: Options,
    /// A permit for each process that has a job. One that dies keeps it to the end.
    places: Arc<Semaphore>,
    state: Mutex<State>,
    broken: CancellationToken,
    /// Every call of [`run`](Self::run) and every process.
    alive: TaskTracker,
    types: PhantomData<fn(J) -> O>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    idle: Vec<Worker>,
    /// Calls of `run`.
    jobs: usize,
    /// Crashes since the last result.
    crashes: usize,
}

#[derive(Debug)]
enum Phase {
    Open,
    Closed,
    Broken(String),
}

impl<J: Serialize, O: DeserializeOwned> ProcessPool<J, O> {
    /// A pool whose workers are started by `command`, a program that calls [`serve`]. For this program itself:
    /// `Command::new(std::env::current_exe()?)`. Its stdin, its process group and one variable of its environment are the
    /// pool's.
    ///
    /// # Errors
    ///
    /// In a worker that has not called [`serve`], and would start workers of its own without end.
    pub fn new(mut command: Command, options: Options) -> io::Result<Self> {
        if own_channel().is_some() {
            return Err(io::Error::other(
                "this process is a worker: `serve` has to be called first thing in `main`",
            ));
        }
        // Of a group of its own, for a terminal sends Ctrl-C to a whole group.
        let end_limit = options.end_limit.as_millis().to_string();
        command.env(WORKER, end_limit).process_group(0).kill_on_drop(true);
        let alive = TaskTracker::new();
        alive.close();
        Ok(Self {
            command: Mutex::new(command),
            places: Arc::new(Semaphore::new(options.max_workers.get().min(Semaphore::MAX_PERMITS))),
            options,
            state: Mutex::new(State { phase: Phase::Open, idle: Vec::new(), jobs: 0, crashes: 0 }),
            broken: CancellationToken::new(),
            alive,
            types: PhantomData,
        })
    }

    /// Waits for a worker, lets it do `job`, and waits for its result. Those who wait are served in the order in which
    /// they came.
    ///
    /// # Errors
    ///
    /// See [`JobError`].
    pub async fn run(&self, job: J) -> Result<O, JobError> {
        // First, so that a job which cannot be sent costs nobody else anything.
        let request = frame(&job).map_err(JobError::Unsendable)?;
        drop(job);
        let _entered = self.enter()?;
        match self.broken.run_until_cancelled(self.attempt(&request)).await {
            Some(outcome) => outcome,
            None => Err(self.refusal()),
        }
    }

    async fn attempt(&self, request: &[u8]) -> Result<O, JobError> {
        let place = self.places.clone().acquire_owned().await;
        let mut place = place.map_err(|_closed| self.refusal())?;
        let mut worker = loop {
            let idle = self.idle_worker();
            let is_new = idle.is_none();
            let mut worker = match idle {
                Some(mut worker) => {
                    worker.place = Some(place);
                    worker
                }
                None => match self.start(place).await {
                    Ok(worker) => worker,
                    Err(error) => return Err(self.counted(JobError::NoWorker(error))),
                },
            };
            match timeout(self.options.start_limit, worker.take(request)).await {
                Ok(Ok(())) => break worker,
                // It died while nobody looked, and another can have the job. The idle ones are fewer each time.
                Ok(Err(_)) | Err(_) => {
                    let status = worker.end().await;
                    match worker.place.take() {
                        Some(free) if !is_new => place = free,
                        // Until it is counted nobody else has the place, and begins.
                        _still_taken => return Err(self.counted(JobError::Crashed(status))),
                    }
                }
            }
        };
        let limit = self.options.time_limit;
        let answer = timeout(limit.unwrap_or(Duration::MAX), read_frame(&mut worker.channel)).await;
        match (answer, limit) {
            (Ok(Ok(bytes)), _) => match serde_json::from_slice(&bytes) {
                Ok(Reply::Done(outcome)) => {
                    self.let_go(worker);
                    Ok(outcome?)
                }
                Ok(Reply::Ready | Reply::Taken) => Err(self.counted(JobError::Crashed(worker.end().await))),
                Err(error) => {
                    self.let_go(worker);
                    Err(JobError::Unreadable(error.into()))
                }
            },
            (Err(_elapsed), Some(limit)) => {
                worker.kill().await;
                Err(JobError::TimedOut(limit))
            }
            (Ok(Err(_)) | Err(_), _) => Err(self.counted(JobError::Crashed(worker.end().await))),
        }
    }

    /// Takes nothing new, and does not wait: `shutdown(wait=False)`. The workers end with the last job.
    pub fn close(&self, queued: Queued) {
        let mut state = self.lock();
        if matches!(state.phase, Phase::Open) {
            state.phase = Phase::Closed;
        }
        if queued == Queued::Cancel {
            self.places.close();
        }
        let unwanted = state.unwanted();
        drop(state);
        unwanted.into_iter().for_each(Worker::retire);
    }

    /// Takes nothing new, and waits until every job and every process has ended: `shutdown()`.
    pub async fn shutdown(&self, queued: Queued) {
        self.close(queued);
        self.alive.wait().await;
    }

    fn enter(&self) -> Result<Entered<'_, J, O>, JobError> {
        let mut state = self.lock();
        if !matches!(state.phase, Phase::Open) {
            drop(state);
            return Err(self.refusal());
        }
        state.jobs += 1;
        Ok(Entered { pool: self, _alive: self.alive.token() })
    }

    /// One that lives. What a dead one has started may hold its channel open, and would not answer.
    fn idle_worker(&self) -> Option<Worker> {
        let mut state = self.lock();
        loop {
            let worker = state.idle.pop()?;
            if worker.is_alive() {
                return Some(worker);
            }
        }
    }

    /// Starts a worker and waits until it is ready.
    async fn start(&self, place: OwnedSemaphorePermit) -> io::Result<Worker> {
        let (ours, theirs) = Channel::pair()?;
        ours.set_nonblocking(true)?;
        let channel = UnixStream::from_std(ours)?;
        let child = {
            let mut command = self.command.lock().unwrap_or_else(PoisonError::into_inner);
            let child = command.stdin(OwnedFd::from(theirs)).spawn();
            // The command keeps its end of the channel otherwise, and the end of the worker would not be seen.
            command.stdin(Stdio::null());
            child?
        };
        let mut worker = Worker::new(child, channel, place, self.options.end_limit, &self.alive);
        let limit = self.options.start_limit;
        match timeout(limit, worker.reply()).await {
            Ok(Ok(Reply::<()>::Ready)) => Ok(worker),
            Ok(Ok(Reply::Done(Err(error)))) => Err(io::Error::other(error)),
            Ok(Ok(_)) => Err(invalid()),
            Ok(Err(_)) => {
                let status = worker.end().await;
                let status = status.map(|status| status.to_string()).unwrap_or_default();
                Err(io::Error::other(format!("it ended, {status}")))
            }
            Err(_elapsed) => {
                let waited = format!("it was not ready after {limit:?}: does its `main` call `serve`?");
                Err(io::Error::new(io::ErrorKind::TimedOut, waited))
            }
        }
    }

    /// Counts a crash, while its worker still has its place: nobody else begins in between.
    fn counted(&self, crash: JobError) -> JobError {
        let mut state = self.lock();
        state.crashes = state.crashes.saturating_add(1);
        let limit = match self.options.on_crash {
            OnCrash::BreakPool => NonZeroUsize::MIN,
            OnCrash::FailJob { limit } => limit,
        };
        if state.crashes >= limit.get() && !matches!(state.phase, Phase::Broken(_)) {
            let cause = crash.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            state.phase = Phase::Broken(format!("{crash}{cause}"));
            drop(state);
            self.broken.cancel();
        }
        crash
    }

    /// Why a job does not begin.
    fn refusal(&self) -> JobError {
        match &self.lock().phase {
            Phase::Broken(what) => JobError::Broken(what.clone()),
            Phase::Open | Phase::Closed => JobError::ShutDown,
        }
    }
}

impl<J, O> ProcessPool<J, O> {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a worker that has done its job for the next one, if it may have one.
    fn let_go(&self, mut worker: Worker) {
        worker.jobs += 1;
        self.lock().crashes = 0;
        if self.options.max_jobs_per_worker.is_some_and(|limit| worker.jobs >= limit.get()) {
            worker.retire();
            return;
        }
        // Into the stack before the place is free: whoever gets the place finds it there.
        let place = worker.place.take();
        self.lock().idle.push(worker);
        drop(place);
    }
}

impl State {
    /// The idle workers, if nobody will want them any more.
    fn unwanted(&mut self) -> Vec<Worker> {
        match self.phase {
            Phase::Closed | Phase::Broken(_) if self.jobs == 0 => mem::take(&mut self.idle),
            _ => Vec::new(),
        }
    }
}

/// A call of `run`, for as long as it lasts.
struct Entered<'a, J, O> {
    pool: &'a ProcessPool<J, O>,
    // Dropped last, so that nobody sees a pool without jobs whose workers have not been told.
    _alive: TaskTrackerToken,
}

impl<J, O> Drop for Entered<'_, J, O> {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        state.jobs -= 1;
        let unwanted = state.unwanted();
        drop(state);
        unwanted.into_iter().for_each(Worker::retire);
    }
}

/// How long to wait for the end of a process before it is killed, and its place, which is free after that.
type Farewell = (Duration, Option<OwnedSemaphorePermit>);

/// A process that somebody wants. Dropped, it is killed.
#[derive(Debug)]
struct Worker {
    channel: UnixStream,
    /// How many jobs it has done.
    jobs: usize,
    /// Its place among those that have a job.
    place: Option<OwnedSemaphorePermit>,
    end_limit: Duration,
    farewell: Option<oneshot::Sender<Farewell>>,
    /// From that task: how it has ended, and its place.
    end: oneshot::Receiver<(ExitStatus, Option<OwnedSemaphorePermit>)>,
}

impl Worker {
    fn new(
        child: Child,
        channel: UnixStream,
        place: OwnedSemaphorePermit,
        end_limit: Duration,
        alive: &TaskTracker,
    ) -> Self {
        let (farewell, unwanted) = oneshot::channel();
        let (ended, end) = oneshot::channel();
        alive.spawn(look_after(child, unwanted, ended));
        Self { channel, jobs: 0, place: Some(place), end_limit, farewell: Some(farewell), end }
    }

    fn is_alive(&self) -> bool {
        self.farewell.as_ref().is_some_and(|farewell| !farewell.is_closed())
    }

    /// Sends it a job, and waits until it has taken it.
    async fn take(&mut self, request: &[u8]) -> io::Result<()> {
        let (mut reader, mut writer) = self.channel.split();
        tokio::select! {
            biased;
            // It has nothing to say yet. One that talks and does not listen would wait for ever, and so would we.
            early = reader.read_u8() => {
                early?;
                return Err(invalid());
            }
            written = writer.write_all(request) => written?,
        }
        match self.reply::<()>().await? {
            Reply::Taken => Ok(()),
            Reply::Ready | Reply::Done(_) => Err(invalid()),
        }
    }

    async fn reply<O: DeserializeOwned>(&mut self) -> io::Result<Reply<O>> {
        Ok(serde_json::from_slice(&read_frame(&mut self.channel).await?)?)
    }

    /// Lets it end: it reads that nothing more comes, and has the time to put its things away.
    fn retire(mut self) {
        self.part(self.end_limit);
    }

    /// The same, and waits for its end. It keeps its place.
    async fn end(&mut self) -> Option<ExitStatus> {
        // Fails if the other end is gone already.
        drop(self.channel.shutdown().await);
        self.part(self.end_limit);
        self.ended().await
    }

    /// Kills it, and waits for its end. It keeps its place.
    async fn kill(&mut self) -> Option<ExitStatus> {
        self.part(Duration::ZERO);
        self.ended().await
    }

    async fn ended(&mut self) -> Option<ExitStatus> {
        let (status, place) = (&mut self.end).await.ok()?;
        self.place = place.or(self.place.take());
        Some(status)
    }

    fn part(&mut self, patience: Duration) {
        let Some(farewell) = self.farewell.take() else { return };
        if let Err((_patience, place)) = farewell.send((patience, self.place.take())) {
            // The process is gone already.
            self.place = place;
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.part(Duration::ZERO);
    }
}

/// Waits for the end of a process, for no process is left behind unseen, and sees to it that there is one.
async fn look_after(
    mut child: Child,
    mut unwanted: oneshot::Receiver<Farewell>,
    ended: oneshot::Sender<(ExitStatus, Option<OwnedSemaphorePermit>)>,
) {
    let farewell = tokio::select! {
        biased;
        _ = child.wait() => {
            // It may have come in this very moment, with the place.
            unwanted.close();
            unwanted.try_recv().ok()
        }
        farewell = &mut unwanted => farewell.ok(),
    };
    let (patience, place) = farewell.unwrap_or_default();
    if patience.is_zero() || timeout(patience, child.wait()).await.is_err() {
        // Fails if it has ended by itself.
        drop(child.start_kill());
    }
    if let Ok(status) = child.wait().await {
        // The place is free now, unless somebody asks and wants to keep it.
        drop(ended.send((status, place)));
    }
}

/// Makes this process a worker if it was started as one, and then does not return: it does the jobs of its pool until
/// that wants no more, and exits. Any other process goes on at once.
///
/// Call it first thing in `main`. `prepare` is the `initializer` and gives what does the jobs, one after the other, on a
/// thread of its own that is in no runtime; it is dropped at the end. Of an error the pool gets the type's name, its
/// text and its causes. A panic is an error of its job, and the worker goes on.
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

/// The channel to the pool, if this process is a worker that does not serve yet.
fn own_channel() -> Option<Channel> {
    env::var_os(WORKER)?;
    let channel = Channel::from(io::stdin().as_fd().try_clone_to_owned().ok()?);
    // What a job has started has the variable too, and another stdin.
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
    // The channel is for this thread alone: neither for a job that reads its stdin, nor for a program that it starts.
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    let (jobs, requests) = mpsc::sync_channel(1);
    let (ended, end) = mpsc::channel();
    let replies = channel.try_clone()?;
    thread::Builder::new().name("jobs".to_owned()).spawn(move || {
        let _ended: mpsc::Sender<()> = ended;
        work(&replies, &requests, prepare)
    })?;
    // This thread reads all the time, and so it sees the end of the pool in the midst of a job.
    while let Ok(request) = read_frame_blocking(&channel) {
        if send(&channel, &Reply::<()>::Taken).is_err() || jobs.send(request).is_err() {
            break;
        }
    }
    drop(jobs);
    // An idle worker puts its things away. Nobody waits for the result of any other.
    let end_limit = env::var(WORKER).ok().and_then(|limit| limit.parse().ok());
    let _ended_or_not = end.recv_timeout(Duration::from_millis(end_limit.unwrap_or(0)));
    Ok(())
}

/// Does one job after the other.
fn work<J, O, W, E>(
    channel: &Channel,
    requests: &mpsc::Receiver<Vec<u8>>,
    prepare: impl FnOnce() -> Result<W, E>,
) where
    J: DeserializeOwned,
    O: Serialize,
    W: FnMut(J) -> Result<O, E>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let mut work = match contained(prepare) {
        Ok(work) => work,
        Err(error) => {
            drop(send(channel, &Reply::<()>::Done(Err(error))));
            process::exit(1);
        }
    };
    let mut sent = send(channel, &Reply::<()>::Ready);
    while sent.is_ok() {
        let Ok(request) = requests.recv() else { break };
        let job = contained(|| serde_json::from_slice(&request));
        let outcome = job.and_then(|job| contained(|| work(job)));
        sent = match frame(&Reply::Done(outcome)) {
            Ok(bytes) => (&*channel).write_all(&bytes),
            // Its own fault, and no other job's.
            Err(error) => send(channel, &Reply::<()>::Done(Err(RemoteError::new(error)))),
        };
    }
}

/// Calls `f`. Its error or its panic is made ready for another process.
fn contained<T, E: Into<Box<dyn Error + Send + Sync>>>(
    f: impl FnOnce() -> Result<T, E>,
) -> Result<T, RemoteError> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(outcome) => outcome.map_err(RemoteError::new),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            let message = text.unwrap_or("a value that is not text").to_owned();
            Err(RemoteError { kind: "panic".to_owned(), message, cause: None })
        }
    }
}

impl RemoteError {
    fn new<E: Into<Box<dyn Error + Send + Sync>>>(error: E) -> Self {
        let error: Box<dyn Error + Send + Sync> = error.into();
        let mut causes = Vec::new();
        let mut cause = error.source();
        while let Some(error) = cause.filter(|_| causes.len() < MAX_CAUSES) {
            causes.push(error.to_string());
            cause = error.source();
        }
        let cause = causes
            .into_iter()
            .rfold(None, |cause, message| Some(Box::new(Self { kind: "cause".to_owned(), message, cause })));
        Self { kind: type_name::<E>().to_owned(), message: error.to_string(), cause }
    }
}

/// A message behind its length.
fn frame(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, message)?;
    let length = u32::try_from(bytes.len() - 4).map_err(|_| io::Error::other("it is longer than 4 GiB"))?;
    bytes[..4].copy_from_slice(&length.to_be_bytes());
    Ok(bytes)
}

fn send(mut channel: &Channel, message: &impl Serialize) -> io::Result<()> {
    channel.write_all(&frame(message)?)
}

/// The next message. Memory grows as it comes, not as it is announced.
async fn read_frame(mut channel: impl AsyncRead + Unpin) -> io::Result<Vec<u8>> {
    let length = channel.read_u32().await?;
    let mut bytes = Vec::new();
    channel.take(length.into()).read_to_end(&mut bytes).await?;
    whole(bytes, length)
}

fn read_frame_blocking(mut channel: &Channel) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    channel.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    let mut bytes = Vec::new();
    channel.take(length.into()).read_to_end(&mut bytes)?;
    whole(bytes, length)
}

fn whole(bytes: Vec<u8>, length: u32) -> io::Result<Vec<u8>> {
    if u64::try_from(bytes.len()) == Ok(length.into()) {
        Ok(bytes)
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

fn invalid() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "this is not what a worker says")
}
