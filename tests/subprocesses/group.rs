use std::io::ErrorKind;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use subprocesses::group::{How, ProcessGroup};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::time::timeout;

use crate::real_time::soon_on_real_time;
use crate::support::ms;
use crate::work::{Witness, sh, state, text, until_true};

/// asyncio: `wait_for(process.wait(), limit)`. Here the result also says how it ended.
#[tokio::test]
async fn in_time_it_ends_by_itself() {
    let mut group = ProcessGroup::spawn(sh("exit 3")).unwrap();
    let ended = soon_on_real_time(group.within(Duration::MAX, Duration::MAX)).await.unwrap();
    assert_eq!((ended.status.code(), ended.how), (Some(3), How::Itself));
}

/// asyncio: `terminate()` and a second `wait_for`, by hand. Here it gets SIGTERM, and may end in its own way.
#[tokio::test]
async fn at_the_limit_it_is_asked_first() {
    let mut witness = Witness::new().await;
    let mut group =
        ProcessGroup::spawn(witness.sh("trap 'exit 7' TERM; echo ready >&9; while :; do sleep 0.01; done"))
            .unwrap();
    assert_eq!(witness.line().await, "ready");
    let ended = soon_on_real_time(group.within(Duration::ZERO, Duration::MAX)).await.unwrap();
    assert_eq!((ended.status.code(), ended.how), (Some(7), How::Asked));
    assert_eq!(witness.rest().await, "");
}

/// asyncio: `kill()` after that. Here a process that ignores SIGTERM is killed after the grace period.
#[tokio::test]
async fn what_ignores_the_request_is_killed() {
    let mut witness = Witness::new().await;
    let mut group =
        ProcessGroup::spawn(witness.sh("trap '' TERM; echo ready >&9; sleep 600 & wait")).unwrap();
    assert_eq!(witness.line().await, "ready");
    let ended = soon_on_real_time(group.end(ms(20))).await.unwrap();
    assert_eq!((ended.status.signal(), ended.how), (Some(9), How::Killed));
    assert_eq!(witness.rest().await, "");
}

/// The program ends at once, and the processes that it has started have the whole grace period to clean up.
#[tokio::test]
async fn the_grace_is_for_the_whole_group() {
    let mut witness = Witness::new().await;
    // The word comes from a program without a trap. A forked process that has not begun its program still has the shell's trap,
    // and would ignore the signal.
    let job =
        "(trap 'sleep 0.03; echo saved >&9; exit' TERM; sh -c 'echo ready >&9; exec sleep 600' & wait) &
        exec sleep 600";
    let mut group = ProcessGroup::spawn(witness.sh(job)).unwrap();
    assert_eq!(witness.line().await, "ready");
    let ended = soon_on_real_time(group.end(ms(10_000))).await.unwrap();
    assert_eq!((ended.status.signal(), ended.how), (Some(15), How::Asked));
    assert_eq!(witness.rest().await, "saved\n");
}

/// The program ends at SIGTERM, but a process that it has started does not: the result is `Killed`.
#[tokio::test]
async fn what_it_has_started_is_killed_after_the_grace() {
    let mut witness = Witness::new().await;
    let job = "(trap '' TERM; echo ready >&9; sleep 600) & exec sleep 600";
    let mut group = ProcessGroup::spawn(witness.sh(job)).unwrap();
    assert_eq!(witness.line().await, "ready");
    let ended = soon_on_real_time(group.end(ms(20))).await.unwrap();
    assert_eq!((ended.status.signal(), ended.how), (Some(15), How::Killed));
    assert_eq!(witness.rest().await, "");
}

/// A process that has ended and is not reaped keeps its number. It counts as ended, because in some containers process 1
/// reaps nothing.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_has_ended_and_is_not_reaped_is_gone() {
    let mut group = ProcessGroup::spawn(sh("exec sleep 600")).unwrap();
    let leader = group.id().unwrap().try_into().unwrap();
    // Its parent is this program, which does not wait for it.
    let mut member = std::process::Command::new("sleep").arg("600").process_group(leader).spawn().unwrap();
    let ended = soon_on_real_time(group.end(Duration::MAX)).await.unwrap();
    assert_eq!((ended.status.signal(), ended.how), (Some(15), How::Asked));
    assert_eq!((state(member.id()), member.wait().unwrap().signal()), (Some('Z'), Some(15)));
}

/// asyncio: a background job lives on. Here it ends with the program.
#[tokio::test]
async fn what_is_left_at_the_end_is_killed() {
    let witness = Witness::new().await;
    let mut group = ProcessGroup::spawn(witness.sh("sleep 600 & exit 3")).unwrap();
    assert_eq!(soon_on_real_time(group.wait()).await.unwrap().code(), Some(3));
    assert_eq!(witness.rest().await, "");
}

/// asyncio: a `Process` that is dropped lives on. Here the whole group is killed.
#[tokio::test]
async fn dropped_it_takes_the_group_along() {
    let mut witness = Witness::new().await;
    let group = ProcessGroup::spawn(witness.sh("sleep 600 & echo ready >&9; sleep 600")).unwrap();
    assert_eq!(witness.line().await, "ready");
    drop(group);
    assert_eq!(witness.rest().await, "");
}

/// A stopped process keeps SIGTERM for later. It is woken, so that it can end in its own way.
#[tokio::test]
async fn a_stopped_program_is_woken_to_end() {
    let mut witness = Witness::new().await;
    let mut group =
        ProcessGroup::spawn(witness.sh("trap 'exit 7' TERM; echo ready >&9; kill -STOP $$")).unwrap();
    assert_eq!(witness.line().await, "ready");
    let pid = group.id().unwrap();
    until_true(|| state(pid) == Some('T')).await;
    let ended = soon_on_real_time(group.end(Duration::MAX)).await.unwrap();
    assert_eq!((ended.status.code(), ended.how), (Some(7), How::Asked));
}

/// asyncio: `send_signal` reaches the program. Here a signal also reaches all that the program has started.
#[tokio::test]
async fn a_signal_reaches_the_whole_group() {
    let mut witness = Witness::new().await;
    let listen = "trap 'echo heard >&9; exit' USR1; echo ready >&9; sleep 600 & wait";
    let mut group = ProcessGroup::spawn(witness.sh(&format!("({listen}) & {listen}"))).unwrap();
    assert_eq!((witness.line().await, witness.line().await), ("ready".into(), "ready".into()));
    group.signal(Signal::USR1).unwrap();
    // The end of one may cut off the other.
    assert_eq!(witness.line().await, "heard");
    soon_on_real_time(group.wait()).await.unwrap();
}

/// asyncio: `ProcessLookupError`, also when `wait` was not called yet. Here it is `NotFound`, and `id` is `None`.
#[tokio::test]
async fn after_the_end_a_signal_finds_nothing() {
    let mut group = ProcessGroup::spawn(sh("exit 0")).unwrap();
    assert!(group.id().is_some());
    soon_on_real_time(group.wait()).await.unwrap();
    assert_eq!(group.signal(Signal::TERM).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(group.id(), None);
    // A second wait has the same answer, and an end of what has ended is no error.
    assert!(soon_on_real_time(group.wait()).await.unwrap().success());
    assert_eq!(soon_on_real_time(group.end(Duration::ZERO)).await.unwrap().status.code(), Some(0));
}

/// A program that has ended but is not reaped still takes a signal: it is a zombie, and keeps its number.
#[tokio::test]
async fn a_zombie_takes_a_signal_and_keeps_its_status() {
    let mut group = ProcessGroup::spawn(sh("exit 3")).unwrap();
    let pid = group.id().unwrap();
    until_true(|| state(pid) == Some('Z')).await;
    group.signal(Signal::KILL).unwrap();
    assert_eq!(soon_on_real_time(group.wait()).await.unwrap().code(), Some(3));
    assert_eq!(state(pid), None);
}

/// asyncio reaps each child, by a thread or a pidfd. Tokio reaps a child that is waited for, and a dropped one later.
#[tokio::test]
async fn a_dropped_child_is_reaped_in_the_background() {
    let child = sh("exit 3").spawn().unwrap();
    let pid = child.id().unwrap();
    drop(child);
    until_true(|| state(pid).is_none()).await;
}

/// asyncio: `start_new_session=True`. A group is enough for signals; a session, which `setsid` makes, has no terminal.
#[tokio::test]
async fn a_program_leads_its_own_group() {
    let mut command = sh("ps -o pgid= -p $$");
    let mut group = ProcessGroup::spawn({
        command.stdout(Stdio::piped());
        command
    })
    .unwrap();
    let (id, mut said) = (group.id().unwrap(), String::new());
    group.stdout.take().unwrap().read_to_string(&mut said).await.unwrap();
    assert_eq!(said.trim(), id.to_string());

    let session =
        Command::new("setsid").args(["sh", "-c", "ps -o sid= -p $$; echo $$"]).output().await.unwrap();
    let said = text(session.stdout);
    let said: Vec<_> = said.split_whitespace().collect();
    assert_eq!(said[0], said[1]);
}

/// asyncio: `wait` leaves stdin open. Tokio's and this one close it, so that a program that reads it ends.
#[tokio::test]
async fn waiting_closes_stdin() {
    let mut command = Command::new("cat");
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    let mut group = ProcessGroup::spawn(command).unwrap();
    assert!(soon_on_real_time(group.wait()).await.unwrap().success());
    let mut command = Command::new("cat");
    command.stdin(Stdio::piped()).stdout(Stdio::null());
    let mut group = ProcessGroup::spawn(command).unwrap();
    // It closes at the request, which `cat` may see first.
    let ended = soon_on_real_time(group.end(Duration::MAX)).await.unwrap();
    assert_eq!(ended.how, How::Asked);
}

/// asyncio's docs warn about it: `wait` beside a full pipe never ends. If you read the pipe, it ends.
#[tokio::test]
async fn but_wait_beside_a_full_pipe_never_ends() {
    let mut child =
        Command::new("head").args(["-c", "1000000", "/dev/zero"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_u8().await.unwrap();
    // A pipe holds 65,536 bytes, so the other 900,000 are not written, and the program cannot have ended.
    assert!(child.try_wait().unwrap().is_none());
    let mut rest = Vec::new();
    let (status, read) =
        soon_on_real_time(async { tokio::join!(child.wait(), stdout.read_to_end(&mut rest)) }).await;
    assert_eq!((status.unwrap().code(), read.unwrap()), (Some(0), 999_999));
}

/// asyncio: `kill()` reaches the program alone. So does Tokio's `kill`: the processes that it has started live on.
#[tokio::test]
async fn but_a_plain_kill_leaves_the_grandchild() {
    let mut witness = Witness::new().await;
    let mut command = witness.sh("exec 8<&0; (read -r line <&8; echo $line >&9) & echo ready >&9; wait");
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    assert_eq!(witness.line().await, "ready");
    child.kill().await.unwrap();
    stdin.write_all(b"alive\n").await.unwrap();
    assert_eq!(witness.line().await, "alive");
}

/// asyncio: an expired `wait_for` leaves the program running. So does Tokio's `timeout`, without `kill_on_drop`.
#[tokio::test]
async fn but_a_plain_timeout_leaves_the_program() {
    let mut witness = Witness::new().await;
    let mut child = witness
        .sh("read -r line; echo $line >&9")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    assert!(timeout(Duration::ZERO, child.wait_with_output()).await.is_err());
    stdin.write_all(b"alive\n").await.unwrap();
    assert_eq!(witness.line().await, "alive");
}

/// asyncio: `returncode` is `None` while it runs, and is set by itself. Tokio: `try_wait` asks.
#[tokio::test]
async fn the_status_is_asked_for() {
    let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
    assert!(child.try_wait().unwrap().is_none());
    drop(child.stdin.take());
    until_true(|| child.try_wait().unwrap().is_some()).await;
    assert_eq!(child.try_wait().unwrap().unwrap().code(), Some(0));
}

/// The look at the group needs a blocking thread. While all of those are busy, its end is still seen.
#[test]
fn the_end_is_seen_while_all_blocking_threads_are_busy() {
    let ended = crate::real_time::soon_on_a_thread(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .max_blocking_threads(1)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut witness = Witness::new().await;
            let (free, busy) = std::sync::mpsc::channel::<()>();
            let busy = tokio::task::spawn_blocking(move || busy.recv().is_err());
            let job = "(trap 'sleep 0.1; exit' TERM; echo ready >&9; while :; do sleep 0.01; done) & \
                       trap 'exit 7' TERM; wait";
            let mut group = ProcessGroup::spawn(witness.sh(job)).unwrap();
            assert_eq!(witness.line().await, "ready");
            let ended = tokio::time::timeout(ms(10_000), group.end(Duration::MAX)).await;
            drop(free);
            assert!(busy.await.unwrap());
            ended
        })
    });
    assert_eq!(ended.expect("it ends").unwrap().how, How::Asked);
}
