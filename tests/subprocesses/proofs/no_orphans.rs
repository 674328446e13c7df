use std::process::Stdio;

use subprocesses::no_orphans::Tied;
use subprocesses::terminal::{Size, Terminal, command};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

use crate::real_time::soon_on_real_time;
use crate::tools::drop_at;
use crate::work::{JOB, Witness};

const PARENT: &str = "PARENT_OF_A_PROGRAM";

/// The caller that is killed in the proofs below: they start this one alone, with a variable that says how it starts its
/// program. Without that it has nothing to do.
#[tokio::test]
async fn a_caller_that_waits_until_it_is_killed() {
    let Ok(how) = std::env::var(PARENT) else { return };
    let script = std::env::var("SCRIPT").unwrap();
    match how.as_str() {
        "tied" => {
            let mut command = Command::new("sh");
            command.args(["-c", &script]);
            Tied::spawn(command).unwrap().wait().await.unwrap();
        }
        "terminal" => {
            let mut command = command("sh");
            command.args(["-c", &script]);
            let mut terminal = Terminal::spawn(command, Size { rows: 24, columns: 80 }).unwrap();
            terminal.wait().await.unwrap();
        }
        program => {
            let mut words = program.split(' ').chain(["sh", "-c", &script]);
            let mut command = Command::new(words.next().unwrap());
            command.args(words).kill_on_drop(true).status().await.unwrap();
        }
    }
}

/// Starts that caller in a process of its own.
fn caller(witness: &Witness, how: &str, script: &str) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "no_orphans::a_caller_that_waits_until_it_is_killed"]);
    command.env(PARENT, how).env("SCRIPT", witness.script(script)).env("WITNESS", witness.path());
    command.stdin(Stdio::piped()).stdout(Stdio::null()).kill_on_drop(true).spawn().unwrap()
}

/// SIGKILL of the caller: the shell that watches sees the end of its pipe, and kills the group.
#[tokio::test]
async fn killed_it_leaves_no_process() {
    let mut witness = Witness::new().await;
    let mut caller = caller(&witness, "tied", JOB);
    assert_eq!(witness.line().await, "ready");
    caller.kill().await.unwrap();
    assert_eq!(witness.rest().await, "");
}

/// A request to the group leaves the shell that watches, so SIGKILL of the caller ends what ignores the request.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn killed_after_a_request_it_leaves_no_process() {
    let mut witness = Witness::new().await;
    // The fourth digit from the right has the bit of SIGTERM: the shell ignores it a moment after its start.
    let script = "trap '' TERM; group=$(ps -o pgid= -p $$); \
                  until grep -q 'SigIgn:.*[4-7c-f]...$' /proc/$((group))/status; do :; done; \
                  kill -TERM 0; echo ready >&9; sleep 600";
    let mut caller = caller(&witness, "tied", script);
    assert_eq!(witness.line().await, "ready");
    caller.kill().await.unwrap();
    assert_eq!(witness.rest().await, "");
}

/// asyncio and Tokio: SIGKILL of the caller leaves its programs running; `kill_on_drop` needs a drop.
#[tokio::test]
async fn but_kill_on_drop_does_not_outlive_its_caller() {
    let mut witness = Witness::new().await;
    let mut caller = caller(&witness, "env", "echo ready >&9; read -r line; echo $line >&9");
    let mut stdin = caller.stdin.take().unwrap();
    assert_eq!(witness.line().await, "ready");
    caller.kill().await.unwrap();
    stdin.write_all(b"alive\n").await.unwrap();
    assert_eq!(witness.line().await, "alive");
    witness.rest().await;
}

/// `PR_SET_PDEATHSIG`, set by `setpriv`: the program ends with its caller, and what it has started lives on.
#[tokio::test]
async fn a_death_signal_reaches_the_program_alone() {
    let mut witness = Witness::new().await;
    let script = "exec 8<&0; (read -r line <&8; echo $line >&9) & echo $$ >&9; exec sleep 600 9>&-";
    let mut caller = caller(&witness, "setpriv --pdeathsig KILL", script);
    let mut stdin = caller.stdin.take().unwrap();
    let pid = witness.line().await.parse().unwrap();
    caller.kill().await.unwrap();
    crate::work::until_true(|| matches!(crate::work::state(pid), None | Some('Z'))).await;
    stdin.write_all(b"alive\n").await.unwrap();
    assert_eq!(witness.line().await, "alive");
    witness.rest().await;
}

/// The system closes the terminal of a caller that is gone, and sends SIGHUP to what is in front of it.
#[tokio::test]
async fn a_terminal_hangs_up_when_its_caller_is_killed() {
    let mut witness = Witness::new().await;
    let mut caller = caller(&witness, "terminal", "echo ready >&9; sleep 600");
    assert_eq!(witness.line().await, "ready");
    caller.kill().await.unwrap();
    assert_eq!(witness.rest().await, "");
}

/// A `wait` that is dropped anywhere can be called again.
#[tokio::test]
async fn dropped_anywhere_it_can_be_waited_for_again() {
    for suspensions in 0.. {
        assert!(suspensions < 1_000, "it has no end");
        let witness = Witness::new().await;
        let mut tied = Tied::spawn(witness.sh("sleep 600 & exit 3")).unwrap();
        let status = drop_at(tied.wait(), suspensions).await;
        assert_eq!(soon_on_real_time(tied.wait()).await.unwrap().code(), Some(3));
        assert_eq!(witness.rest().await, "");
        if status.is_some() {
            break;
        }
    }
}

/// A program may be sent a signal that it uses for itself, such as SIGUSR1. The shell that watches outlives each of
/// them, so SIGKILL of the caller ends the group.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn killed_after_any_other_signal_it_leaves_no_process() {
    let mut witness = Witness::new().await;
    // As above: the shell ignores SIGTERM a moment after its start.
    let script = "trap '' HUP INT QUIT USR1 USR2 PIPE ALRM TERM; group=$(ps -o pgid= -p $$); \
                  until grep -q 'SigIgn:.*[4-7c-f]...$' /proc/$((group))/status; do :; done; \
                  for signal in HUP INT QUIT USR1 USR2 PIPE ALRM; do kill -$signal 0; done; \
                  echo ready >&9; sleep 600";
    let mut caller = caller(&witness, "tied", script);
    assert_eq!(witness.line().await, "ready");
    caller.kill().await.unwrap();
    assert_eq!(witness.rest().await, "");
}
