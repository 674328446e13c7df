//! What the lessons of this recipe share.

use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, ThreadId};

use tokio::task::yield_now;

use crate::real_time::{PATIENCE, soon_on_real_time};

/// A gate that is shut until a lesson opens it for good.
#[derive(Clone, Default)]
pub struct Gate(pub Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    pub fn is_open(&self) -> bool {
        *self.0.0.lock().unwrap()
    }

    /// Waits on a thread.
    pub fn pass(&self) {
        let waited = self.0.1.wait_timeout_while(self.0.0.lock().unwrap(), PATIENCE, |open| !*open);
        assert!(!waited.unwrap().1.timed_out(), "the gate stays shut");
    }

    /// Waits in a task.
    pub async fn passed(&self) {
        until(|| self.is_open()).await;
    }
}

/// Waits until another thread or process has made `holds` true.
pub async fn until(mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            yield_now().await;
        }
    };
    soon_on_real_time(waiting).await;
}

/// Returns work that opens `begun`, and ends when `end` is open.
pub fn held(begun: &Gate, end: &Gate) -> impl FnOnce() + Send + use<> {
    let (begun, end) = (begun.clone(), end.clone());
    move || {
        begun.open();
        end.pass();
    }
}

pub fn my_thread() -> ThreadId {
    thread::current().id()
}

pub fn my_name() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}

/// The environment variable with the role of this program, if a lesson has started it again.
pub const ROLE: &str = "LESSON_ROLE";

/// Returns a command that starts this program again in `role`.
pub fn other_program(role: &str) -> std::process::Command {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "worker::plays_the_role_that_its_lesson_gives_it"]);
    command.args(["--nocapture", "--test-threads=1"]).env(ROLE, role);
    command
}

/// What the lessons and the proofs of `thread_pool` share.
pub mod thread_pool {
    use std::sync::Arc;

    use executors::thread_pool::ThreadPool;

    use crate::support::limit;
    use crate::work::{Gate, held};

    pub fn pool(threads: usize) -> ThreadPool {
        ThreadPool::new(limit(threads), "lesson")
    }

    /// Returns a pool of one thread, which a job occupies until the gate is opened.
    pub async fn taken() -> (Arc<ThreadPool>, executors::thread_pool::Job<()>, Gate) {
        let (pool, begun, end) = (Arc::new(pool(1)), Gate::default(), Gate::default());
        let running = pool.submit(held(&begun, &end)).unwrap();
        begun.passed().await;
        (pool, running, end)
    }
}

/// What the lessons and the proofs of `cpu` share.
pub mod cpu {
    use rayon::{ThreadPool, ThreadPoolBuilder};

    pub fn pool(threads: usize) -> ThreadPool {
        ThreadPoolBuilder::new().num_threads(threads).thread_name(|n| format!("cpu-{n}")).build().unwrap()
    }
}

/// What the lessons and the proofs of `process_pool` share.
pub mod process_pool {
    use std::path::{Path, PathBuf};
    use std::process::{self, Stdio};

    use executors::process_pool::{Options, ProcessPool};
    use serde::{Deserialize, Serialize};
    use serde_json::Value;
    use tempfile::TempDir;
    use tokio::process::Command;

    use crate::support::limit;
    use crate::work::{other_program, until};

    /// The jobs that the workers of these lessons can do.
    #[derive(Debug, Clone, Serialize, Deserialize)]
    pub enum Job {
        Add(u32, u32),
        ProcessId,
        ProcessGroup,
        /// Returns how often the worker was prepared, and how many jobs it has done.
        Prepared,
        Echo(String),
        Zeros(usize),
        Fail,
        Panic(Option<String>),
        Exit(i32),
        Abort,
        /// Makes the file, and hangs.
        Hang(PathBuf),
        /// Makes the first file, and waits for the second.
        Meet(PathBuf, PathBuf),
        Print(String),
        ReadStdin,
        /// Starts a program that does not end by itself, in a process group of its own.
        StartProgram,
        /// Starts one in the process group of the worker, and does not wait for it.
        LeaveProgram,
        /// Starts a program that does not end by itself, writes its number into the file, and waits for it.
        WaitForProgram(PathBuf),
        /// Lets a pool of its own do the job.
        Nested(Box<Job>),
    }

    pub type Pool = ProcessPool<Job, Value>;

    /// A job or a result that panics where its text says.
    #[derive(Debug)]
    pub struct Trap(pub String);

    impl Trap {
        pub fn panics_in(&self, place: &str) {
            assert_ne!(self.0, place, "it panics here");
        }
    }

    impl Serialize for Trap {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.panics_in("Serialize");
            self.0.serialize(serializer)
        }
    }

    impl<'de> Deserialize<'de> for Trap {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let trap = Self(String::deserialize(deserializer)?);
            trap.panics_in("Deserialize");
            Ok(trap)
        }
    }

    impl Drop for Trap {
        fn drop(&mut self) {
            self.panics_in("drop of the result");
        }
    }

    pub fn worker(role: &str) -> Command {
        let mut command = Command::from(other_program(role));
        // The output of libtest there is not part of this program's output.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    pub fn pool(max_workers: usize, options: Options) -> Pool {
        Pool::new(worker("a worker"), Options { max_workers: limit(max_workers), ..options }).unwrap()
    }

    /// Returns a folder, and the name of a file that is not in it yet.
    pub fn file() -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        (folder, file)
    }

    pub async fn exists_soon(file: &Path) {
        until(|| file.exists()).await;
    }

    pub fn signal(signal: &str, process: impl ToString) {
        let process = process.to_string();
        let sent = process::Command::new("kill").args([signal, "--", &process]).status().unwrap();
        assert!(sent.success(), "kill {signal} {process}");
    }

    /// Returns whether such a process runs. A zombie does not.
    pub fn runs(process: impl ToString) -> bool {
        let ps = process::Command::new("ps").args(["-o", "state=", "-p", &process.to_string()]).output();
        let state = String::from_utf8(ps.unwrap().stdout).unwrap();
        !state.trim().is_empty() && !state.trim().starts_with('Z')
    }

    /// Returns whether there is such a process, even as a zombie.
    pub fn exists(process: &Value) -> bool {
        let command = &mut process::Command::new("kill");
        command.args(["-0", &process.to_string()]).stderr(Stdio::null()).status().unwrap().success()
    }
}
