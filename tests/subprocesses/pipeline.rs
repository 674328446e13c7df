use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};

use subprocesses::pipeline::{Pipeline, worst};
use subprocesses::run::returncode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use crate::real_time::soon_on_real_time;
use crate::work::{Witness, sh, text};

/// Its stdout and its statuses, as asyncio has them.
async fn all<const N: usize>(mut commands: [Command; N]) -> (String, Vec<i32>) {
    commands[N - 1].stdout(Stdio::piped());
    let mut pipeline = Pipeline::spawn(commands).unwrap();
    let mut output = Vec::new();
    soon_on_real_time(pipeline.stdout.take().unwrap().read_to_end(&mut output)).await.unwrap();
    let statuses = soon_on_real_time(pipeline.wait()).await.unwrap();
    (text(output), statuses.into_iter().map(returncode).collect())
}

/// asyncio: `os.pipe()` between each two, and both ends closed by hand. Here three programs are connected.
#[tokio::test]
async fn three_programs_are_connected() {
    let (output, statuses) =
        all([sh("printf 'b\\na\\nb\\n'"), Command::new("sort"), Command::new("uniq")]).await;
    assert_eq!((output.as_str(), statuses), ("a\nb\n", vec![0, 0, 0]));
}

/// One program is a pipeline too. No program is a pipeline that has ended.
#[tokio::test]
async fn a_pipeline_may_have_one_program_or_none() {
    assert_eq!(all([sh("echo alone")]).await, ("alone\n".to_owned(), vec![0]));
    let mut none = Pipeline::spawn([]).unwrap();
    assert_eq!(none.wait().await.unwrap(), []);
}

/// A shell reports the last status only. Here each has its own, and `worst` is what `pipefail` reports.
#[tokio::test]
async fn each_program_has_its_status() {
    let (_, statuses) = all([sh("exit 3"), sh("exit 4"), sh("cat")]).await;
    assert_eq!(statuses, [3, 4, 0]);
    let statuses: Vec<_> = [3, 4, 0].map(|code| ExitStatus::from_raw(code << 8)).into();
    assert_eq!(worst(&statuses).unwrap().code(), Some(4));
    assert_eq!((worst(&statuses[2..]).unwrap().code(), worst(&[])), (Some(0), None));
}

/// asyncio restores SIGPIPE in its children (`restore_signals`). So does Rust: `yes` ends when `head` has enough.
#[tokio::test]
async fn what_nothing_reads_ends_by_sigpipe() {
    let mut head = Command::new("head");
    head.args(["-n", "1"]);
    assert_eq!(all([Command::new("yes"), head]).await, ("y\n".to_owned(), vec![-13, 0]));
}

/// The first stdin and the last stdout are ours. The data between the programs never comes through this program.
#[tokio::test]
async fn the_ends_are_ours() {
    let (mut tr, mut cat) = (Command::new("tr"), Command::new("cat"));
    tr.args(["a-z", "A-Z"]).stdin(Stdio::piped());
    cat.stdout(Stdio::piped());
    let mut pipeline = Pipeline::spawn([tr, cat]).unwrap();
    let mut stdin = pipeline.stdin.take().unwrap();
    stdin.write_all(b"hello").await.unwrap();
    drop(stdin);
    let mut output = String::new();
    soon_on_real_time(pipeline.stdout.take().unwrap().read_to_string(&mut output)).await.unwrap();
    assert_eq!(output, "HELLO");
    // Waiting closes a pipe that was not taken.
    let mut cat = Command::new("cat");
    cat.stdin(Stdio::piped());
    assert_eq!(soon_on_real_time(Pipeline::spawn([cat]).unwrap().wait()).await.unwrap().len(), 1);
}

/// asyncio: those that have started live on. Here they are killed.
#[tokio::test]
async fn when_one_does_not_start_the_others_are_killed() {
    let witness = Witness::new().await;
    let commands = [witness.sh("sleep 600"), witness.sh("sleep 600"), Command::new("no-such-program")];
    assert_eq!(Pipeline::spawn(commands).unwrap_err().kind(), ErrorKind::NotFound);
    // The programs may not have opened the witness yet, and then it has no end to wait for.
    assert!(witness.sh("true").status().await.unwrap().success());
    assert_eq!(witness.rest().await, "");
}

/// asyncio: a background job lives on. Here the processes that the programs have started end when all programs have ended.
#[tokio::test]
async fn what_they_have_started_is_killed_at_the_end() {
    let witness = Witness::new().await;
    let mut pipeline = Pipeline::spawn([witness.sh("sleep 600 & exit 3"), Command::new("true")]).unwrap();
    let statuses = soon_on_real_time(pipeline.wait()).await.unwrap();
    assert_eq!(statuses.into_iter().map(returncode).collect::<Vec<_>>(), [3, 0]);
    assert_eq!(witness.rest().await, "");
}

/// The programs are one group: dropping the pipeline kills all that they have started, too.
#[tokio::test]
async fn dropped_it_takes_all_of_them_along() {
    let mut witness = Witness::new().await;
    let job = "sleep 600 & echo ready >&9; sleep 600";
    let pipeline = Pipeline::spawn([witness.sh(job), witness.sh(job), witness.sh(job)]).unwrap();
    for _ in 0..3 {
        assert_eq!(witness.line().await, "ready");
    }
    drop(pipeline);
    assert_eq!(witness.rest().await, "");
}

/// A first program that ends before the next one starts still leads the group that the next one joins.
#[tokio::test]
async fn a_first_program_may_end_at_once() {
    for _ in 0..20 {
        assert_eq!(all([Command::new("true"), sh("cat; echo end")]).await, ("end\n".to_owned(), vec![0, 0]));
    }
}
