use std::os::unix::process::ExitStatusExt;

use subprocesses::run::{RunError, returncode, run};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::spawn_blocking;

use crate::real_time::{soon_on_a_thread, soon_on_real_time};
use crate::tools::drop_at;
use crate::work::{JOB, Witness, sh};

const IGNORES: &str = "IGNORES_ITS_CHILDREN";

/// Dropped anywhere, no process of the group is left.
#[tokio::test]
async fn dropped_anywhere_no_process_is_left() {
    for suspensions in 0.. {
        assert!(suspensions < 1_000, "it has no end");
        let witness = Witness::new().await;
        let command = witness.sh("sleep 600 & echo one; echo two >&2; exit 3");
        let output = drop_at(run(command, 100), suspensions).await;
        // It may have been dropped before the script had the witness: then this is the first to have it.
        assert!(witness.sh("true").status().await.unwrap().success());
        assert_eq!(witness.rest().await, "");
        if let Some(output) = output {
            let output = output.unwrap();
            assert_eq!((&output.stdout[..], &output.stderr[..]), (&b"one\n"[..], &b"two\n"[..]));
            break;
        }
    }
}

/// 40 megabytes, 20 to each of the two, are all there.
#[tokio::test]
async fn much_output_is_collected_whole() {
    let script = "head -c 20000000 /dev/zero; head -c 20000000 /dev/zero >&2";
    let output = soon_on_real_time(run(sh(script), 20_000_000)).await.unwrap();
    assert_eq!((output.stdout.len(), output.stderr.len()), (20_000_000, 20_000_000));
    let error = soon_on_real_time(run(sh(script), 19_999_999)).await.unwrap_err();
    assert!(matches!(error, RunError::TooMuch { stdout, .. } if stdout.len() == 19_999_999));
}

/// Text that a program writes right before its end is never lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_words_are_there() {
    for number in 0..100 {
        let script = format!("sleep 600 & printf {number}; printf {number} >&2; kill -9 $$");
        let output = soon_on_real_time(run(sh(&script), 100)).await.unwrap();
        let said = number.to_string().into_bytes();
        assert_eq!((output.stdout, output.stderr), (said.clone(), said));
        assert_eq!(output.status.signal(), Some(9));
    }
}

/// The caller of the lesson below, which starts this one alone, in a process that ignores SIGCHLD.
#[tokio::test]
async fn a_caller_that_ignores_its_children() {
    let Ok(then) = std::env::var(IGNORES) else { return };
    // A program that listens for a signal no longer ignores it.
    let _listens = (then == "and listens").then(|| signal(SignalKind::child()).unwrap());
    let ended = soon_on_real_time(run(sh("echo hello; exit 3"), 100)).await;
    match &then[..] {
        "and listens" => assert_eq!(returncode(ended.unwrap().status), 3),
        _ => assert!(matches!(ended, Err(RunError::Io(error)) if error.raw_os_error() == Some(10))),
    }
}

/// asyncio: a warning, and `returncode` is 255, where the program has inherited that SIGCHLD is ignored. Tokio: `wait` fails
/// with ECHILD, and `run` loses the output. `signal(SignalKind::child())` at the start of `main` prevents that.
#[cfg(target_os = "linux")]
#[test]
fn but_an_ignored_child_signal_loses_the_status() {
    for then in ["", "and listens"] {
        let mut command = std::process::Command::new("env");
        command.arg("--ignore-signal=CHLD").arg(std::env::current_exe().unwrap());
        command.args(["--exact", "run::a_caller_that_ignores_its_children"]).env(IGNORES, then);
        let output = soon_on_a_thread(move || command.output().unwrap());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

/// asyncio: the end of `asyncio.run` waits for cancelled tasks, and could hang with their programs. Here the end of a runtime
/// drops them, and no program is left.
#[tokio::test]
async fn the_end_of_a_runtime_leaves_no_program() {
    let mut witness = Witness::new().await;
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for _ in 0..20 {
        runtime.spawn(run(witness.sh(JOB), 100));
    }
    for _ in 0..20 {
        assert_eq!(witness.line().await, "ready");
    }
    soon_on_real_time(spawn_blocking(move || drop(runtime))).await.unwrap();
    assert_eq!(witness.rest().await, "");
}
