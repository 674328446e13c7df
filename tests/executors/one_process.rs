//! Lessons of the pattern `one_process`.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;

use executors::one_process::{JobError, run};
use futures::future::try_join_all;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::real_time::soon_on_real_time;
use crate::work::process_pool::{Job, exists, exists_soon, file, runs, signal, worker};
use crate::work::{other_program, until};
use crate::worker::{FILE, group_of};

async fn one(job: Job) -> Result<Value, JobError> {
    soon_on_real_time(run(worker("one job"), &job)).await
}

/// Drops the work when the file exists.
async fn dropped_at<T>(path: &Path, work: impl Future<Output = T>) {
    let outcome = soon_on_real_time(async {
        tokio::select! {
            _ = work => "ended",
            () = exists_soon(path) => "dropped",
        }
    });
    assert_eq!(outcome.await, "dropped");
}

/// asyncio: a pool with `max_tasks_per_child=1` has a new process for each job. Here: so has each call.
#[tokio::test]
async fn each_job_has_a_process_and_none_is_left() {
    let (first, second) = (one(Job::Add(1, 2)).await.unwrap(), one(Job::Add(3, 4)).await.unwrap());
    assert_eq!((&first[0], &second[0]), (&json!(3), &json!(7)));
    assert_ne!(first[1], second[1]);
    until(|| !exists(&first[1]) && !exists(&second[1])).await;
}

/// asyncio: an exception of the job is raised by the await. Here: its text is the error.
#[tokio::test]
async fn an_error_of_the_job_is_its_text() {
    let error = one(Job::Fail).await.unwrap_err();
    assert_eq!(error.to_string(), "the job failed: the table is broken");
}

/// asyncio: a worker that dies is `BrokenProcessPool`. Here: an error with the status of the process.
#[tokio::test]
async fn a_crash_is_an_error_with_its_status() {
    let ways = [(Job::Exit(3), None, Some(3)), (Job::Abort, Some(6), None)];
    for (job, signal, code) in ways {
        let error = one(job).await.unwrap_err();
        let JobError::Crashed(status) = error else { panic!("{error:?}") };
        assert_eq!((status.signal(), status.code()), (signal, code));
    }
}

/// asyncio: a `timeout` leaves the worker at work. Here: it kills the process, and the programs that the job has started.
#[tokio::test]
async fn dropped_it_kills_the_process_and_its_programs() {
    let (_folder, path) = file();
    dropped_at(&path, run::<_, Value>(worker("one job"), &Job::WaitForProgram(path.clone()))).await;
    let program = fs::read_to_string(&path).unwrap();
    until(|| !runs(&program)).await;
}

/// The programs that a job leaves behind are killed at its normal end, too. asyncio: they live on.
#[tokio::test]
async fn its_normal_end_takes_its_programs_along() {
    let program = one(Job::LeaveProgram).await.unwrap();
    until(|| !runs(&program)).await;
}

/// The hazard: `kill_on_drop` kills only the child, and a program that the child has started lives on.
#[tokio::test]
async fn but_kill_on_drop_kills_the_child_alone() {
    let mut child = Command::new("sh");
    child.args(["-c", "sleep 1000 & echo $!; wait"]).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = child.spawn().unwrap();
    let mut line = tokio::io::BufReader::new(child.stdout.take().unwrap());
    let mut grandchild = String::new();
    soon_on_real_time(tokio::io::AsyncBufReadExt::read_line(&mut line, &mut grandchild)).await.unwrap();
    soon_on_real_time(child.kill()).await.unwrap();
    assert!(runs(grandchild.trim()));
    signal("-KILL", grandchild.trim());
}

/// The hazard: a program that was left behind holds stdout open, so `output` waits for it although the child has ended.
/// asyncio: so does `communicate`.
#[tokio::test]
async fn but_a_grandchild_holds_the_output_open() {
    let (_folder, path) = file();
    let mut command = Command::new("sh");
    // The child leaves the first program behind when it ends. The second reports that it has ended.
    command.args(["-c", r#"sleep 1000 & (while kill -0 $$; do :; done; echo $! >"$0.new"; mv "$0.new" "$0") 2>/dev/null & exit"#]);
    dropped_at(&path, command.arg(&path).output()).await;
    signal("-KILL", fs::read_to_string(&path).unwrap().trim());
}

/// The process leads a group of its own, so Ctrl-C at the terminal does not reach it. asyncio: Ctrl-C reaches each
/// worker.
#[tokio::test]
async fn it_leads_a_process_group() {
    let group = one(Job::ProcessGroup).await.unwrap();
    assert_ne!(group, group_of(std::process::id()));
}

/// A job's output is no part of its result, and its stdin is empty. asyncio: the same.
#[tokio::test]
async fn a_job_may_print_and_reads_an_empty_stdin() {
    assert_eq!(one(Job::Print("\"no result\"".to_owned())).await.unwrap(), 11);
    assert_eq!(one(Job::ReadStdin).await.unwrap(), "");
}

/// A job and a result that are larger than the buffers of the channel, both ways at once.
#[tokio::test]
async fn ten_megabytes_go_there_and_come_back() {
    let text = "a".repeat(10_000_000);
    assert_eq!(one(Job::Echo(text.clone())).await.unwrap(), text);
    // The reader is gone while the job is being sent: the error is the status, and not that of the channel.
    let error = soon_on_real_time(run::<_, Value>(Command::new("false"), &text)).await.unwrap_err();
    assert_eq!(error.to_string(), "the process died: exit status: 1");
}

/// A program that never calls `serve` does not start processes without end. asyncio: the `__main__` guard.
#[tokio::test]
async fn a_program_that_does_not_serve_is_refused() {
    let error = soon_on_real_time(run::<_, Value>(worker("a program that does not serve"), &7)).await;
    let Err(JobError::Crashed(status)) = error else { panic!("{error:?}") };
    assert_eq!(status.code(), Some(42), "its own call was refused");
}

/// A program that cannot be started, and a value that cannot be sent or read, are errors. asyncio: a `PicklingError`,
/// or a broken pool.
#[tokio::test]
async fn what_cannot_be_started_sent_or_read_is_an_error() {
    let missing = run::<_, Value>(Command::new("/no/such/program"), &7).await;
    assert!(matches!(missing, Err(JobError::Io(_))), "{missing:?}");
    let unsendable = std::collections::BTreeMap::from([(vec![1], 2)]);
    let unsendable = run::<_, Value>(Command::new("true"), &unsendable).await;
    assert!(matches!(unsendable, Err(JobError::Json(_))), "{unsendable:?}");
    let unreadable = soon_on_real_time(run::<_, u8>(worker("one job"), &Job::Echo("text".to_owned()))).await;
    assert!(matches!(unreadable, Err(JobError::Json(_))), "{unreadable:?}");
}

/// The hazard: each call is a process, so ten calls are ten processes at once. asyncio: `max_workers` is the limit.
#[tokio::test]
async fn but_ten_calls_are_ten_processes_at_once() {
    let (folder, _) = file();
    let path = |number: usize| folder.path().join(number.to_string());
    // Each waits for the next one, so all of them live at once.
    let jobs = (0..10).map(|number| one(Job::Meet(path(number), path((number + 1) % 10))));
    assert_eq!(try_join_all(jobs).await.unwrap().len(), 10);
}

/// The hazard: a panic is a crash with Rust's exit code, and its text is on stderr. asyncio: an exception of the job.
#[tokio::test]
async fn but_a_panic_is_a_crash() {
    let error = soon_on_real_time(run::<_, Value>(worker("one job that panics"), &7)).await.unwrap_err();
    assert_eq!(error.to_string(), "the process died: exit status: 101");
}

/// The hazard: JSON has no NaN. A NaN in an `Option` arrives as `None`, without an error. asyncio: pickle keeps it.
#[tokio::test]
async fn but_a_nan_arrives_as_nothing() {
    let number = run::<_, Option<f64>>(worker("one job that sends numbers back"), &Some(f64::NAN));
    assert_eq!(soon_on_real_time(number).await.unwrap(), None);
}

/// The hazard: the job does not notice that its program was killed. asyncio: a worker notices it, and ends after its
/// job.
#[tokio::test]
async fn but_a_killed_program_leaves_its_job_running() {
    let (_folder, path) = file();
    let mut program = Command::from(other_program("a program with one job that is killed"));
    let mut program = program.env(FILE, &path).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    exists_soon(&path).await;
    program.start_kill().unwrap();
    soon_on_real_time(program.wait()).await.unwrap();
    let its_program: u32 = fs::read_to_string(&path).unwrap().parse().unwrap();
    let job = group_of(its_program);
    assert!(runs(job) && runs(its_program));
    signal("-KILL", format!("-{job}"));
    until(|| !runs(job) && !runs(its_program)).await;
}

/// The hazard: a program in a group of its own is out of reach. asyncio: every program is.
#[tokio::test]
async fn but_a_program_in_another_group_lives_on() {
    let program = one(Job::StartProgram).await.unwrap();
    assert!(runs(&program));
    signal("-KILL", program);
}

/// Returns a shell that starts `holder`, which leaves the process group and has the channel, and then goes on with
/// `then`.
fn leaves_behind(path: &Path, holder: &str, then: &str) -> Command {
    let holder = format!(r#"echo $$ >"$0.new"; mv "$0.new" "$0"; exec {holder}"#);
    let script =
        format!(r#"exec 3<&0; setsid sh -c '{holder}' "$0" & until test -e "$0"; do :; done; {then}"#);
    let mut command = Command::new("sh");
    command.args(["-c", &script]).arg(path).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// A process that has left the group holds the channel open. asyncio: a worker's end is seen by its process, too.
#[tokio::test]
async fn a_crash_is_seen_though_its_channel_is_still_open() {
    let (_folder, path) = file();
    // Larger than the buffers of the channel: no process reads it.
    let job = "a".repeat(1_000_000);
    let crashes = run::<_, u8>(leaves_behind(&path, "sleep 1000", "kill -ABRT $$"), &job);
    let error = soon_on_real_time(crashes).await.unwrap_err();
    signal("-KILL", fs::read_to_string(&path).unwrap().trim());
    let JobError::Crashed(status) = error else { panic!("{error:?}") };
    assert_eq!(status.signal(), Some(6));
}

/// What the process has written before its end counts, whichever process holds the channel after that.
#[tokio::test]
async fn a_result_is_read_though_its_channel_is_still_open() {
    let (_folder, path) = file();
    let answers = run::<_, u8>(leaves_behind(&path, "sleep 1000", r#"printf '{"Ok":8}' >&3"#), &7);
    let result = soon_on_real_time(answers).await;
    signal("-KILL", fs::read_to_string(&path).unwrap().trim());
    assert_eq!(result.unwrap(), 8);
}

/// A process that has left the group writes without an end: the end of the job's process counts.
#[tokio::test]
async fn a_flood_of_another_process_does_not_hide_the_end() {
    let (_folder, path) = file();
    let flooded = run::<_, u8>(leaves_behind(&path, "yes >&3", "exit 0"), &7);
    let result = soon_on_real_time(flooded).await;
    signal("-KILL", fs::read_to_string(&path).unwrap().trim());
    assert!(matches!(result, Err(JobError::Json(_))), "{result:?}");
}
