//! What the lessons of all recipes share. Each helper has one meaning, and needs std and Tokio only.
//!
//! A suite takes it in by `#[path = "../support/mod.rs"] pub mod support;`: `pub`, because no suite uses every helper.

use std::fmt::{Debug, Display};
use std::future::poll_fn;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::coop::consume_budget;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{Instant, sleep, timeout};

pub const ONE: NonZeroUsize = limit(1);
pub const TWO: NonZeroUsize = limit(2);
pub const THREE: NonZeroUsize = limit(3);
pub const HUNDRED: NonZeroUsize = limit(100);

/// A time at its ends: at once, soon, and never.
pub const TIMES: [Duration; 3] = [Duration::ZERO, ms(1), Duration::MAX];

/// A limit that patterns take. Zero is no limit: the lesson fails.
pub const fn limit(limit: usize) -> NonZeroUsize {
    NonZeroUsize::new(limit).unwrap()
}

/// So many milliseconds.
pub const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What happened, in order: lines of text, with or without the time.
#[derive(Clone, Debug)]
pub struct Log(Arc<(Instant, Mutex<Vec<String>>)>);

impl Default for Log {
    fn default() -> Self {
        Self(Arc::new((Instant::now(), Mutex::default())))
    }
}

impl Log {
    pub fn add(&self, entry: impl Display) {
        self.0.1.lock().unwrap().push(entry.to_string());
    }

    /// With the milliseconds since the log was made.
    pub fn at(&self, entry: impl Display) {
        self.add(format_args!("{:>3} {entry}", self.0.0.elapsed().as_millis()));
    }

    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.1.lock().unwrap())
    }

    /// Since the log was made.
    pub fn elapsed(&self) -> Duration {
        self.0.0.elapsed()
    }

    /// Adds the entry when the returned value is dropped.
    pub fn on_drop(&self, entry: &'static str) -> LogOnDrop {
        LogOnDrop(self.clone(), entry)
    }

    /// Adds the entry, with the time, when the returned value is dropped.
    pub fn at_drop(&self, entry: &'static str) -> OnDrop<impl FnMut() + Send + Sync + use<>> {
        let log = self.clone();
        OnDrop(move || log.at(entry))
    }
}

/// Adds an entry to a log when it is dropped.
#[derive(Debug)]
pub struct LogOnDrop(pub Log, pub &'static str);

impl Drop for LogOnDrop {
    fn drop(&mut self) {
        self.0.add(self.1);
    }
}

/// What happened, in order: values of any type.
#[derive(Debug)]
pub struct Entries<T>(pub Arc<Mutex<Vec<T>>>);

impl<T> Entries<T> {
    pub fn new() -> Self {
        Self(Arc::default())
    }

    pub fn add(&self, entry: T) {
        self.0.lock().unwrap().push(entry);
    }

    /// Adds the entry now. The future, which a consumer has to return, is ready.
    pub fn added(&self, entry: T) -> std::future::Ready<()> {
        self.add(entry);
        std::future::ready(())
    }

    pub fn take(&self) -> Vec<T> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl<T: Copy + Send> Entries<T> {
    /// Adds the entry when the returned value is dropped.
    pub fn on_drop(&self, entry: T) -> OnDrop<impl FnMut() + Send + use<T>> {
        let entries = self.clone();
        OnDrop(move || entries.add(entry))
    }
}

impl<T> Clone for Entries<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Counts what happens, from many places.
#[derive(Clone, Debug, Default)]
pub struct Count(Arc<AtomicUsize>);

impl Count {
    pub fn add(&self) {
        self.0.fetch_add(1, SeqCst);
    }

    pub fn get(&self) -> usize {
        self.0.load(SeqCst)
    }

    /// Counts when the returned value is dropped.
    pub fn on_drop(&self) -> OnDrop<impl FnMut() + Send + use<>> {
        let count = self.clone();
        OnDrop(move || count.add())
    }
}

/// Counts how many are inside now, and the most that ever were.
#[derive(Clone, Debug, Default)]
pub struct Gauge(Arc<(AtomicUsize, AtomicUsize)>);

impl Gauge {
    /// One more is inside until the returned value is dropped.
    pub fn enter(&self) -> OnDrop<impl FnMut() + Send + Sync + use<>> {
        let now = self.0.0.fetch_add(1, SeqCst) + 1;
        self.0.1.fetch_max(now, SeqCst);
        let gauge = self.clone();
        OnDrop(move || {
            gauge.0.0.fetch_sub(1, SeqCst);
        })
    }

    /// Is inside until the work is done.
    pub async fn around<T>(self, work: impl Future<Output = T>) -> T {
        let _inside = self.enter();
        work.await
    }

    /// Is inside for that time.
    pub async fn stay(self, time: Duration) {
        let _inside = self.enter();
        sleep(time).await;
    }

    pub fn now(&self) -> usize {
        self.0.0.load(SeqCst)
    }

    pub fn peak(&self) -> usize {
        self.0.1.load(SeqCst)
    }
}

/// Calls a function when it is dropped.
pub struct OnDrop<F: FnMut()>(pub F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

impl<F: FnMut()> Debug for OnDrop<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OnDrop")
    }
}

/// A value whose destructor panics.
pub struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("in a destructor");
    }
}

/// The output of `work`. A lesson that hangs fails: after a minute of the runtime's clock.
pub async fn soon<T>(work: impl Future<Output = T>) -> T {
    timeout(ms(60_000), work).await.expect("it ends")
}

/// The output of `work`, on virtual time, where even years pass at once. A lesson that hangs fails.
pub async fn ends<T>(work: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(20 * 365 * 24 * 60 * 60), work).await.expect("it ends")
}

/// Fails unless `work`, which has no end or one that is far away, lets another task run before.
pub async fn leaves_others_their_turn(work: impl Future) {
    let other = tokio::spawn(async {});
    let mut work = pin!(work);
    poll_fn(|cx| {
        assert!(work.as_mut().poll(cx).is_pending(), "no other task had a turn");
        if other.is_finished() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Is never done, and uses up its turn each time it is polled: so the clock of a lesson does not move by itself.
pub async fn busy<T>() -> T {
    loop {
        consume_budget().await;
    }
}

/// The output of a task that ends while other tasks have their turns, and without time.
pub async fn in_a_few_turns<T>(task: JoinHandle<T>) -> T {
    for _ in 0..1_000 {
        if task.is_finished() {
            break;
        }
        yield_now().await;
    }
    assert!(task.is_finished(), "it goes on");
    task.await.unwrap()
}

/// Lets every other task of this thread run until it waits. On virtual time.
pub async fn settle() {
    sleep(ms(1)).await;
}

/// The number of this runtime's tasks that are not finished.
pub fn alive_tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// A panic that the panic hook does not print.
pub fn panics<T>(with: &'static str) -> T {
    std::panic::resume_unwind(Box::new(with))
}

/// The names of a picture's lanes, in the order of their names.
pub fn lanes_of(picture: &str) -> Vec<&str> {
    let titles = picture.lines().filter_map(|line| line.strip_prefix("<title>")?.split_once(" after "));
    let mut lanes: Vec<_> = titles.map(|(lane, _times)| lane).collect();
    lanes.sort_unstable();
    lanes
}
