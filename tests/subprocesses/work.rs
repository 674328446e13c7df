//! What lessons of this recipe share.

use std::path::PathBuf;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::unix::pipe::{OpenOptions, Receiver};
use tokio::process::Command;
use tokio::task::yield_now;

use crate::real_time::soon_on_real_time;

pub const MEGA: usize = 1_000_000;

/// Two processes that run until they are killed.
pub const JOB: &str = "sleep 600 & echo ready >&9; sleep 600";

/// A shell that runs `script`.
pub fn sh(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

pub fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// Waits for what another process does.
pub async fn until_true(mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            yield_now().await;
        }
    };
    soon_on_real_time(waiting).await;
}

/// The state of a process on Linux: `S` sleeps, `T` is stopped, `Z` has ended and is not reaped; `None` is gone.
pub fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// A named pipe that scripts have as descriptor 9. It ends when no process holds it, so its end means that all have ended.
pub struct Witness {
    reader: BufReader<Receiver>,
    path: PathBuf,
    _folder: TempDir,
}

impl Witness {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("witness");
        assert!(Command::new("mkfifo").arg(&path).status().await.unwrap().success());
        let reader = BufReader::new(OpenOptions::new().open_receiver(&path).unwrap());
        Self { reader, path, _folder: folder }
    }

    /// A shell that runs `script`, and that has the pipe.
    pub fn sh(&self, script: &str) -> Command {
        let mut command = sh(&self.script(script));
        command.env("WITNESS", &self.path);
        command
    }

    /// Where the script of another shell finds it.
    pub fn path(&self) -> &PathBuf {
        &self.path
    }

    pub fn script(&self, script: &str) -> String {
        format!("exec 9>\"$WITNESS\"; {script}")
    }

    /// The next line that a script has written to it.
    pub async fn line(&mut self) -> String {
        let mut line = String::new();
        soon_on_real_time(self.reader.read_line(&mut line)).await.unwrap();
        line.trim_end().to_owned()
    }

    /// Waits until no process has it any more; what they have written is left.
    pub async fn rest(mut self) -> String {
        let mut rest = String::new();
        soon_on_real_time(self.reader.read_to_string(&mut rest)).await.unwrap();
        rest
    }
}
