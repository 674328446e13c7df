//! Each fault on real time, for a second or two: the symptom, the report of the tool, and the fixed program.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use std::{io, thread};

use anyhow::Context;
use futures::future::{BoxFuture, FutureExt, pending};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep, timeout};
use tracing::{Instrument, Span, info, instrument};

use crate::counted::{Counts, One};
use crate::descriptors;
use crate::load::Meter;
use crate::lock_order::{LockOrder, Mutex};
use crate::panics::report_panics;
use crate::slow_polls::report_slow_polls;
use crate::stuck::{Tasks, at};
use crate::watchdog::{Pulse, watch};

/// A fault, and how to find it.
#[derive(Debug, Clone, Copy)]
pub struct Scene {
    /// The name on the command line.
    pub name: &'static str,
    /// The symptom.
    pub symptom: &'static str,
    /// The pattern that finds it.
    pub pattern: &'static str,
    show: fn() -> BoxFuture<'static, anyhow::Result<()>>,
}

/// All scenes, in the order of their symptoms.
pub const SCENES: [Scene; 10] = [
    Scene {
        name: "forgotten",
        symptom: "nothing happens, and no error comes",
        pattern: "stuck",
        show: || forgotten().boxed(),
    },
    Scene {
        name: "panic",
        symptom: "nothing happens any more, after a while",
        pattern: "panics",
        show: || panic().boxed(),
    },
    Scene {
        name: "hang",
        symptom: "it hangs, and other tasks run",
        pattern: "stuck",
        show: || hang().boxed(),
    },
    Scene {
        name: "dead_lock",
        symptom: "it hangs now and then, under load",
        pattern: "lock_order",
        show: || dead_lock().boxed(),
    },
    Scene {
        name: "end",
        symptom: "the work is done, and the program does not end",
        pattern: "stuck",
        show: || end().boxed(),
    },
    Scene {
        name: "block",
        symptom: "one request holds up all others",
        pattern: "slow_polls, watchdog",
        show: || block().boxed(),
    },
    Scene {
        name: "worker",
        symptom: "some requests are late, though most cores are idle",
        pattern: "load",
        show: || worker().boxed(),
    },
    Scene { name: "tasks", symptom: "memory grows, by tasks", pattern: "counted", show: || tasks().boxed() },
    Scene {
        name: "queue",
        symptom: "memory grows, by items that wait",
        pattern: "capacity()",
        show: || queue().boxed(),
    },
    Scene {
        name: "sockets",
        symptom: "too many open files",
        pattern: "descriptors",
        show: || sockets().boxed(),
    },
];

/// Returns the scene of that name.
#[must_use]
pub fn find(name: &str) -> Option<Scene> {
    SCENES.into_iter().find(|scene| scene.name == name)
}

impl Scene {
    /// Shows the fault, how to find it, and the fixed program.
    ///
    /// # Errors
    ///
    /// If something fails that should not.
    pub async fn show(self) -> anyhow::Result<()> {
        info!("{}: {}", self.name, self.symptom);
        (self.show)().await
    }
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn list(tasks: &Tasks) {
    for task in tasks.list() {
        info!("  stuck says: {task}");
    }
}

#[instrument(ret)]
async fn save(page: &'static str) -> &'static str {
    sleep(ms(50)).await;
    page
}

async fn forgotten() -> anyhow::Result<()> {
    let tasks = Tasks::default();
    let saving = tasks.watch("save home", save("home"));
    sleep(ms(300)).await;
    info!("  you see: no page is saved, and the program runs on");
    list(&tasks);
    info!("  fixed, with an await: {} is saved", saving.await);
    Ok(())
}

async fn panic() -> anyhow::Result<()> {
    #[instrument]
    async fn poller(prices: &[u32]) {
        let mut day = 0;
        loop {
            sleep(ms(100)).await;
            info!("  the price is {}", prices[day]);
            day += 1;
        }
    }
    let (reports, mut reported) = mpsc::channel(10);
    report_panics(move |panic| drop(reports.try_send(panic.to_string())));
    let task = tokio::spawn(poller(&[10, 11]).in_current_span());
    sleep(ms(500)).await;
    info!("  you see: no price comes any more; std has one line on stderr");
    info!("  panics says: {}", reported.recv().await.context("it has panicked")?);
    let error = task.await.err().context("it has panicked")?;
    info!("  fixed, with an owner that awaits it: {error}");
    Ok(())
}

#[instrument(skip(hears, says), ret)]
async fn friend(name: &'static str, hears: oneshot::Receiver<()>, says: oneshot::Sender<()>, first: bool) {
    let mut says = Some(says);
    if first {
        says.take().map(|says| says.send(()));
    }
    // Both errors mean that the other task is gone.
    if at("the word of the other one", hears).await.is_ok() {
        says.take().map(|says| says.send(()));
    }
}

async fn hang() -> anyhow::Result<()> {
    for (first, what) in [(false, "each waits for the other's word"), (true, "ann speaks first")] {
        let (tasks, mut running) = (Tasks::default(), JoinSet::new());
        let ((ann_says, anns_word), (bob_says, bobs_word)) = (oneshot::channel(), oneshot::channel());
        running.spawn(tasks.watch("ann", friend("ann", bobs_word, ann_says, first).in_current_span()));
        running.spawn(tasks.watch("bob", friend("bob", anns_word, bob_says, false).in_current_span()));
        sleep(ms(500)).await;
        let left = tasks.list().len();
        match first {
            false => info!("  you see: {left} tasks are alive after 0.5 s, and no CPU is used"),
            true => info!("  fixed, {what}: {left} tasks are left"),
        }
        list(&tasks);
        running.shutdown().await;
    }
    Ok(())
}

#[instrument(skip(source, target), ret)]
async fn transfer(name: &'static str, source: Arc<Mutex<u32>>, target: Arc<Mutex<u32>>) {
    let mut source = source.lock().await;
    sleep(ms(50)).await;
    let mut target = target.lock().await;
    (*source, *target) = (*source - 1, *target + 1);
}

async fn dead_lock() -> anyhow::Result<()> {
    for swap in [false, true] {
        let order = LockOrder::new(|cycle| info!("  lock_order says: {cycle}"));
        let ann = Arc::new(order.mutex("ann", 100));
        let bob = Arc::new(order.mutex("bob", 100));
        // The fixed form takes the locks in alphabetical order, whatever the direction of the money.
        let (first, second) = if swap { (&ann, &bob) } else { (&bob, &ann) };
        let mut running = JoinSet::new();
        running.spawn(transfer("ann to bob", ann.clone(), bob.clone()).in_current_span());
        running.spawn(transfer("bob to ann", first.clone(), second.clone()).in_current_span());
        let ended = timeout(ms(500), async { while running.join_next().await.is_some() {} }).await;
        match (ended.is_ok(), swap) {
            (false, _) => info!("  you see: two transfers have not ended after 0.5 s"),
            (true, true) => info!("  fixed, with one order for all: both have ended"),
            (true, false) => info!("  both have ended: this time they did not meet"),
        }
        running.shutdown().await;
    }
    Ok(())
}

async fn end() -> anyhow::Result<()> {
    #[instrument(skip_all, ret)]
    async fn collect(mut items: mpsc::Receiver<u32>) -> u32 {
        let mut sum = 0;
        while let Some(item) = at("the next item", items.recv()).await {
            sum += item;
        }
        sum
    }
    let (tasks, (spare, items)) = (Tasks::default(), mpsc::channel(10));
    let sender = spare.clone();
    let collecting = tokio::spawn(tasks.watch("collector", collect(items).in_current_span()));
    tokio::spawn(async move {
        for item in 1..=3 {
            let _is_taken = sender.send(item).await;
        }
    })
    .await?;
    sleep(ms(500)).await;
    info!("  you see: all three items are sent, and the sum does not come");
    list(&tasks);
    info!("  the channel says: {} sender is left", spare.strong_count());
    drop(spare);
    info!("  fixed, without the spare sender: the sum is {}", collecting.await?);
    Ok(())
}

/// Imitates a computation.
#[expect(clippy::disallowed_methods, reason = "this is the fault")]
fn compute() {
    thread::sleep(ms(300));
}

/// Beats `beats` times, and returns the delay of the latest beat.
#[instrument(ret)]
async fn heart(beats: u32) -> Duration {
    let mut latest = Duration::ZERO;
    for _ in 0..beats {
        let due = Instant::now() + ms(10);
        sleep(ms(10)).await;
        latest = latest.max(due.elapsed());
    }
    latest
}

async fn block() -> anyhow::Result<()> {
    #[instrument(ret)]
    async fn request(name: &'static str, blocks: bool) {
        sleep(ms(50)).await;
        match blocks {
            true => compute(),
            // An error would mean that it has panicked.
            false => drop(spawn_blocking(compute).await),
        }
    }
    for (blocks, how) in [(true, "you see"), (false, "fixed, in spawn_blocking")] {
        let heart = tokio::spawn(heart(50).in_current_span());
        let watching = Span::current();
        let _until_dropped = watch(&Handle::current(), ms(50), move |pulse| {
            let _in_the_scene = watching.enter();
            match pulse {
                Pulse::Blocked => info!("  watchdog says: nothing new runs since 0.05 s"),
                Pulse::Back(after) => {
                    info!("  watchdog says: it runs again, after {:.1} s", after.as_secs_f64())
                }
            }
        })?;
        for (name, blocks) in [("quick", false), ("slow", blocks)] {
            let report = move |took: Duration| {
                info!("  slow_polls says: a step of the request {name} took {:.1} s", took.as_secs_f64());
            };
            tokio::spawn(report_slow_polls(ms(100), report, request(name, blocks).in_current_span())).await?;
        }
        info!("  {how}: the latest beat of a heart was {:.1} s late", heart.await?.as_secs_f64());
    }
    Ok(())
}

/// A runtime on threads of its own. Its drop does not wait for it, because waiting inside a task would panic.
struct Beside(Option<Runtime>);

impl Drop for Beside {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

async fn worker() -> anyhow::Result<()> {
    let beside = Beside(Some(Builder::new_multi_thread().worker_threads(2).enable_all().build()?));
    let runtime = beside.0.as_ref().context("it runs")?;
    let mut meter = Meter::new(runtime.handle());
    for (wakes, how) in [(true, "you see"), (false, "fixed, in spawn_blocking")] {
        let (say, said) = oneshot::channel();
        let start = Instant::now();
        let waits = runtime.spawn(async move { said.await.map(|()| start.elapsed()) });
        sleep(ms(50)).await;
        runtime.spawn(async move {
            // The receiver is gone with the scene.
            let _is_heard = say.send(());
            match wakes {
                // The task that was woken last runs next on this worker, and no other worker takes it.
                true => compute(),
                false => drop(spawn_blocking(compute).await),
            }
        });
        sleep(ms(100)).await;
        meter.read();
        sleep(ms(100)).await;
        info!("  load says: {}", meter.read());
        let after = waits.await??.as_secs_f64();
        info!("  {how}: a word that was sent after 0.1 s was heard after {after:.1} s");
        sleep(ms(200)).await;
    }
    Ok(())
}

async fn tasks() -> anyhow::Result<()> {
    #[instrument(skip_all)]
    async fn heartbeat(_one: One) {
        pending().await
    }
    let (counts, mut owner) = (Counts::default(), JoinSet::new());
    for owns in [false, true] {
        let before = counts.alive();
        let metrics = Handle::current().metrics();
        for session in 1..=30 {
            owner.spawn(heartbeat(counts.one("heartbeat")).in_current_span());
            sleep(ms(10)).await;
            if owns {
                owner.shutdown().await;
            }
            if session % 10 == 0 {
                info!("  after {session} sessions: {} tasks are alive", metrics.num_alive_tasks());
            }
        }
        for grown in counts.grown_since(&before) {
            info!("  counted says: {grown}");
        }
        match owns {
            false => info!("  you see: the number grows with the sessions"),
            true => info!("  fixed, with a session that ends its tasks: it does not"),
        }
        owner.shutdown().await;
    }
    Ok(())
}

async fn queue() -> anyhow::Result<()> {
    for limit in [1_000_000, 10] {
        let (sender, mut items) = mpsc::channel::<[u8; 1024]>(limit);
        let mut running = JoinSet::new();
        let producer = sender.clone();
        running.spawn(async move {
            while producer.send([0; 1024]).await.is_ok() {
                sleep(ms(1)).await;
            }
        });
        running.spawn(async move {
            while items.recv().await.is_some() {
                sleep(ms(20)).await;
            }
        });
        let mut waiting = Vec::new();
        for _ in 0..3 {
            sleep(ms(200)).await;
            waiting.push(sender.max_capacity() - sender.capacity());
        }
        match limit {
            10 => info!("  fixed, with a limit of 10: {waiting:?} items wait; the producer does, too"),
            _ => info!("  you see: memory grows; of the channel, {waiting:?} items wait"),
        }
        running.shutdown().await;
    }
    Ok(())
}

/// Answers each connection, and keeps it or not.
async fn serve(listener: TcpListener, keeps: bool) -> io::Result<()> {
    let mut kept = Vec::new();
    loop {
        let (mut connection, _) = listener.accept().await?;
        // The client closes its side: this reads up to that end.
        connection.read_to_end(&mut Vec::new()).await?;
        if keeps {
            kept.push(connection);
        }
    }
}

async fn sockets() -> anyhow::Result<()> {
    for keeps in [true, false] {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address: SocketAddr = listener.local_addr()?;
        let mut running = JoinSet::new();
        running.spawn(serve(listener, keeps));
        let before = descriptors::list().context("it reads /proc, which Linux has")?;
        for _ in 0..5 {
            drop(TcpStream::connect(address).await?);
        }
        sleep(ms(200)).await;
        let now = descriptors::list()?;
        match keeps {
            true => info!("  you see: {} descriptors, and there were {}", now.len(), before.len()),
            false => info!("  fixed, by a drop: {} descriptors, and there were {}", now.len(), before.len()),
        }
        for (what, more) in descriptors::grown(&before, &now) {
            info!("  descriptors says: {more} more: {what}");
        }
        running.shutdown().await;
    }
    Ok(())
}
