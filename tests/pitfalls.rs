//! Lessons of `recipes/pitfalls`: each mistake bites, its mended form does not, and what catches it does so.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]

use std::cell::RefCell;
use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{join_all, pending};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// On a paused clock, longer than anything that comes to an end.
const FOR_EVER: Duration = Duration::from_secs(24 * 60 * 60);

/// On a paused clock: what hangs fails.
async fn ends<T>(future: impl Future<Output = T>) -> T {
    timeout(FOR_EVER, future).await.expect("it comes to an end")
}

/// For what happens outside of the clock, and does happen.
const IN_TIME: Duration = Duration::from_secs(10);

const fn limit(limit: usize) -> NonZeroUsize {
    NonZeroUsize::new(limit).unwrap()
}

fn alive_tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// A runtime for lessons that need the end of one.
fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

/// What `work` gives within `patience`, on a thread of its own. One that stands still does so until the process ends.
fn elsewhere<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static, patience: Duration) -> Option<T> {
    let (done, is_done) = std::sync::mpsc::channel();
    // Nobody hears of it, if the patience was too short.
    std::thread::spawn(move || done.send(work()));
    is_done.recv_timeout(patience).ok()
}

/// Counts from many places: how many there are now, how many there were at the most, and how many came.
#[derive(Clone, Default)]
struct Count(Arc<[AtomicUsize; 3]>);

impl Count {
    fn enter(&self) {
        let [now, most, came] = &*self.0;
        came.fetch_add(1, SeqCst);
        most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
    }

    fn leave(&self) {
        self.0[0].fetch_sub(1, SeqCst);
    }

    /// Counts for as long as the returned value lives.
    fn during(&self) -> impl Drop + Send + use<> {
        struct During(Count);
        impl Drop for During {
            fn drop(&mut self) {
                self.0.leave();
            }
        }
        self.enter();
        During(self.clone())
    }

    fn now(&self) -> usize {
        self.0[0].load(SeqCst)
    }

    fn most(&self) -> usize {
        self.0[1].load(SeqCst)
    }

    fn came(&self) -> usize {
        self.0[2].load(SeqCst)
    }
}

/// Whether other tasks of this thread have a turn while `work` runs.
async fn others_have_a_turn<T>(work: impl Future<Output = T>) -> bool {
    let turns = Count::default();
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

mod forgotten_await {
    use super::*;
    use pitfalls::forgotten_await::{Outbox, broken, mended};

    /// asyncio: a call makes a coroutine, and it does nothing; a warning comes when it is collected. Tokio: no warning at
    /// run time, but one from the compiler.
    #[tokio::test]
    async fn but_a_call_alone_sends_nothing() {
        let outbox = Outbox::default();
        broken(&outbox, &["Ann", "Bob"]).await;
        yield_now().await;
        assert_eq!(outbox.sent(), [""; 0]);
    }

    #[tokio::test]
    async fn an_awaited_call_sends() {
        let outbox = Outbox::default();
        mended(&outbox, &["Ann", "Bob"]).await;
        assert_eq!(outbox.sent(), ["Welcome, Ann", "Welcome, Bob"]);
    }

    /// The forms that no lint sees.
    #[tokio::test]
    async fn but_a_call_that_is_dropped_named_or_collected_sends_nothing_either() {
        let outbox = Outbox::default();
        drop(outbox.greet("Ann"));
        let _greeted = outbox.greet("Bob");
        let greetings: Vec<_> = ["Cy", "Di"].map(|guest| outbox.greet(guest)).into();
        yield_now().await;
        assert_eq!(outbox.sent(), [""; 0]);
        join_all(greetings).await;
        assert_eq!(outbox.sent(), ["Welcome, Cy", "Welcome, Di"]);
    }

    #[tokio::test]
    async fn nobody_is_greeted_if_nobody_comes_and_a_hundred_thousand_if_they_do() {
        let outbox = Outbox::default();
        mended(&outbox, &[]).await;
        assert_eq!(outbox.sent().len(), 0);
        mended(&outbox, &["Ann"; 100_000]).await;
        assert_eq!(outbox.sent().len(), 100_000);
    }

    #[test]
    fn without_a_suspension_there_is_nowhere_to_cancel_it() {
        let (one, all) = (Outbox::default(), Outbox::default());
        assert_eq!(cancel_sweep::sweep(|| one.greet("Ann"), |_| {}).points, 0);
        assert_eq!(cancel_sweep::sweep(|| mended(&all, &["Ann", "Bob"]), |_| {}).points, 0);
        assert_eq!((one.sent().len(), all.sent().len()), (1, 2));
    }
}

/// Awaits `work` while the current runtime, for those who ask, is one that has ended.
fn on_a_runtime_that_has_ended<T>(work: impl Future<Output = T>) -> T {
    let runtime = paused();
    let ended = runtime.handle().clone();
    drop(runtime);
    paused().block_on(async {
        let _in_it = ended.enter();
        ends(work).await
    })
}

mod cpu_on_the_runtime {
    use super::*;
    use pitfalls::cpu_on_the_runtime::{broken, mended};

    #[test]
    fn after_the_end_of_the_runtime_it_does_not_begin_and_says_so() {
        let never = mended(|| panic!("it begins"));
        assert!(on_a_runtime_that_has_ended::<Result<(), _>>(never).unwrap_err().is_cancelled());
    }

    /// asyncio: a coroutine that computes stops the loop. Tokio: it stops every task of its thread.
    #[tokio::test]
    async fn but_between_two_awaits_nobody_else_runs() {
        assert!(!others_have_a_turn(broken(|| (0..1_000_000_u64).fold(0, u64::wrapping_add))).await);
    }

    /// The computation ends when another task has had a turn after its beginning.
    #[tokio::test]
    async fn on_another_thread_it_lets_them_run() {
        let (begun, has_begun) = oneshot::channel();
        let (turn, turns) = std::sync::mpsc::channel();
        let other = tokio::spawn(async move {
            has_begun.await.unwrap();
            turn.send(()).unwrap();
        });
        let compute = move || {
            begun.send(()).unwrap();
            turns.recv_timeout(IN_TIME)
        };
        assert_eq!(mended(compute).await.unwrap(), Ok(()));
        other.await.unwrap();
    }

    /// What asyncio's debug mode logs, a timeout that is late, has no other sign here.
    #[tokio::test]
    async fn but_a_timeout_cannot_end_it() {
        let computed =
            timeout(Duration::ZERO, broken(|| std::iter::repeat_n(1, 1_000_000).sum::<u32>())).await;
        assert_eq!(computed, Ok(1_000_000), "it was ready when it was asked");
    }

    #[tokio::test]
    async fn a_panic_goes_on_in_the_caller() {
        let caller = tokio::spawn(mended(|| panic!("division by zero")));
        let panic = caller.await.unwrap_err().into_panic();
        assert_eq!(panic.downcast_ref(), Some(&"division by zero"));
    }

    /// asyncio: a thread of `to_thread` runs on too.
    #[tokio::test]
    async fn dropped_it_leaves_the_work_running() {
        let (go, gate) = std::sync::mpsc::channel();
        let (done, is_done) = oneshot::channel();
        let compute = move || {
            gate.recv_timeout(IN_TIME).unwrap();
            done.send(()).unwrap();
        };
        // The job may begin after the drop: it is taken from the queue all the same.
        assert!(mended(compute).now_or_never().is_none());
        go.send(()).unwrap();
        timeout(IN_TIME, is_done).await.unwrap().unwrap();
    }

    #[test]
    fn cancelled_anywhere_the_work_is_done_once() {
        let swept = cancel_sweep::sweep_with(
            || {
                let done = Count::default();
                let work = done.clone();
                (done, mended(move || work.enter()))
            },
            |done, outcome| match outcome {
                cancel_sweep::Outcome::Cancelled(at) if at.suspension == 0 => assert_eq!(done.came(), 0),
                _ => assert_eq!(done.came(), 1),
            },
        );
        assert!(swept.points <= 1, "none, if the thread was quicker");
    }
}

mod blocking_sleep {
    use super::*;
    use pitfalls::blocking_sleep::{broken, mended};

    fn third_time() -> impl FnMut() -> bool {
        let mut answers = [false, false].into_iter();
        move || answers.next().unwrap_or(true)
    }

    /// asyncio: `time.sleep` stops the loop. Tokio: `std::thread::sleep` stops the thread, and no virtual time passes.
    #[tokio::test(start_paused = true)]
    async fn but_while_the_thread_sleeps_all_tasks_stand_still() {
        let start = Instant::now();
        assert!(!others_have_a_turn(broken(third_time(), ms(1))).await);
        assert_eq!(start.elapsed(), ms(0));
    }

    #[tokio::test(start_paused = true)]
    async fn while_a_task_sleeps_the_others_run() {
        let start = Instant::now();
        let beats = Count::default();
        let heart = async {
            loop {
                sleep(ms(30)).await;
                beats.enter();
            }
        };
        let asked = tokio::select! {
            asked = mended(third_time(), ms(50)) => asked,
            () = heart => unreachable!("it has no end"),
        };
        assert_eq!((asked, start.elapsed(), beats.came()), (3, ms(100), 3));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_ready_is_asked_once_and_not_waited_for() {
        assert_eq!(mended(|| true, FOR_EVER).now_or_never(), Some(1));
        assert_eq!(broken(|| true, FOR_EVER).now_or_never(), Some(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_without_end_is_no_panic() {
        assert!(timeout(FOR_EVER, mended(third_time(), Duration::MAX)).await.is_err());
    }

    #[test]
    fn cancelled_anywhere_it_asks_no_more() {
        let swept = cancel_sweep::sweep_with(
            || {
                let asked = Count::default();
                let asking = asked.clone();
                let mut answer = third_time();
                let poll = mended(
                    move || {
                        asking.enter();
                        answer()
                    },
                    ms(50),
                );
                (asked, poll)
            },
            |asked, outcome| match outcome {
                cancel_sweep::Outcome::Finished(times) => assert_eq!((asked.came(), times), (3, 3)),
                cancel_sweep::Outcome::Cancelled(at) => assert_eq!(asked.came(), at.suspension),
            },
        );
        assert_eq!(swept.points, 2);
    }
}

mod cancelled_halfway {
    use super::*;
    use pitfalls::cancelled_halfway::{Accounts, Refused, broken, mended};

    const START: Accounts = Accounts { from: 100, to: 0 };
    const MOVED: Accounts = Accounts { from: 70, to: 30 };

    async fn approval() {
        sleep(ms(100)).await;
    }

    fn held(accounts: &Mutex<Accounts>) -> Accounts {
        *accounts.lock().unwrap()
    }

    /// asyncio: a `CancelledError` comes out of the await. Tokio: nothing comes, the rest does not run.
    #[tokio::test(start_paused = true)]
    async fn but_a_timeout_between_taking_and_giving_loses_the_amount() {
        let accounts = Mutex::new(START);
        assert!(timeout(ms(50), broken(&accounts, 30, approval())).await.is_err());
        assert_eq!(held(&accounts), Accounts { from: 70, to: 0 });
    }

    #[tokio::test(start_paused = true)]
    async fn a_timeout_before_both_changes_loses_nothing() {
        let accounts = Mutex::new(START);
        assert!(timeout(ms(50), mended(&accounts, 30, approval())).await.is_err());
        assert_eq!(held(&accounts), START);
        assert_eq!(mended(&accounts, 30, approval()).await, Ok(()));
        assert_eq!(held(&accounts), MOVED);
    }

    /// Each of the drops that a timeout may cause, tried in turn. This is what finds such a mistake.
    #[test]
    fn cancelled_anywhere_no_money_is_lost() {
        let run = || {
            let accounts = Arc::new(Mutex::new(START));
            let transfer = Arc::clone(&accounts);
            (accounts, async move { mended(&transfer, 30, approval()).await })
        };
        let swept = cancel_sweep::sweep_with(run, |accounts, outcome| match outcome {
            cancel_sweep::Outcome::Finished(result) => {
                assert_eq!((result, held(&accounts)), (Ok(()), MOVED));
            }
            cancel_sweep::Outcome::Cancelled(_) => assert_eq!(held(&accounts), START),
        });
        assert_eq!(swept.points, 1);
    }

    #[test]
    #[should_panic(expected = "future dropped at suspension 1, at once: the check failed: money is lost")]
    fn but_the_sweep_finds_it_in_the_broken_one() {
        let run = || {
            let accounts = Arc::new(Mutex::new(START));
            let transfer = Arc::clone(&accounts);
            (accounts, async move { broken(&transfer, 30, approval()).await })
        };
        cancel_sweep::sweep_with(run, |accounts, _| {
            let Accounts { from, to } = held(&accounts);
            assert!(from + to == 100, "money is lost");
        });
    }

    /// The balance is looked at after the approval: it may be another one than before.
    #[tokio::test(start_paused = true)]
    async fn an_amount_that_is_not_there_or_does_not_fit_changes_nothing() {
        let accounts = Mutex::new(Accounts { from: 50, to: u64::MAX - 40 });
        let start = held(&accounts);
        assert_eq!(mended(&accounts, 51, approval()).await, Err(Refused::TooLittle));
        assert_eq!(mended(&accounts, 41, approval()).await, Err(Refused::TooMuch));
        assert_eq!(held(&accounts), start);
        let both = futures::join!(mended(&accounts, 40, approval()), mended(&accounts, 40, approval()));
        assert_eq!((both, held(&accounts).from), ((Ok(()), Err(Refused::TooLittle)), 10));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn on_many_threads_no_money_is_lost() {
        let mut random = fastrand::Rng::with_seed(1);
        for _round in 0..50 {
            let accounts = Arc::new(Mutex::new(Accounts { from: 100, to: 0 }));
            let transfers = (0..40).map(|_| {
                let (accounts, amount, yields) = (Arc::clone(&accounts), random.u64(1..5), random.u8(0..4));
                let transfer = tokio::spawn(async move {
                    let approval = async {
                        for _ in 0..yields {
                            yield_now().await;
                        }
                    };
                    mended(&accounts, amount, approval).await.map(|()| amount)
                });
                if random.u8(0..4) == 0 {
                    transfer.abort();
                }
                transfer
            });
            let moved: u64 = join_all(transfers.collect::<Vec<_>>())
                .await
                .into_iter()
                .filter_map(|ended| ended.ok()?.ok())
                .sum();
            let Accounts { from, to } = held(&accounts);
            // An abort may come after the change: the money has moved, and nobody says so.
            assert!(from + to == 100 && to >= moved, "{from} + {to}, of which {moved}");
        }
    }
}

mod tasks_without_limit {
    use super::*;
    use pitfalls::tasks_without_limit::{broken, mended};

    async fn handle(_item: usize, at_work: Count) {
        let _at_work = at_work.during();
        sleep(ms(10)).await;
    }

    /// asyncio: `gather` of a thousand coroutines is a thousand tasks. Tokio: so is a thousand spawns.
    #[tokio::test(start_paused = true)]
    async fn but_a_thousand_items_are_a_thousand_tasks() {
        let at_work = Count::default();
        broken(0..1_000, |item| handle(item, at_work.clone())).await;
        assert_eq!((at_work.most(), at_work.came()), (1_000, 1_000));
    }

    #[tokio::test(start_paused = true)]
    async fn with_a_limit_there_are_never_more_tasks_than_that() {
        let (at_work, start) = (Count::default(), Instant::now());
        let tasks = Count::default();
        let counted = |item| {
            let (handle, task) = (handle(item, at_work.clone()), tasks.during());
            async move {
                handle.await;
                drop(task);
            }
        };
        mended(0..1_000, limit(8), counted).await;
        assert_eq!((at_work.most(), at_work.came()), (8, 1_000));
        assert_eq!(tasks.most(), 8, "futures that are made, begun or not");
        assert_eq!(start.elapsed(), ms(1_250), "125 times eight at once");
    }

    /// The list may be longer than the memory.
    #[tokio::test(start_paused = true)]
    async fn the_list_is_read_only_as_far_as_it_is_needed() {
        let read = Count::default();
        let items = (0..1_000).inspect(|_| read.enter());
        let all = mended(items, limit(8), |item| handle(item, Count::default()));
        assert!(timeout(ms(5), all).await.is_err());
        assert_eq!(read.came(), 9, "eight at work, and one that waits");
    }

    #[tokio::test(start_paused = true)]
    async fn of_nothing_it_ends_at_once_and_one_at_a_time_takes_the_sum() {
        let start = Instant::now();
        mended([], limit(1), |item| handle(item, Count::default())).await;
        assert_eq!(start.elapsed(), ms(0));
        mended(0..3, limit(1), |item| handle(item, Count::default())).await;
        assert_eq!(start.elapsed(), ms(30));
        mended(0..3, limit(usize::MAX), |item| handle(item, Count::default())).await;
        assert_eq!(start.elapsed(), ms(40));
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_goes_on_in_the_caller_and_aborts_the_rest() {
        let at_work = Count::default();
        let inside = at_work.clone();
        let caller = tokio::spawn(async move {
            mended(0..10, limit(3), |item| {
                let work = handle(item, inside.clone());
                async move {
                    assert_ne!(item, 1, "the second");
                    work.await;
                }
            })
            .await;
        });
        assert!(caller.await.unwrap_err().is_panic());
        yield_now().await;
        assert_eq!((at_work.now(), alive_tasks()), (0, 0));
    }

    #[test]
    fn cancelled_anywhere_it_leaves_no_task_behind() {
        let swept = cancel_sweep::sweep_with(
            || {
                let at_work = Count::default();
                let inside = at_work.clone();
                let all = async move { mended(0..5, limit(2), |item| handle(item, inside.clone())).await };
                (at_work, all)
            },
            |at_work, outcome| {
                assert!(at_work.now() == 0 && alive_tasks() == 0);
                assert!(at_work.came() == 5 || matches!(outcome, cancel_sweep::Outcome::Cancelled(_)));
            },
        );
        assert!(swept.points >= 3);
    }
}

mod resource_not_closed {
    use super::*;
    use pitfalls::resource_not_closed::{broken, mended};
    use tokio::io::{AsyncReadExt, DuplexStream, duplex};

    /// A queue with these rows in it, and no more to come.
    fn rows<const N: usize>(rows: [Result<&str, &str>; N]) -> mpsc::Receiver<io::Result<String>> {
        let (queue, all) = mpsc::channel(N.max(1));
        for row in rows {
            queue.try_send(row.map(str::to_owned).map_err(io::Error::other)).unwrap();
        }
        all
    }

    /// What is in the file once it is closed.
    async fn content(mut disk: DuplexStream) -> String {
        let mut content = String::new();
        disk.read_to_string(&mut content).await.unwrap();
        content
    }

    /// asyncio: no `async with`, and an exception skips `await file.close()`. Tokio: `?` skips it, and a dropped
    /// `BufWriter` throws away what it holds.
    #[tokio::test]
    async fn but_an_error_leaves_the_buffer_unwritten() {
        let (file, disk) = duplex(1_024);
        let written = broken(file, rows([Ok("one\n"), Ok("two\n"), Err("no third")])).await;
        assert_eq!((written.unwrap_err().to_string(), content(disk).await), ("no third".into(), "".into()));
    }

    #[tokio::test]
    async fn closed_in_any_case_it_has_what_came_before_the_error() {
        let (file, disk) = duplex(1_024);
        let written = mended(file, rows([Ok("one\n"), Ok("two\n"), Err("no third"), Ok("four\n")])).await;
        let expected = ("no third".into(), "one\ntwo\n".into());
        assert_eq!((written.unwrap_err().to_string(), content(disk).await), expected);
    }

    /// And the same, for a timeout.
    #[tokio::test(start_paused = true)]
    async fn but_a_timeout_leaves_the_buffer_unwritten_too() {
        for is_mended in [false, true] {
            let (file, disk) = duplex(1_024);
            let (queue, rows) = mpsc::channel(1);
            queue.send(Ok("one\n".to_owned())).await.unwrap();
            let written = match is_mended {
                false => timeout(ms(100), broken(file, rows)).await,
                true => timeout(ms(100), mended(file, rows)).await,
            };
            assert!(written.is_err());
            assert_eq!(content(disk).await, if is_mended { "one\n" } else { "" });
        }
    }

    #[tokio::test]
    async fn without_an_error_both_write_all_and_close() {
        for is_mended in [false, true] {
            let (file, disk) = duplex(1_024);
            let rows = rows([Ok("one\n"), Ok("two\n")]);
            let written = if is_mended { mended(file, rows).await } else { broken(file, rows).await };
            assert_eq!((written.unwrap(), content(disk).await), ((), "one\ntwo\n".into()));
        }
        let (file, disk) = duplex(1_024);
        mended(file, rows([])).await.unwrap();
        assert_eq!(content(disk).await, "");
    }

    /// The file is gone: neither the row nor the close can be written.
    #[tokio::test]
    async fn the_error_of_the_close_is_told_if_there_was_none_before() {
        let (file, disk) = duplex(1_024);
        drop(disk);
        let error = mended(file, rows([Ok("one\n")])).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }

    #[tokio::test]
    async fn a_hundred_thousand_rows_pass_through_a_small_buffer() {
        let (file, disk) = duplex(64);
        let (queue, rows) = mpsc::channel(8);
        let send = async move {
            for _ in 0..100_000 {
                queue.send(Ok("a row of a table\n".to_owned())).await.unwrap();
            }
        };
        let (content, (), written) = tokio::join!(content(disk), send, mended(file, rows));
        written.unwrap();
        assert_eq!(content.len(), 100_000 * "a row of a table\n".len());
    }

    /// Cancelled anywhere, the file is closed, and the rows in it are whole ones, from the first on.
    #[test]
    fn cancelled_anywhere_the_rows_in_the_file_are_whole() {
        let swept = cancel_sweep::sweep_with(
            || {
                let (file, disk) = duplex(4);
                let (queue, rows) = mpsc::channel(1);
                tokio::spawn(async move {
                    for row in ["one\n", "three\n", "five\n"] {
                        sleep(ms(10)).await;
                        if queue.send(Ok(row.to_owned())).await.is_err() {
                            break;
                        }
                    }
                });
                let read = tokio::spawn(content(disk));
                (read, mended(file, rows))
            },
            |read, outcome| {
                let content = read.now_or_never().expect("the file is closed").unwrap();
                let whole = ["", "one\n", "one\nthree\n", "one\nthree\nfive\n"];
                match outcome {
                    cancel_sweep::Outcome::Finished(written) => {
                        assert_eq!((written.unwrap(), content.as_str()), ((), whole[3]));
                    }
                    cancel_sweep::Outcome::Cancelled(_) => assert!(whole.contains(&content.as_str())),
                }
            },
        );
        assert_eq!(swept.points, 1, "it waits for its task alone");
    }

    /// The caller waits for one thing, the task for many: it is stopped in each place.
    #[test]
    fn stopped_at_any_time_the_rows_in_the_file_are_whole() {
        for stop in 0..60 {
            let runtime = paused();
            runtime.block_on(async {
                let (file, disk) = duplex(4);
                let (queue, rows) = mpsc::channel(1);
                let write = async {
                    let written = timeout(ms(stop), mended(file, rows)).await;
                    assert!(written.is_err());
                };
                let send = async move {
                    for row in ["one\n", "three\n", "five\n"] {
                        sleep(ms(10)).await;
                        if queue.send(Ok(row.to_owned())).await.is_err() {
                            break;
                        }
                    }
                    pending::<()>().await;
                };
                let slow_disk = async {
                    let (mut disk, mut content) = (disk, Vec::new());
                    loop {
                        sleep(ms(3)).await;
                        match disk.read_u8().await {
                            Ok(byte) => content.push(byte),
                            Err(_end) => break String::from_utf8(content).unwrap(),
                        }
                    }
                };
                let both = async { tokio::join!(write, slow_disk).1 };
                let content = tokio::select! {
                    content = both => content,
                    () = send => unreachable!("it waits without end"),
                };
                assert!(
                    ["", "one\n", "one\nthree\n", "one\nthree\nfive\n"].contains(&content.as_str()),
                    "{stop}: {content}"
                );
            });
        }
    }
}

mod nested_runtime {
    use super::*;
    use pitfalls::nested_runtime::{broken, mended};

    const ARTICLES: [(&str, u32); 2] = [("tea", 3), ("coffee", 4)];

    async fn price((_article, price): (&str, u32)) -> u32 {
        sleep(ms(100)).await;
        price
    }

    /// asyncio: a `RuntimeError`, "cannot be called from a running event loop". Tokio: a panic.
    #[tokio::test]
    #[should_panic(expected = "Cannot start a runtime from within a runtime")]
    async fn but_block_on_inside_of_a_runtime_panics() {
        broken(ARTICLES, price).await;
    }

    /// That of `futures` does not look. What it waits for needs the thread that it keeps.
    #[test]
    fn but_block_on_of_futures_stops_the_thread_for_ever() {
        let answered = || {
            paused().block_on(async {
                let (answer, answered) = oneshot::channel();
                tokio::spawn(async { answer.send(42) });
                #[expect(clippy::disallowed_methods, reason = "the pitfall")]
                futures::executor::block_on(answered)
            })
        };
        assert_eq!(elsewhere(answered, ms(200)), None);
    }

    #[tokio::test(start_paused = true)]
    async fn with_awaits_all_the_way_up_it_needs_no_other_runtime() {
        assert_eq!(mended(ARTICLES, price).await, 7);
        assert_eq!(mended([("", u32::MAX), ("", 1)], price).await, u32::MAX, "and it does not wrap");
        assert_eq!(mended([("", 0); 0], price).await, 0);
    }

    /// Code that cannot await may block where no task runs.
    #[tokio::test]
    async fn in_a_blocking_job_a_handle_may_block() {
        let runtime = Handle::current();
        let job = tokio::task::spawn_blocking(move || runtime.block_on(async { 42 }));
        assert_eq!(job.await.unwrap(), 42);
    }

    #[test]
    fn cancelled_anywhere_it_asks_no_further_price() {
        let swept = cancel_sweep::sweep_with(
            || {
                let asked = Count::default();
                let asking = asked.clone();
                let sum = mended(ARTICLES, move |article| {
                    asking.enter();
                    price(article)
                });
                (asked, sum)
            },
            |asked, outcome| match outcome {
                cancel_sweep::Outcome::Finished(sum) => assert_eq!((sum, asked.came()), (7, 2)),
                cancel_sweep::Outcome::Cancelled(at) => assert_eq!(asked.came(), at.suspension),
            },
        );
        assert_eq!(swept.points, 2);
    }
}

mod swallowed_error {
    use super::*;
    use pitfalls::swallowed_error::{broken, mended};

    type Reports = Arc<Mutex<Vec<String>>>;

    async fn save(fails: bool) -> Result<(), &'static str> {
        sleep(ms(100)).await;
        if fails { Err("disk full") } else { Ok(()) }
    }

    fn reports() -> (Reports, impl FnOnce(String) + Send + 'static) {
        let reports = Reports::default();
        (Arc::clone(&reports), move |error| reports.lock().unwrap().push(error))
    }

    /// asyncio: "Task exception was never retrieved" is logged some time. Tokio: nothing is.
    #[tokio::test(start_paused = true)]
    async fn but_a_background_task_fails_in_silence() {
        let ended = broken(save(true)).await;
        assert!(ended.is_ok(), "as if all were well");
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_is_reported_once() {
        let (reports, report) = reports();
        mended(save(true), report).await.unwrap();
        assert_eq!(*reports.lock().unwrap(), ["disk full"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_is_reported_with_its_text() {
        let (reports, report) = reports();
        let work = async { save(false).await.map(|()| assert_eq!(alive_tasks(), 0, "no index")) };
        mended(work, report).await.unwrap();
        let reports = reports.lock().unwrap();
        assert!(reports.len() == 1 && reports[0].contains("no index"), "{reports:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn success_and_an_abort_are_not_reported() {
        let (reports, report) = reports();
        mended(save(false), report).await.unwrap();
        let another = Arc::clone(&reports);
        let saving = mended(save(true), move |error| another.lock().unwrap().push(error));
        yield_now().await;
        drop(saving);
        sleep(ms(200)).await;
        assert_eq!((reports.lock().unwrap().len(), alive_tasks()), (0, 0), "and the work has ended");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn on_many_threads_every_failure_is_reported_once() {
        let mut random = fastrand::Rng::with_seed(2);
        for _round in 0..50 {
            let (reports, mut failures) = (Reports::default(), 0);
            let tasks = (0..40).map(|_| {
                let (reports, fails, yields) = (Arc::clone(&reports), random.bool(), random.u8(0..4));
                failures += usize::from(fails);
                let work = async move {
                    for _ in 0..yields {
                        yield_now().await;
                    }
                    if fails { Err("failed") } else { Ok(()) }
                };
                mended(work, move |error| reports.lock().unwrap().push(error))
            });
            let ended = join_all(tasks.collect::<Vec<_>>()).await;
            assert!(ended.iter().all(Result::is_ok));
            assert_eq!(reports.lock().unwrap().len(), failures);
        }
    }
}

mod forgotten_task_done {
    use super::*;
    use pitfalls::forgotten_task_done::{broken, mended};

    async fn handle(job: &'static str) -> Result<(), &'static str> {
        sleep(ms(100)).await;
        match job {
            "bad" => Err("bad job"),
            "panics" => panic!("no index"),
            _ => Ok(()),
        }
    }

    /// asyncio: `join` waits for one `task_done` for each `put`. Tokio has no `join`: a count that is kept by hand has the
    /// same trap.
    #[tokio::test(start_paused = true)]
    async fn but_after_a_job_that_has_failed_join_waits_for_ever() {
        let batches = Count::default();
        let all = broken([vec!["good", "bad", "good"]], handle, drop, || batches.enter());
        assert!(timeout(FOR_EVER, all).await.is_err());
        assert_eq!(batches.came(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_failure_it_returns() {
        let batches = Count::default();
        broken([vec!["good", "good"]], handle, drop, || batches.enter()).await;
        assert_eq!(batches.came(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_value_that_travels_with_the_job_counts_it_however_it_ends() {
        let (start, done, reports) = (Instant::now(), RefCell::new(Vec::new()), Arc::new(Mutex::default()));
        let report = {
            let reports = Arc::clone(&reports);
            move |error| Mutex::<Vec<_>>::lock(&reports).unwrap().push(error)
        };
        let batches = [vec!["good", "bad", "good"], vec![], vec!["bad"]];
        mended(batches, handle, report, || done.borrow_mut().push(start.elapsed())).await;
        assert_eq!(*done.borrow(), [ms(300), ms(300), ms(400)], "each batch when all of it is done");
        assert_eq!(*reports.lock().unwrap(), ["bad job", "bad job"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_goes_on_in_the_caller_and_its_batch_is_not_done() {
        let batches = Count::default();
        let inside = batches.clone();
        let caller = tokio::spawn(async move {
            mended([vec!["good"], vec!["panics", "good"]], handle, drop, || inside.enter()).await;
        });
        assert!(timeout(FOR_EVER, caller).await.unwrap().unwrap_err().is_panic());
        assert_eq!((batches.came(), alive_tasks()), (1, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn the_queue_of_a_worker_that_panicked_is_not_filled_for_ever() {
        let caller = tokio::spawn(mended([vec!["panics"; 1_000]], handle, drop, || {}));
        assert!(timeout(FOR_EVER, caller).await.unwrap().unwrap_err().is_panic());
    }

    #[tokio::test(start_paused = true)]
    async fn ten_thousand_jobs_pass_through_sixteen_places() {
        let handled = Count::default();
        let handling = handled.clone();
        let quick = move |_job: usize| {
            handling.enter();
            async { Ok::<_, &str>(()) }
        };
        let batches = (0..10).map(|_| (0..1_000).collect());
        mended(batches, quick, drop, || {}).await;
        assert_eq!(handled.came(), 10_000);
    }

    #[test]
    fn cancelled_anywhere_it_ends_the_worker() {
        let swept = cancel_sweep::sweep_with(
            || {
                let done = Count::default();
                let inside = done.clone();
                (done, async move {
                    mended([vec!["good", "bad"], vec!["good"]], handle, drop, || inside.enter()).await;
                })
            },
            |done, outcome| {
                assert_eq!(alive_tasks(), 0);
                assert!(done.came() == 2 || matches!(outcome, cancel_sweep::Outcome::Cancelled(_)));
            },
        );
        assert!(swept.points >= 2);
    }
}

mod global_runtime {
    use super::*;
    use pitfalls::global_runtime::{broken, mended};

    async fn here() -> tokio::runtime::Id {
        Handle::current().id()
    }

    /// asyncio: a loop that is made at import is not the one that `asyncio.run` makes. Tokio: the same with a `static`.
    #[tokio::test]
    async fn but_the_task_runs_on_a_runtime_that_the_caller_has_not() {
        assert_ne!(broken(here()).await.unwrap(), here().await);
    }

    #[tokio::test]
    async fn on_the_callers_runtime_it_is_one_of_its_tasks() {
        assert_eq!(mended(&Handle::current(), here()).await.unwrap(), here().await);
    }

    /// A timeout of an hour is over at once: the paused clock sees nobody at work.
    #[tokio::test(start_paused = true)]
    async fn but_the_clock_of_a_test_does_not_wait_for_it() {
        let (go, gate) = oneshot::channel::<()>();
        let mut task = broken(gate);
        assert!(timeout(FOR_EVER, &mut task).await.is_err());
        go.send(()).unwrap();
        // Without a timer the clock has nowhere to go, and this waits in real time.
        assert_eq!(task.await.unwrap(), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_of_the_callers_runtime_has_its_clock() {
        let start = Instant::now();
        mended(&Handle::current(), sleep(FOR_EVER)).await.unwrap();
        assert_eq!(start.elapsed(), FOR_EVER);
    }

    /// asyncio: `asyncio.run` waits for what it cancels. A runtime that is dropped drops its tasks; that of a `static` is
    /// not, so what its tasks hold stays open.
    #[test]
    fn but_the_end_of_the_callers_runtime_does_not_end_it() {
        for is_mended in [false, true] {
            let open = Count::default();
            let work = {
                let connection = open.during();
                async move {
                    pending::<()>().await;
                    drop(connection);
                }
            };
            paused().block_on(async {
                match is_mended {
                    false => drop(broken(work)),
                    true => drop(mended(&Handle::current(), work)),
                }
            });
            assert_eq!(open.now(), if is_mended { 0 } else { 1 });
        }
    }
}

mod one_after_the_other {
    use super::*;
    use pitfalls::one_after_the_other::{broken, mended};

    async fn fetch((page, millis): (&'static str, u64)) -> Result<&'static str, &'static str> {
        sleep(ms(millis)).await;
        if page == "missing" { Err("not found") } else { Ok(page) }
    }

    const THREE: [(&str, u64); 3] = [("home", 100), ("news", 300), ("help", 200)];

    /// asyncio and Tokio: an await in a loop waits for one thing.
    #[tokio::test(start_paused = true)]
    async fn but_in_a_loop_it_takes_the_sum() {
        let start = Instant::now();
        assert_eq!(broken(THREE, fetch).await, Ok(vec!["home", "news", "help"]));
        assert_eq!(start.elapsed(), ms(600));
    }

    #[tokio::test(start_paused = true)]
    async fn at_once_it_takes_the_time_of_the_longest() {
        let start = Instant::now();
        assert_eq!(mended(THREE, fetch).await, Ok(vec!["home", "news", "help"]));
        assert_eq!(start.elapsed(), ms(300));
        assert_eq!(mended([], fetch).await, Ok(vec![]));
    }

    /// asyncio: tasks that are made before the loop have begun. Tokio: futures have not.
    #[tokio::test(start_paused = true)]
    async fn but_futures_that_are_made_before_the_loop_have_not_begun() {
        let (start, futures) = (Instant::now(), THREE.map(fetch));
        for future in futures {
            future.await.unwrap();
        }
        assert_eq!(start.elapsed(), ms(600));
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_error_ends_it() {
        let start = Instant::now();
        assert_eq!(mended([("home", 300), ("missing", 100)], fetch).await, Err("not found"));
        assert_eq!(start.elapsed(), ms(100));
    }

    #[test]
    fn cancelled_anywhere_no_fetch_goes_on() {
        let swept = cancel_sweep::sweep_with(
            || {
                let under_way = Count::default();
                let fetches = under_way.clone();
                let all = mended(THREE, move |page| {
                    let under_way = fetches.during();
                    async move {
                        let fetched = fetch(page).await;
                        drop(under_way);
                        fetched
                    }
                });
                (under_way, all)
            },
            |under_way, _| assert_eq!(under_way.now(), 0),
        );
        assert_eq!(swept.points, 3);
    }
}

mod join_is_not_parallel {
    use super::*;
    use pitfalls::join_is_not_parallel::{broken, mended};
    use std::sync::Barrier;
    use std::thread;

    #[test]
    fn after_the_end_of_the_runtime_nothing_begins_and_that_is_told() {
        let never = mended(0..3, |_| panic!("it begins"));
        assert!(on_a_runtime_that_has_ended::<Result<Vec<()>, _>>(never).unwrap_err().is_cancelled());
    }

    /// asyncio: `gather` runs on one thread. Tokio: `join_all` runs in one task, and that is on one thread at a time.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn but_joined_they_compute_one_after_the_other_on_one_thread() {
        let at_work = Count::default();
        let threads = broken(0..8, |_| {
            let _at_work = at_work.during();
            thread::current().id()
        })
        .await;
        assert!(threads.iter().all(|thread| *thread == threads[0]));
        assert_eq!((at_work.most(), at_work.came()), (1, 8));
    }

    /// Each waits for the other: one after the other, neither would come to its end.
    #[test]
    fn on_threads_of_their_own_they_compute_at_the_same_time() {
        let both = elsewhere(
            || {
                let meeting = Arc::new(Barrier::new(2));
                paused().block_on(mended(0..2, move |input| {
                    meeting.wait();
                    (input, thread::current().id())
                }))
            },
            IN_TIME,
        );
        let both = both.expect("they meet").unwrap();
        assert_eq!((both[0].0, both[1].0), (0, 1));
        assert_ne!(both[0].1, both[1].1);
    }

    #[tokio::test]
    async fn the_results_stand_in_the_order_of_the_inputs() {
        assert_eq!(
            mended(0..1_000, |input| input * 2).await.unwrap(),
            (0..1_000).map(|i| i * 2).collect::<Vec<_>>()
        );
        assert_eq!(mended(0..0, |input| input).await.unwrap(), [0; 0]);
    }

    #[tokio::test]
    async fn a_panic_goes_on_in_the_caller() {
        let caller = tokio::spawn(mended(0..3, |input| assert_ne!(input, 1, "the second")));
        assert!(caller.await.unwrap_err().is_panic());
    }

    /// A thread that has begun cannot be stopped; the sums that wait for one are not begun.
    #[test]
    fn dropped_it_begins_no_further_sum() {
        let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
        let computed = Count::default();
        let counting = computed.clone();
        runtime.block_on(async {
            let (begun, has_begun) = std::sync::mpsc::channel();
            let (go, gate) = std::sync::mpsc::channel();
            let (begun, gate) = (Mutex::new(begun), Mutex::new(gate));
            let shared = Arc::new((begun, gate));
            let all = mended(0..10, move |_| {
                counting.enter();
                shared.0.lock().unwrap().send(()).unwrap();
                shared.1.lock().unwrap().recv_timeout(IN_TIME).unwrap();
            });
            let mut all = Box::pin(all);
            assert!((&mut all).now_or_never().is_none());
            has_begun.recv_timeout(IN_TIME).unwrap();
            drop(all);
            go.send(()).unwrap();
        });
        drop(runtime);
        assert_eq!(computed.came(), 1);
    }

    #[test]
    fn cancelled_anywhere_each_sum_is_made_once_or_not_at_all() {
        let run = || {
            let computed = Arc::new([const { AtomicUsize::new(0) }; 3]);
            let computing = Arc::clone(&computed);
            (computed, mended(0..3, move |input: usize| computing[input].fetch_add(1, SeqCst)))
        };
        cancel_sweep::sweep_with(run, |computed, outcome| {
            let times = computed.each_ref().map(|times| times.load(SeqCst));
            assert!(times.iter().all(|times| *times <= 1));
            assert!(times == [1; 3] || matches!(outcome, cancel_sweep::Outcome::Cancelled(_)));
        });
    }
}

mod starved_stream {
    use super::*;
    use pitfalls::starved_stream::{broken, mended};

    /// An answer in so many parts. Its server keeps one ready, and hangs up when that is not taken within 50 ms.
    async fn fetch(parts: usize) -> Result<usize, &'static str> {
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

    type Answers = RefCell<Vec<Result<usize, &'static str>>>;

    async fn handle(answer: Result<usize, &'static str>, answers: &Answers) {
        sleep(ms(100)).await;
        answers.borrow_mut().push(answer);
    }

    /// asyncio: requests are tasks, and go on. Tokio: those of `buffered` stand still while the body of the loop awaits.
    #[tokio::test(start_paused = true)]
    async fn but_while_one_answer_is_handled_the_servers_of_the_others_hang_up() {
        let answers = Answers::default();
        broken([1, 4, 5], limit(3), fetch, |answer| handle(answer, &answers)).await;
        assert_eq!(*answers.borrow(), [Ok(1), Err("hung up"), Err("hung up")]);
    }

    #[tokio::test(start_paused = true)]
    async fn as_tasks_they_go_on_meanwhile() {
        let (answers, start) = (Answers::default(), Instant::now());
        mended([1, 4, 5], limit(3), fetch, |answer| handle(answer, &answers)).await;
        assert_eq!(*answers.borrow(), [Ok(1), Ok(4), Ok(5)]);
        assert_eq!(start.elapsed(), ms(320), "20 ms for the first, and 100 for the handling of each");
    }

    /// It is the quick handling that hides the mistake.
    #[tokio::test(start_paused = true)]
    async fn without_a_wait_in_the_body_both_are_right() {
        let whole = Count::default();
        let handle = async |answer: Result<usize, _>| answer.map(|_| whole.enter()).unwrap_or_default();
        broken([1, 4, 5], limit(3), fetch, &handle).await;
        mended([1, 4, 5], limit(3), fetch, &handle).await;
        assert_eq!(whole.came(), 6);
    }

    #[tokio::test(start_paused = true)]
    async fn never_more_than_the_limit_are_under_way() {
        let under_way = Count::default();
        let fetch = |key: usize| {
            let under_way = under_way.clone();
            async move {
                let _under_way = under_way.during();
                sleep(ms(10)).await;
                key
            }
        };
        let handled = RefCell::new(Vec::new());
        mended(0..1_000, limit(7), fetch, async |key| handled.borrow_mut().push(key)).await;
        assert_eq!(*handled.borrow(), (0..1_000).collect::<Vec<_>>());
        assert_eq!((under_way.most(), under_way.came()), (7, 1_000));
        mended(0..0, limit(7), fetch, async |_| panic!("there is none")).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_goes_on_in_the_caller_and_aborts_the_rest() {
        let fetch = async |key: usize| {
            sleep(ms(10)).await;
            assert_ne!(key, 1, "the second");
            key
        };
        let caller = tokio::spawn(mended(0..5, limit(3), fetch, async |_| {}));
        assert!(caller.await.unwrap_err().is_panic());
        yield_now().await;
        assert_eq!(alive_tasks(), 0);
    }

    #[test]
    fn cancelled_anywhere_no_request_goes_on() {
        let run = || {
            let under_way = Count::default();
            let requests = under_way.clone();
            let fetch = move |_: usize| {
                let under_way = requests.during();
                async move {
                    sleep(ms(10)).await;
                    drop(under_way);
                }
            };
            (under_way, mended(0..4, limit(2), fetch, async |()| sleep(ms(5)).await))
        };
        let swept = cancel_sweep::sweep_with(run, |under_way, _| {
            assert_eq!((under_way.now(), alive_tasks()), (0, 0));
        });
        assert!(swept.points >= 6);
    }
}

mod lock_over_the_work {
    use super::*;
    use pitfalls::lock_over_the_work::{broken, mended};

    fn jobs(count: usize) -> mpsc::Receiver<usize> {
        let (queue, jobs) = mpsc::channel(count.max(1));
        for job in 0..count {
            queue.try_send(job).unwrap();
        }
        jobs
    }

    async fn ten_ms(_job: usize) {
        sleep(ms(10)).await;
    }

    /// asyncio: `async with lock` shows how far it goes. Rust: a guard in the head of a `while let` goes as far as its body.
    #[tokio::test(start_paused = true)]
    async fn but_nine_jobs_of_ten_ms_take_three_workers_ninety() {
        let start = Instant::now();
        broken(jobs(9), limit(3), ten_ms).await;
        assert_eq!(start.elapsed(), ms(90));
    }

    #[tokio::test(start_paused = true)]
    async fn with_the_guard_in_a_let_they_take_thirty() {
        let start = Instant::now();
        mended(jobs(9), limit(3), ten_ms).await;
        assert_eq!(start.elapsed(), ms(30));
    }

    #[tokio::test(start_paused = true)]
    async fn each_job_is_handled_once_by_any_number_of_workers() {
        for workers in [1, 2, 100] {
            let handled = RefCell::new(Vec::new());
            mended(jobs(1_000), limit(workers), async |job| {
                sleep(ms(10)).await;
                handled.borrow_mut().push(job);
            })
            .await;
            let mut handled = handled.into_inner();
            handled.sort_unstable();
            assert_eq!(handled, (0..1_000).collect::<Vec<_>>());
        }
        mended(jobs(0), limit(3), ten_ms).await;
    }

    #[test]
    fn cancelled_anywhere_no_job_is_handled_twice() {
        let run = || {
            let handled = Arc::new([const { AtomicUsize::new(0) }; 4]);
            let handling = Arc::clone(&handled);
            let handle = move |job: usize| {
                let handling = Arc::clone(&handling);
                async move {
                    sleep(ms(10)).await;
                    handling[job].fetch_add(1, SeqCst);
                }
            };
            (handled, mended(jobs(4), limit(2), handle))
        };
        let swept = cancel_sweep::sweep_with(run, |handled, outcome| {
            let times = handled.each_ref().map(|times| times.load(SeqCst));
            assert!(times.iter().all(|times| *times <= 1));
            assert!(times == [1; 4] || matches!(outcome, cancel_sweep::Outcome::Cancelled(_)));
        });
        assert!(swept.points >= 2);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn on_many_threads_each_job_is_handled_once() {
        let mut random = fastrand::Rng::with_seed(3);
        for _round in 0..20 {
            let (queue, jobs) = mpsc::channel(4);
            let handled = Arc::new([const { AtomicUsize::new(0) }; 100]);
            let handling = Arc::clone(&handled);
            let handle = move |job: usize| {
                let handling = Arc::clone(&handling);
                async move {
                    tokio::spawn(yield_now()).await.unwrap();
                    handling[job].fetch_add(1, SeqCst);
                }
            };
            let workers = tokio::spawn(mended(jobs, limit(random.usize(1..8)), handle));
            for job in 0..100 {
                queue.send(job).await.unwrap();
                if random.u8(0..4) == 0 {
                    yield_now().await;
                }
            }
            drop(queue);
            workers.await.unwrap();
            assert!(handled.iter().all(|times| times.load(SeqCst) == 1));
        }
    }
}

mod check_then_act {
    use super::*;
    use pitfalls::check_then_act::{broken, mended};
    use tokio::sync::OnceCell;

    async fn load(loads: &Count, fails: bool) -> Result<usize, &'static str> {
        loads.enter();
        sleep(ms(100)).await;
        if fails { Err("no answer") } else { Ok(loads.came()) }
    }

    /// asyncio and Tokio: between the look and the change others run, if there is an await.
    #[tokio::test(start_paused = true)]
    async fn but_who_asks_while_it_is_loaded_loads_it_again() {
        let (cache, loads) = (Mutex::new(None), Count::default());
        let (first, second) =
            tokio::join!(broken(&cache, load(&loads, false)), broken(&cache, load(&loads, false)));
        assert_eq!((first, second, loads.came()), (Ok(2), Ok(2), 2));
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_while_it_is_loaded_waits_for_it() {
        let (cache, loads) = (OnceCell::new(), Count::default());
        let (first, second) =
            tokio::join!(mended(&cache, load(&loads, false)), mended(&cache, load(&loads, false)));
        assert_eq!((first, second, loads.came()), (Ok(1), Ok(1), 1));
        assert_eq!(
            mended(&cache, load(&loads, false)).now_or_never(),
            Some(Ok(1)),
            "and later ones do not wait"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn after_an_error_the_next_one_tries_again() {
        let (cache, loads) = (OnceCell::new(), Count::default());
        let both = tokio::join!(mended(&cache, load(&loads, true)), mended(&cache, load(&loads, false)));
        assert_eq!((both, loads.came()), ((Err("no answer"), Ok(2)), 2));
    }

    #[test]
    fn cancelled_anywhere_the_next_one_loads_it() {
        let run = || {
            let state = Arc::new((OnceCell::new(), Count::default()));
            let asking = Arc::clone(&state);
            let waiting = Arc::clone(&state);
            let other = tokio::spawn(async move {
                sleep(ms(50)).await;
                mended(&waiting.0, load(&waiting.1, false)).await
            });
            ((state, other), async move { mended(&asking.0, load(&asking.1, false)).await })
        };
        let swept = cancel_sweep::sweep_with(run, |(state, other), outcome| {
            let loads = &state.1;
            let other = other.now_or_never().expect("it has its value").unwrap();
            match outcome {
                cancel_sweep::Outcome::Finished(value) => {
                    assert_eq!((value, other, loads.came()), (Ok(1), Ok(1), 1))
                }
                cancel_sweep::Outcome::Cancelled(_) => assert_eq!(other, Ok(loads.came())),
            }
        });
        assert_eq!(swept.points, 1);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn on_many_threads_it_is_loaded_once() {
        let mut random = fastrand::Rng::with_seed(4);
        for _round in 0..100 {
            let state = Arc::new((OnceCell::new(), Count::default()));
            let callers = (0..16).map(|_| {
                let (state, yields) = (Arc::clone(&state), random.u8(0..4));
                tokio::spawn(async move {
                    let load = async {
                        state.1.enter();
                        for _ in 0..yields {
                            yield_now().await;
                        }
                        Ok::<_, ()>(42)
                    };
                    mended(&state.0, load).await
                })
            });
            for value in join_all(callers.collect::<Vec<_>>()).await {
                assert_eq!(value.unwrap(), Ok(42));
            }
            assert_eq!(state.1.came(), 1);
        }
    }
}

mod blocking_io {
    use super::*;
    use pitfalls::blocking_io::{broken, mended};
    use std::net::{Ipv4Addr, SocketAddr};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// A server that says everything back; it serves one connection.
    pub(super) async fn echo() -> (SocketAddr, tokio::task::JoinHandle<io::Result<()>>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await?;
            let mut question = Vec::new();
            connection.read_to_end(&mut question).await?;
            connection.write_all(&question).await
        });
        (address, serving)
    }

    /// asyncio: `requests.get` of a server in the same loop hangs. Tokio: a call of `std::net` to one on the same thread
    /// does; here it gives up.
    #[tokio::test]
    async fn but_a_server_on_the_same_thread_never_answers() {
        let (server, serving) = echo().await;
        let error = broken(server, "hello").await.unwrap_err();
        assert!([io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut].contains(&error.kind()), "{error}");
        assert!(!serving.is_finished(), "it had no turn");
    }

    #[tokio::test]
    async fn while_a_task_waits_for_its_answer_the_server_runs() {
        let (server, serving) = echo().await;
        let answer = timeout(IN_TIME, mended(server, "hello")).await.unwrap();
        assert_eq!(answer.unwrap(), "hello");
        serving.await.unwrap().unwrap();
    }

    /// With a thread for the server, nothing shows: until there are as many calls as threads.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn but_on_many_threads_it_goes_well_as_long_as_one_is_free() {
        let (server, serving) = echo().await;
        let answer = tokio::task::spawn_blocking(move || broken(server, "hello").now_or_never());
        assert_eq!(answer.await.unwrap().unwrap().unwrap(), "hello");
        serving.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_an_error() {
        let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap();
        assert_eq!(mended(nobody, "hello").await.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }

    #[tokio::test]
    async fn of_an_answer_without_end_no_more_is_read_than_its_limit() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let server = listener.local_addr().unwrap();
        let endless = tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await.unwrap();
            while connection.write_all(b"and so on ").await.is_ok() {}
        });
        let answer = timeout(IN_TIME, mended(server, "hello")).await.unwrap().unwrap();
        assert_eq!(answer.len(), 64 * 1024);
        timeout(IN_TIME, endless).await.unwrap().unwrap();
    }

    /// Dropped in the middle of the answer, it closes the connection.
    #[tokio::test]
    async fn dropped_it_closes_the_connection() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let server = listener.local_addr().unwrap();
        let asking = tokio::spawn(async move { mended(server, "hello").await });
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut question = String::new();
        timeout(IN_TIME, connection.read_to_string(&mut question)).await.unwrap().unwrap();
        asking.abort();
        assert!(asking.await.unwrap_err().is_cancelled());
        // What is written to a connection that is closed comes back as an error, sooner or later.
        let closed = async { while connection.write_all(&[0; 1_024]).await.is_ok() {} };
        timeout(IN_TIME, closed).await.unwrap();
    }
}

mod lock_across_await {
    use super::*;
    use pitfalls::lock_across_await::{broken, mended};

    async fn price() -> u64 {
        yield_now().await;
        10
    }

    /// The sum of two additions in one thread.
    fn twice(add: impl AsyncFn(&Mutex<u64>)) -> u64 {
        let total = Mutex::new(0);
        paused().block_on(async { tokio::join!(add(&total), add(&total)) });
        total.into_inner().unwrap()
    }

    /// asyncio: a `threading.Lock` over an await stops the loop at its second use. Tokio: a lock of `std` stops the thread.
    #[test]
    fn but_the_second_who_wants_the_lock_stops_the_thread_for_the_first() {
        assert_eq!(elsewhere(|| twice(async |sum| broken(sum, price()).await), ms(200)), None);
    }

    #[test]
    fn with_the_lock_for_the_change_alone_both_add() {
        assert_eq!(elsewhere(|| twice(async |sum| mended(sum, price()).await), IN_TIME), Some(20));
    }

    /// Without a second one nothing shows.
    #[tokio::test]
    async fn but_alone_it_goes_well() {
        let sum = Mutex::new(0);
        broken(&sum, price()).await;
        assert_eq!(sum.into_inner().unwrap(), 10);
    }

    /// asyncio: an `asyncio.Lock` lets the others run. Tokio: so does Tokio's, over an await.
    #[tokio::test]
    async fn a_lock_of_tokio_may_be_held_over_an_await() {
        let sum = tokio::sync::Mutex::new(0);
        let add = async || {
            let mut sum = sum.lock().await;
            *sum += price().await;
        };
        tokio::join!(add(), add());
        assert_eq!(sum.into_inner(), 20);
    }

    /// The same with a `RefCell`, in one thread: the second one panics.
    #[tokio::test]
    #[should_panic(expected = "already")]
    #[allow(clippy::await_holding_refcell_ref, reason = "the pitfall")]
    async fn but_a_cell_that_is_borrowed_over_an_await_panics() {
        let sum = RefCell::new(0);
        let add = async || {
            let mut sum = sum.borrow_mut();
            *sum += price().await;
        };
        tokio::join!(add(), add());
    }

    #[test]
    fn cancelled_anywhere_it_holds_no_lock_and_adds_all_or_nothing() {
        let run = || {
            let sum = Arc::new(Mutex::new(1));
            let adding = Arc::clone(&sum);
            (sum, async move { mended(&adding, price()).await })
        };
        let swept = cancel_sweep::sweep_with(run, |sum, outcome| {
            let expected = if matches!(outcome, cancel_sweep::Outcome::Finished(())) { 11 } else { 1 };
            assert_eq!(*sum.try_lock().unwrap(), expected);
        });
        assert_eq!(swept.points, 1);
    }

    #[tokio::test]
    async fn the_sum_does_not_wrap_and_a_panic_elsewhere_does_not_stop_it() {
        let sum = Arc::new(Mutex::new(u64::MAX - 5));
        let poisoning = Arc::clone(&sum);
        let poisoned = std::thread::spawn(move || {
            let _guard = poisoning.lock().unwrap();
            panic!("while it holds the lock");
        });
        assert!(poisoned.join().is_err());
        mended(&sum, price()).await;
        assert_eq!(*sum.lock().unwrap_err().into_inner(), u64::MAX);
    }
}

mod spawn_outside_a_runtime {
    use super::*;
    use pitfalls::spawn_outside_a_runtime::{broken, mended};

    /// asyncio: `create_task` outside of a loop is a `RuntimeError`. Tokio: a panic.
    #[test]
    #[should_panic(expected = "there is no reactor running")]
    fn but_before_there_is_a_runtime_it_panics() {
        drop(broken());
    }

    #[tokio::test]
    #[should_panic(expected = "there is no reactor running")]
    async fn but_in_a_thread_of_ones_own_it_panics_too() {
        let made = std::thread::spawn(|| drop(broken())).join();
        std::panic::resume_unwind(made.unwrap_err());
    }

    #[tokio::test]
    async fn inside_of_a_runtime_it_goes_well() {
        let counter = broken();
        counter.count_one.send(()).await.unwrap();
        assert_eq!(counter.total().await.unwrap(), 1);
    }

    #[test]
    fn with_a_handle_it_may_be_called_before_the_runtime_runs_and_from_any_thread() {
        let runtime = paused();
        let handle = runtime.handle().clone();
        let here = mended(&handle);
        let elsewhere = std::thread::spawn(move || mended(&handle)).join().unwrap();
        for counter in [here, elsewhere] {
            let counted = runtime.block_on(async {
                for _ in 0..10_000 {
                    counter.count_one.send(()).await.unwrap();
                }
                counter.total().await
            });
            assert_eq!(counted.unwrap(), 10_000);
        }
    }

    #[tokio::test]
    async fn of_nothing_the_total_is_zero_and_a_dropped_counter_ends_its_task() {
        assert_eq!(mended(&Handle::current()).total().await.unwrap(), 0);
        let counter = mended(&Handle::current());
        // Somebody else holds a sender: the task would wait on.
        let _held = counter.count_one.clone();
        drop(counter);
        yield_now().await;
        assert_eq!(alive_tasks(), 0);
    }

    #[test]
    fn a_cancelled_total_ends_the_task() {
        let run = || {
            let counter = mended(&Handle::current());
            let held = counter.count_one.clone();
            tokio::spawn(async move {
                sleep(ms(10)).await;
                drop(held);
            });
            ((), counter.total())
        };
        cancel_sweep::sweep_with(run, |(), _| assert_eq!(alive_tasks(), 0));
    }
}

mod dead_runtime {
    use super::*;
    use pitfalls::dead_runtime::{broken, mended};

    /// A server in a thread of its own; it ends with its one connection.
    fn with_server<T>(ask: impl FnOnce(std::net::SocketAddr) -> T) -> T {
        let (address, server) = std::sync::mpsc::channel();
        let serving = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let (server, serving) = blocking_io::echo().await;
                address.send(server).unwrap();
                // A client that is gone is no failure.
                let _served = timeout(IN_TIME, serving).await.unwrap().unwrap();
            });
        });
        let answer = ask(server.recv_timeout(IN_TIME).unwrap());
        serving.join().unwrap();
        answer
    }

    /// asyncio: "attached to a different loop". Tokio: an error, from a socket whose runtime has ended.
    #[test]
    fn but_a_connection_is_dead_when_its_runtime_is() {
        let error = with_server(|server| broken(server, "hello")).unwrap_err();
        assert!(error.to_string().contains("being shutdown"), "{error}");
    }

    #[test]
    fn on_one_runtime_it_lives() {
        assert_eq!(with_server(|server| mended(server, "hello")).unwrap(), "hello");
    }

    #[test]
    fn of_an_answer_no_more_is_read_than_its_limit() {
        let long = "x".repeat(64 * 1024 + 1);
        assert_eq!(with_server(|server| mended(server, &long)).unwrap(), long[1..]);
    }

    /// A timer says so by a panic.
    #[test]
    #[should_panic(expected = "being shutdown")]
    fn but_a_timer_whose_runtime_has_ended_panics() {
        let (timer, runtime) = (RefCell::default(), paused());
        runtime.block_on(async { timer.replace(Some(Box::pin(sleep(ms(10))))) });
        drop(runtime);
        paused().block_on(timer.into_inner().unwrap());
    }

    #[test]
    fn a_channel_and_a_lock_belong_to_no_runtime() {
        let (queue, mut items) = paused().block_on(async { mpsc::channel(1) });
        let lock = paused().block_on(async { tokio::sync::Mutex::new(queue) });
        paused().block_on(async {
            lock.lock().await.send(1).await.unwrap();
            assert_eq!(items.recv().await, Some(1));
        });
    }

    #[tokio::test]
    #[should_panic(expected = "Cannot start a runtime from within a runtime")]
    async fn inside_of_a_runtime_it_panics() {
        let _answer = mended(([127, 0, 0, 1], 9).into(), "hello");
    }
}

mod half_a_read {
    use super::*;
    use pitfalls::half_a_read::{broken, mended};
    use tokio::io::{AsyncWriteExt, BufReader, DuplexStream, duplex};

    /// Writes each part so many milliseconds after the one before it, and then closes.
    async fn write<const N: usize>(mut far: DuplexStream, parts: [(u64, &str); N]) {
        for (after, part) in parts {
            sleep(ms(after)).await;
            far.write_all(part.as_bytes()).await.unwrap();
        }
    }

    const HALVES: [(u64, &str); 4] = [(0, "hel"), (100, "lo\nwor"), (100, "ld\n"), (0, "end")];

    /// asyncio: what a `StreamReader` has read stays in its buffer when a `wait_for` ends the read. Tokio: `read_line` keeps
    /// it in its future, and `select!` drops that.
    #[tokio::test(start_paused = true)]
    async fn but_half_a_line_is_lost_when_another_branch_is_quicker() {
        let (near, far) = duplex(64);
        let (lines, idle) = (RefCell::new(Vec::new()), Count::default());
        let read = broken(
            BufReader::new(near),
            ms(70),
            |line| lines.borrow_mut().push(line.to_owned()),
            || idle.enter(),
        );
        tokio::join!(read, write(far, HALVES)).0.unwrap();
        assert_eq!((lines.into_inner(), idle.came()), (vec!["lo".into(), "ld".into(), "end".to_owned()], 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_keeps_what_it_has_loses_nothing() {
        let (near, far) = duplex(64);
        let (lines, idle) = (RefCell::new(Vec::new()), Count::default());
        let read = mended(
            BufReader::new(near),
            ms(70),
            |line| lines.borrow_mut().push(line.to_owned()),
            || idle.enter(),
        );
        tokio::join!(read, write(far, HALVES)).0.unwrap();
        assert_eq!(
            (lines.into_inner(), idle.came()),
            (vec!["hello".into(), "world".into(), "end".to_owned()], 2)
        );
    }

    /// The same with `read_exact`, `send` and any other future that has taken a part.
    #[tokio::test(start_paused = true)]
    async fn but_a_timeout_around_read_exact_loses_what_came() {
        use tokio::io::AsyncReadExt;
        let (mut near, far) = duplex(64);
        let mut frame = [0; 5];
        let read = async {
            assert!(timeout(ms(50), near.read_exact(&mut frame)).await.is_err());
            near.read_exact(&mut frame).await
        };
        let (read, ()) = tokio::join!(read, write(far, [(0, "hel"), (100, "lo")]));
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    /// Every cut of a text in two halves, with and without an end of line at its end.
    #[tokio::test(start_paused = true)]
    async fn wherever_the_line_is_cut_it_comes_whole() {
        const TEXT: &str = "one\r\n\ntwo \u{e9}";
        for cut in (0..=TEXT.len()).filter(|cut| TEXT.is_char_boundary(*cut)) {
            let (near, far) = duplex(64);
            let mut lines = Vec::new();
            let read = mended(BufReader::new(near), ms(70), |line| lines.push(line.to_owned()), || {});
            let (first, second) = TEXT.split_at(cut);
            tokio::join!(read, write(far, [(0, first), (100, second)])).0.unwrap();
            assert_eq!(lines, ["one", "", "two \u{e9}"], "cut at {cut}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_and_what_is_no_text_end_it() {
        let none = |_: &str| panic!("there is none");
        mended(&b""[..], ms(70), none, || {}).await.unwrap();
        let error = mended(&b"\xff\n"[..], ms(70), none, || {}).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_thousand_lines_come_in_order() {
        let text = (0..100_000).fold(String::new(), |text, line| text + &format!("{line}\n"));
        let mut expected = 0;
        let count = |line: &str| {
            assert_eq!(line.parse(), Ok(expected));
            expected += 1;
        };
        mended(text.as_bytes(), ms(70), count, || {}).await.unwrap();
        assert_eq!(expected, 100_000);
    }

    #[test]
    fn cancelled_anywhere_the_lines_so_far_are_with_the_caller() {
        let run = || {
            let lines = Arc::new(Mutex::new(Vec::new()));
            let reading = Arc::clone(&lines);
            let (near, far) = duplex(64);
            tokio::spawn(write(far, HALVES));
            let on_line = move |line: &str| reading.lock().unwrap().push(line.to_owned());
            (lines, mended(BufReader::new(near), ms(70), on_line, || {}))
        };
        let swept = cancel_sweep::sweep_with(run, |lines, outcome| {
            let (lines, all) = (lines.lock().unwrap(), ["hello", "world", "end"]);
            assert!(all.starts_with(&lines.iter().map(String::as_str).collect::<Vec<_>>()));
            assert!(lines.len() == 3 || matches!(outcome, cancel_sweep::Outcome::Cancelled(_)));
        });
        assert!(swept.points >= 4);
    }
}

mod half_polled_future {
    use super::*;
    use pitfalls::half_polled_future::{broken, mended};
    use tokio::sync::Mutex;

    /// A value that somebody else holds for so long.
    async fn held(millis: u64) -> Arc<Mutex<u32>> {
        let value = Arc::new(Mutex::new(0));
        let guard = Arc::clone(&value).lock_owned().await;
        tokio::spawn(async move {
            sleep(ms(millis)).await;
            drop(guard);
        });
        value
    }

    /// asyncio: the update is a task and goes on. Tokio: it has been handed the lock, and nobody polls it.
    #[tokio::test(start_paused = true)]
    async fn but_a_future_that_is_left_alone_keeps_the_lock_that_it_was_handed() {
        let value = held(200).await;
        let update = broken(&value, |value| *value += 1, ms(100), drop);
        assert!(timeout(FOR_EVER, update).await.is_err());
        assert_eq!(*value.lock().await, 0, "it was dropped, and with it the lock is free");
    }

    /// While the lock is free soon enough, nothing shows.
    #[tokio::test(start_paused = true)]
    async fn but_with_a_quick_lock_it_goes_well() {
        let value = held(50).await;
        broken(&value, |value| *value += 1, ms(100), |_| panic!("it was quick")).await;
        assert_eq!(*value.lock().await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_takes_the_lock_that_it_is_handed() {
        let (value, start) = (held(200).await, Instant::now());
        let reported = std::cell::Cell::new(None);
        mended(Arc::clone(&value), |value| *value += 1, ms(100), |so_far| reported.set(Some(so_far)))
            .await
            .unwrap();
        assert_eq!(
            (reported.get(), start.elapsed()),
            (Some(1), ms(200)),
            "the update stood before the report"
        );
        assert_eq!(*value.lock().await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_quick_is_not_reported() {
        let value = held(50).await;
        mended(Arc::clone(&value), |value| *value += 1, ms(100), |_| panic!("it was quick")).await.unwrap();
        assert_eq!(*value.lock().await, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_of_the_update_goes_on_in_the_caller() {
        let value = held(200).await;
        let caller = tokio::spawn(mended(Arc::clone(&value), |_| panic!("division by zero"), ms(100), drop));
        assert!(caller.await.unwrap_err().is_panic());
        assert_eq!(*value.lock().await, 0, "the lock is free");
    }

    #[test]
    fn cancelled_anywhere_the_lock_is_free_and_the_update_is_made_once_or_never() {
        let run = || {
            let value = Arc::new(Mutex::new(0));
            let updating = Arc::clone(&value);
            let all = async move {
                let guard = Arc::clone(&updating).lock_owned().await;
                let hold = tokio::spawn(async move {
                    sleep(ms(200)).await;
                    drop(guard);
                });
                let updated = mended(updating, |value| *value += 1, ms(100), drop).await;
                hold.await.unwrap();
                updated
            };
            (value, all)
        };
        let swept = cancel_sweep::sweep_with(run, |value, outcome| {
            let value = *value.try_lock().expect("the lock is free");
            assert!(value == 1 || value == 0 && matches!(outcome, cancel_sweep::Outcome::Cancelled(_)));
        });
        assert!(swept.points >= 2);
    }
}

mod timeout_of_a_handle {
    use super::*;
    use pitfalls::timeout_of_a_handle::{broken, mended};

    async fn write_twice(written: Count) -> &'static str {
        for _part in 0..2 {
            sleep(ms(100)).await;
            written.enter();
        }
        "written"
    }

    /// asyncio: `wait_for` cancels the task. Tokio: `timeout` drops the handle, and the task runs on.
    #[tokio::test(start_paused = true)]
    async fn but_after_the_timeout_the_task_writes_on() {
        let written = Count::default();
        let outcome = broken(tokio::spawn(write_twice(written.clone())), ms(150)).await;
        assert_eq!((outcome.unwrap(), written.came()), (None, 1));
        sleep(ms(100)).await;
        assert_eq!(written.came(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn ended_and_waited_for_it_writes_no_more() {
        let (written, open) = (Count::default(), Count::default());
        let work = {
            let (written, open) = (write_twice(written.clone()), open.during());
            async move {
                let done = written.await;
                drop(open);
                done
            }
        };
        assert_eq!(ends(mended(tokio::spawn(work), ms(150))).await.unwrap(), None);
        assert_eq!((open.now(), alive_tasks()), (0, 0), "when it returns, the task is gone");
        sleep(ms(100)).await;
        assert_eq!(written.came(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn in_time_it_gives_the_value() {
        let start = Instant::now();
        let task = tokio::spawn(write_twice(Count::default()));
        assert_eq!(ends(mended(task, ms(250))).await.unwrap(), Some("written"));
        assert_eq!(start.elapsed(), ms(200));
        let task = tokio::spawn(write_twice(Count::default()));
        assert_eq!(ends(mended(task, Duration::MAX)).await.unwrap(), Some("written"));
    }

    #[tokio::test(start_paused = true)]
    async fn without_any_time_a_task_that_is_done_has_its_value_and_one_that_is_not_is_ended() {
        let (done, begun) = (tokio::spawn(async { "done" }), tokio::spawn(pending::<()>()));
        yield_now().await;
        assert_eq!(ends(mended(done, Duration::ZERO)).await.unwrap(), Some("done"));
        assert_eq!(ends(mended(begun, Duration::ZERO)).await.unwrap(), None);
        assert_eq!(
            ends(mended(tokio::spawn(async {}), Duration::ZERO)).await.unwrap(),
            None,
            "it had not begun"
        );
    }

    /// asyncio: a thread cannot be cancelled either, and `wait_for` returns without it.
    #[tokio::test]
    async fn a_blocking_job_is_not_ended_and_its_value_is_waited_for() {
        let (go, gate) = std::sync::mpsc::channel();
        let (begun, has_begun) = oneshot::channel();
        let job = tokio::task::spawn_blocking(move || {
            begun.send(()).unwrap();
            gate.recv_timeout(IN_TIME).map(|()| "done")
        });
        has_begun.await.unwrap();
        let mut waiting = Box::pin(mended(job, Duration::ZERO));
        assert!((&mut waiting).now_or_never().is_none());
        go.send(()).unwrap();
        assert_eq!(waiting.await.unwrap(), Some(Ok("done")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_and_the_abort_of_another_are_errors() {
        let task = tokio::spawn(async { panic!("no index") });
        assert!(mended::<()>(task, ms(100)).await.unwrap_err().is_panic());
        let task = tokio::spawn(sleep(ms(500)));
        task.abort();
        assert!(mended(task, ms(100)).await.unwrap_err().is_cancelled());
    }

    #[test]
    fn cancelled_anywhere_the_task_is_gone() {
        let run = || {
            let written = Count::default();
            let task = tokio::spawn(write_twice(written.clone()));
            (written, mended(task, ms(150)))
        };
        let swept = cancel_sweep::sweep_with(run, |written, _| {
            assert!(written.came() <= 1 && alive_tasks() == 0);
        });
        assert!(swept.points >= 2);
    }
}

mod ignored_token {
    use super::*;
    use pitfalls::ignored_token::{broken, mended};
    use tokio_util::sync::CancellationToken;

    async fn handle(handled: Count) {
        sleep(ms(100)).await;
        handled.enter();
    }

    /// asyncio: a cancellation interrupts the wait. Tokio: a token is a question, and whoever waits does not hear it.
    #[tokio::test(start_paused = true)]
    async fn but_a_worker_that_waits_does_not_look_at_its_token() {
        let (queue, mut jobs) = mpsc::channel::<()>(1);
        let stop = CancellationToken::new();
        let stopping = async {
            sleep(ms(150)).await;
            stop.cancel();
        };
        let worker =
            async { tokio::join!(broken(&mut jobs, &stop, |()| handle(Count::default())), stopping) };
        assert!(timeout(FOR_EVER, worker).await.is_err());
        drop(queue);
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_ends_the_wait_at_once() {
        let (_queue, mut jobs) = mpsc::channel::<()>(1);
        let (stop, start) = (CancellationToken::new(), Instant::now());
        let stopping = async {
            sleep(ms(150)).await;
            stop.cancel();
        };
        tokio::join!(ends(mended(&mut jobs, &stop, |()| handle(Count::default()))), stopping);
        assert_eq!(start.elapsed(), ms(150));
    }

    #[tokio::test(start_paused = true)]
    async fn the_job_under_way_is_done_and_the_others_stay_in_the_queue() {
        let (queue, mut jobs) = mpsc::channel(3);
        for () in [(); 3] {
            queue.send(()).await.unwrap();
        }
        let (stop, handled, start) = (CancellationToken::new(), Count::default(), Instant::now());
        let stopping = async {
            sleep(ms(150)).await;
            stop.cancel();
        };
        tokio::join!(ends(mended(&mut jobs, &stop, |()| handle(handled.clone()))), stopping);
        assert_eq!((handled.came(), jobs.len(), start.elapsed()), (2, 1, ms(200)));
    }

    /// Cancelled before, it takes nothing; a queue that is never empty does not keep it going.
    #[tokio::test(start_paused = true)]
    async fn after_the_stop_nothing_is_taken_from_a_queue_that_is_full() {
        let (queue, mut jobs) = mpsc::channel(3);
        for () in [(); 3] {
            queue.send(()).await.unwrap();
        }
        let stop = CancellationToken::new();
        let cancel = async |()| stop.cancel();
        ends(mended(&mut jobs, &stop, cancel)).await;
        assert_eq!(jobs.len(), 2);
        ends(mended(&mut jobs, &stop, cancel)).await;
        assert_eq!(jobs.len(), 2);
    }

    /// The trap beside it: around the whole, the stop comes in the middle of a job.
    #[tokio::test(start_paused = true)]
    async fn but_around_the_whole_loop_the_token_cuts_a_job_in_two() {
        let (queue, mut jobs) = mpsc::channel(1);
        queue.send(()).await.unwrap();
        let (stop, handled) = (CancellationToken::new(), Count::default());
        let stopping = async {
            sleep(ms(50)).await;
            stop.cancel();
        };
        let never = CancellationToken::new();
        let worker = stop.run_until_cancelled(mended(&mut jobs, &never, |()| handle(handled.clone())));
        assert_eq!((tokio::join!(worker, stopping).0, handled.came()), (None, 0));
        assert_eq!(jobs.len(), 0, "and it is in the queue no more");
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_queue_ends_it_after_the_last_job() {
        let (queue, mut jobs) = mpsc::channel(10_000);
        for () in [(); 10_000] {
            queue.send(()).await.unwrap();
        }
        drop(queue);
        let handled = Count::default();
        ends(mended(&mut jobs, &CancellationToken::new(), async |()| handled.enter())).await;
        assert_eq!(handled.came(), 10_000);
    }

    #[test]
    fn cancelled_anywhere_no_job_is_lost_but_the_one_under_way() {
        let run = || {
            let (queue, jobs) = mpsc::channel(3);
            for () in [(); 3] {
                queue.try_send(()).unwrap();
            }
            drop(queue);
            let state = Arc::new((tokio::sync::Mutex::new(jobs), Count::default(), Count::default()));
            let working = Arc::clone(&state);
            (state, async move {
                let (jobs, begun, done) = &*working;
                let handle = |()| {
                    begun.enter();
                    handle(done.clone())
                };
                mended(&mut *jobs.lock().await, &CancellationToken::new(), handle).await;
            })
        };
        let swept = cancel_sweep::sweep_with(run, |state, _| {
            let (jobs, begun, done) = &*state;
            assert_eq!(jobs.try_lock().unwrap().len() + begun.came(), 3);
            assert!(begun.came() - done.came() <= 1);
        });
        assert_eq!(swept.points, 3);
    }
}

mod permit_dropped_at_once {
    use super::*;
    use pitfalls::permit_dropped_at_once::{broken, mended};

    async fn sit(seated: &Count) {
        let _seated = seated.during();
        sleep(ms(100)).await;
    }

    /// asyncio: `await semaphore.acquire()` holds until `release()`. Rust: `_` holds nothing.
    #[tokio::test(start_paused = true)]
    async fn but_a_permit_that_is_given_to_an_underscore_limits_nothing() {
        let (seats, seated) = (Semaphore::new(1), Count::default());
        let all = join_all((0..3).map(|_| broken(&seats, sit(&seated)))).await;
        assert!(all.iter().all(Result::is_ok));
        assert_eq!(seated.most(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_permit_with_a_name_holds_to_the_end_of_the_work() {
        let (seats, seated, start) = (Semaphore::new(1), Count::default(), Instant::now());
        let all = join_all((0..3).map(|_| mended(&seats, sit(&seated)))).await;
        assert!(all.iter().all(Result::is_ok));
        assert_eq!((seated.most(), start.elapsed(), seats.available_permits()), (1, ms(300), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn with_no_permit_it_waits_and_with_a_closed_semaphore_the_work_is_not_begun() {
        let (seats, seated) = (Semaphore::new(0), Count::default());
        assert!(timeout(FOR_EVER, mended(&seats, sit(&seated))).await.is_err());
        seats.close();
        assert!(mended(&seats, sit(&seated)).await.is_err());
        assert_eq!(seated.came(), 0);
    }

    #[test]
    fn cancelled_anywhere_no_permit_is_lost() {
        let run = || {
            let seats = Arc::new(Semaphore::new(1));
            let (waiting, other) = (Arc::clone(&seats), Arc::clone(&seats));
            tokio::spawn(async move { mended(&other, sleep(ms(50))).await });
            (seats, async move {
                yield_now().await;
                mended(&waiting, sleep(ms(100))).await
            })
        };
        let swept = cancel_sweep::sweep_with(run, |seats, _| assert_eq!(seats.available_permits(), 1));
        assert_eq!(swept.points, 3, "the turn, the permit and the work");
    }
}

mod drop_guard_dropped_at_once {
    use super::*;
    use pitfalls::drop_guard_dropped_at_once::{broken, mended};
    use tokio_util::sync::CancellationToken;

    async fn work(helpers: CancellationToken) -> bool {
        sleep(ms(100)).await;
        helpers.is_cancelled()
    }

    /// asyncio: `finally: helper.cancel()` stands at the end. Rust: a guard that has no name is dropped on its line.
    #[tokio::test(start_paused = true)]
    async fn but_helpers_are_cancelled_before_the_work_begins() {
        let helpers = CancellationToken::new();
        assert!(broken(helpers.clone(), work(helpers)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn helpers_live_as_long_as_the_work() {
        let helpers = CancellationToken::new();
        assert!(!mended(helpers.clone(), work(helpers.clone())).await);
        assert!(helpers.is_cancelled());
    }

    #[tokio::test]
    async fn after_a_panic_they_are_cancelled_too() {
        let helpers = CancellationToken::new();
        let caller = tokio::spawn(mended::<()>(helpers.clone(), async { panic!("no index") }));
        assert!(caller.await.unwrap_err().is_panic());
        assert!(helpers.is_cancelled());
    }

    /// A future that was never polled has taken nothing: its arguments are dropped, and the guard was not made.
    #[test]
    fn cancelled_anywhere_they_are_cancelled_once_it_has_begun() {
        let run = || {
            let helpers = CancellationToken::new();
            (helpers.clone(), mended(helpers.clone(), work(helpers)))
        };
        let swept = cancel_sweep::sweep_with(run, |helpers, outcome| match outcome {
            cancel_sweep::Outcome::Cancelled(at) if at.suspension == 0 => assert!(!helpers.is_cancelled()),
            _ => assert!(helpers.is_cancelled()),
        });
        assert_eq!(swept.points, 1);
    }
}

mod spare_sender {
    use super::*;
    use pitfalls::spare_sender::{broken, mended};

    async fn make((item, millis): (&'static str, u64)) -> &'static str {
        sleep(ms(millis)).await;
        item
    }

    const TWO: [(&str, u64); 2] = [("a", 200), ("b", 100)];

    /// asyncio: without a sentinel, `get` waits for ever. Tokio: a channel closes by itself, when the last sender is gone.
    #[tokio::test(start_paused = true)]
    async fn but_with_a_spare_sender_the_reader_waits_for_ever() {
        assert!(timeout(FOR_EVER, broken(TWO.map(make))).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn when_the_producers_alone_have_senders_it_ends_with_them() {
        let start = Instant::now();
        assert_eq!(mended(TWO.map(make)).await, ["b", "a"]);
        assert_eq!(start.elapsed(), ms(200));
    }

    #[tokio::test(start_paused = true)]
    async fn of_nobody_there_is_nothing_and_ten_thousand_are_all_heard() {
        assert_eq!(mended([(); 0].map(|()| make(TWO[0]))).await, [""; 0]);
        assert_eq!(mended((0..10_000).map(|_| make(TWO[0]))).await.len(), 10_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_goes_on_in_the_caller_when_all_others_have_ended() {
        let (done, start) = (Count::default(), Instant::now());
        let produce = [100, 200].map(|millis| {
            let done = done.clone();
            async move {
                sleep(ms(millis)).await;
                assert_ne!(millis, 100, "the quicker one");
                done.enter();
            }
        });
        assert!(tokio::spawn(mended(produce)).await.unwrap_err().is_panic());
        assert_eq!((done.came(), start.elapsed()), (1, ms(200)));
    }

    #[test]
    fn cancelled_anywhere_no_producer_goes_on() {
        let swept = cancel_sweep::sweep(|| mended(TWO.map(make)), |_| assert_eq!(alive_tasks(), 0));
        assert!(swept.points >= 2);
    }
}

mod detached_task {
    use super::*;
    use pitfalls::detached_task::{broken, mended};

    async fn heart(beats: Count) {
        loop {
            sleep(ms(30)).await;
            beats.enter();
        }
    }

    /// asyncio: a task that nobody refers to may be collected. Tokio: it runs on.
    #[tokio::test(start_paused = true)]
    async fn but_the_heart_beats_on_when_the_session_is_over() {
        let beats = Count::default();
        let session = broken(heart(beats.clone()));
        sleep(ms(100)).await;
        drop(session);
        assert_eq!(beats.came(), 3);
        sleep(ms(100)).await;
        assert_eq!((beats.came(), alive_tasks()), (6, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn the_heart_stops_with_its_session() {
        let beats = Count::default();
        let session = mended(heart(beats.clone()));
        sleep(ms(100)).await;
        drop(session);
        sleep(ms(100)).await;
        assert_eq!((beats.came(), alive_tasks()), (3, 0));
    }

    /// Whatever ends the session: here the task that holds it is aborted.
    #[tokio::test(start_paused = true)]
    async fn the_heart_stops_when_the_holder_of_the_session_is_aborted() {
        let beats = Count::default();
        let beating = beats.clone();
        let holder = tokio::spawn(async move {
            let _session = mended(heart(beating));
            pending::<()>().await;
        });
        sleep(ms(100)).await;
        holder.abort();
        sleep(ms(100)).await;
        assert_eq!((beats.came(), alive_tasks()), (3, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn ten_thousand_sessions_leave_nothing_behind() {
        let sessions: Vec<_> = (0..10_000).map(|_| mended(heart(Count::default()))).collect();
        sleep(ms(10)).await;
        assert_eq!(alive_tasks(), 10_000);
        drop(sessions);
        sleep(ms(10)).await;
        assert_eq!(alive_tasks(), 0);
    }
}

mod gathered_handles {
    use super::*;
    use pitfalls::gathered_handles::{broken, mended};

    async fn save((name, millis): (&'static str, u64), saved: Count) -> Result<&'static str, &'static str> {
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

    /// asyncio: after the first exception of a `gather` the others run on. Tokio: those of handles do, those of futures are
    /// dropped.
    #[tokio::test(start_paused = true)]
    async fn but_after_the_first_error_the_others_save_on() {
        let saved = Count::default();
        let all = broken([("good", 200), ("bad", 100)], |job| save(job, saved.clone())).await;
        assert_eq!((all, saved.came()), (Err("disk full"), 0));
        sleep(ms(200)).await;
        assert_eq!(saved.came(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn when_the_error_is_reported_nobody_is_at_work() {
        let (saved, start) = (Count::default(), Instant::now());
        let all = mended([("good", 200), ("bad", 100)], |job| save(job, saved.clone())).await;
        assert_eq!((all, start.elapsed(), alive_tasks()), (Err("disk full"), ms(100), 0));
        sleep(ms(200)).await;
        assert_eq!(saved.came(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn without_an_error_the_values_stand_in_order() {
        let saved = Count::default();
        let all =
            mended([("slow", 300), ("quick", 100), ("medium", 200)], |job| save(job, saved.clone())).await;
        assert_eq!((all, saved.came()), (Ok(vec!["slow", "quick", "medium"]), 3));
        assert_eq!(mended([], |job| save(job, saved.clone())).await, Ok(vec![]));
        let many = mended((0..10_000).map(|_| ("many", 100)), |job| save(job, saved.clone())).await;
        assert_eq!(many.unwrap().len(), 10_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_goes_on_in_the_caller_when_the_rest_has_ended() {
        let saved = Count::default();
        let inside = saved.clone();
        let caller =
            tokio::spawn(mended([("good", 200), ("panics", 100)], move |job| save(job, inside.clone())));
        assert!(caller.await.unwrap_err().is_panic());
        assert_eq!(alive_tasks(), 0);
        sleep(ms(200)).await;
        assert_eq!(saved.came(), 0);
    }

    /// asyncio: a cancelled `gather` cancels its children. Tokio: over handles it detaches them.
    #[tokio::test(start_paused = true)]
    async fn but_after_a_timeout_the_others_save_on_as_well() {
        for is_mended in [false, true] {
            let saved = Count::default();
            let jobs = [("good", 200)];
            let in_time = match is_mended {
                false => timeout(ms(100), broken(jobs, |job| save(job, saved.clone()))).await,
                true => timeout(ms(100), mended(jobs, |job| save(job, saved.clone()))).await,
            };
            assert!(in_time.is_err());
            sleep(ms(200)).await;
            assert_eq!(saved.came(), usize::from(!is_mended));
        }
    }

    #[test]
    fn cancelled_anywhere_nobody_is_at_work() {
        let run = || {
            let saved = Count::default();
            let saving = saved.clone();
            let all = mended([("a", 100), ("b", 200), ("bad", 300), ("c", 400)], move |job| {
                save(job, saving.clone())
            });
            (saved, all)
        };
        let swept = cancel_sweep::sweep_with(run, |saved, outcome| {
            assert_eq!(alive_tasks(), 0);
            assert!(saved.came() == 2 || matches!(outcome, cancel_sweep::Outcome::Cancelled(_)));
        });
        assert!(swept.points >= 3);
    }
}

mod cleanup_at_exit {
    use super::*;
    use pitfalls::cleanup_at_exit::{broken, mended};

    /// A goodbye that takes two turns, and whether it was sent.
    fn goodbye() -> (Count, impl Future<Output = ()> + Send + 'static) {
        let sent = Count::default();
        let sending = sent.clone();
        (sent, async move {
            yield_now().await;
            sending.enter();
        })
    }

    /// asyncio: `asyncio.run` waits for the tasks that are left. Tokio: the runtime drops them.
    #[test]
    fn but_what_a_drop_has_spawned_is_lost_at_the_end() {
        let (sent, goodbye) = goodbye();
        assert_eq!(broken(async { 42 }, goodbye).unwrap(), 42);
        assert_eq!(sent.came(), 0);
    }

    /// While the program goes on, nothing shows.
    #[tokio::test]
    async fn but_in_the_middle_of_a_program_it_is_sent() {
        let (sent, goodbye) = goodbye();
        drop(scopeguard::guard(goodbye, |goodbye| drop(tokio::spawn(goodbye))));
        yield_now().await;
        yield_now().await;
        assert_eq!(sent.came(), 1);
    }

    #[test]
    fn on_a_tracker_it_is_waited_for() {
        let (sent, goodbye) = goodbye();
        assert_eq!(mended(async { 42 }, goodbye, IN_TIME).unwrap(), 42);
        assert_eq!(sent.came(), 1);
    }

    #[test]
    fn after_a_panic_of_the_work_it_is_sent_and_the_panic_goes_on() {
        let (sent, goodbye) = goodbye();
        let program = std::panic::AssertUnwindSafe(|| mended(async { panic!("no index") }, goodbye, IN_TIME));
        let ended: Result<io::Result<()>, _> = std::panic::catch_unwind(program);
        assert_eq!(ended.unwrap_err().downcast_ref(), Some(&"no index"));
        assert_eq!(sent.came(), 1);
    }

    #[test]
    fn a_goodbye_without_an_end_is_given_up_after_its_grace() {
        let error = mended(async {}, pending(), ms(20)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn a_goodbye_that_panics_does_not_hold_up_the_end() {
        mended(async {}, async { panic!("nobody is there") }, IN_TIME).unwrap();
    }
}

mod task_local_not_inherited {
    use super::*;
    use pitfalls::task_local_not_inherited::{REQUEST, broken, mended};

    async fn request() -> Option<u64> {
        yield_now().await;
        REQUEST.try_get().ok()
    }

    /// asyncio: a task copies the context of its parent. Tokio: it begins without.
    #[tokio::test]
    async fn but_a_task_does_not_know_the_request_of_its_parent() {
        let known = REQUEST.scope(7, async { (REQUEST.get(), broken(request()).await.unwrap()) }).await;
        assert_eq!(known, (7, None));
    }

    #[tokio::test]
    #[should_panic(expected = "without setting it first")]
    async fn but_who_asks_for_it_without_an_if_panics() {
        let asked = REQUEST.scope(7, async { broken(async { REQUEST.get() }).await }).await;
        std::panic::resume_unwind(asked.unwrap_err().into_panic());
    }

    #[tokio::test]
    async fn handed_on_it_is_known_to_the_task_and_to_the_tasks_of_that() {
        let grandchild = async { (request().await, mended(request()).await.unwrap()) };
        let known = REQUEST.scope(7, async { mended(grandchild).await }).await;
        assert_eq!(known.unwrap(), (Some(7), Some(7)));
    }

    #[tokio::test]
    async fn without_a_request_there_is_nothing_to_hand_on() {
        assert_eq!(mended(request()).await.unwrap(), None);
    }

    #[tokio::test]
    async fn two_requests_at_once_stay_apart() {
        let known = (0..100).map(|number| REQUEST.scope(number, async { mended(request()).await.unwrap() }));
        assert_eq!(join_all(known).await, (0..100).map(Some).collect::<Vec<_>>());
    }
}

mod permit_in_the_task {
    use super::*;
    use pitfalls::permit_in_the_task::{broken, mended};

    async fn handle(_item: usize, at_work: Count) {
        let _at_work = at_work.during();
        sleep(ms(10)).await;
    }

    /// asyncio: `async with semaphore` inside of each of a thousand tasks. Tokio: the same.
    #[tokio::test(start_paused = true)]
    async fn but_all_items_are_tasks_though_few_are_at_work() {
        let at_work = Count::default();
        let all = tokio::spawn({
            let (at_work, limit) = (at_work.clone(), Arc::new(Semaphore::new(8)));
            async move { broken(0..1_000, &limit, |item| handle(item, at_work.clone())).await }
        });
        sleep(ms(5)).await;
        assert_eq!((at_work.now(), alive_tasks()), (8, 1_001));
        all.await.unwrap().unwrap();
        assert_eq!((at_work.most(), at_work.came()), (8, 1_000));
    }

    #[tokio::test(start_paused = true)]
    async fn with_the_permit_before_the_spawn_only_those_at_work_are_tasks() {
        let (at_work, read, start) = (Count::default(), Count::default(), Instant::now());
        let all = tokio::spawn({
            let (at_work, read, limit) = (at_work.clone(), read.clone(), Arc::new(Semaphore::new(8)));
            async move {
                let items = (0..1_000).inspect(|_| read.enter());
                mended(items, &limit, |item| handle(item, at_work.clone())).await
            }
        });
        sleep(ms(5)).await;
        assert_eq!((at_work.now(), alive_tasks(), read.came()), (8, 9, 9));
        all.await.unwrap().unwrap();
        assert_eq!((at_work.most(), at_work.came(), start.elapsed()), (8, 1_000, ms(1_250)));
    }

    /// Several callers may share the permits.
    #[tokio::test(start_paused = true)]
    async fn two_lists_share_one_limit() {
        let (at_work, permits) = (Count::default(), Arc::new(Semaphore::new(3)));
        let list = || mended(0..10, &permits, |item| handle(item, at_work.clone()));
        let (one, other) = tokio::join!(list(), list());
        one.and(other).unwrap();
        assert_eq!((at_work.most(), at_work.came(), permits.available_permits()), (3, 20, 3));
    }

    #[tokio::test(start_paused = true)]
    async fn of_nothing_it_ends_at_once_and_a_closed_semaphore_is_an_error() {
        let permits = Arc::new(Semaphore::new(1));
        mended([], &permits, |item| handle(item, Count::default())).await.unwrap();
        permits.close();
        assert!(mended([1], &permits, |item| handle(item, Count::default())).await.is_err());
        yield_now().await;
        assert_eq!(alive_tasks(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_goes_on_in_the_caller_and_aborts_the_rest() {
        let permits = Arc::new(Semaphore::new(2));
        let caller = tokio::spawn({
            let permits = Arc::clone(&permits);
            async move {
                mended(0..5, &permits, async |item| {
                    sleep(ms(10)).await;
                    assert_ne!(item, 1, "the second");
                })
                .await
            }
        });
        assert!(caller.await.unwrap_err().is_panic());
        yield_now().await;
        assert_eq!((alive_tasks(), permits.available_permits()), (0, 2));
    }

    #[test]
    fn cancelled_anywhere_no_permit_is_lost_and_no_task_left() {
        let run = || {
            let permits = Arc::new(Semaphore::new(2));
            let working = Arc::clone(&permits);
            let all = async move { mended(0..5, &working, |item| handle(item, Count::default())).await };
            (permits, all)
        };
        let swept = cancel_sweep::sweep_with(run, |permits, _| {
            assert_eq!((permits.available_permits(), alive_tasks()), (2, 0));
        });
        assert!(swept.points >= 3);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn on_many_threads_the_limit_holds_and_each_item_is_handled() {
        let mut random = fastrand::Rng::with_seed(5);
        for _round in 0..20 {
            let most = random.usize(1..8);
            let (permits, at_work) = (Arc::new(Semaphore::new(most)), Count::default());
            let handle = |yields: u8| {
                let at_work = at_work.clone();
                async move {
                    let _at_work = at_work.during();
                    for _ in 0..yields {
                        yield_now().await;
                    }
                }
            };
            let items: Vec<_> = (0..100).map(|_| random.u8(0..4)).collect();
            mended(items.clone(), &permits, handle).await.unwrap();
            assert!(at_work.most() <= most && at_work.came() == 100 && permits.available_permits() == most);

            let at_work = Count::default();
            let handle = |yields: u8| {
                let at_work = at_work.clone();
                async move {
                    let _at_work = at_work.during();
                    for _ in 0..yields {
                        yield_now().await;
                    }
                }
            };
            pitfalls::tasks_without_limit::mended(items, limit(most), handle).await;
            assert!(at_work.most() <= most && at_work.came() == 100);
        }
    }
}

mod queue_without_limit {
    use super::*;
    use pitfalls::queue_without_limit::{broken, mended};

    /// A thousand items; they count from when they are made until they are handled.
    fn items(waiting: &Count) -> impl Iterator<Item = usize> + use<> {
        let waiting = waiting.clone();
        (0..1_000).inspect(move |_| waiting.enter())
    }

    async fn handle(_item: usize, waiting: &Count) {
        sleep(ms(10)).await;
        waiting.leave();
    }

    /// asyncio: `Queue()` has no limit. Tokio: `unbounded_channel` has none.
    #[tokio::test(start_paused = true)]
    async fn but_a_producer_that_is_quicker_fills_the_memory() {
        let waiting = Count::default();
        broken(items(&waiting), |item| handle(item, &waiting)).await;
        assert_eq!((waiting.most(), waiting.now()), (1_000, 0));
    }

    /// In the queue, in the hand of the consumer, in the hand of the producer.
    #[tokio::test(start_paused = true)]
    async fn with_a_limit_the_producer_waits() {
        for bound in [1, 10, 500] {
            let (waiting, start) = (Count::default(), Instant::now());
            mended(items(&waiting), limit(bound), |item| handle(item, &waiting)).await;
            assert_eq!((waiting.most(), waiting.now(), start.elapsed()), (bound + 2, 0, ms(10_000)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn of_nothing_it_ends_at_once_and_the_order_is_kept() {
        let handled = RefCell::new(Vec::new());
        mended([0; 0], limit(1), async |_| panic!("there is none")).await;
        mended(0..10_000, limit(7), async |item| handled.borrow_mut().push(item)).await;
        assert_eq!(handled.into_inner(), (0..10_000).collect::<Vec<_>>());
    }

    #[test]
    fn cancelled_anywhere_each_item_is_handled_once_or_dropped() {
        let run = || {
            let handled = Arc::new([const { AtomicUsize::new(0) }; 4]);
            let handling = Arc::clone(&handled);
            let handle = move |item: usize| {
                let handling = Arc::clone(&handling);
                async move {
                    sleep(ms(10)).await;
                    handling[item].fetch_add(1, SeqCst);
                }
            };
            (handled, mended(0..4, limit(1), handle))
        };
        let swept = cancel_sweep::sweep_with(run, |handled, outcome| {
            let times = handled.each_ref().map(|times| times.load(SeqCst));
            assert!(times.is_sorted_by(|earlier, later| earlier >= later) && times[0] <= 1);
            assert!(times == [1; 4] || matches!(outcome, cancel_sweep::Outcome::Cancelled(_)));
        });
        assert!(swept.points >= 4);
    }
}

mod timer_in_a_loop {
    use super::*;
    use pitfalls::timer_in_a_loop::{broken, mended};

    /// Sends so many items, one every 30 ms, and closes.
    async fn send(queue: mpsc::Sender<usize>, count: usize) {
        for item in 0..count {
            sleep(ms(30)).await;
            queue.send(item).await.unwrap();
        }
    }

    /// asyncio: `wait_for(queue.get(), 0.05)` begins anew with each item. Tokio: a `sleep` in `select!` does.
    #[tokio::test(start_paused = true)]
    async fn but_under_traffic_the_timer_never_fires() {
        let ((queue, items), mut written) = (mpsc::channel(1), Vec::new());
        let start = Instant::now();
        let write = broken(items, ms(50), |batch| written.push((start.elapsed(), batch)));
        tokio::join!(write, send(queue, 10));
        assert_eq!(written, [(ms(300), (0..10).collect())], "when the traffic is over");
    }

    #[tokio::test(start_paused = true)]
    async fn a_timer_from_before_the_loop_fires_when_the_first_item_is_old_enough() {
        let ((queue, items), mut written) = (mpsc::channel(1), Vec::new());
        let start = Instant::now();
        let write = mended(items, ms(50), |batch| written.push((start.elapsed(), batch)));
        tokio::join!(write, send(queue, 5));
        assert_eq!(written, [(ms(80), vec![0, 1]), (ms(140), vec![2, 3]), (ms(150), vec![4])]);
    }

    /// With little to do both are right: that hides the mistake.
    #[tokio::test(start_paused = true)]
    async fn without_traffic_both_write_in_time() {
        let ((queue, items), mut written) = (mpsc::channel(1), Vec::new());
        let start = Instant::now();
        let write = broken(items, ms(20), |batch| written.push((start.elapsed(), batch)));
        tokio::join!(write, send(queue, 2));
        assert_eq!(written, [(ms(50), vec![0]), (ms(60), vec![1])]);
    }

    /// A queue that is never empty is always ready: the timer is asked first.
    #[tokio::test(start_paused = true)]
    async fn a_queue_that_is_never_empty_does_not_hold_it_up() {
        let ((queue, items), mut sizes) = (mpsc::channel(64), Vec::new());
        let start = Instant::now();
        let write = mended(items, ms(50), |batch: Vec<usize>| sizes.push(batch.len()));
        let flood = async move {
            while start.elapsed() < ms(500) {
                for item in 0..64 {
                    queue.send(item).await.unwrap();
                }
                tokio::time::advance(ms(10)).await;
            }
        };
        tokio::join!(write, flood);
        assert!(sizes.len() >= 9, "{sizes:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn of_nothing_nothing_is_written_and_no_delay_is_too_long() {
        let (queue, items) = mpsc::channel(1);
        drop(queue);
        mended(items, ms(50), |_: Vec<usize>| panic!("there is nothing")).await;
        let ((queue, items), mut written) = (mpsc::channel(1), Vec::new());
        tokio::join!(mended(items, Duration::MAX, |batch| written.push(batch)), send(queue, 3));
        assert_eq!(written, [[0, 1, 2]]);
        let ((queue, items), mut written) = (mpsc::channel(1), Vec::new());
        tokio::join!(mended(items, Duration::ZERO, |batch| written.push(batch)), send(queue, 3));
        assert_eq!(written.concat(), [0, 1, 2]);
    }

    #[test]
    fn cancelled_anywhere_what_was_written_is_whole_and_in_order() {
        let run = || {
            let written = Arc::new(Mutex::new(Vec::new()));
            let writing = Arc::clone(&written);
            let (queue, items) = mpsc::channel(1);
            tokio::spawn(async move {
                for item in 0..4 {
                    sleep(ms(30)).await;
                    if queue.send(item).await.is_err() {
                        break;
                    }
                }
            });
            (written, mended(items, ms(50), move |batch| writing.lock().unwrap().extend(batch)))
        };
        let swept = cancel_sweep::sweep_with(run, |written, outcome| {
            let written = written.lock().unwrap();
            assert!(written.iter().copied().eq(0..written.len()));
            assert!(written.len() == 4 || matches!(outcome, cancel_sweep::Outcome::Cancelled(_)));
        });
        assert!(swept.points >= 5);
    }
}

mod burst_of_ticks {
    use super::*;
    use pitfalls::burst_of_ticks::{broken, mended};
    use std::num::NonZeroU16;

    const TEN: NonZeroU16 = NonZeroU16::new(10).unwrap();

    /// The first turn takes so long, the others no time; when each began.
    async fn turn(number: usize, first: u64, start: Instant, began: &RefCell<Vec<Duration>>) {
        began.borrow_mut().push(start.elapsed());
        if number == 0 {
            sleep(ms(first)).await;
        }
    }

    /// asyncio: a loop with `sleep` is late, and stays so. Tokio: an `interval` makes up for it, all at once.
    #[tokio::test(start_paused = true)]
    async fn but_after_a_pause_of_ten_ticks_ten_come_at_once() {
        let (start, began) = (Instant::now(), RefCell::default());
        broken(TEN, 13, |number| turn(number, 1_000, start, &began)).await;
        let began = began.into_inner();
        assert_eq!(began.iter().filter(|at| **at == ms(1_000)).count(), 10);
        assert_eq!(began[11..], [ms(1_100), ms(1_200)]);
    }

    #[tokio::test(start_paused = true)]
    async fn with_delay_the_next_ones_keep_their_distance() {
        let (start, began) = (Instant::now(), RefCell::default());
        mended(TEN, 4, |number| turn(number, 1_050, start, &began)).await;
        assert_eq!(began.into_inner(), [ms(0), ms(1_050), ms(1_150), ms(1_250)]);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_pause_both_keep_time() {
        for is_mended in [false, true] {
            let (start, began) = (Instant::now(), RefCell::default());
            match is_mended {
                false => broken(TEN, 3, |number| turn(number, 50, start, &began)).await,
                true => mended(TEN, 3, |number| turn(number, 50, start, &began)).await,
            }
            assert_eq!(began.into_inner(), [ms(0), ms(100), ms(200)]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_quickest_and_the_slowest_rate_are_no_panic() {
        let turns = Count::default();
        mended(NonZeroU16::MAX, 1_000, async |_| turns.enter()).await;
        mended(NonZeroU16::MIN, 2, async |_| turns.enter()).await;
        mended(TEN, 0, async |_| panic!("there is none")).await;
        assert_eq!(turns.came(), 1_002);
    }

    #[test]
    fn cancelled_anywhere_no_further_turn_begins() {
        let run = || {
            let turns = Count::default();
            let inside = turns.clone();
            (
                turns,
                mended(TEN, 3, move |_| {
                    inside.enter();
                    sleep(ms(50))
                }),
            )
        };
        let swept = cancel_sweep::sweep_with(run, |turns, outcome| {
            assert!(turns.came() == 3 || matches!(outcome, cancel_sweep::Outcome::Cancelled(_)));
        });
        assert_eq!(swept.points, 5, "three turns, and two ticks that are waited for");
    }
}

mod missed_notification {
    use super::*;
    use pitfalls::missed_notification::{broken, mended};

    async fn millis(millis: u64) {
        sleep(ms(millis)).await;
    }

    /// asyncio: an `Event` stays set. Tokio: `notify_waiters` wakes those who wait, and the next one waits for ever.
    #[tokio::test(start_paused = true)]
    async fn but_what_was_notified_before_is_waited_for_without_end() {
        assert!(timeout(FOR_EVER, broken(millis(100), millis(200))).await.is_err());
    }

    /// In the other order nothing shows.
    #[tokio::test(start_paused = true)]
    async fn but_who_waits_before_is_woken() {
        let start = Instant::now();
        broken(millis(200), millis(100)).await;
        assert_eq!(start.elapsed(), ms(200));
    }

    #[tokio::test(start_paused = true)]
    async fn a_state_is_seen_whenever_one_looks() {
        for (prepare, meanwhile) in [(100, 200), (200, 100), (100, 100), (0, 0)] {
            let start = Instant::now();
            mended(millis(prepare), millis(meanwhile)).await.unwrap();
            assert_eq!(start.elapsed(), ms(prepare.max(meanwhile)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_preparation_that_panics_is_an_error_and_no_hang() {
        assert!(mended(async { panic!("no index") }, millis(100)).await.is_err());
    }

    #[test]
    fn cancelled_anywhere_the_preparation_ends() {
        for (prepare, meanwhile) in [(100, 200), (200, 100)] {
            let run = || mended(millis(prepare), millis(meanwhile));
            cancel_sweep::sweep(run, |_| assert_eq!(alive_tasks(), 0));
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn on_many_threads_nobody_waits_for_ever() {
        let mut random = fastrand::Rng::with_seed(6);
        let yields = |times: u8| async move {
            for _ in 0..times {
                yield_now().await;
            }
        };
        for _round in 0..200 {
            let all =
                (0..8).map(|_| mended(yields(random.u8(0..4)), yields(random.u8(0..4)))).collect::<Vec<_>>();
            let all = timeout(IN_TIME, join_all(all)).await.unwrap();
            assert!(all.iter().all(Result::is_ok));
        }
    }
}

/// What the compiler and Clippy say, proved by running them: on the forms of a mistake in `caught/by_a_lint`, on the
/// broken functions, and on programs in `caught/by_the_compiler` that are not to compile.
mod caught {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::process::Command;
    use std::sync::LazyLock;

    use pitfalls::scenes::{Caught, GROUPS, Pitfall};
    use serde_json::Value;

    /// What a marker says of its line, and one with `^` of the line above: `//~ LEVEL: NAME, NAME; LEVEL: NAME`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    enum Level {
        /// An error, as rustc and Clippy are installed.
        Error,
        /// A warning, as they are installed.
        Default,
        /// A warning with `caught/lints.toml` and `caught/clippy.toml`.
        Configured,
        /// A warning with more lints than are worth it.
        Strict,
    }

    /// A lint or an error, and where it fired.
    #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
    struct Said {
        file: String,
        line: usize,
        name: String,
        is_error: bool,
    }

    /// What was said of the packages `installed`, `configured` and `strict`, and of the programs.
    struct Outcome {
        forms: [BTreeSet<Said>; 3],
        broken: [BTreeSet<Said>; 3],
        programs: BTreeSet<Said>,
    }

    const PACKAGES: [(&str, Level); 3] =
        [("installed", Level::Default), ("configured", Level::Configured), ("strict", Level::Strict)];

    static OUTCOME: LazyLock<Outcome> = LazyLock::new(run_clippy);

    fn recipe() -> PathBuf {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert!(here.join("caught").is_dir(), "{} has no forms of mistakes", here.display());
        here.to_owned()
    }

    fn read(path: impl AsRef<Path>) -> String {
        let path = path.as_ref();
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The Rust files of a folder: name and source.
    fn sources(folder: &str) -> Vec<(String, String)> {
        let files = fs::read_dir(recipe().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        let rust = files.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
        rust.map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), read(path))).collect()
    }

    fn pitfalls() -> impl Iterator<Item = Pitfall> {
        GROUPS.into_iter().flat_map(|group| group.pitfalls).copied()
    }

    /// The source of a pitfall without the attributes that keep the lints quiet.
    fn outspoken(pitfall: &str) -> String {
        let mut source = read(recipe().join(format!("src/{pitfall}.rs")));
        for attribute in ["#[allow(", "#[expect("] {
            while let Some(start) = source.find(attribute) {
                let end = start + source[start..].find(")]\n").unwrap() + ")]\n".len();
                source.replace_range(start..end, "");
            }
        }
        source
    }

    /// Builds a workspace of its own from the forms, the broken functions and the programs, and lets Clippy look at it.
    ///
    /// The versions are those of the `Cargo.lock` that this package is built with, so nothing is downloaded.
    fn run_clippy() -> Outcome {
        const DEPENDENCIES: &str = r#"
[dependencies]
futures = { version = "0.3", default-features = false, features = ["std", "async-await", "executor"] }
scopeguard = "1"
tokio = { version = "1", features = ["io-util", "macros", "net", "rt", "rt-multi-thread", "sync", "time"] }
tokio-util = { version = "0.7", features = ["rt"] }
tracing = { version = "0.1", default-features = false, features = ["std"] }
"#;
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("caught");
        let put = |path: &str, text: &str| {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            // A file that stays as it is need not be looked at again.
            if fs::read_to_string(&path).ok().as_deref() != Some(text) {
                fs::write(&path, text).unwrap();
            }
        };
        let package = |name: &str, lints: &str| {
            let head = format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
            put(&format!("{name}/Cargo.toml"), &format!("{head}{DEPENDENCIES}\n{lints}"));
        };
        let members = "[workspace]\nresolver = \"3\"\nmembers = [\"installed\", \"configured\", \"strict\", \"programs\"]\n";
        put("Cargo.toml", members);
        let lock = recipe().ancestors().map(|folder| folder.join("Cargo.lock")).find(|lock| lock.is_file());
        put("Cargo.lock", &read(lock.expect("cargo has made a Cargo.lock")));

        let (lints, clippy) =
            (read(recipe().join("caught/lints.toml")), read(recipe().join("caught/clippy.toml")));
        const TYPES: &str = "await-holding-invalid-types = [\n";
        let tokio_guard = format!("{TYPES}  {{ path = \"tokio::sync::MutexGuard\" }},\n");
        let strict = clippy.replace(TYPES, &tokio_guard);
        assert_ne!(strict, clippy);
        for (name, lints, clippy) in [
            ("installed", "", ""),
            ("configured", lints.as_str(), clippy.as_str()),
            ("strict", &lints, &strict),
        ] {
            package(name, lints);
            put(&format!("{name}/clippy.toml"), clippy);
            let mut library = String::new();
            if name == "strict" {
                library += "#![warn(unused_results, clippy::significant_drop_in_scrutinee)]\n";
            }
            for (form, source) in sources("caught/by_a_lint") {
                library += &format!("pub mod {form};\n");
                put(&format!("{name}/src/{form}.rs"), &source);
            }
            library += "pub mod broken;\n";
            let mut broken = String::new();
            for pitfall in pitfalls() {
                broken += &format!("pub mod {};\n", pitfall.name);
                put(&format!("{name}/src/broken/{}.rs", pitfall.name), &outspoken(pitfall.name));
            }
            put(&format!("{name}/src/lib.rs"), &library);
            put(&format!("{name}/src/broken/mod.rs"), &broken);
        }
        package("programs", "");
        for (program, source) in sources("caught/by_the_compiler") {
            put(&format!("programs/src/bin/{program}.rs"), &source);
        }

        let mut clippy = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        clippy.args([
            "clippy",
            "--quiet",
            "--offline",
            "--workspace",
            "--keep-going",
            "--message-format",
            "json",
        ]);
        clippy.current_dir(&folder).env("CARGO_TARGET_DIR", folder.join("target"));
        // What the one who runs the lessons asks of their build is not asked of this one.
        for variable in [
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_BUILD_RUSTFLAGS",
            "CLIPPY_ARGS",
            "CLIPPY_CONF_DIR",
        ] {
            clippy.env_remove(variable);
        }
        let ran = clippy.output().expect("cargo runs");
        let stdout = String::from_utf8(ran.stdout).unwrap();
        assert!(
            stdout.contains(r#""reason":"build-finished""#),
            "Clippy has not run; to install it: rustup component add clippy\n{}",
            String::from_utf8_lossy(&ran.stderr)
        );

        let mut outcome =
            Outcome { forms: Default::default(), broken: Default::default(), programs: BTreeSet::new() };
        for message in stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
            let Some((path, said)) = said(&message["message"]) else { continue };
            let place = PACKAGES.iter().position(|(package, _)| path.starts_with(package));
            let said_before = match (place, path.contains("/broken/")) {
                (Some(place), true) => &mut outcome.broken[place],
                (Some(place), false) => &mut outcome.forms[place],
                (None, _) => &mut outcome.programs,
            };
            said_before.insert(said);
        }
        outcome
    }

    /// A message that has a place, with the path of its file.
    fn said(message: &Value) -> Option<(String, Said)> {
        let span = message["spans"].as_array()?.iter().find(|span| span["is_primary"] == true)?;
        let path = span["file_name"].as_str()?.replace('\\', "/");
        let file = path.rsplit('/').next()?.trim_end_matches(".rs").to_owned();
        let line = usize::try_from(span["line_start"].as_u64()?).ok()?;
        let name = message["code"]["code"].as_str().or(message["message"].as_str())?.to_owned();
        Some((path, Said { file, line, name, is_error: message["level"] == "error" }))
    }

    /// What the markers in a folder say, up to a level.
    fn marked(folder: &str, highest: Level) -> BTreeSet<Said> {
        let mut marked = BTreeSet::new();
        for (file, source) in sources(folder) {
            for (index, line) in source.lines().enumerate() {
                let Some((_, markers)) = line.split_once("//~") else { continue };
                let (number, markers) = match markers.strip_prefix('^') {
                    Some(markers) => (index, markers),
                    None => (index + 1, markers),
                };
                for marker in markers.trim_start().split("; ") {
                    let (level, names) = marker.split_once(": ").unwrap();
                    let level = match level {
                        "error" => Level::Error,
                        "default" => Level::Default,
                        "configured" => Level::Configured,
                        "strict" => Level::Strict,
                        _ => panic!("{file}: {marker}"),
                    };
                    for name in names.split(", ").filter(|_| level <= highest) {
                        let is_error = level == Level::Error;
                        marked.insert(Said {
                            file: file.clone(),
                            line: number,
                            name: name.to_owned(),
                            is_error,
                        });
                    }
                }
            }
        }
        assert!(!marked.is_empty(), "{folder} has no markers");
        marked
    }

    fn assert_same(said: &BTreeSet<Said>, marked: &BTreeSet<Said>) {
        let unmarked: Vec<_> = said.difference(marked).collect();
        let unsaid: Vec<_> = marked.difference(said).collect();
        assert!(
            unmarked.is_empty() && unsaid.is_empty(),
            "said and not marked: {unmarked:#?}\nmarked and not said: {unsaid:#?}"
        );
    }

    /// asyncio: what is wrong shows when it runs, if at all. Rust: these forms of a mistake are warned of, and no other.
    #[test]
    fn as_they_are_installed_the_compiler_and_clippy_catch_these_forms_and_no_other() {
        assert_same(&OUTCOME.forms[0], &marked("caught/by_a_lint", Level::Default));
    }

    #[test]
    fn with_the_lints_to_copy_they_catch_these_forms_as_well() {
        assert_same(&OUTCOME.forms[1], &marked("caught/by_a_lint", Level::Configured));
    }

    /// What is not worth its noise, and what would catch it.
    #[test]
    fn and_with_stricter_ones_these() {
        assert_same(&OUTCOME.forms[2], &marked("caught/by_a_lint", Level::Strict));
    }

    #[test]
    fn each_broken_function_is_caught_by_what_the_list_says_and_no_mended_one_is() {
        for ((package, level), said) in PACKAGES.into_iter().zip(&OUTCOME.broken).take(2) {
            for pitfall in pitfalls() {
                let expected: &[&str] = match pitfall.caught_by {
                    Caught::ByDefault(lints) => lints,
                    Caught::Configured(lints) if level >= Level::Configured => lints,
                    _ => &[],
                };
                let here: Vec<_> = said.iter().filter(|said| said.file == pitfall.name).collect();
                let names: BTreeSet<_> = here.iter().map(|said| said.name.as_str()).collect();
                assert_eq!(names, expected.iter().copied().collect(), "{package}: {here:#?}");
                let source = outspoken(pitfall.name);
                let mended = source.lines().position(|line| line.contains("fn mended")).unwrap();
                assert!(here.iter().all(|said| said.line <= mended), "{package}: {here:#?}");
            }
        }
    }

    /// asyncio: each of these runs, and goes wrong then. Rust: none of them compiles.
    #[test]
    fn the_compiler_refuses_these_programs() {
        let marked = marked("caught/by_the_compiler", Level::Error);
        assert_same(&OUTCOME.programs, &marked);
        let programs: BTreeSet<_> = marked.into_iter().map(|said| said.file).collect();
        assert_eq!(programs.len(), sources("caught/by_the_compiler").len(), "one has no marker");
    }
}

/// What stands in the list, in the chapter, in the files and on the stage is the same.
mod list {
    use std::path::Path;

    use pitfalls::scenes::{Caught, GROUPS, Pitfall, find};

    fn all() -> impl Iterator<Item = Pitfall> {
        GROUPS.into_iter().flat_map(|group| group.pitfalls).copied()
    }

    fn read(path: &str) -> String {
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
    }

    #[test]
    fn every_file_of_a_pitfall_is_in_the_list_and_no_other() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut files: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.is_file() && std::fs::read_to_string(path).unwrap().starts_with("// SPDX"));
        let mut files: Vec<_> =
            files.iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
        files.sort();
        let mut names: Vec<_> = all().map(|pitfall| pitfall.name).collect();
        names.sort_unstable();
        assert_eq!(names, files);
    }

    /// The chapter has a row for each, in the order of the list, and says what catches it.
    #[test]
    fn the_chapter_says_of_each_what_the_list_says() {
        let chapter = read("README.md");
        let rows: Vec<_> = chapter.lines().filter(|line| line.starts_with("| [`")).collect();
        let names = rows.iter().map(|row| row.split('`').nth(1).unwrap());
        assert!(names.eq(all().map(|pitfall| pitfall.name)), "{rows:#?}");
        for (row, pitfall) in rows.into_iter().zip(all()) {
            let caught_by = row.trim_end_matches([' ', '|']).rsplit(" | ").next().unwrap();
            let lints =
                |lints: &[&str]| lints.iter().map(|lint| format!("`{lint}`")).collect::<Vec<_>>().join(", ");
            let expected = match pitfall.caught_by {
                Caught::ByDefault(names) => lints(names),
                Caught::Configured(names) => format!("{}, if it is on", lints(names)).replace("`, `", "`, `"),
                Caught::ByNothing => "nothing".to_owned(),
            };
            assert_eq!(caught_by, expected, "{row}");
        }
    }

    #[test]
    fn each_file_says_what_is_seen_what_catches_it_and_what_to_do() {
        for pitfall in all() {
            let source = read(&format!("src/{}.rs", pitfall.name));
            for part in
                ["//! # What you see", "//! # What catches it", "//! # What to do", "fn broken", "fn mended"]
            {
                assert!(source.contains(part), "{} has no {part}", pitfall.name);
            }
        }
    }

    #[test]
    fn an_unknown_name_is_not_found() {
        assert!(find("forgotten_await").is_some());
        assert!(find("forgotten").is_none() && find("").is_none());
    }
}

/// The program as its user has it.
mod binary {
    use std::process::{Command, Output};

    use pitfalls::scenes::GROUPS;

    fn pitfalls(arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pitfalls"));
        command.args(arguments).env("RUST_BACKTRACE", "0");
        command
    }

    fn run(arguments: &[&str]) -> Output {
        pitfalls(arguments).output().unwrap()
    }

    fn printed(arguments: &[&str]) -> String {
        let output = run(arguments);
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn without_arguments_it_lists_every_pitfall_on_lines_of_a_terminal() {
        let list = printed(&[]);
        assert!(list.lines().all(|line| line.chars().count() < 80), "{list}");
        for group in GROUPS {
            assert!(list.contains(&format!("{}\n", group.title)));
            for pitfall in group.pitfalls {
                assert!(list.contains(&format!("  {}  ", pitfall.name)) && list.contains(pitfall.summary));
            }
        }
    }

    /// On virtual time: the same on every run, and over at once.
    #[test]
    fn with_a_name_it_lets_that_one_bite_and_shows_it_mended() {
        for name in ["half_polled_future", "half-polled-future"] {
            assert_eq!(
                printed(&[name, "--no-timeline"]),
                "  0.000s  half_polled_future: a future that is left alone keeps a lock\n  \
                   1.000s    broken: not updated after a second\n  \
                   1.200s    mended: updated\n  \
                   1.200s    caught by: nothing\n"
            );
        }
        let with_picture = printed(&["lock_over_the_work"]);
        assert!(with_picture.contains("mended lock_over_the_work  "), "{with_picture}");
    }

    #[test]
    fn for_those_that_asyncio_has_it_prints_the_transcript() {
        let transcript = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/transcript.txt"));
        let mine = printed(&["--asyncio"]);
        assert!(mine.starts_with(&format!("{}\n", transcript.unwrap())), "{mine}");
    }

    #[test]
    fn an_unknown_name_is_one_line_and_ends_with_2() {
        for arguments in [&["forgotten"][..], &["--asyncio", "forgotten_await"], &["--no-such"]] {
            let output = run(arguments);
            assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{arguments:?}");
            let error = String::from_utf8(output.stderr).unwrap();
            assert_eq!(error.lines().count(), 1, "{error}");
        }
        for (typed, answer) in
            [("Half-A-Reed", "did you mean half_a_read?"), ("zzz", "without a name, all are listed")]
        {
            let error = String::from_utf8(run(&[typed]).stderr).unwrap();
            assert!(error.contains(answer), "{error}");
        }
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        for arguments in [&[][..], &["spare_sender"]] {
            let (reader, closed) = std::io::pipe().unwrap();
            drop(reader);
            let output = pitfalls(arguments).stdout(closed).output().unwrap();
            assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
        }
    }
}

/// Each pitfall on its stage.
mod demo {
    use expect_test::expect_file;
    use pitfalls::{demo, scenes};

    #[test]
    fn prints_the_transcript_and_draws_the_picture() {
        let rehearsal = common::rehearse(demo::run());
        rehearsal.output.expect("the demo succeeds");
        expect_file!["../recipes/pitfalls/transcript.txt"].assert_eq(&rehearsal.transcript);
        expect_file!["../recipes/pitfalls/timeline.svg"].assert_eq(&rehearsal.timeline.svg("pitfalls"));
    }

    /// Its two lines differ: what was broken is mended.
    #[test]
    fn every_pitfall_bites_on_its_stage_and_its_mended_form_does_not() {
        for pitfall in scenes::GROUPS.into_iter().flat_map(|group| group.pitfalls) {
            let rehearsal = common::rehearse(pitfall.show());
            rehearsal.output.unwrap_or_else(|error| panic!("{}: {error}", pitfall.name));
            let lines: Vec<_> = rehearsal.transcript.lines().collect();
            let outcome =
                |line: &str, what: &str| line.split_once(what).map(|(_, outcome)| outcome.to_owned());
            let [_, broken, mended] = lines[..] else { panic!("{}", rehearsal.transcript) };
            match (outcome(broken, "  broken: "), outcome(mended, "  mended: ")) {
                (Some(broken), Some(mended)) if is_as_expected(pitfall.name, &broken, &mended) => {}
                _ => panic!("{}", rehearsal.transcript),
            }
        }
    }

    /// One is late, and no line says so but its time.
    fn is_as_expected(pitfall: &str, broken: &str, mended: &str) -> bool {
        (broken == mended) == (pitfall == "one_after_the_other")
    }
}
