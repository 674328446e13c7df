//! Real processes that get real signals.

use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, Command};
use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::real_time::soon_on_real_time;
use crate::support::ms;

/// A process that prints a line at each step. It is killed when the lesson fails.
pub struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Lines<BufReader<Box<dyn AsyncRead + Send + Unpin>>>,
    pid: Pid,
}

impl Process {
    /// Starts a program that prints its steps to stdout.
    pub fn start(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        Self::told_by(child, Box::new(stdout))
    }

    fn told_by(mut child: Child, output: Box<dyn AsyncRead + Send + Unpin>) -> Self {
        let pid = Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
        Self { stdin: child.stdin.take(), child, lines: BufReader::new(output).lines(), pid }
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).unwrap();
    }

    /// Waits for a line that ends with `wanted`, and returns the lines up to it.
    pub async fn until(&mut self, wanted: &str) -> Vec<String> {
        let mut seen = Vec::new();
        loop {
            let line = soon_on_real_time(self.lines.next_line()).await.unwrap();
            let line = line.unwrap_or_else(|| panic!("it ended without {wanted:?}: {seen:?}"));
            let is_wanted = line.ends_with(wanted);
            seen.push(line);
            if is_wanted {
                return seen;
            }
        }
    }

    /// Lets the process go on after it waits for a line on stdin.
    pub async fn go_on(&mut self) {
        self.stdin.as_mut().unwrap().write_all(b"go on\n").await.unwrap();
    }

    /// Sends the signal until the process ends.
    pub async fn signal_until_it_ends(&mut self, signal: Signal) {
        soon_on_real_time(async {
            while timeout(ms(20), self.child.wait()).await.is_err() {
                self.signal(signal);
            }
        })
        .await;
    }

    /// Waits until the process has ended, and returns its status and the remaining lines.
    pub async fn end(mut self) -> (ExitStatus, Vec<String>) {
        let mut rest = Vec::new();
        while let Some(line) = soon_on_real_time(self.lines.next_line()).await.unwrap() {
            rest.push(line);
        }
        let status = soon_on_real_time(self.child.wait()).await.unwrap();
        assert!(test_kill_process(self.pid).is_err(), "there is no such process any more");
        (status, rest)
    }

    /// Waits for the end, and returns the status and the text on stderr, if the steps go to stdout.
    pub async fn errors(mut self) -> (ExitStatus, String) {
        use tokio::io::AsyncReadExt;
        let mut errors = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        soon_on_real_time(stderr.read_to_string(&mut errors)).await.unwrap();
        (self.end().await.0, errors)
    }
}

/// Runs `lesson` with a process of its own, which runs the same lesson again and calls `child`. The lesson reads what
/// the child prints; the child exits with the code that it returns.
pub fn with_a_process<F: Future<Output = ()>>(
    name: &str,
    child: impl FnOnce() -> u8,
    lesson: impl FnOnce(Process) -> F,
) {
    const CHILD: &str = "GRACEFUL_SHUTDOWN_LESSON";
    if std::env::var_os(CHILD).is_some() {
        std::process::exit(child().into());
    }
    Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([name, "--exact", "--nocapture"]).env(CHILD, "1");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        // The test runner prints to stdout, too.
        let stderr = child.stderr.take().unwrap();
        lesson(Process::told_by(child, Box::new(stderr))).await;
    });
}

/// Prints a step of the child.
pub fn say(line: &str) {
    eprintln!("{line}");
}

/// Blocks the child until the lesson lets it go on.
pub fn wait_for_the_lesson() {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    assert_eq!(line, "go on\n");
}
