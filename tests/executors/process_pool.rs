//! Lessons of the pattern `process_pool`.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::panic;
use std::process::{self, Stdio};
use std::time::Duration;

use executors::process_pool::{JobError, OnCrash, Options, ProcessPool, Queued, RemoteError, serve};
use futures::FutureExt;
use futures::future::{join_all, try_join_all};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::runtime::Builder;
use tokio::task::{spawn_blocking, yield_now};
use tokio::time::timeout;

use crate::real_time::soon_on_real_time;
use crate::support::{ONE, limit, ms};
use crate::work::process_pool::{Job, Pool, Trap, exists, exists_soon, file, pool, runs, signal, worker};
use crate::work::{Gate, other_program, until};
use crate::worker::{FILE, State, group_of, told_by_ps, work};

/// Makes a pool whose worker is a shell script. `say '"Ready"'` writes a frame.
fn script(text: &str) -> ProcessPool<u8, u8> {
    let say = r#"say() { printf "\\000\\000\\000\\$(printf %03o ${#1})%s" "$1" >&0; }"#;
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{say}\n{text}")]).stdout(Stdio::null()).stderr(Stdio::null());
    let options = Options { max_workers: ONE, end_limit: Duration::ZERO, ..Options::default() };
    ProcessPool::new(command, options).unwrap()
}

/// Takes the first five bytes of a job: the whole job, if it is a number of one digit.
const GETS_A_JOB: &str = r#"say '"Ready"'; head -c 5 >/dev/null; say '"Taken"';"#;

/// Stops a process, and waits until all its threads have stopped.
async fn stop(process: &Value) {
    signal("-STOP", process);
    until(|| told_by_ps("state=", process).starts_with('T')).await;
}

/// Pauses the clock of the runtime, and keeps it from advancing while the runtime waits for a process.
struct Frozen(Gate);

/// A timer fires at the next whole millisecond of its runtime.
const TIMER: Duration = ms(1);

impl Frozen {
    fn clock() -> Self {
        tokio::time::pause();
        let thawed = Gate::default();
        let work = thawed.clone();
        spawn_blocking(move || work.pass());
        Self(thawed)
    }

    async fn advance(&self, time: Duration) {
        tokio::time::advance(time).await;
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.0.open();
    }
}

mod serve {
    use super::*;

    /// A program calls `serve` first in its `main`, whether it is a worker or not.
    #[test]
    fn in_a_program_that_is_no_worker_goes_on() {
        let mut prepared = 0;
        super::serve(move || {
            prepared += 1;
            let mut state = State { prepared, done: 0 };
            Ok(move |job| work(&mut state, job))
        });
    }

    /// asyncio: without `if __name__ == "__main__"` a worker would start workers; multiprocessing refuses. Here: a
    /// worker that has not called `serve` cannot make a pool.
    #[tokio::test]
    async fn that_is_not_called_does_not_make_workers_without_end() {
        let pool = Pool::new(worker("a worker that does not serve"), Options::default()).unwrap();
        let error = soon_on_real_time(pool.run(Job::ProcessId)).await.unwrap_err();
        assert_eq!(error.source().unwrap().to_string(), "it ended, exit status: 42");
    }

    /// A job of a worker may have a pool: its workers are other processes.
    #[tokio::test]
    async fn lets_a_job_have_a_pool_of_its_own() {
        let pool = pool(1, Options::default());
        let outer = soon_on_real_time(pool.run(Job::ProcessId)).await.unwrap();
        let inner = soon_on_real_time(pool.run(Job::Nested(Box::new(Job::ProcessId)))).await.unwrap();
        assert_ne!(outer, inner);
    }
}

mod job {
    use super::*;

    /// asyncio: the work runs in another process. Here: the same.
    #[tokio::test]
    async fn has_its_result_from_another_process() {
        let pool = pool(1, Options::default());
        let result = soon_on_real_time(pool.run(Job::Add(40, 2))).await.unwrap();
        assert_eq!(result[0], 42);
        assert_ne!(result[1], process::id());
    }

    /// asyncio: an exception of a job is raised by its future, with the remote traceback. Here: with the name of its
    /// type, its text and its causes. The worker goes on.
    #[tokio::test]
    async fn that_fails_tells_its_type_its_text_and_its_causes() {
        let pool = pool(1, Options::default());
        let before = soon_on_real_time(pool.run(Job::ProcessId)).await.unwrap();
        let error = soon_on_real_time(pool.run(Job::Fail)).await.unwrap_err();
        assert_eq!(error.to_string(), "the table is broken");
        assert_eq!(error.source().unwrap().to_string(), "invalid digit found in string");
        let JobError::Failed(RemoteError { kind, .. }) = error else { panic!("{error:?}") };
        assert_eq!(kind, "executors::worker::Outer");
        assert_eq!(soon_on_real_time(pool.run(Job::ProcessId)).await.unwrap(), before);
    }

    /// asyncio: an exception of a job reaches its future, and the worker goes on. Here: so does a panic.
    #[tokio::test]
    async fn that_panics_tells_what_the_panic_says_and_its_worker_goes_on() {
        let pool = pool(1, Options::default());
        let before = soon_on_real_time(pool.run(Job::ProcessId)).await.unwrap();
        for (text, message) in [(Some("no row"), "no row"), (None, "a value that is not text")] {
            let error = soon_on_real_time(pool.run(Job::Panic(text.map(str::to_owned)))).await.unwrap_err();
            let expected = RemoteError { kind: "panic".to_owned(), message: message.to_owned(), cause: None };
            assert!(matches!(error, JobError::Failed(error) if error == expected));
        }
        assert_eq!(soon_on_real_time(pool.run(Job::ProcessId)).await.unwrap(), before);
    }

    /// asyncio: a job that cannot be pickled fails its own future. Here: a job that is no JSON does not leave the
    /// program.
    #[tokio::test]
    async fn that_cannot_be_sent_fails_alone() {
        type ByList = std::collections::BTreeMap<Vec<u8>, u8>;
        let pool = ProcessPool::<ByList, Value>::new(worker("a worker"), Options::default()).unwrap();
        let error = soon_on_real_time(pool.run(ByList::from([(vec![1], 2)]))).await.unwrap_err();
        assert!(matches!(error, JobError::Unsendable(_)), "{error:?}");
        assert_eq!(error.source().unwrap().to_string(), "key must be a string");
    }

    /// Pool and worker may be two versions of a program: a job that the worker does not know costs no worker.
    #[tokio::test]
    async fn that_its_worker_cannot_read_fails_alone() {
        let options = Options { max_workers: ONE, ..Options::default() };
        let pool = ProcessPool::<Value, Value>::new(worker("a worker"), options).unwrap();
        let error = soon_on_real_time(pool.run(json!({"Subtract": [1, 2]}))).await.unwrap_err();
        assert!(error.to_string().starts_with("unknown variant `Subtract`"), "{error}");
        assert_eq!(soon_on_real_time(pool.run(json!({"Add": [1, 2]}))).await.unwrap()[0], 3);
    }

    /// asyncio: a result that cannot be pickled fails its own future. Here: so does a result that is no JSON.
    #[tokio::test]
    async fn whose_result_cannot_be_sent_or_read_fails_alone() {
        let pool = Pool::new(worker("a worker whose results cannot be sent"), Options::default()).unwrap();
        for _ in 0..2 {
            let error = soon_on_real_time(pool.run(Job::ProcessId)).await.unwrap_err();
            assert_eq!(error.to_string(), "key must be a string");
        }
        let options = Options { max_workers: ONE, ..Options::default() };
        let pool = ProcessPool::<Job, String>::new(worker("a worker"), options).unwrap();
        let error = soon_on_real_time(pool.run(Job::ProcessId)).await.unwrap_err();
        assert!(matches!(error, JobError::Unreadable(_)), "{error:?}");
        assert_eq!(soon_on_real_time(pool.run(Job::Echo("next".to_owned()))).await.unwrap(), "next");
    }

    /// asyncio: a result that cannot be pickled is an exception of its job, whatever `__reduce__` raises. Here: a panic
    /// anywhere in a job's own code fails that job, and the next one has the same worker.
    #[tokio::test]
    async fn that_panics_anywhere_has_its_answer() {
        let options = Options { max_workers: ONE, on_crash: OnCrash::BreakPool, ..Options::default() };
        let pool =
            ProcessPool::<String, String>::new(worker("a worker that panics where its job says"), options)
                .unwrap();
        let before = soon_on_real_time(pool.run("nowhere".to_owned())).await.unwrap();
        for place in
            ["Deserialize", "Serialize", "Display", "source", "drop of the error", "drop of the result"]
        {
            let error = soon_on_real_time(pool.run(place.to_owned())).await.unwrap_err();
            let JobError::Failed(error) = error else { panic!("{place}: {error:?}") };
            assert_eq!(error.kind, "panic");
            assert!(
                error.message.ends_with(
                    "it panics here\n  left: \"{place}\"\n right: \"{place}\""
                        .replace("{place}", place)
                        .as_str()
                ),
                "{error}"
            );
        }
        let error = soon_on_real_time(pool.run("drop of the panic".to_owned())).await.unwrap_err();
        assert_eq!(error.to_string(), "a value that is not text");
        assert_eq!(soon_on_real_time(pool.run("nowhere".to_owned())).await.unwrap(), before);
    }

    /// Then the caller of `run` panics. The worker is replaced.
    #[tokio::test]
    async fn whose_result_panics_as_it_is_read_leaves_a_pool_that_works() {
        let options = Options { max_workers: ONE, on_crash: OnCrash::BreakPool, ..Options::default() };
        let pool = ProcessPool::<Job, Trap>::new(worker("a worker"), options).unwrap();
        let read = panic::AssertUnwindSafe(pool.run(Job::Echo("Deserialize".to_owned()))).catch_unwind();
        assert!(soon_on_real_time(read).await.is_err());
        assert_eq!(soon_on_real_time(pool.run(Job::Echo("next".to_owned()))).await.unwrap().0, "next");
    }

    /// asyncio: `pickle` carries NaN. JSON has none: it is refused in both directions, and never arrives as `None`.
    #[tokio::test]
    async fn that_json_would_change_is_refused() {
        let pool = ProcessPool::<Option<f64>, Value>::new(worker("a worker"), Options::default()).unwrap();
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let error = soon_on_real_time(pool.run(Some(number))).await.unwrap_err();
            assert!(matches!(error, JobError::Unsendable(_)), "{error:?}");
            assert_eq!(error.source().unwrap().to_string(), "JSON has no NaN and no infinity");
        }
        let pool = ProcessPool::<Vec<Option<Option<u8>>>, Value>::new(worker("a worker"), Options::default())
            .unwrap();
        let error = soon_on_real_time(pool.run(vec![Some(None)])).await.unwrap_err();
        assert_eq!(error.source().unwrap().to_string(), "in JSON this `Some` would be `None`");
        let options = Options { max_workers: ONE, ..Options::default() };
        let pool =
            ProcessPool::<u8, Option<f64>>::new(worker("a worker whose results are no numbers"), options)
                .unwrap();
        let error = soon_on_real_time(pool.run(0)).await.unwrap_err();
        assert_eq!(error.to_string(), "JSON has no NaN and no infinity");
        let error = soon_on_real_time(pool.run(1)).await.unwrap_err();
        assert_eq!(error.to_string(), "JSON has no NaN and no infinity");
    }

    /// Wherever in a job such a value is, and of whatever type.
    #[tokio::test]
    async fn that_json_would_change_is_refused_wherever_it_is() {
        #[derive(serde::Serialize)]
        struct Nothing;
        #[derive(serde::Serialize)]
        struct Wrapped(Option<u8>);
        #[derive(serde::Serialize)]
        struct Two(f64, f64);
        #[derive(serde::Serialize)]
        struct Named {
            number: f64,
        }
        #[derive(serde::Serialize)]
        enum Doubtful {
            Unit(Option<()>),
            Struct(Option<Nothing>),
            Newtype(Option<Wrapped>),
            Fine(Option<bool>),
            Float(f32),
            List(Vec<f64>),
            Pair((u8, f64)),
            Two(Two),
            Map(BTreeMap<u8, f64>),
            Keys(BTreeMap<Option<Option<u8>>, u8>),
            Named(Named),
            Tuple(f64, u8),
            Fields { number: f64 },
        }
        use Doubtful::{
            Fields, Fine, Float, List, Map, Named as IsNamed, Newtype, Pair, Struct, Tuple, Two as IsTwo,
            Unit,
        };
        let pool = ProcessPool::<Doubtful, Value>::new(worker("a worker"), Options::default()).unwrap();
        let refused =
            async |job| soon_on_real_time(pool.run(job)).await.unwrap_err().source().unwrap().to_string();
        for job in [Unit(Some(())), Struct(Some(Nothing)), Newtype(Some(Wrapped(None)))] {
            assert_eq!(refused(job).await, "in JSON this `Some` would be `None`");
        }
        let nan = f64::NAN;
        for job in [
            Float(f32::NAN),
            List(vec![nan]),
            Pair((0, nan)),
            IsTwo(Two(0.0, nan)),
            Map(BTreeMap::from([(0, nan)])),
            IsNamed(Named { number: nan }),
            Tuple(nan, 0),
            Fields { number: nan },
        ] {
            assert_eq!(refused(job).await, "JSON has no NaN and no infinity");
        }
        // A key has to be a text in JSON.
        let keys = pool.run(Doubtful::Keys(BTreeMap::from([(Some(None), 0)])));
        assert!(matches!(soon_on_real_time(keys).await, Err(JobError::Unsendable(_))));
        // These arrive, and it is the worker that knows no such job.
        for job in [Unit(None), Fine(Some(true)), Newtype(Some(Wrapped(Some(1)))), Float(1.0), Pair((0, 1.0))]
        {
            let error = soon_on_real_time(pool.run(job)).await.unwrap_err();
            assert!(!matches!(error, JobError::Unsendable(_)), "{error:?}");
        }
    }

    /// By default `serde_json` reads some numbers with a wrong last bit.
    #[tokio::test]
    async fn that_is_a_number_comes_back_to_the_last_bit() {
        let options = Options { max_workers: ONE, ..Options::default() };
        let pool = ProcessPool::<f64, f64>::new(worker("a worker that sends numbers back"), options).unwrap();
        let mut random = fastrand::Rng::with_seed(7);
        for number in (0..200).map(|_| f64::from_bits(random.u64(..))).filter(|number| number.is_finite()) {
            let back = soon_on_real_time(pool.run(number)).await.unwrap();
            assert_eq!(back.to_bits(), number.to_bits(), "{number:?} comes back as {back:?}");
        }
    }

    /// Three megabytes there and back: more than any pipe or socket holds.
    #[tokio::test]
    async fn and_its_result_may_be_large() {
        let pool = pool(1, Options::default());
        let text = "x".repeat(3_000_000);
        assert_eq!(soon_on_real_time(pool.run(Job::Echo(text.clone()))).await.unwrap(), text);
        assert_eq!(soon_on_real_time(pool.run(Job::Zeros(0))).await.unwrap(), "");
    }

    /// A job's output goes to the program's output, and does not get into the channel.
    #[tokio::test]
    async fn that_prints_neither_breaks_the_channel_nor_loses_its_text() {
        let (_folder, path) = file();
        let mut command = worker("a worker");
        command.stdout(File::create(&path).unwrap());
        let pool = Pool::new(command, Options { max_workers: ONE, ..Options::default() }).unwrap();
        assert_eq!(soon_on_real_time(pool.run(Job::Print("\0\0\0\x05hello".to_owned()))).await.unwrap(), 9);
        assert_eq!(soon_on_real_time(pool.run(Job::Add(1, 2))).await.unwrap()[0], 3);
        assert!(fs::read_to_string(&path).unwrap().ends_with("\0\0\0\x05hello\n"));
    }

    /// asyncio: a worker's stdin is empty. Here: the same, although the channel arrives as stdin.
    #[tokio::test]
    async fn that_reads_its_stdin_finds_it_empty() {
        let pool = pool(1, Options::default());
        assert_eq!(soon_on_real_time(pool.run(Job::ReadStdin)).await.unwrap(), "");
        assert_eq!(soon_on_real_time(pool.run(Job::Add(1, 2))).await.unwrap()[0], 3);
    }
}

mod workers {
    use super::*;

    /// asyncio: never more than `max_workers`, and an idle worker is used again. Here: the same.
    #[tokio::test]
    async fn work_at_the_same_time_and_are_used_again() {
        let (pool, folder) = (pool(2, Options::default()), tempfile::tempdir().unwrap());
        let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
        let meeting = [Job::Meet(one.clone(), other.clone()), Job::Meet(other, one)].map(|job| pool.run(job));
        let processes: BTreeSet<_> =
            soon_on_real_time(try_join_all(meeting)).await.unwrap().iter().map(Value::as_u64).collect();
        assert_eq!(processes.len(), 2);
        let jobs = (0..20).map(|_| pool.run(Job::ProcessId));
        let again: BTreeSet<_> =
            soon_on_real_time(try_join_all(jobs)).await.unwrap().iter().map(Value::as_u64).collect();
        assert!(again.is_subset(&processes));
    }

    /// asyncio: the initializer runs once in each worker. Here: so does the preparation, and its value does the jobs.
    #[tokio::test]
    async fn are_prepared_once() {
        let pool = pool(1, Options::default());
        for done in 1..=3 {
            assert_eq!(soon_on_real_time(pool.run(Job::Prepared)).await.unwrap(), json!([1, done]));
        }
    }

    /// asyncio: `max_tasks_per_child`. Here: the same.
    #[tokio::test]
    async fn give_way_to_new_ones_after_so_many_jobs() {
        let pool = pool(1, Options { max_jobs_per_worker: Some(limit(2)), ..Options::default() });
        let mut processes = Vec::new();
        for _ in 0..6 {
            processes.push(soon_on_real_time(pool.run(Job::ProcessId)).await.unwrap());
        }
        assert!(processes.chunks(2).all(|two| two[0] == two[1]));
        assert_eq!(processes.iter().map(Value::as_u64).collect::<BTreeSet<_>>().len(), 3);
    }

    /// In a terminal Ctrl-C goes to a whole group. Only the program reacts to it, and not its workers.
    #[tokio::test]
    async fn are_not_in_the_group_that_ctrl_c_reaches() {
        let pool = pool(1, Options::default());
        assert_ne!(soon_on_real_time(pool.run(Job::ProcessGroup)).await.unwrap(), group_of(process::id()));
    }

    /// asyncio: workers end when the program is gone. Here: even those that run a job.
    #[tokio::test]
    async fn end_when_their_program_is_killed() {
        let (_folder, path) = file();
        let mut program = Command::from(other_program("a parent that is killed"));
        program.env(FILE, &path).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut program = program.spawn().unwrap();
        exists_soon(&path.with_extension("busy")).await;
        program.start_kill().unwrap();
        // The workers hold the program's stdout and stderr, which end when no process is left.
        let output = soon_on_real_time(program.wait_with_output()).await.unwrap();
        assert_eq!(output.status.signal(), Some(9));
    }

    /// asyncio: SIGKILL of the program leaves the programs that its jobs have started. Here: a worker that runs a job
    /// ends with its group. An idle worker ends alone: programs that a job has left behind live on.
    #[tokio::test]
    async fn but_an_idle_one_leaves_programs_when_its_own_is_killed() {
        let (_folder, path) = file();
        let mut program = Command::from(other_program("a parent that is killed with programs"));
        program.env(FILE, &path).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let mut program = program.spawn().unwrap();
        exists_soon(&path).await;
        let waited_for = fs::read_to_string(&path).unwrap();
        let idle = fs::read_to_string(path.with_extension("idle")).unwrap();
        let [worker, left]: [u32; 2] = serde_json::from_str(&idle).unwrap();
        assert!(runs(&waited_for) && runs(worker) && runs(left));
        program.start_kill().unwrap();
        until(|| !runs(&waited_for) && !runs(worker)).await;
        assert!(runs(left));
        signal("-KILL", left);
    }
}

mod crash {
    use super::*;

    /// Kills the worker during a job, or lets the job end it.
    async fn crash(pool: &Pool, job: Option<Job>) -> JobError {
        let Some(job) = job else {
            let process = pool.run(Job::ProcessId).await.unwrap();
            let (_folder, path) = file();
            let running = pool.run(Job::Hang(path.clone()));
            tokio::pin!(running);
            let killed = async {
                exists_soon(&path).await;
                signal("-KILL", process);
            };
            let (outcome, ()) = tokio::join!(running, killed);
            return outcome.unwrap_err();
        };
        pool.run(job).await.unwrap_err()
    }

    /// asyncio: any worker that dies breaks the whole pool. Here by default: its own job fails, and the others go on.
    #[tokio::test]
    async fn fails_its_own_job_and_the_next_has_a_new_worker() {
        let pool = pool(1, Options::default());
        let ways = [
            (None, Some(9), None),
            (Some(Job::Exit(3)), None, Some(3)),
            (Some(Job::Exit(0)), None, Some(0)),
            (Some(Job::Abort), Some(6), None),
        ];
        for (job, signal, code) in ways {
            let error = soon_on_real_time(crash(&pool, job)).await;
            let JobError::Crashed(Some(status)) = error else { panic!("{error:?}") };
            assert_eq!((status.signal(), status.code()), (signal, code));
            assert_eq!(soon_on_real_time(pool.run(Job::Add(1, 2))).await.unwrap()[0], 3);
        }
    }

    /// asyncio: a worker that dies breaks all pending jobs. Here: a job of another worker runs to its end.
    #[tokio::test]
    async fn leaves_the_jobs_of_other_workers_alone() {
        let (pool, (_folder, path)) = (pool(2, Options::default()), file());
        let other = path.with_extension("other");
        let meets = pool.run(Job::Meet(path.clone(), other.clone()));
        let crashes = async {
            exists_soon(&path).await;
            assert!(matches!(pool.run(Job::Exit(3)).await, Err(JobError::Crashed(_))));
            File::create(&other).unwrap();
        };
        let (met, ()) = soon_on_real_time(async { tokio::join!(meets, crashes) }).await;
        met.unwrap();
    }

    /// asyncio: `BrokenProcessPool` for all jobs that run, wait, or come later. Here: the same, as an option.
    #[tokio::test]
    async fn breaks_the_pool_if_it_is_told_to() {
        let pool = pool(2, Options { on_crash: OnCrash::BreakPool, ..Options::default() });
        let (_folder, path) = file();
        let runs = pool.run(Job::Hang(path.clone()));
        let others = async {
            exists_soon(&path).await;
            tokio::join!(pool.run(Job::Exit(3)), pool.run(Job::ProcessId))
        };
        let (runs, (crashes, waits)) = soon_on_real_time(async { tokio::join!(runs, others) }).await;
        assert!(matches!(crashes, Err(JobError::Crashed(_))));
        for outcome in [runs, waits, soon_on_real_time(pool.run(Job::ProcessId)).await] {
            let error = outcome.unwrap_err();
            assert_eq!(error.to_string(), "the pool is broken: the worker died: exit status: 3");
        }
        soon_on_real_time(pool.shutdown(Queued::Finish)).await;
    }

    /// A job that always crashes would crash forever: after a limit of crashes in a row no worker is started.
    #[tokio::test]
    async fn after_crash_ends_and_a_result_in_between_begins_anew() {
        let pool = pool(1, Options { on_crash: OnCrash::FailJob { limit: limit(3) }, ..Options::default() });
        for job in [Job::Exit(1), Job::Exit(1), Job::Fail, Job::Exit(1), Job::Exit(1)] {
            assert!(!matches!(soon_on_real_time(pool.run(job)).await, Err(JobError::Broken(_)) | Ok(_)));
        }
        assert!(matches!(soon_on_real_time(pool.run(Job::Exit(1))).await, Err(JobError::Crashed(_))));
        assert!(matches!(soon_on_real_time(pool.run(Job::ProcessId)).await, Err(JobError::Broken(_))));
    }

    /// asyncio: a worker that is killed while it is idle breaks the pool. Here: the next job does not notice.
    #[tokio::test]
    async fn of_an_idle_worker_costs_no_job() {
        let pool = pool(1, Options { on_crash: OnCrash::BreakPool, ..Options::default() });
        for _ in 0..10 {
            let process = soon_on_real_time(pool.run(Job::ProcessId)).await.unwrap();
            signal("-KILL", &process);
            assert_ne!(soon_on_real_time(pool.run(Job::ProcessId)).await.unwrap(), process);
        }
    }

    /// It leaves no zombie, although no job uses the worker.
    #[tokio::test]
    async fn of_an_idle_worker_is_seen() {
        let pool = pool(1, Options::default());
        let process = soon_on_real_time(pool.run(Job::ProcessId)).await.unwrap();
        signal("-KILL", &process);
        until(|| !exists(&process)).await;
        soon_on_real_time(pool.run(Job::ProcessId)).await.unwrap();
    }

    /// The worker aborts, and a program that it has started holds its end of the channel open.
    #[tokio::test]
    async fn in_the_midst_of_a_job_is_seen_though_its_channel_is_still_open() {
        let (_folder, path) = file();
        let program = path.display();
        let pool = script(&format!(
            r#"exec 3<&0; {GETS_A_JOB} setsid sleep 1000 & echo $! >{program}; kill -ABRT $$"#
        ));
        let error = soon_on_real_time(pool.run(7)).await.unwrap_err();
        let JobError::Crashed(Some(status)) = error else { panic!("{error:?}") };
        assert_eq!(status.signal(), Some(6));
        signal("-KILL", fs::read_to_string(&path).unwrap().trim());
    }

    /// Messages sent before the crash count: the answer is there, although the process is gone.
    #[tokio::test]
    async fn after_an_answer_leaves_that_answer() {
        let pool = script(&format!(r#"{GETS_A_JOB} say '{{"Done":{{"Ok":8}}}}'; kill -ABRT $$"#));
        for _ in 0..20 {
            assert_eq!(soon_on_real_time(pool.run(7)).await.unwrap(), 8);
        }
    }

    /// The programs that a job has started are in its worker's process group, and are killed with it.
    #[tokio::test]
    async fn takes_the_programs_along_that_a_job_has_started() {
        let (pool, (_folder, path)) = (pool(1, Options::default()), file());
        let process = soon_on_real_time(pool.run(Job::ProcessId)).await.unwrap();
        let waits = pool.run(Job::WaitForProgram(path.clone()));
        let crashes = async {
            exists_soon(&path).await;
            signal("-KILL", &process);
        };
        let (outcome, ()) = soon_on_real_time(async { tokio::join!(waits, crashes) }).await;
        assert!(matches!(outcome, Err(JobError::Crashed(_))), "{outcome:?}");
        let program = fs::read_to_string(&path).unwrap();
        until(|| !runs(&program)).await;
    }

    /// A program that has a process group of its own lives on, and the pool does not wait for it.
    #[tokio::test]
    async fn is_seen_though_a_program_that_a_job_has_started_lives_on() {
        let pool = pool(1, Options::default());
        let program = soon_on_real_time(pool.run(Job::StartProgram)).await.unwrap();
        assert!(matches!(soon_on_real_time(pool.run(Job::Exit(3))).await, Err(JobError::Crashed(_))));
        soon_on_real_time(pool.shutdown(Queued::Finish)).await;
        signal("-KILL", program);
    }

    /// A worker dies while it is idle, and a program that it has started holds its end of the channel open. The next
    /// job does not wait for an answer from that program.
    #[tokio::test]
    async fn of_an_idle_worker_is_seen_though_its_channel_is_still_open() {
        let (_folder, path) = file();
        let program = path.display();
        let pool = script(&format!(
            r#"exec 3<&0; {GETS_A_JOB} setsid sleep 1000 & echo $! >>{program}; echo $$ >{program}.worker; say '{{"Done":{{"Ok":8}}}}'; exit 0"#
        ));
        let answers = timeout(ms(10_000), async {
            assert_eq!(pool.run(7).await.unwrap(), 8);
            let worker = fs::read_to_string(path.with_extension("worker")).unwrap();
            let worker: Value = worker.trim().parse().unwrap();
            until(|| !exists(&worker)).await;
            pool.run(7).await.unwrap()
        });
        assert_eq!(answers.await.expect("no job waits for the dead one"), 8);
        for program in fs::read_to_string(&path).unwrap().lines() {
            signal("-KILL", program);
        }
    }

    /// A message that breaks off inside a frame, or is no frame, counts as a crash of the worker.
    #[tokio::test]
    async fn is_what_a_broken_frame_comes_to() {
        for end in [
            r#"printf "\000\000" >&0"#,
            r#"printf "\000\000\001\000{\"Done" >&0"#,
            r#"printf "garbage that is no frame" >&0"#,
            "",
        ] {
            let pool = script(&format!("{GETS_A_JOB} {end}"));
            let error = soon_on_real_time(pool.run(7)).await.unwrap_err();
            assert!(matches!(error, JobError::Crashed(Some(_))), "{end}: {error:?}");
            assert!(
                matches!(soon_on_real_time(pool.run(7)).await, Err(JobError::Crashed(_))),
                "{end}: and again"
            );
        }
        let pool = script(&format!(r#"{GETS_A_JOB} say '"Ready"'; cat >/dev/null"#));
        assert!(
            matches!(soon_on_real_time(pool.run(7)).await, Err(JobError::Crashed(_))),
            "it has said that already"
        );
        let pool = script(&format!(r#"{GETS_A_JOB} say '{{"Done":{{"Ok":8}}}}'; cat >/dev/null"#));
        assert_eq!(soon_on_real_time(pool.run(7)).await.unwrap(), 8, "the script can do it right");
    }

    /// A worker that closes its channel and goes on running is killed.
    #[tokio::test]
    async fn is_made_of_a_worker_that_does_not_talk_any_more() {
        let pool = script(&format!("{GETS_A_JOB} exec </dev/null >/dev/null; exec sleep 1000"));
        let error = soon_on_real_time(pool.run(7)).await.unwrap_err();
        let JobError::Crashed(Some(status)) = error else { panic!("{error:?}") };
        assert_eq!(status.signal(), Some(9));
        soon_on_real_time(pool.shutdown(Queued::Finish)).await;
    }

    /// A worker that writes instead of reading: both sides would wait forever for the other to read.
    #[tokio::test]
    async fn is_made_of_a_worker_that_talks_and_does_not_listen() {
        let mut command = Command::new("sh");
        let script = r#"printf '\000\000\000\007"Ready"' >&0; exec cat /dev/zero >&0"#;
        command.args(["-c", script]).stderr(Stdio::null());
        let options = Options { end_limit: Duration::ZERO, ..Options::default() };
        let pool = ProcessPool::<String, u8>::new(command, options).unwrap();
        let error = soon_on_real_time(pool.run("x".repeat(3_000_000))).await.unwrap_err();
        assert!(matches!(error, JobError::Crashed(_)), "{error:?}");
    }
}

mod start {
    use super::*;

    async fn error_of(pool: &Pool) -> (String, String) {
        let error = soon_on_real_time(pool.run(Job::ProcessId)).await.unwrap_err();
        let source = error.source().map(ToString::to_string).unwrap_or_default();
        (error.to_string(), source)
    }

    /// asyncio: an initializer that raises breaks the pool. Here it counts as a crash.
    #[tokio::test]
    async fn of_a_worker_whose_preparation_fails_is_told() {
        for (role, text) in [
            ("a worker whose preparation fails", "the table is broken"),
            ("a worker whose preparation panics", "no model"),
        ] {
            let options = Options { on_crash: OnCrash::BreakPool, ..Options::default() };
            let pool = Pool::new(worker(role), options).unwrap();
            assert_eq!(error_of(&pool).await, ("a worker did not get ready".to_owned(), text.to_owned()));
            let broken = format!("the pool is broken: a worker did not get ready: {text}");
            assert_eq!(error_of(&pool).await.0, broken);
        }
    }

    /// Three programs that are no workers: one is missing, one ends, one never answers.
    #[tokio::test]
    async fn of_what_is_no_worker_is_told() {
        let pool = Pool::new(Command::new("/no/such/program"), Options::default()).unwrap();
        assert_eq!(error_of(&pool).await.1, "No such file or directory (os error 2)");
        let pool = Pool::new(Command::new("true"), Options::default()).unwrap();
        assert_eq!(error_of(&pool).await.1, "it ended, exit status: 0");
        let mut sleep = Command::new("sleep");
        sleep.arg("1000");
        let clock = Frozen::clock();
        let pool = Pool::new(sleep, Options::default()).unwrap();
        let late = "it was not ready after 30s: does its `main` call `serve`?";
        let (error, ()) = tokio::join!(error_of(&pool), clock.advance(Duration::from_secs(30) + TIMER));
        assert_eq!(error.1, late);
        soon_on_real_time(pool.shutdown(Queued::Finish)).await;
    }

    /// No program is started over and over: each job tries once, and the pool breaks after a limit of failures.
    #[tokio::test]
    async fn that_fails_again_and_again_comes_to_an_end() {
        let options = Options { on_crash: OnCrash::FailJob { limit: limit(3) }, ..Options::default() };
        let pool = Pool::new(Command::new("false"), options).unwrap();
        let jobs = join_all((0..20).map(|_| pool.run(Job::ProcessId)));
        let outcomes = soon_on_real_time(jobs).await;
        let tried = outcomes.iter().filter(|outcome| matches!(outcome, Err(JobError::NoWorker(_)))).count();
        let broken = outcomes.iter().filter(|outcome| matches!(outcome, Err(JobError::Broken(_)))).count();
        assert!(tried <= 4, "{tried}");
        assert_eq!(tried + broken, 20);
    }
}

mod time_limit {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    /// asyncio: nothing ends a job that hangs, and its worker is lost. Here: the worker is killed, and the next job has
    /// a new one.
    #[tokio::test]
    async fn kills_the_worker_of_a_job_that_hangs() {
        let (clock, (_folder, path)) = (Frozen::clock(), file());
        let options = Options { time_limit: Some(HOUR), on_crash: OnCrash::BreakPool, ..Options::default() };
        let pool = pool(1, options);
        let process = soon_on_real_time(pool.run(Job::ProcessId)).await.unwrap();
        let hours = async {
            exists_soon(&path).await;
            loop {
                clock.advance(HOUR).await;
            }
        };
        let hangs = soon_on_real_time(async {
            tokio::select! {
                outcome = pool.run(Job::Hang(path.clone())) => outcome,
                () = hours => unreachable!(),
            }
        });
        let error = hangs.await.unwrap_err();
        assert!(matches!(error, JobError::TimedOut(HOUR)), "{error:?}");
        assert!(!exists(&process));
        assert_ne!(soon_on_real_time(pool.run(Job::ProcessId)).await.unwrap(), process);
    }

    /// A job that waits for `sleep` leaves no `sleep` behind.
    #[tokio::test]
    async fn ends_what_the_job_has_started_too() {
        let (clock, (_folder, path)) = (Frozen::clock(), file());
        let pool = pool(1, Options { time_limit: Some(HOUR), ..Options::default() });
        let hours = async {
            exists_soon(&path).await;
            loop {
                clock.advance(HOUR).await;
            }
        };
        let waits = soon_on_real_time(async {
            tokio::select! {
                outcome = pool.run(Job::WaitForProgram(path.clone())) => outcome,
                () = hours => unreachable!(),
            }
        });
        let error = waits.await.unwrap_err();
        assert!(matches!(error, JobError::TimedOut(HOUR)), "{error:?}");
        let program = fs::read_to_string(&path).unwrap();
        until(|| !runs(&program)).await;
    }

    /// The limit begins with the job: a job that waits long for a worker still has the whole limit.
    #[tokio::test]
    async fn does_not_count_the_wait_for_a_worker() {
        let (clock, (_folder, path)) = (Frozen::clock(), file());
        let pool = pool(1, Options { time_limit: Some(HOUR), ..Options::default() });
        let other = path.with_extension("other");
        let meets = pool.run(Job::Meet(path.clone(), other.clone()));
        let waits = async {
            exists_soon(&path).await;
            pool.run(Job::Add(1, 2)).await
        };
        let times = async {
            exists_soon(&path).await;
            yield_now().await;
            clock.advance(HOUR - ms(1)).await;
            File::create(&other).unwrap();
        };
        let (met, waited, ()) = soon_on_real_time(async { tokio::join!(meets, waits, times) }).await;
        assert!(met.is_ok() && waited.unwrap()[0] == 3);
    }

    /// A stopped worker takes no job. The pool gives it up, and another worker gets the job.
    #[tokio::test]
    async fn of_the_start_holds_for_an_idle_worker_that_does_not_take_its_job() {
        let clock = Frozen::clock();
        let pool = pool(1, Options { end_limit: Duration::ZERO, ..Options::default() });
        let process = soon_on_real_time(pool.run(Job::ProcessId)).await.unwrap();
        stop(&process).await;
        let next = pool.run(Job::ProcessId);
        tokio::pin!(next);
        assert!(next.as_mut().now_or_never().is_none(), "it waits for the worker to take it");
        clock.advance(Duration::from_secs(30) + TIMER).await;
        assert_ne!(soon_on_real_time(next).await.unwrap(), process);
        assert!(!exists(&process));
    }
}

mod dropped {
    use super::*;

    /// asyncio: a job that runs cannot be cancelled. Here: its worker is killed, so a `timeout` around `run` ends it.
    #[tokio::test]
    async fn while_its_job_runs_a_run_kills_the_worker() {
        let (pool, (_folder, path)) = (pool(1, Options::default()), file());
        let process = soon_on_real_time(pool.run(Job::ProcessId)).await.unwrap();
        let hangs = pool.run(Job::Hang(path.clone()));
        tokio::select! {
            _ = hangs => panic!("it hangs"),
            () = exists_soon(&path) => {}
        }
        until(|| !exists(&process)).await;
        assert_ne!(soon_on_real_time(pool.run(Job::ProcessId)).await.unwrap(), process);
    }

    /// asyncio: cancelling the waiter cancels the queued job. Here: the same.
    #[tokio::test]
    async fn before_its_turn_a_run_never_begins() {
        let (pool, (_folder, path)) = (pool(1, Options::default()), file());
        let other = path.with_extension("other");
        let meets = pool.run(Job::Meet(path.clone(), other.clone()));
        let never = path.with_extension("never");
        let gives_up = async {
            exists_soon(&path).await;
            assert!(timeout(ms(1), pool.run(Job::Hang(never.clone()))).await.is_err());
            File::create(&other).unwrap();
        };
        let (met, ()) = soon_on_real_time(async { tokio::join!(meets, gives_up) }).await;
        assert_eq!(soon_on_real_time(pool.run(Job::ProcessId)).await.unwrap(), met.unwrap());
        assert!(!never.exists());
    }

    /// A dropped pool leaves no process behind.
    #[tokio::test]
    async fn the_pool_ends_its_workers() {
        let pool = pool(2, Options::default());
        let process = soon_on_real_time(pool.run(Job::ProcessId)).await.unwrap();
        drop(pool);
        until(|| !exists(&process)).await;
    }

    /// This holds even if the runtime ends before the pool, and a worker no longer reads.
    #[test]
    fn the_pool_ends_its_workers_after_the_end_of_the_runtime() {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let (pool, process) = runtime.block_on(async {
            let pool = pool(2, Options::default());
            let process = soon_on_real_time(pool.run(Job::ProcessId)).await.unwrap();
            stop(&process).await;
            (pool, process)
        });
        drop(runtime);
        drop(pool);
        // Tokio reaps it by itself, when it has a runtime again and sees a child end.
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            until(|| {
                drop(Command::new("true").spawn());
                !exists(&process)
            })
            .await;
        });
    }
}

mod shutdown {
    use super::*;

    /// asyncio: `shutdown()` refuses new jobs, does the queued ones, and waits for the processes. Here: no process is
    /// left after it, and no zombie.
    #[tokio::test]
    async fn does_what_is_queued_and_leaves_no_process() {
        let (pool, (_folder, path)) = (pool(2, Options::default()), file());
        let other = path.with_extension("other");
        let running = pool.run(Job::Meet(path.clone(), other.clone()));
        let queued = join_all((0..10).map(|_| pool.run(Job::ProcessId)));
        let shutdown = async {
            exists_soon(&path).await;
            let shutdown = pool.shutdown(Queued::Finish);
            tokio::pin!(shutdown);
            assert!(timeout(ms(1), &mut shutdown).await.is_err(), "a job runs");
            assert!(matches!(pool.run(Job::ProcessId).await, Err(JobError::ShutDown)));
            File::create(&other).unwrap();
            shutdown.await;
        };
        let (first, rest, ()) = soon_on_real_time(async { tokio::join!(running, queued, shutdown) }).await;
        let processes: Vec<_> = rest.into_iter().chain([first]).map(Result::unwrap).collect();
        assert!(processes.iter().all(|process| !exists(process)));
        let names: BTreeSet<_> = processes.iter().map(Value::to_string).collect();
        assert!(names.len() <= 2, "the workers do what is queued, and no new ones are started for it");
    }

    /// asyncio: `shutdown(cancel_futures=True)`. Here: jobs that wait fail, and jobs that run go on to their end.
    #[tokio::test]
    async fn with_cancel_lets_what_waits_fail_and_what_runs_end() {
        let (pool, (_folder, path)) = (pool(1, Options::default()), file());
        let other = path.with_extension("other");
        let running = pool.run(Job::Meet(path.clone(), other.clone()));
        let shutdown = async {
            exists_soon(&path).await;
            let mut queued = join_all((0..10).map(|_| pool.run(Job::ProcessId)));
            assert!((&mut queued).now_or_never().is_none(), "they wait for the worker");
            pool.close(Queued::Cancel);
            let queued = queued.await;
            File::create(&other).unwrap();
            pool.shutdown(Queued::Cancel).await;
            queued
        };
        let (running, queued) = soon_on_real_time(async { tokio::join!(running, shutdown) }).await;
        assert!(!exists(&running.unwrap()));
        assert!(queued.iter().all(|outcome| matches!(outcome, Err(JobError::ShutDown))));
    }

    /// `Duration::MAX` means no limit: a worker has all the time it needs to save its state.
    #[tokio::test]
    async fn waits_for_a_worker_as_long_as_it_may_take_to_end() {
        let (_folder, path) = file();
        let mut command = worker("a worker that puts its things away late");
        command.env(FILE, &path);
        let options = Options { max_workers: ONE, end_limit: Duration::MAX, ..Options::default() };
        let pool = ProcessPool::<u8, u8>::new(command, options).unwrap();
        assert_eq!(soon_on_real_time(pool.run(7)).await.unwrap(), 7);
        let ends = async {
            exists_soon(&path.with_extension("begun")).await;
            File::create(&path).unwrap();
        };
        soon_on_real_time(async { tokio::join!(pool.shutdown(Queued::Finish), ends) }).await;
        assert_eq!(fs::read_to_string(&path).unwrap(), "put away");
    }

    /// asyncio: `shutdown(wait=False)`. Here: the workers end with the last job, without a waiter.
    #[tokio::test]
    async fn without_waiting_ends_the_workers_with_the_last_job() {
        let (pool, (_folder, path)) = (pool(2, Options::default()), file());
        let other = path.with_extension("other");
        let running = pool.run(Job::Meet(path.clone(), other.clone()));
        let closed = async {
            exists_soon(&path).await;
            let idle = pool.run(Job::ProcessId).await.unwrap();
            pool.close(Queued::Finish);
            File::create(&other).unwrap();
            idle
        };
        let (running, idle) = soon_on_real_time(async { tokio::join!(running, closed) }).await;
        let running = running.unwrap();
        until(|| !exists(&running) && !exists(&idle)).await;
    }

    /// asyncio: `shutdown` may be called again. Here: it may, and an unused pool is ready at the first poll.
    #[tokio::test]
    async fn of_an_unused_pool_returns_at_once_and_so_does_the_second() {
        let pool = pool(2, Options::default());
        for queued in [Queued::Finish, Queued::Cancel] {
            assert!(pool.shutdown(queued).now_or_never().is_some());
        }
    }

    /// An idle worker has time to save its state.
    #[tokio::test]
    async fn lets_a_worker_put_its_things_away() {
        let (_folder, path) = file();
        let mut command = worker("a worker");
        command.env(FILE, &path);
        let pool = Pool::new(command, Options::default()).unwrap();
        soon_on_real_time(pool.run(Job::ProcessId)).await.unwrap();
        assert!(!path.exists());
        soon_on_real_time(pool.shutdown(Queued::Finish)).await;
        assert_eq!(fs::read_to_string(&path).unwrap(), "put away");
    }

    /// So has a worker that is replaced.
    #[tokio::test]
    async fn is_not_the_only_end_at_which_a_worker_puts_its_things_away() {
        let (_folder, path) = file();
        let mut command = worker("a worker");
        command.env(FILE, &path);
        let pool =
            Pool::new(command, Options { max_jobs_per_worker: Some(ONE), ..Options::default() }).unwrap();
        soon_on_real_time(pool.run(Job::ProcessId)).await.unwrap();
        exists_soon(&path).await;
    }

    /// A worker that does not end by itself is killed.
    #[tokio::test]
    async fn kills_a_worker_that_does_not_end() {
        let (clock, pool) = (Frozen::clock(), pool(1, Options::default()));
        let process = soon_on_real_time(pool.run(Job::ProcessId)).await.unwrap();
        stop(&process).await;
        let shutdown = pool.shutdown(Queued::Finish);
        tokio::pin!(shutdown);
        assert!(shutdown.as_mut().now_or_never().is_none());
        // The task that waits for the process gets the request, and goes on waiting.
        yield_now().await;
        clock.advance(ms(999)).await;
        yield_now().await;
        assert!(exists(&process), "it has a second");
        clock.advance(ms(1) + TIMER).await;
        soon_on_real_time(shutdown).await;
        assert!(!exists(&process));
    }
}
