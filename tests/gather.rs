//! Lessons of `recipes/gather`: what asyncio's `gather`, `wait` and `as_completed` promise, and what Tokio does.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a lesson that cannot go on has failed")]

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Takes `millis` and gives back `name`.
async fn load((name, millis): (&'static str, u64)) -> &'static str {
    sleep(ms(millis)).await;
    name
}

/// Takes `millis`; fails if the name says so.
async fn try_load((name, millis): (&'static str, u64)) -> Result<&'static str, String> {
    sleep(ms(millis)).await;
    match name {
        "panics" => panic!("{name} after {millis}"),
        _ if name.starts_with("bad") => Err(format!("{name} after {millis}")),
        _ => Ok(name),
    }
}

/// Counts what happens, from many places.
#[derive(Clone, Default)]
struct Count(Arc<AtomicUsize>);

impl Count {
    fn add(&self) {
        self.0.fetch_add(1, SeqCst);
    }

    fn get(&self) -> usize {
        self.0.load(SeqCst)
    }

    /// Counts when the returned value is dropped.
    fn on_drop(&self) -> impl Drop + Send + use<> {
        struct OnDrop(Count);
        impl Drop for OnDrop {
            fn drop(&mut self) {
                self.0.add();
            }
        }
        OnDrop(self.clone())
    }
}

fn alive_tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// Cancels the loads of three pages at every suspension, and checks each time that none of them is left behind: it has
/// given its permit back. Gives the number of suspensions.
fn sweep_three_loads(all: impl AsyncFn(Permits)) -> usize {
    let all = &all;
    let swept = cancel_sweep::sweep_with(
        || {
            let permits = Permits(Arc::new(Semaphore::new(3)));
            (permits.clone(), async move { all(permits).await })
        },
        |permits, _| assert_eq!(permits.0.available_permits(), 3),
    );
    swept.points
}

/// Loads hold one of these each.
#[derive(Clone)]
struct Permits(Arc<Semaphore>);

impl Permits {
    /// What loads a page and holds a permit meanwhile. It works on a task of its own too.
    fn loader(
        &self,
    ) -> impl Fn((&'static str, u64)) -> BoxFuture<'static, Result<&'static str, String>> + use<> {
        let permits = self.0.clone();
        move |input| {
            let permits = permits.clone();
            async move {
                let _permit = permits.acquire().await.unwrap();
                try_load(input).await
            }
            .boxed()
        }
    }
}

const THREE: [(&str, u64); 3] = [("a", 300), ("b", 100), ("c", 200)];

mod in_order {
    use super::*;
    use gather::in_order::in_order;

    /// asyncio: `gather` returns results in the order of its arguments. Tokio: so does `join_all`.
    #[tokio::test(start_paused = true)]
    async fn results_follow_the_inputs_whichever_finished_first() {
        let start = Instant::now();
        assert_eq!(in_order([("a", 300), ("b", 100), ("c", 200)], load).await, ["a", "b", "c"]);
        assert_eq!(start.elapsed(), ms(300), "600 ms of waiting overlap in the longest of them");
    }

    /// asyncio: `gather()` of nothing is an empty list. Tokio: the same, without waiting.
    #[tokio::test]
    async fn of_nothing_is_an_empty_list_at_once() {
        assert_eq!(in_order([], load).now_or_never(), Some(vec![]));
    }

    /// The hazard next door: `select_all` of nothing panics.
    #[tokio::test]
    #[should_panic(expected = "!ret.inner.is_empty()")]
    async fn but_select_all_of_nothing_panics() {
        futures::future::select_all(Vec::<futures::future::Ready<()>>::new()).await;
    }

    /// asyncio: `gather(*coroutines)` schedules them as tasks before anybody awaits it. Tokio: nothing happens
    /// until the first poll.
    #[tokio::test(start_paused = true)]
    async fn nothing_starts_before_the_await() {
        let started = Count::default();
        let pending = in_order(0..3, |_| async { started.add() });
        sleep(ms(10)).await;
        assert_eq!(started.get(), 0);
        pending.await;
        assert_eq!(started.get(), 3);
    }

    /// asyncio: each child of a `gather` is a task. Tokio: `join_all` polls them all on the caller's task.
    #[tokio::test]
    async fn all_loads_share_the_callers_task() {
        let ids = tokio::spawn(async {
            let ids = in_order(0..3, |_| async { tokio::task::id() }).await;
            (tokio::task::id(), ids)
        });
        let (mine, theirs) = ids.await.unwrap();
        assert_eq!(theirs, [mine; 3]);
    }

    /// One task, one poll at a time: a load that computes without awaiting holds up all the others.
    #[tokio::test]
    async fn a_load_that_never_yields_runs_to_its_end_before_the_next_begins() {
        let log = std::sync::Mutex::new(Vec::new());
        in_order([1, 2], |load| {
            let log = &log;
            async move {
                for step in 1..=2 {
                    log.lock().unwrap().push((load, step));
                }
            }
        })
        .await;
        assert_eq!(log.into_inner().unwrap(), [(1, 1), (1, 2), (2, 1), (2, 2)]);
    }

    /// asyncio: cancelling a `gather` cancels its children. Tokio: dropping the future drops them.
    #[tokio::test(start_paused = true)]
    async fn dropping_it_drops_every_load() {
        let dropped = Count::default();
        let all = in_order(0..3, |_| async {
            let _guard = dropped.on_drop();
            sleep(ms(100)).await;
        });
        assert!(timeout(ms(50), all).await.is_err());
        assert_eq!(dropped.get(), 3);
    }

    /// asyncio: an unexpected exception is one child's affair. Tokio: a panic unwinds through `join_all`.
    #[tokio::test(start_paused = true)]
    async fn a_panic_in_one_load_takes_the_others_with_it() {
        let finished = Count::default();
        let loads = tokio::spawn({
            let finished = finished.clone();
            in_order([("panics", 100), ("ok", 200)], move |input| {
                let finished = finished.clone();
                async move {
                    let _ignored = try_load(input).await;
                    finished.add();
                }
            })
        });
        assert!(loads.await.unwrap_err().is_panic());
        sleep(ms(500)).await;
        assert_eq!(finished.get(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn ten_thousand_at_once_take_as_long_as_one() {
        let start = Instant::now();
        let results = in_order(0..10_000_u32, |n| async move {
            sleep(ms(100)).await;
            n
        });
        assert_eq!(results.await, (0..10_000).collect::<Vec<_>>());
        assert_eq!(start.elapsed(), ms(100));
    }

    #[test]
    fn cancelled_anywhere_it_leaves_no_load_behind() {
        assert_eq!(sweep_three_loads(async |permits| drop(in_order(THREE, permits.loader()).await)), 3);
    }
}

/// A caller may itself be a task: each pattern's future is `Send` when what it runs is.
#[tokio::test(start_paused = true)]
async fn every_pattern_can_run_inside_a_spawned_task() {
    const TWO: [(&str, u64); 2] = [("a", 20), ("b", 10)];
    let all = tokio::spawn(async {
        assert_eq!(gather::in_order::in_order(TWO, load).await, ["a", "b"]);
        assert_eq!(gather::every_outcome::every_outcome(TWO, try_load).await, [Ok("a"), Ok("b")]);
        assert_eq!(gather::fail_fast::or_drop_the_rest(TWO, try_load).await, Ok(vec!["a", "b"]));
        assert_eq!(gather::fail_fast::or_let_the_rest_run(TWO, try_load).await, Ok(vec!["a", "b"]));
        assert_eq!(gather::parallel_in_order::parallel_in_order(TWO, load).await.len(), 2);
        assert_eq!(gather::first_success::first_success(TWO.map(try_load), ms(5)).await, Ok((1, "b")));

        let mut results = gather::bounded_in_order::bounded_in_order(TWO, NonZeroUsize::MIN, try_load);
        assert_eq!(results.next().await, Some(Ok("a")));

        let mut tasks = TWO.map(|input| gather::wait::Task::from(tokio::spawn(try_load(input))));
        let waited =
            gather::wait::wait(&mut tasks, gather::wait::ReturnWhen::AllCompleted, None).await.unwrap();
        assert_eq!(waited.done, [0, 1]);

        let mut tasks: tokio::task::JoinSet<_> = TWO.map(load).into_iter().collect();
        let deadline = Instant::now() + ms(100);
        assert_eq!(gather::as_completed::as_completed(&mut tasks, deadline, |_| {}).await, Ok(()));
    });
    all.await.unwrap();
}

mod every_outcome {
    use super::*;
    use gather::every_outcome::{Failure, every_outcome};

    /// asyncio: `gather(return_exceptions=True)` waits for all and puts each exception in its slot.
    #[tokio::test(start_paused = true)]
    async fn each_error_stands_in_its_slot_and_all_are_waited_for() {
        let start = Instant::now();
        let outcomes = every_outcome([("a", 300), ("bad", 100), ("c", 200)], try_load).await;
        assert_eq!(outcomes, [Ok("a"), Err(Failure::Error("bad after 100".to_owned())), Ok("c")]);
        assert_eq!(start.elapsed(), ms(300));
    }

    /// asyncio: an unexpected exception takes its own slot only. Tokio: so does a panic, once it is caught.
    #[tokio::test(start_paused = true)]
    async fn a_panic_takes_its_own_slot_only() {
        let outcomes = every_outcome([("a", 300), ("panics", 100), ("c", 200)], try_load).await;
        assert_eq!(outcomes, [Ok("a"), Err(Failure::Panic("panics after 100".to_owned())), Ok("c")]);
    }

    #[tokio::test]
    async fn a_panic_before_the_first_await_is_caught_too() {
        let outcomes = every_outcome([7], |n: i32| async move {
            if n > 0 { std::panic::panic_any(n) } else { Err::<(), _>(n) }
        })
        .await;
        assert_eq!(outcomes, [Err(Failure::Panic("a value that is not text".to_owned()))]);
    }

    /// asyncio: a cancelled loop of `gather(return_exceptions=True)` must not take its own cancellation for a
    /// result. Tokio: a cancelled future is dropped, so there is no result to mistake.
    #[tokio::test(start_paused = true)]
    async fn a_cancellation_cannot_be_swallowed_into_the_results() {
        let rounds = Count::default();
        let forever = tokio::spawn({
            let rounds = rounds.clone();
            async move {
                loop {
                    every_outcome([("a", 100), ("bad", 50)], try_load).await;
                    rounds.add();
                }
            }
        });
        sleep(ms(250)).await;
        forever.abort();
        assert!(forever.await.unwrap_err().is_cancelled());
        assert_eq!(rounds.get(), 2);
    }

    #[tokio::test]
    async fn of_nothing_is_an_empty_list_at_once() {
        assert_eq!(every_outcome([], try_load).now_or_never(), Some(vec![]));
    }

    #[test]
    fn cancelled_anywhere_it_leaves_no_load_behind() {
        assert_eq!(sweep_three_loads(async |permits| drop(every_outcome(THREE, permits.loader()).await)), 3);
    }
}

mod fail_fast {
    use super::*;
    use gather::fail_fast::{or_drop_the_rest, or_let_the_rest_run};

    /// asyncio and Tokio: the first error in time is reported at once, not the first in order.
    #[tokio::test(start_paused = true)]
    async fn the_first_error_in_time_is_reported_at_once() {
        let inputs = [("a", 300), ("bad-late", 200), ("bad-early", 100)];
        let start = Instant::now();
        assert_eq!(or_drop_the_rest(inputs, try_load).await, Err("bad-early after 100".to_owned()));
        assert_eq!(start.elapsed(), ms(100));
        assert_eq!(or_let_the_rest_run(inputs, try_load).await, Err("bad-early after 100".to_owned()));
        assert_eq!(start.elapsed(), ms(200));
    }

    #[tokio::test(start_paused = true)]
    async fn without_an_error_the_results_stand_in_order() {
        let inputs = [("a", 300), ("b", 100), ("c", 200)];
        assert_eq!(or_drop_the_rest(inputs, try_load).await, Ok(vec!["a", "b", "c"]));
        assert_eq!(or_let_the_rest_run(inputs, try_load).await, Ok(vec!["a", "b", "c"]));
        assert_eq!(or_let_the_rest_run([], try_load).now_or_never(), Some(Ok(vec![])));
    }

    /// Tokio: `try_join_all` drops the unfinished loads where they stand.
    #[tokio::test(start_paused = true)]
    async fn the_rest_is_dropped() {
        let (finished, dropped) = (Count::default(), Count::default());
        let (finishes, drops) = (finished.clone(), dropped.clone());
        let result = or_drop_the_rest([("slow", 300), ("bad", 100)], move |input| {
            let (finishes, guard) = (finishes.clone(), drops.on_drop());
            async move {
                let _guard = guard;
                try_load(input).await.inspect_err(|_| finishes.add())
            }
        });
        assert!(result.await.is_err());
        assert_eq!((finished.get(), dropped.get()), (1, 2), "the failed one finished, both are gone");
    }

    /// asyncio: `gather` without `return_exceptions` lets the other children run on.
    #[tokio::test(start_paused = true)]
    async fn or_the_rest_runs_on() {
        let finished = Count::default();
        let result = or_let_the_rest_run([("slow", 300), ("bad", 100)], |input| {
            let finished = finished.clone();
            async move {
                let result = try_load(input).await;
                finished.add();
                result
            }
        });
        assert!(result.await.is_err());
        assert_eq!((finished.get(), alive_tasks()), (1, 1));
        sleep(ms(500)).await;
        assert_eq!((finished.get(), alive_tasks()), (2, 0));
    }

    /// asyncio: cancelling the `gather` still cancels children that would survive an error.
    #[tokio::test(start_paused = true)]
    async fn a_cancelled_caller_ends_the_rest_all_the_same() {
        let all = or_let_the_rest_run([("a", 300), ("b", 100)], try_load);
        assert!(timeout(ms(200), all).await.is_err());
        yield_now().await;
        assert_eq!(alive_tasks(), 0);
    }

    /// asyncio: later exceptions are marked as seen and lost. Tokio: later `Err` values vanish too.
    #[tokio::test(start_paused = true)]
    async fn later_errors_vanish_without_a_trace() {
        let failed = Count::default();
        let result = or_let_the_rest_run([("bad-early", 100), ("bad-late", 200)], |input| {
            let failed = failed.clone();
            async move { try_load(input).await.inspect_err(|_| failed.add()) }
        });
        assert_eq!(result.await, Err("bad-early after 100".to_owned()));
        sleep(ms(500)).await;
        assert_eq!(failed.get(), 2, "the second error happened, and only the task itself could tell");
    }

    /// asyncio: any exception surfaces at once and the others run on. Tokio: a panic is passed on the same way.
    #[tokio::test(start_paused = true)]
    async fn a_panic_goes_on_in_the_caller_and_the_rest_runs_on() {
        let start = Instant::now();
        let caller =
            std::panic::AssertUnwindSafe(or_let_the_rest_run([("slow", 300), ("panics", 100)], try_load));
        let panic = caller.catch_unwind().await.unwrap_err();
        assert_eq!(panic.downcast_ref::<String>().unwrap(), "panics after 100");
        assert_eq!((start.elapsed(), alive_tasks()), (ms(100), 1));
    }

    #[test]
    fn cancelled_anywhere_they_leave_no_load_behind() {
        let points = sweep_three_loads(async |permits| drop(or_drop_the_rest(THREE, permits.loader()).await));
        assert_eq!(points, 3);
        let points =
            sweep_three_loads(async |permits| drop(or_let_the_rest_run(THREE, permits.loader()).await));
        assert_eq!(points, 3);
    }
}

mod parallel_in_order {
    use super::*;
    use futures::future::join_all;
    use gather::parallel_in_order::parallel_in_order;

    #[tokio::test(start_paused = true)]
    async fn results_follow_the_inputs_whichever_finished_first() {
        let start = Instant::now();
        let results = parallel_in_order([("a", 300), ("b", 100), ("c", 200)], load).await;
        assert_eq!(results.into_iter().map(Result::unwrap).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(start.elapsed(), ms(300));
    }

    /// `JoinSet::join_all` looks like `gather` and is not: it returns results in the order of completion.
    #[tokio::test(start_paused = true)]
    async fn but_join_set_returns_them_in_the_order_of_completion() {
        let tasks: tokio::task::JoinSet<_> =
            [("a", 300), ("b", 100), ("c", 200)].map(load).into_iter().collect();
        assert_eq!(tasks.join_all().await, ["b", "c", "a"]);
    }

    /// Two tasks wait for each other without yielding: on one thread they never would be done.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn tasks_run_on_two_cores_at_once() {
        let meeting = Arc::new(std::sync::Barrier::new(2));
        let results = parallel_in_order(0..2, |_| {
            let meeting = meeting.clone();
            async move { meeting.wait().is_leader() }
        });
        let leaders = results.await.into_iter().filter(|leader| *leader.as_ref().unwrap()).count();
        assert_eq!(leaders, 1);
    }

    /// asyncio: `return_exceptions=True` keeps a crash in its slot. Tokio: a task's panic is a `JoinError`.
    #[tokio::test(start_paused = true)]
    async fn a_panic_is_an_error_in_its_own_slot() {
        let results = parallel_in_order([("a", 300), ("panics", 100), ("c", 200)], try_load).await;
        assert!(results[1].as_ref().unwrap_err().is_panic());
        assert_eq!([results[0].as_ref().unwrap(), results[2].as_ref().unwrap()], [&Ok("a"), &Ok("c")]);
    }

    /// asyncio: cancelling the `gather` cancels its children. Tokio: dropping a `JoinQueue` aborts its tasks.
    #[tokio::test(start_paused = true)]
    async fn dropping_it_aborts_every_task() {
        assert!(timeout(ms(50), parallel_in_order([("a", 100), ("b", 200)], load)).await.is_err());
        yield_now().await;
        assert_eq!(alive_tasks(), 0);
    }

    /// The hazard: `join_all` over bare `JoinHandle`s detaches the tasks when it is dropped.
    #[tokio::test(start_paused = true)]
    async fn but_join_all_over_handles_lets_them_run_on() {
        let handles = [("a", 100), ("b", 200)].map(|input| tokio::spawn(load(input)));
        assert!(timeout(ms(50), join_all(handles)).await.is_err());
        yield_now().await;
        assert_eq!(alive_tasks(), 2);
    }

    #[tokio::test]
    async fn of_nothing_is_an_empty_list_at_once() {
        assert!(parallel_in_order([], load).now_or_never().unwrap().is_empty());
    }

    #[test]
    fn cancelled_anywhere_it_leaves_no_load_behind() {
        let points =
            sweep_three_loads(async |permits| drop(parallel_in_order(THREE, permits.loader()).await));
        assert_eq!(points, 1, "it waits for the first, which is the last to finish");
    }
}

mod bounded_in_order {
    use super::*;
    use futures::{StreamExt, stream};
    use gather::bounded_in_order::bounded_in_order;

    const TWO: NonZeroUsize = NonZeroUsize::new(2).unwrap();
    const THREE: NonZeroUsize = NonZeroUsize::new(3).unwrap();

    /// Counts how many are under way, and the most that ever were.
    #[derive(Default)]
    struct Gauge {
        under_way: AtomicUsize,
        peak: AtomicUsize,
    }

    impl Gauge {
        async fn around<T>(self: Arc<Self>, work: impl Future<Output = T>) -> T {
            self.peak.fetch_max(self.under_way.fetch_add(1, SeqCst) + 1, SeqCst);
            let value = work.await;
            self.under_way.fetch_sub(1, SeqCst);
            value
        }
    }

    #[tokio::test(start_paused = true)]
    async fn results_follow_the_inputs_and_never_more_than_the_limit_are_under_way() {
        let gauge = Arc::new(Gauge::default());
        let start = Instant::now();
        let inputs = [("a", 300), ("b", 100), ("c", 200), ("d", 100), ("e", 100)];
        let mut results = bounded_in_order(inputs, TWO, |input| gauge.clone().around(try_load(input)));
        let mut log = Vec::new();
        while let Some(result) = results.next().await {
            log.push((result.unwrap(), start.elapsed()));
        }
        // b waits for a; its room becomes free when it is handed out, so c and d start together.
        assert_eq!(log, [("a", ms(300)), ("b", ms(300)), ("c", ms(500)), ("d", ms(500)), ("e", ms(600))]);
        assert_eq!(gauge.peak.load(SeqCst), 2);
    }

    /// asyncio's `gather` with a semaphore makes a task of every input first. Here the source itself is held back.
    #[tokio::test(start_paused = true)]
    async fn inputs_are_taken_only_when_there_is_room() {
        let taken = Count::default();
        let inputs = (0..).inspect(|_| taken.add());
        let mut results = bounded_in_order(inputs, THREE, async |n: u32| Ok::<_, String>(n));
        assert_eq!(taken.get(), 0, "nothing starts before the first next()");
        for n in 0..10 {
            assert_eq!(results.next().await, Some(Ok(n)));
            assert_eq!(taken.get(), n as usize + 1 + 3, "those handed out, and three more");
        }
    }

    /// The results that wait for an earlier one count as well, or they would pile up behind a slow first.
    #[tokio::test(start_paused = true)]
    async fn a_slow_first_input_does_not_let_results_pile_up_behind_it() {
        let taken = Count::default();
        let inputs = (0..1_000).inspect(|_| taken.add());
        let mut results = bounded_in_order(inputs, THREE, async |n: u64| {
            sleep(if n == 0 { ms(1_000) } else { ms(1) }).await;
            Ok::<_, String>(n)
        });
        assert_eq!(results.next().await, Some(Ok(0)));
        assert_eq!(taken.get(), 4);
    }

    /// `buffered(n)` polls its futures only while it is polled itself; tasks run on.
    #[tokio::test(start_paused = true)]
    async fn work_goes_on_while_the_caller_handles_a_result_and_that_of_buffered_stands_still() {
        let start = Instant::now();
        let mut results = bounded_in_order([("a", 100), ("b", 100), ("c", 100)], TWO, try_load);
        while results.next().await.is_some() {
            sleep(ms(100)).await;
        }
        assert_eq!(
            start.elapsed(),
            ms(400),
            "the first result, then three times 100 ms for the caller's own work"
        );

        let start = Instant::now();
        let mut results =
            std::pin::pin!(stream::iter([("a", 100), ("b", 100), ("c", 100)]).map(try_load).buffered(2));
        while results.next().await.is_some() {
            sleep(ms(100)).await;
        }
        assert_eq!(start.elapsed(), ms(500), "c started when the caller came back for it");
    }

    /// asyncio: the first exception is reported at once. `buffered` would wait for the slow input before it.
    #[tokio::test(start_paused = true)]
    async fn an_error_ends_it_at_once_although_an_earlier_input_is_still_at_work() {
        let start = Instant::now();
        let inputs = [("slow", 1_000), ("bad", 100), ("never-started", 0)];
        let taken = Count::default();
        let mut results = bounded_in_order(inputs.into_iter().inspect(|_| taken.add()), TWO, try_load);
        assert_eq!(results.next().await, Some(Err("bad after 100".to_owned())));
        assert_eq!((start.elapsed(), alive_tasks(), taken.get()), (ms(100), 0, 2));
        assert_eq!(results.next().await, None);

        let start = Instant::now();
        let mut buffered = std::pin::pin!(stream::iter(inputs).map(try_load).buffered(2));
        assert_eq!(buffered.next().await, Some(Ok("slow")));
        assert_eq!(start.elapsed(), ms(1_000));
    }

    #[tokio::test(start_paused = true)]
    async fn of_two_errors_in_the_same_instant_the_earlier_input_is_reported() {
        // Both end at 100 ms. The first input sets its last timer later than the second, so it ends after it.
        let mut results = bounded_in_order([(50, 50), (0, 100)], TWO, |(first, second)| async move {
            sleep(ms(first)).await;
            sleep(ms(second)).await;
            Err::<(), _>(first)
        });
        assert_eq!(results.next().await, Some(Err(50)));
    }

    #[tokio::test(start_paused = true)]
    async fn what_ends_after_an_error_in_the_same_instant_is_no_result_and_a_panic_is_not_lost() {
        // As above: the first input ends in the instant of the error, and after it.
        let work = |(first, second, panics): (u64, u64, bool)| async move {
            sleep(ms(first)).await;
            sleep(ms(second)).await;
            assert!(!panics, "a bug");
            if first == 0 { Err("bad") } else { Ok(first) }
        };
        let mut results = bounded_in_order([(50, 50, false), (0, 100, false)], TWO, work);
        assert_eq!(results.next().await, Some(Err("bad")));
        assert_eq!(results.next().await, None);

        let mut results = bounded_in_order([(50, 50, true), (0, 100, false)], TWO, work);
        let panic = std::panic::AssertUnwindSafe(results.next()).catch_unwind().await.unwrap_err();
        assert_eq!(*panic.downcast_ref::<&str>().unwrap(), "a bug");
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_goes_on_in_the_caller_once_the_rest_has_ended() {
        let mut results = bounded_in_order([("slow", 1_000), ("panics", 100)], TWO, try_load);
        let panic = std::panic::AssertUnwindSafe(results.next()).catch_unwind().await.unwrap_err();
        assert_eq!(panic.downcast_ref::<String>().unwrap(), "panics after 100");
        assert_eq!(alive_tasks(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn dropping_it_aborts_the_work() {
        let mut results = bounded_in_order([("a", 100), ("b", 200)], TWO, try_load);
        assert!(timeout(ms(50), results.next()).await.is_err());
        assert_eq!(alive_tasks(), 2, "a dropped next() ends nothing: it can be called again");
        drop(results);
        yield_now().await;
        assert_eq!(alive_tasks(), 0);
    }

    #[tokio::test]
    async fn of_nothing_it_ends_at_once() {
        let mut results = bounded_in_order([], TWO, try_load);
        assert_eq!(results.next().now_or_never(), Some(None));
    }

    #[tokio::test]
    async fn a_hundred_thousand_inputs_pass_through_in_order() {
        let mut results = bounded_in_order(0..100_000_u32, THREE, async |n| Ok::<_, String>(n));
        let mut expected = 0..100_000;
        while let Some(result) = results.next().await {
            assert_eq!(result.ok(), expected.next());
        }
        assert_eq!(expected.next(), None);
    }

    /// Cancelled anywhere between start and end and then asked again, it hands out every result once, in order.
    #[test]
    fn a_cancelled_next_loses_no_result() {
        use tokio::sync::Mutex;
        let swept = cancel_sweep::sweep_with(
            || {
                let work = |n: u64| async move {
                    sleep(ms(10 * (5 - n))).await;
                    Ok::<_, String>(n)
                };
                let results = Arc::new(Mutex::new((bounded_in_order(0..5, TWO, work), Vec::new())));
                let reader = results.clone();
                (results, async move {
                    let mut guard = reader.lock().await;
                    let (results, seen) = &mut *guard;
                    while let Some(result) = results.next().await {
                        seen.push(result.unwrap());
                    }
                })
            },
            |results, _| {
                let mut guard = results.try_lock().expect("the cancelled reader has let go");
                let (results, seen) = &mut *guard;
                while let Some(Some(result)) = results.next().now_or_never() {
                    seen.push(result.unwrap());
                }
                assert!(
                    seen.iter().copied().eq(0..seen.len() as u64),
                    "in order and without a gap: {seen:?}"
                );
            },
        );
        assert!(swept.points >= 3);
    }
}

mod wait {
    use super::*;
    use gather::wait::ReturnWhen::{AllCompleted, FirstCompleted, FirstError};
    use gather::wait::{NothingToWaitFor, Task, Waited, wait};

    fn spawn<const N: usize>(inputs: [(&'static str, u64); N]) -> [Task<Result<&'static str, String>>; N] {
        inputs.map(|input| Task::from(tokio::spawn(try_load(input))))
    }

    fn waited(
        done: impl Into<Vec<usize>>,
        pending: impl Into<Vec<usize>>,
    ) -> Result<Waited, NothingToWaitFor> {
        Ok(Waited { done: done.into(), pending: pending.into() })
    }

    const ABC: [(&str, u64); 3] = [("a", 300), ("b", 100), ("c", 200)];

    /// asyncio: `wait` returns sets of done and pending; waiting again for finished tasks takes no time.
    #[tokio::test(start_paused = true)]
    async fn waiting_again_for_finished_tasks_costs_no_time() {
        let mut tasks = spawn(ABC);
        let start = Instant::now();
        assert_eq!(wait(&mut tasks, AllCompleted, None).await, waited([0, 1, 2], []));
        assert_eq!(start.elapsed(), ms(300));
        assert_eq!(wait(&mut tasks, AllCompleted, None).await, waited([0, 1, 2], []));
        assert_eq!(start.elapsed(), ms(300));
        let values = tasks.map(|task| match task {
            Task::Done(result) => result.unwrap().unwrap(),
            Task::Pending(_) => panic!("all are done"),
        });
        assert_eq!(values, ["a", "b", "c"]);
    }

    /// asyncio: `ValueError` for an empty set. Tokio: `JoinSet::join_next` says `None`; a wait for the first of
    /// nothing would never end.
    #[tokio::test]
    async fn of_nothing_is_an_error_and_not_a_hang() {
        for return_when in [FirstCompleted, FirstError, AllCompleted] {
            let result = wait::<(), ()>(&mut [], return_when, None).now_or_never();
            assert_eq!(result, Some(Err(NothingToWaitFor)));
        }
        assert!(tokio::task::JoinSet::<()>::new().join_next().now_or_never().unwrap().is_none());
    }

    /// asyncio: `FIRST_COMPLETED` reports the others pending, and they keep running.
    #[tokio::test(start_paused = true)]
    async fn after_the_first_completed_the_others_run_on() {
        let mut tasks = spawn(ABC);
        assert_eq!(wait(&mut tasks, FirstCompleted, None).await, waited([1], [0, 2]));
        assert_eq!(alive_tasks(), 2);
        assert_eq!(wait(&mut tasks, AllCompleted, None).await, waited([0, 1, 2], []));
    }

    /// The hazard: `select!` over owned futures drops the losers.
    #[tokio::test(start_paused = true)]
    async fn but_select_drops_the_losers() {
        let finished = Count::default();
        let load = async |millis| {
            sleep(ms(millis)).await;
            finished.add();
        };
        tokio::select! {
            () = load(100) => {}
            () = load(200) => {}
        }
        sleep(ms(500)).await;
        assert_eq!(finished.get(), 1);
    }

    /// asyncio: a second task that finished before the waiter got to run is in `done` as well.
    #[tokio::test(start_paused = true)]
    async fn two_that_finish_in_the_same_instant_are_both_done() {
        let mut tasks = spawn([("a", 100), ("b", 100), ("c", 200)]);
        assert_eq!(wait(&mut tasks, FirstCompleted, None).await, waited([0, 1], [2]));
    }

    /// Tokio gives a task a budget of 128 operations a turn; the wait must not report the first 128 alone.
    #[tokio::test(start_paused = true)]
    async fn a_thousand_that_finish_in_the_same_instant_are_all_done() {
        let mut tasks: Vec<_> = (0..1_000).map(|_| Task::from(tokio::spawn(try_load(("a", 100))))).collect();
        let waited = tokio::spawn(async move { wait(&mut tasks, FirstCompleted, None).await.unwrap() });
        let waited = waited.await.unwrap();
        assert_eq!((waited.done.len(), waited.pending.len()), (1_000, 0));
    }

    /// asyncio: `FIRST_EXCEPTION` returns when a task raises.
    #[tokio::test(start_paused = true)]
    async fn the_first_error_ends_the_wait_and_the_others_run_on() {
        let mut tasks = spawn([("a", 300), ("bad", 200), ("c", 100)]);
        let start = Instant::now();
        assert_eq!(wait(&mut tasks, FirstError, None).await, waited([1, 2], [0]));
        assert_eq!((start.elapsed(), alive_tasks()), (ms(200), 1));
    }

    /// asyncio: a task that had failed before the wait counts at once.
    #[tokio::test(start_paused = true)]
    async fn an_error_from_before_the_wait_counts() {
        let mut tasks = spawn([("a", 300), ("bad", 100)]);
        sleep(ms(150)).await;
        let start = Instant::now();
        assert_eq!(wait(&mut tasks, FirstError, None).await, waited([1], [0]));
        assert_eq!(start.elapsed(), ms(0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_counts_as_an_error_and_an_abort_does_not() {
        let mut tasks = spawn([("a", 300), ("panics", 200), ("aborted", 1_000)]);
        let Task::Pending(aborted) = &tasks[2] else { panic!("nobody has waited yet") };
        aborted.abort();
        assert_eq!(wait(&mut tasks, FirstError, None).await, waited([1, 2], [0]));

        let mut tasks = spawn([("a", 300), ("aborted", 1_000)]);
        let Task::Pending(aborted) = &tasks[1] else { panic!("nobody has waited yet") };
        aborted.abort();
        let start = Instant::now();
        assert_eq!(wait(&mut tasks, FirstError, None).await, waited([0, 1], []));
        assert_eq!(start.elapsed(), ms(300), "nothing failed, so all were waited for");
    }

    /// asyncio: a timeout raises nothing, returns what is done, and cancels nothing.
    #[tokio::test(start_paused = true)]
    async fn a_timeout_leaves_the_pending_tasks_running() {
        let mut tasks = spawn(ABC);
        let start = Instant::now();
        assert_eq!(wait(&mut tasks, AllCompleted, Some(ms(150))).await, waited([1], [0, 2]));
        assert_eq!((start.elapsed(), alive_tasks()), (ms(150), 2));
        assert_eq!(wait(&mut tasks, AllCompleted, None).await, waited([0, 1, 2], []));
        assert_eq!(start.elapsed(), ms(300));
    }

    /// The hazard: a `JoinSet` moved into the timed future is dropped with it, and aborts its tasks.
    #[tokio::test(start_paused = true)]
    async fn but_a_join_set_moved_into_a_timeout_aborts_them() {
        let mut tasks: tokio::task::JoinSet<_> = ABC.map(load).into_iter().collect();
        let all = async move { while tasks.join_next().await.is_some() {} };
        assert!(timeout(ms(150), all).await.is_err());
        yield_now().await;
        assert_eq!(alive_tasks(), 0);
    }

    /// asyncio: a task due in the same instant as the timeout is reported done.
    #[tokio::test(start_paused = true)]
    async fn a_task_that_finishes_in_the_instant_of_the_timeout_is_done() {
        let mut tasks = spawn([("a", 100), ("b", 150)]);
        assert_eq!(wait(&mut tasks, AllCompleted, Some(ms(100))).await, waited([0], [1]));
    }

    #[tokio::test(start_paused = true)]
    async fn no_time_at_all_still_reports_what_is_done() {
        let mut tasks = spawn([("a", 0), ("b", 100)]);
        assert_eq!(wait(&mut tasks, AllCompleted, Some(Duration::ZERO)).await, waited([0], [1]));
    }

    #[tokio::test(start_paused = true)]
    async fn an_endless_time_limit_is_no_limit() {
        let mut tasks = spawn(ABC);
        assert_eq!(wait(&mut tasks, AllCompleted, Some(Duration::MAX)).await, waited([0, 1, 2], []));
    }

    /// Cancelled at any point, the wait has lost no result and ended no task.
    #[test]
    fn a_cancelled_wait_loses_no_result() {
        use std::sync::Mutex;
        for return_when in [FirstCompleted, FirstError, AllCompleted] {
            let swept = cancel_sweep::sweep_with(
                || {
                    let tasks = Arc::new(tokio::sync::Mutex::new(spawn(ABC)));
                    let waiter = tasks.clone();
                    (tasks, async move { wait(&mut *waiter.lock().await, return_when, Some(ms(250))).await })
                },
                |tasks, _| {
                    let tasks = Mutex::new(tasks.try_lock().expect("the cancelled wait has let go"));
                    let mut tasks = tasks.into_inner().unwrap();
                    let all = wait(&mut *tasks, AllCompleted, None).now_or_never();
                    assert_eq!(
                        all,
                        Some(waited([0, 1, 2], [])),
                        "the runtime has settled: every task is done"
                    );
                },
            );
            assert!(swept.points >= 1);
        }
    }
}

mod as_completed {
    use super::*;
    use gather::as_completed::as_completed;
    use tokio::task::JoinSet;

    const ABC: [(&str, u64); 3] = [("a", 300), ("b", 100), ("c", 200)];

    /// asyncio: `as_completed` yields in the order of completion.
    #[tokio::test(start_paused = true)]
    async fn results_arrive_in_the_order_of_completion() {
        let mut tasks: JoinSet<_> = ABC.map(load).into_iter().collect();
        let start = Instant::now();
        let mut arrived = Vec::new();
        let all = as_completed(&mut tasks, start + ms(1_000), |result| {
            arrived.push((result.unwrap().1, start.elapsed()));
        });
        assert_eq!(all.await, Ok(()));
        assert_eq!(arrived, [("b", ms(100)), ("c", ms(200)), ("a", ms(300))]);
    }

    /// asyncio: after the timeout, earlier results were delivered, the next await raises, and the tasks still run.
    #[tokio::test(start_paused = true)]
    async fn after_the_deadline_the_rest_runs_on_in_the_set() {
        let mut tasks: JoinSet<_> = ABC.map(load).into_iter().collect();
        let start = Instant::now();
        let mut arrived = Vec::new();
        let in_time =
            as_completed(&mut tasks, start + ms(250), |result| arrived.push(result.unwrap().1)).await;
        assert!(in_time.is_err());
        assert_eq!((arrived.as_slice(), start.elapsed(), alive_tasks()), (["b", "c"].as_slice(), ms(250), 1));
        assert_eq!(tasks.join_all().await, ["a"]);
    }

    /// The hazard: a timeout on each item starts anew with every result, so it is no limit for all of them.
    #[tokio::test(start_paused = true)]
    async fn but_a_timeout_for_each_item_never_ends_the_whole() {
        let mut tasks: JoinSet<_> = ABC.map(load).into_iter().collect();
        let start = Instant::now();
        while let Ok(Some(_)) = timeout(ms(150), tasks.join_next()).await {}
        assert_eq!((start.elapsed(), tasks.len()), (ms(300), 0));
    }

    /// asyncio (3.13): the very tasks that went in come out. Tokio: their ids do.
    #[tokio::test(start_paused = true)]
    async fn the_id_tells_whose_result_it_is_also_after_a_panic_or_an_abort() {
        let mut tasks = JoinSet::new();
        let ids = [("aborted", 1_000), ("panics", 100), ("a", 200)].map(|input| {
            let task = tasks.spawn(try_load(input));
            if input.0 == "aborted" {
                task.abort();
            }
            task.id()
        });
        let mut arrived = Vec::new();
        let all = as_completed(&mut tasks, Instant::now() + ms(1_000), |result| {
            arrived.push(match result {
                Ok((id, _)) => (id, "value"),
                Err(error) if error.is_panic() => (error.id(), "panic"),
                Err(error) => (error.id(), "aborted"),
            });
        });
        assert_eq!(all.await, Ok(()));
        assert_eq!(arrived, [(ids[0], "aborted"), (ids[1], "panic"), (ids[2], "value")]);
    }

    /// asyncio and Tokio: what is done is delivered first, then the deadline counts.
    #[tokio::test(start_paused = true)]
    async fn a_deadline_in_the_past_still_delivers_what_is_done() {
        let mut tasks: JoinSet<_> = ABC.map(load).into_iter().collect();
        sleep(ms(150)).await;
        let mut arrived = Vec::new();
        let in_time =
            as_completed(&mut tasks, Instant::now() - ms(50), |result| arrived.push(result.unwrap().1)).await;
        assert!(in_time.is_err());
        assert_eq!(arrived, ["b"]);
    }

    /// asyncio: the timeout of `as_completed` wins a tie. Tokio: it does here too, for its timer was set first.
    #[tokio::test(start_paused = true)]
    async fn a_task_that_finishes_in_the_instant_of_the_deadline_is_too_late() {
        let mut tasks: JoinSet<_> = ABC.map(load).into_iter().collect();
        let deadline = Instant::now() + ms(100);
        assert!(as_completed(&mut tasks, deadline, |_| panic!("none is done in time")).await.is_err());
        assert_eq!(tasks.join_all().await, ["b", "c", "a"]);
    }

    #[tokio::test]
    async fn of_nothing_it_ends_at_once() {
        let mut tasks = JoinSet::<()>::new();
        let all = as_completed(&mut tasks, Instant::now(), |_| panic!("there are none")).now_or_never();
        assert_eq!(all, Some(Ok(())));
    }

    /// Cancelled at any point, each result is either delivered or still in the set.
    #[test]
    fn a_cancelled_wait_loses_no_result() {
        use std::sync::Mutex;
        let swept = cancel_sweep::sweep_with(
            || {
                let tasks: JoinSet<_> = ABC.map(load).into_iter().collect();
                let state = Arc::new((tokio::sync::Mutex::new(tasks), Mutex::new(Vec::new())));
                let reader = state.clone();
                (state, async move {
                    let (tasks, arrived) = &*reader;
                    let deadline = Instant::now() + ms(1_000);
                    let on_result = |result: Result<(_, &'static str), tokio::task::JoinError>| {
                        arrived.lock().unwrap().push(result.unwrap().1);
                    };
                    as_completed(&mut *tasks.lock().await, deadline, on_result).await
                })
            },
            |state, _| {
                let mut arrived = state.1.lock().unwrap().clone();
                let mut rest = state.0.try_lock().expect("the cancelled reader has let go");
                while let Some(result) = rest.try_join_next() {
                    arrived.push(result.unwrap());
                }
                assert_eq!(arrived, ["b", "c", "a"]);
            },
        );
        assert_eq!(swept.points, 3);
    }
}

mod first_success {
    use super::*;
    use gather::first_success::first_success;

    async fn race<const N: usize>(
        inputs: [(&'static str, u64); N],
        delay: Duration,
    ) -> (Result<(usize, &'static str), Vec<String>>, Duration) {
        let start = Instant::now();
        let result = first_success(inputs.map(try_load), delay).await;
        (result, start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn errors_do_not_end_the_race_and_the_quickest_success_does() {
        let inputs = [("bad", 100), ("slow", 400), ("quick", 200)];
        assert_eq!(race(inputs, Duration::ZERO).await, (Ok((2, "quick")), ms(200)));
    }

    /// asyncio: `as_completed` or `wait(FIRST_COMPLETED)` stop at the first to finish, be it an error.
    #[tokio::test(start_paused = true)]
    async fn but_the_first_to_finish_may_be_an_error() {
        let inputs = [("bad", 100), ("quick", 200)].map(|input| Box::pin(try_load(input)));
        let (first, index, rest) = futures::future::select_all(inputs).await;
        assert_eq!((first, index, rest.len()), (Err("bad after 100".to_owned()), 0, 1));
    }

    /// asyncio: `staggered_race` starts the next attempt when its delay is over.
    #[tokio::test(start_paused = true)]
    async fn a_slow_attempt_gets_company_after_the_delay() {
        assert_eq!(race([("a", 1_000), ("b", 100), ("c", 100)], ms(250)).await, (Ok((1, "b")), ms(350)));
    }

    /// asyncio: ... or when the attempt before it has failed.
    #[tokio::test(start_paused = true)]
    async fn a_failed_attempt_is_followed_at_once() {
        assert_eq!(race([("bad", 100), ("b", 50)], ms(250)).await, (Ok((1, "b")), ms(150)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_after_the_winner_is_never_made() {
        let made = Count::default();
        let attempts = [("a", 100), ("b", 100)].into_iter().inspect(|_| made.add()).map(try_load);
        assert_eq!(first_success(attempts, ms(250)).await, Ok((0, "a")));
        assert_eq!(made.get(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_success_in_the_instant_the_delay_ends_needs_no_further_attempt() {
        let made = Count::default();
        let attempts = [("a", 250), ("b", 100)].into_iter().inspect(|_| made.add()).map(try_load);
        assert_eq!(first_success(attempts, ms(250)).await, Ok((0, "a")));
        assert_eq!(made.get(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn losers_are_dropped_where_they_stand() {
        let dropped = Count::default();
        let attempts = [300, 100, 200].map(|millis| {
            let dropped = dropped.clone();
            async move {
                let _guard = dropped.on_drop();
                sleep(ms(millis)).await;
                Ok::<_, ()>(millis)
            }
        });
        assert_eq!(first_success(attempts, Duration::ZERO).await, Ok((1, 100)));
        assert_eq!(dropped.get(), 3, "the winner, and both losers before it is reported");
    }

    #[tokio::test(start_paused = true)]
    async fn when_all_fail_every_error_is_reported_in_the_order_of_the_attempts() {
        let (result, elapsed) = race([("bad-slow", 300), ("bad-quick", 100)], Duration::ZERO).await;
        assert_eq!(result.unwrap_err(), ["bad-slow after 300", "bad-quick after 100"]);
        assert_eq!(elapsed, ms(300));
    }

    #[tokio::test]
    async fn of_nothing_there_is_nothing_to_report() {
        let none: [std::future::Ready<Result<(), ()>>; 0] = [];
        assert_eq!(first_success(none, Duration::ZERO).now_or_never(), Some(Err(vec![])));
    }

    #[test]
    fn cancelled_anywhere_it_leaves_no_attempt_behind() {
        let points = sweep_three_loads(async |permits| {
            drop(first_success([("a", 300), ("bad", 100), ("c", 200)].map(permits.loader()), ms(50)).await);
        });
        assert!(points >= 4, "two delays, a failure, a success: {points}");
    }
}

mod demo {
    use expect_test::expect_file;
    use gather::demo;

    #[test]
    fn prints_the_transcript_and_draws_the_picture() {
        let rehearsal = common::rehearse(demo::run());
        rehearsal.output.expect("the demo succeeds");
        expect_file!["../recipes/gather/transcript.txt"].assert_eq(&rehearsal.transcript);
        expect_file!["../recipes/gather/timeline.svg"].assert_eq(&rehearsal.timeline.svg("gather"));
    }
}
