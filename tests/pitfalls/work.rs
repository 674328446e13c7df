//! What the lessons of this recipe share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::sleep;

use crate::support::ms;

use crate::support::ends;

/// Longer than anything that ends on a paused clock.
pub const FOR_EVER: Duration = Duration::from_secs(24 * 60 * 60);

/// A limit for events outside the paused clock that do happen.
pub const IN_TIME: Duration = Duration::from_secs(10);

/// A paused runtime for lessons that need to end one.
pub fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

/// Runs `work` on a thread of its own, and returns its result within `patience`. A blocked thread stays until the process
/// ends.
pub fn elsewhere<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
    patience: Duration,
) -> Option<T> {
    let (done, is_done) = std::sync::mpsc::channel();
    // The receiver is gone if `patience` was too short.
    std::thread::spawn(move || done.send(work()));
    is_done.recv_timeout(patience).ok()
}

/// Counts from many tasks: how many are inside now, the most at any time, and how many came.
#[derive(Clone, Default)]
pub struct Visits(pub Arc<[AtomicUsize; 3]>);

impl Visits {
    pub fn enter(&self) {
        let [now, most, came] = &*self.0;
        came.fetch_add(1, SeqCst);
        most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
    }

    pub fn leave(&self) {
        self.0[0].fetch_sub(1, SeqCst);
    }

    /// Counts for as long as the returned value lives.
    pub fn during(&self) -> impl Drop + Send + use<> {
        struct During(Visits);
        impl Drop for During {
            fn drop(&mut self) {
                self.0.leave();
            }
        }
        self.enter();
        During(self.clone())
    }

    pub fn now(&self) -> usize {
        self.0[0].load(SeqCst)
    }

    pub fn most(&self) -> usize {
        self.0[1].load(SeqCst)
    }

    pub fn came(&self) -> usize {
        self.0[2].load(SeqCst)
    }
}

/// Returns whether other tasks of this thread have a turn while `work` runs.
pub async fn others_have_a_turn<T>(work: impl Future<Output = T>) -> bool {
    let turns = Visits::default();
    let other = tokio::spawn({
        let turns = turns.clone();
        async move {
            loop {
                turns.enter();
                yield_now().await;
            }
        }
    });
    work.await;
    other.abort();
    turns.came() > 0
}

/// Awaits `work` while the current runtime handle belongs to a runtime that has ended.
pub fn on_a_runtime_that_has_ended<T>(work: impl Future<Output = T>) -> T {
    let runtime = paused();
    let ended = runtime.handle().clone();
    drop(runtime);
    paused().block_on(async {
        let _in_it = ended.enter();
        ends(work).await
    })
}

/// Handles an item in 10 ms, and counts as at work meanwhile.
pub async fn handle(_item: usize, at_work: Visits) {
    let _at_work = at_work.during();
    sleep(ms(10)).await;
}

/// What the lessons and the proofs of `blocking_sleep` share.
pub mod blocking_sleep {

    pub fn third_time() -> impl FnMut() -> bool {
        let mut answers = [false, false].into_iter();
        move || answers.next().unwrap_or(true)
    }
}

/// What the lessons and the proofs of `cancelled_halfway` share.
pub mod cancelled_halfway {
    use std::sync::Mutex;

    use pitfalls::cancelled_halfway::Accounts;
    use tokio::time::sleep;

    use crate::support::ms;

    pub const START: Accounts = Accounts { from: 100, to: 0 };

    pub const MOVED: Accounts = Accounts { from: 70, to: 30 };

    pub async fn approval() {
        sleep(ms(100)).await;
    }

    pub fn held(accounts: &Mutex<Accounts>) -> Accounts {
        *accounts.lock().unwrap()
    }
}

/// What the lessons and the proofs of `resource_not_closed` share.
pub mod resource_not_closed {
    use std::io;

    use tokio::io::{AsyncReadExt, DuplexStream};
    use tokio::sync::mpsc;

    /// A closed queue that holds these rows.
    pub fn rows<const N: usize>(rows: [Result<&str, &str>; N]) -> mpsc::Receiver<io::Result<String>> {
        let (queue, all) = mpsc::channel(N.max(1));
        for row in rows {
            queue.try_send(row.map(str::to_owned).map_err(io::Error::other)).unwrap();
        }
        all
    }

    /// Reads the content of the file once it is closed.
    pub async fn content(mut disk: DuplexStream) -> String {
        let mut content = String::new();
        disk.read_to_string(&mut content).await.unwrap();
        content
    }
}

/// What the lessons and the proofs of `nested_runtime` share.
pub mod nested_runtime {
    use tokio::time::sleep;

    use crate::support::ms;

    pub const ARTICLES: [(&str, u32); 2] = [("tea", 3), ("coffee", 4)];

    pub async fn price((_article, price): (&str, u32)) -> u32 {
        sleep(ms(100)).await;
        price
    }
}

/// What the lessons and the proofs of `forgotten_task_done` share.
pub mod forgotten_task_done {
    use tokio::time::sleep;

    use crate::support::ms;

    pub async fn handle(job: &'static str) -> Result<(), &'static str> {
        sleep(ms(100)).await;
        match job {
            "bad" => Err("bad job"),
            "panics" => panic!("no index"),
            _ => Ok(()),
        }
    }
}

/// What the lessons and the proofs of `one_after_the_other` share.
pub mod one_after_the_other {
    use tokio::time::sleep;

    use crate::support::ms;

    pub async fn fetch((page, millis): (&'static str, u64)) -> Result<&'static str, &'static str> {
        sleep(ms(millis)).await;
        if page == "missing" { Err("not found") } else { Ok(page) }
    }

    pub const PAGES: [(&str, u64); 3] = [("home", 100), ("news", 300), ("help", 200)];
}

/// What the lessons and the proofs of `starved_stream` share.
pub mod starved_stream {
    use tokio::sync::mpsc;
    use tokio::time::{sleep, timeout};

    use crate::support::ms;

    /// Fetches an answer in `parts` parts. The server keeps one part ready, and hangs up if it is not taken within 50 ms.
    pub async fn fetch(parts: usize) -> Result<usize, &'static str> {
        let (connection, mut answer) = mpsc::channel(1);
        let server = tokio::spawn(async move {
            for part in 0..parts {
                if timeout(ms(50), connection.send(part)).await.is_err() {
                    break;
                }
            }
        });
        for _part in 0..parts {
            answer.recv().await.ok_or("hung up")?;
            sleep(ms(20)).await;
        }
        server.await.map(|()| parts).map_err(|_| "panicked")
    }
}

/// What the lessons and the proofs of `lock_over_the_work` share.
pub mod lock_over_the_work {
    use tokio::sync::mpsc;

    pub fn jobs(count: usize) -> mpsc::Receiver<usize> {
        let (queue, jobs) = mpsc::channel(count.max(1));
        for job in 0..count {
            queue.try_send(job).unwrap();
        }
        jobs
    }
}

/// What the lessons and the proofs of `check_then_act` share.
pub mod check_then_act {
    use tokio::time::sleep;

    use crate::support::ms;
    use crate::work::Visits;

    pub async fn load(loads: &Visits, fails: bool) -> Result<usize, &'static str> {
        loads.enter();
        sleep(ms(100)).await;
        if fails { Err("no answer") } else { Ok(loads.came()) }
    }
}

/// What the lessons and the proofs of `lock_across_await` share.
pub mod lock_across_await {
    use tokio::task::yield_now;

    pub async fn price() -> u64 {
        yield_now().await;
        10
    }
}

/// What the lessons and the proofs of `half_a_read` share.
pub mod half_a_read {

    use tokio::io::{AsyncWriteExt, DuplexStream};
    use tokio::time::sleep;

    use crate::support::ms;

    /// Writes the parts, each after its pause in milliseconds, and then closes.
    pub async fn write<const N: usize>(mut far: DuplexStream, parts: [(u64, &str); N]) {
        for (after, part) in parts {
            sleep(ms(after)).await;
            far.write_all(part.as_bytes()).await.unwrap();
        }
    }

    pub const HALVES: [(u64, &str); 4] = [(0, "hel"), (100, "lo\nwor"), (100, "ld\n"), (0, "end")];
}

/// What the lessons and the proofs of `timeout_of_a_handle` share.
pub mod timeout_of_a_handle {
    use tokio::time::sleep;

    use crate::support::ms;
    use crate::work::Visits;

    pub async fn write_twice(written: Visits) -> &'static str {
        for _part in 0..2 {
            sleep(ms(100)).await;
            written.enter();
        }
        "written"
    }
}

/// What the lessons and the proofs of `ignored_token` share.
pub mod ignored_token {
    use tokio::time::sleep;

    use crate::support::ms;
    use crate::work::Visits;

    pub async fn handle(handled: Visits) {
        sleep(ms(100)).await;
        handled.enter();
    }
}

/// What the lessons and the proofs of `drop_guard_dropped_at_once` share.
pub mod drop_guard_dropped_at_once {
    use tokio::time::sleep;
    use tokio_util::sync::CancellationToken;

    use crate::support::ms;

    pub async fn work(helpers: CancellationToken) -> bool {
        sleep(ms(100)).await;
        helpers.is_cancelled()
    }
}

/// What the lessons and the proofs of `spare_sender` share.
pub mod spare_sender {
    use tokio::time::sleep;

    use crate::support::ms;

    pub async fn make((item, millis): (&'static str, u64)) -> &'static str {
        sleep(ms(millis)).await;
        item
    }

    pub const ITEMS: [(&str, u64); 2] = [("a", 200), ("b", 100)];
}

/// What the lessons and the proofs of `gathered_handles` share.
pub mod gathered_handles {
    use tokio::time::sleep;

    use crate::support::ms;
    use crate::work::Visits;

    pub async fn save(
        (name, millis): (&'static str, u64),
        saved: Visits,
    ) -> Result<&'static str, &'static str> {
        sleep(ms(millis)).await;
        match name {
            "bad" => Err("disk full"),
            "panics" => panic!("no index"),
            _ => {
                saved.enter();
                Ok(name)
            }
        }
    }
}

/// What the lessons and the proofs of `queue_without_limit` share.
pub mod queue_without_limit {
    use tokio::time::sleep;

    use crate::support::ms;
    use crate::work::Visits;

    pub async fn handle(_item: usize, waiting: &Visits) {
        sleep(ms(10)).await;
        waiting.leave();
    }
}

/// What the lessons and the proofs of `timer_in_a_loop` share.
pub mod timer_in_a_loop {
    use tokio::sync::mpsc;
    use tokio::time::sleep;

    use crate::support::ms;

    /// Sends a number of items, one every 30 ms, and closes.
    pub async fn send(queue: mpsc::Sender<usize>, count: usize) {
        for item in 0..count {
            sleep(ms(30)).await;
            queue.send(item).await.unwrap();
        }
    }
}

/// What the lessons and the proofs of `burst_of_ticks` share.
pub mod burst_of_ticks {
    use std::num::NonZeroU16;

    pub const TEN: NonZeroU16 = NonZeroU16::new(10).unwrap();
}

/// What the lessons and the proofs of `missed_notification` share.
pub mod missed_notification {
    use tokio::time::sleep;

    use crate::support::ms;

    pub async fn millis(millis: u64) {
        sleep(ms(millis)).await;
    }
}
