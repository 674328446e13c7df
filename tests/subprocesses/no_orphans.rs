use std::io::ErrorKind;
use std::process::Stdio;

use rustix::process::Signal;
use subprocesses::no_orphans::Tied;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use crate::real_time::soon_on_real_time;
use crate::support::panics;
use crate::work::{JOB, Witness, sh, state};

/// asyncio: a cancelled task leaves its program running. Here the program is killed, with all that it has started.
#[tokio::test]
async fn a_cancelled_caller_leaves_no_process() {
    let mut witness = Witness::new().await;
    let mut tied = Tied::spawn(witness.sh(JOB)).unwrap();
    let caller = tokio::spawn(async move { tied.wait().await });
    assert_eq!(witness.line().await, "ready");
    caller.abort();
    assert_eq!(witness.rest().await, "");
}

/// asyncio: an exception in the task that holds the `Process` leaves it running. Here a panic does not.
#[tokio::test]
async fn a_panic_leaves_no_process() {
    let mut witness = Witness::new().await;
    let tied = Tied::spawn(witness.sh(JOB)).unwrap();
    assert_eq!(witness.line().await, "ready");
    let caller = tokio::spawn(async move {
        let _tied = tied;
        panics::<()>("in the caller")
    });
    assert!(caller.await.unwrap_err().is_panic());
    assert_eq!(witness.rest().await, "");
}

/// At the program's own end, the processes that it has started are killed, and so is the shell that watches.
#[tokio::test]
async fn the_end_leaves_no_process() {
    let witness = Witness::new().await;
    let mut tied = Tied::spawn(witness.sh("sleep 600 & exit 3")).unwrap();
    assert_eq!(soon_on_real_time(tied.wait()).await.unwrap().code(), Some(3));
    assert_eq!(witness.rest().await, "");
    assert_eq!((tied.id(), tied.signal(Signal::KILL).unwrap_err().kind()), (None, ErrorKind::NotFound));
    assert_eq!(soon_on_real_time(tied.wait()).await.unwrap().code(), Some(3));
}

/// A signal reaches the program. The shell that watches ignores it, and still kills the group at the end.
#[tokio::test]
async fn a_signal_reaches_the_program_and_not_its_guard() {
    let mut witness = Witness::new().await;
    let job = "(trap '' TERM; sleep 600) & trap 'exit 7' TERM; echo ready >&9; wait";
    let mut tied = Tied::spawn(witness.sh(job)).unwrap();
    assert_eq!(witness.line().await, "ready");
    tied.signal(Signal::TERM).unwrap();
    assert_eq!(soon_on_real_time(tied.wait()).await.unwrap().code(), Some(7));
    assert_eq!(witness.rest().await, "");
}

/// Even if the shell that watches was killed, the end of the program leaves no process.
#[tokio::test]
async fn the_end_leaves_no_process_without_a_guard() {
    let witness = Witness::new().await;
    let script = "kill -9 $(ps -o pgid= -p $$); sleep 600 & exit 3";
    let mut tied = Tied::spawn(witness.sh(script)).unwrap();
    assert_eq!(soon_on_real_time(tied.wait()).await.unwrap().code(), Some(3));
    assert_eq!(witness.rest().await, "");
}

/// Its pipes are the program's, and waiting closes stdin.
#[tokio::test]
async fn its_pipes_are_those_of_the_program() {
    let mut cat = Command::new("cat");
    cat.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut tied = Tied::spawn(cat).unwrap();
    tied.stdin.as_mut().unwrap().write_all(b"hello").await.unwrap();
    let mut stdout = tied.stdout.take().unwrap();
    let mut output = String::new();
    let (status, read) =
        soon_on_real_time(async { tokio::join!(tied.wait(), stdout.read_to_string(&mut output)) }).await;
    assert_eq!((status.unwrap().code(), read.unwrap(), output.as_str()), (Some(0), 5, "hello"));
}

/// When the program does not start, the shell that would watch it is killed.
#[tokio::test]
async fn a_program_that_does_not_start_leaves_nothing() {
    let error = Tied::spawn(Command::new("no-such-program")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

/// asyncio's docs: `preexec_fn` with `PR_SET_PDEATHSIG`. Without unsafe code `setpriv` does it, for the program alone.
#[tokio::test]
async fn but_a_death_signal_follows_the_thread() {
    let mut witness = Witness::new().await;
    let script = witness.script("echo ready >&9; exec sleep 600");
    let path = witness.path().clone();
    let (end, may_end) = std::sync::mpsc::channel::<()>();
    // Linux sends it already when the thread ends that has started the program.
    let thread = std::thread::spawn(move || {
        let mut command = std::process::Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "sh", "-c", &script]).env("WITNESS", path);
        let child = command.spawn().unwrap();
        let _ended = may_end.recv();
        child
    });
    assert_eq!(witness.line().await, "ready");
    drop(end);
    let mut child = thread.join().unwrap();
    assert_eq!(witness.rest().await, "");
    assert!(!child.wait().unwrap().success());
}

/// asyncio: after SIGKILL of the caller, the system reaps its programs. Here Tokio or process 1 reaps a killed group.
#[tokio::test]
async fn a_dropped_guard_is_reaped() {
    let tied = Tied::spawn(sh("sleep 600")).unwrap();
    let pid = tied.id().unwrap();
    drop(tied);
    crate::work::until_true(|| state(pid).is_none()).await;
}
