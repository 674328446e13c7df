//! The roles of this program when a lesson starts it again: a worker of the process pool, or another program that a
//! lesson observes.

use std::env;
use std::error::Error;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::panic;
use std::path::PathBuf;
use std::process;
use std::thread;

use executors::one_process;
use executors::process_pool::{Options, ProcessPool, serve};
use futures::future::try_join_all;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::runtime::Builder;

use crate::support::{Count, ONE, PanicsWhenDropped, limit, ms};
use crate::work::process_pool::{Job, Pool, Trap, pool, worker};
use crate::work::{Gate, ROLE, other_program};

/// Runs such a program. Without a role it is no worker, and `serve` returns.
#[test]
fn plays_the_role_that_its_lesson_gives_it() {
    if let Ok(role) = env::var(ROLE) {
        play(&role);
    }
    serve(|| {
        let mut state = State { prepared: 1, done: 0 };
        Ok(move |job| work(&mut state, job))
    });
}

/// The environment variable with a file that the lesson and its program share.
pub const FILE: &str = "LESSON_FILE";

/// The state of a worker.
pub struct State {
    pub prepared: u32,
    pub done: u32,
}

impl Drop for State {
    fn drop(&mut self) {
        if let Some(path) = env::var_os(FILE) {
            fs::write(path, "put away").unwrap();
        }
    }
}

#[derive(Debug)]
pub struct Outer(pub std::num::ParseIntError);

impl std::fmt::Display for Outer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the table is broken")
    }
}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

/// An error that panics where its text says.
#[derive(Debug)]
pub struct TrappedError(Trap);

impl std::fmt::Display for TrappedError {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.panics_in("Display");
        Ok(())
    }
}

impl Error for TrappedError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.panics_in("source");
        None
    }
}

impl Drop for TrappedError {
    fn drop(&mut self) {
        self.0.panics_in("drop of the error");
    }
}

/// Panics where the job says. Any other job is answered with the number of the process.
fn trapped(job: Trap) -> Result<Trap, TrappedError> {
    match job.0.as_str() {
        "Display" | "source" | "drop of the error" => Err(TrappedError(job)),
        "Serialize" | "drop of the result" => Ok(job),
        "drop of the panic" => panic::panic_any(PanicsWhenDropped),
        _ => Ok(Trap(process::id().to_string())),
    }
}

/// Its destructor waits until the file exists, and reports that.
struct PutAwayLate(PathBuf);

impl Drop for PutAwayLate {
    fn drop(&mut self) {
        fs::write(self.0.with_extension("begun"), "").unwrap();
        while !self.0.exists() {
            thread::yield_now();
        }
        fs::write(&self.0, "put away").unwrap();
    }
}

pub fn work(state: &mut State, job: Job) -> Result<Value, Outer> {
    state.done += 1;
    Ok(match job {
        Job::Add(a, b) => json!([a + b, process::id()]),
        Job::ProcessId => json!(process::id()),
        Job::ProcessGroup => json!(group_of(process::id())),
        Job::Prepared => json!([state.prepared, state.done]),
        Job::Echo(text) => json!(text),
        Job::Zeros(size) => json!("0".repeat(size)),
        Job::Fail => return Err(Outer("x".parse::<u8>().unwrap_err())),
        Job::Panic(Some(text)) => panic!("{text}"),
        Job::Panic(None) => panic::panic_any(7),
        Job::Exit(code) => process::exit(code),
        Job::Abort => process::abort(),
        Job::Hang(file) => {
            File::create(file).unwrap();
            loop {
                thread::park();
            }
        }
        Job::Meet(mine, other) => {
            File::create(mine).unwrap();
            while !other.exists() {
                thread::yield_now();
            }
            json!(process::id())
        }
        Job::Print(text) => {
            println!("{text}");
            eprintln!("{text}");
            json!(text.len())
        }
        Job::ReadStdin => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).unwrap();
            json!(text)
        }
        Job::StartProgram => {
            json!(process::Command::new("sleep").arg("1000").process_group(0).spawn().unwrap().id())
        }
        Job::LeaveProgram => json!(process::Command::new("sleep").arg("1000").spawn().unwrap().id()),
        Job::WaitForProgram(file) => {
            let mut program = process::Command::new("sleep").arg("1000").spawn().unwrap();
            fs::write(file.with_extension("new"), program.id().to_string()).unwrap();
            fs::rename(file.with_extension("new"), file).unwrap();
            json!(program.wait().unwrap().success())
        }
        Job::Nested(job) => {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { pool(1, Options::default()).run(*job).await.unwrap() })
        }
    })
}

/// Simulates a library that crashes.
fn root(square: u64) -> Result<u64, Outer> {
    if square == 0 {
        process::exit(3);
    }
    Ok(square.isqrt())
}

/// Plays the roles of the other programs.
pub fn play(role: &str) {
    match role {
        "a worker" => {}
        "a worker whose preparation fails" => serve::<Job, Value, fn(Job) -> Result<Value, Outer>, _>(|| {
            Err(Outer("y".parse::<u8>().unwrap_err()))
        }),
        "a worker whose preparation panics" => {
            serve::<Job, Value, fn(Job) -> Result<Value, Outer>, Outer>(|| panic!("no model"))
        }
        "a worker whose results cannot be sent" => {
            serve(|| Ok(|_job: Job| Ok::<_, Outer>(std::collections::BTreeMap::from([(vec![1], 2)]))))
        }
        "a worker that panics where its job says" => serve(|| Ok::<_, TrappedError>(trapped)),
        "a worker that sends numbers back" => serve(|| Ok::<_, Outer>(|number: f64| Ok(number))),
        "a worker whose results are no numbers" => {
            serve(|| Ok::<_, Outer>(|number: u8| Ok(Some(f64::from(number) / 0.0))))
        }
        "a worker that puts its things away late" => serve(|| {
            let late = PutAwayLate(PathBuf::from(env::var_os(FILE).unwrap()));
            Ok::<_, Outer>(move |job: u8| {
                let _kept = &late;
                Ok(job)
            })
        }),
        "a worker that does not serve" => {
            let refused = ProcessPool::<Job, Value>::new(Command::new("true"), Options::default());
            process::exit(if refused.is_err() { 42 } else { 0 })
        }
        "a parent that is killed" => {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let options = Options { max_workers: limit(2), end_limit: ms(20), ..Options::default() };
                let pool = Pool::new(Command::from(other_program("a worker")), options).unwrap();
                let file = PathBuf::from(env::var_os(FILE).unwrap());
                let [one, other] = ["one", "other"].map(|name| file.with_extension(name));
                let meeting = [Job::Meet(one.clone(), other.clone()), Job::Meet(other, one)];
                try_join_all(meeting.map(|job| pool.run(job))).await.unwrap();
                // One of the two is idle from here on.
                pool.run(Job::Hang(file.with_extension("busy"))).await.unwrap();
            });
        }
        "a parent that is killed with programs" => {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let idle = pool(1, Options::default());
                let left = idle.run(Job::LeaveProgram).await.unwrap();
                let worker = idle.run(Job::ProcessId).await.unwrap();
                let file = PathBuf::from(env::var_os(FILE).unwrap());
                fs::write(file.with_extension("idle"), json!([worker, left]).to_string()).unwrap();
                pool(1, Options { end_limit: ms(20), ..Options::default() })
                    .run(Job::WaitForProgram(file))
                    .await
                    .unwrap();
            });
        }
        "the program of the chapter" => {
            one_process::serve(root);
            serve(|| Ok(root));
        }
        "one job" => one_process::serve(|job| work(&mut State { prepared: 0, done: 0 }, job)),
        "one job that panics" => one_process::serve(|job: u8| -> Result<u8, Outer> { panic!("at {job}") }),
        "one job that sends numbers back" => one_process::serve(|number: Option<f64>| Ok::<_, Outer>(number)),
        "a program that does not serve" => {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            let refused = runtime.block_on(one_process::run::<_, Value>(Command::new("true"), &7));
            process::exit(if matches!(refused, Err(one_process::JobError::Io(_))) { 42 } else { 0 })
        }
        "a program with one job that is killed" => {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            let job = Job::WaitForProgram(PathBuf::from(env::var_os(FILE).unwrap()));
            runtime.block_on(one_process::run::<_, Value>(worker("one job"), &job)).unwrap();
        }
        "rayon's spawn panics" => {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
            pool.spawn(|| panic!("no caller hears of it"));
            loop {
                thread::park();
            }
        }
        "a program whose main returns while a job runs" => {
            let pool = executors::thread_pool::ThreadPool::new(ONE, "lesson");
            let begun = Gate::default();
            let running = begun.clone();
            let job = pool.submit(move || {
                running.open();
                loop {
                    thread::park();
                }
            });
            begun.pass();
            job.map(executors::thread_pool::Job::<()>::detach).unwrap();
        }
        "a program that has no threads to give" => {
            let pool = executors::thread_pool::ThreadPool::new(ONE, "lesson");
            let dropped = Count::default();
            let captured = dropped.on_drop();
            let refused = pool.submit(move || drop(captured)).unwrap_err();
            println!("{refused}: {}", refused.source().unwrap());
            assert_eq!((pool.queued(), dropped.get()), (0, 1));
        }
        "a program that has no threads for a second runtime" => {
            let threads = executors::threads::Threads::new(ONE, "lesson").unwrap();
            let ran = Count::default();
            let work = ran.clone();
            let submitted = panic::catch_unwind(panic::AssertUnwindSafe(|| {
                drop(threads.submit(move || work.add()));
            }));
            assert_eq!((submitted.is_err(), ran.get()), (true, 0));
            println!("it panicked, and nothing ran");
        }
        other => panic!("no role {other}"),
    }
}

/// Returns the column `what` of `ps` for a process.
pub fn told_by_ps(what: &str, process: impl ToString) -> String {
    let ps = process::Command::new("ps").args(["-o", what, "-p", &process.to_string()]).output().unwrap();
    String::from_utf8(ps.stdout).unwrap().trim().to_owned()
}

pub fn group_of(process: u32) -> u32 {
    told_by_ps("pgid=", process).parse().unwrap()
}
