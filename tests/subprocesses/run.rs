use std::fs::{File, OpenOptions, Permissions, read_link};
use std::io::{ErrorKind, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Output, Stdio};
use std::time::Duration;

use rustix::io::{FdFlags, fcntl_setfd};
use subprocesses::run::{OutputError, checked, returncode, run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::time::timeout;

use crate::real_time::soon_on_real_time;
use crate::work::{MEGA, Witness, sh, text};

const KILO: usize = 1_000;

/// Runs a program to its end, with a limit of a megabyte.
async fn ran(command: Command) -> Output {
    soon_on_real_time(run(command, MEGA)).await.unwrap()
}

/// Returns the text on stdout, without the last newline.
async fn said(command: Command) -> String {
    text(ran(command).await.stdout).trim_end().to_owned()
}

/// asyncio: `communicate` returns both texts, and `returncode` is set. Here all three are one `Output`.
#[tokio::test]
async fn output_errors_and_status_are_collected() {
    let output = ran(sh("echo out; echo err >&2; exit 3")).await;
    assert_eq!((output.stdout, output.stderr), (b"out\n".to_vec(), b"err\n".to_vec()));
    assert_eq!(returncode(output.status), 3);
}

/// asyncio: `returncode` is -9. Tokio: `code()` is `None`, and `signal()` is 9.
#[tokio::test]
async fn a_signal_is_a_negative_returncode() {
    for signal in [9, 15] {
        let status = ran(sh(&format!("kill -{signal} $$"))).await.status;
        assert_eq!((status.code(), status.signal(), returncode(status)), (None, Some(signal), -signal));
    }
}

/// asyncio has no `check=True`; `subprocess.run` has, and raises `CalledProcessError`. Here the message has a reason.
#[tokio::test]
async fn a_failure_is_an_error_where_it_is_wanted() {
    let failed = checked(ran(sh("echo no such table >&2; exit 3")).await).unwrap_err();
    assert_eq!(failed.to_string(), "exit status: 3: no such table");
    let failed = checked(ran(sh("kill -9 $$")).await).unwrap_err();
    assert_eq!(failed.to_string(), "signal: 9 (SIGKILL)");
    assert_eq!(checked(ran(sh("echo fine")).await).unwrap().stdout, b"fine\n");
}

/// asyncio: a program inherits stdin unless `stdin=DEVNULL`, and may take the caller's input. Here stdin is empty.
#[tokio::test]
async fn the_program_reads_an_empty_stdin() {
    assert_eq!(said(sh("cat; echo the end")).await, "the end");
}

/// `std`'s `output()` gives the program an empty stdin. With Tokio's `output()` it inherits ours.
#[tokio::test]
async fn but_plain_output_inherits_stdin() {
    let ours = read_link("/proc/self/fd/0").unwrap();
    let output = Command::new("readlink").arg("/proc/self/fd/0").output().await.unwrap();
    assert_eq!(text(output.stdout).trim_end(), ours.to_str().unwrap());
}

/// asyncio: `communicate` collects until memory is used up. Here `yes` is killed at the limit, and the error has the text so far.
#[tokio::test]
async fn more_than_the_limit_ends_the_program() {
    let error = soon_on_real_time(run(Command::new("yes"), KILO)).await.unwrap_err();
    assert_eq!(error.to_string(), "it has written more than 1000 bytes");
    let OutputError::TooMuch { stdout, stderr, .. } = error else { panic!("{error}") };
    assert_eq!((stdout, stderr), (b"y\n".repeat(KILO / 2), Vec::new()));
}

/// The limit applies to stdout and to stderr, and exactly that many bytes are allowed.
#[tokio::test]
async fn the_limit_is_for_each_of_the_two() {
    let both = "head -c 1000 /dev/zero; head -c 1000 /dev/zero >&2";
    let output = soon_on_real_time(run(sh(both), KILO)).await.unwrap();
    assert_eq!((output.stdout.len(), output.stderr.len()), (KILO, KILO));
    let error = soon_on_real_time(run(sh("head -c 1001 /dev/zero >&2"), KILO)).await.unwrap_err();
    assert!(matches!(error, OutputError::TooMuch { stderr, .. } if stderr.len() == KILO));
}

/// Tokio: `output()` collects whatever comes, as `communicate` does.
#[tokio::test]
async fn but_plain_output_has_no_limit() {
    let output = Command::new("head").args(["-c", "10000000", "/dev/zero"]).output().await.unwrap();
    assert_eq!(output.stdout.len(), 10 * MEGA);
}

/// asyncio: `communicate` waits until a background job has closed stdout, too. Here the job is killed with its group.
#[tokio::test]
async fn a_background_job_is_killed_at_the_end() {
    let witness = Witness::new().await;
    let output = ran(witness.sh("sleep 600 & echo started")).await;
    assert_eq!(output.stdout, b"started\n");
    assert_eq!(witness.rest().await, "");
}

/// asyncio's `communicate` and Tokio's `output()`: a background job holds stdout open, and both wait for it.
#[tokio::test]
async fn but_plain_output_waits_for_a_background_job() {
    let mut witness = Witness::new().await;
    let mut command = witness.sh("exec 8<&0; (read -r line <&8; echo late) & echo early; echo \"$$\" >&9");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let stdin = child.stdin.take();
    witness.line().await;
    child.wait().await.unwrap();
    // The program has ended, and its job writes what `output` still waits for.
    drop(stdin);
    assert_eq!(text(child.wait_with_output().await.unwrap().stdout), "early\nlate\n");
}

/// A process that has left the group lives on and may hold stdout open. Here the caller does not wait for it.
#[tokio::test]
async fn a_daemon_that_holds_stdout_is_not_waited_for() {
    let mut witness = Witness::new().await;
    let folder = tempfile::tempdir().unwrap();
    let go = folder.path().join("go");
    assert!(Command::new("mkfifo").arg(&go).status().await.unwrap().success());
    let daemon =
        "setsid sh -c 'exec 9>\"$WITNESS\"; echo $$ >&9; exec sleep 600' & read -r go <\"$GO\"; echo done";
    let mut command = sh(daemon);
    command.env("WITNESS", witness.path()).env("GO", &go);
    let running = tokio::spawn(ran(command));
    let open = move || OpenOptions::new().write(true).open(go);
    let mut opened = soon_on_real_time(tokio::task::spawn_blocking(open)).await.unwrap().unwrap();
    let pid = witness.line().await;
    opened.write_all(b"go\n").unwrap();
    assert_eq!(running.await.unwrap().stdout, b"done\n");
    // It lives: it holds the witness until it is killed.
    assert!(Command::new("kill").arg(&pid).status().await.unwrap().success());
    witness.rest().await;
}

/// asyncio and here: the end of the program counts, and not the end of its stdout.
#[tokio::test]
async fn a_program_may_close_stdout_and_live_on() {
    let output = ran(sh("echo first; exec >&- 2>&-; sleep 0.05; exit 5")).await;
    assert_eq!((text(output.stdout).as_str(), returncode(output.status)), ("first\n", 5));
}

/// asyncio: `FileNotFoundError`, `PermissionError`. Here they are errors of the start, distinct from a failure.
#[tokio::test]
async fn what_cannot_start_is_an_error_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script");
    std::fs::write(&script, "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(&script, Permissions::from_mode(0o644)).unwrap();
    for (program, kind) in
        [("no-such-program".as_ref(), ErrorKind::NotFound), (script.as_path(), ErrorKind::PermissionDenied)]
    {
        match run(Command::new(program), MEGA).await {
            Err(OutputError::Start(error)) => assert_eq!(error.kind(), kind),
            other => panic!("{other:?}"),
        }
    }
}

/// asyncio: `OSError` 26, `Text file busy`. Linux starts no file that a process has open to write. Between its fork and its
/// exec, each program that another thread starts has it, too: the file may be busy although this program has closed it.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn but_a_file_that_is_still_written_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script");
    let mut file = File::create(&script).unwrap();
    file.write_all(b"#!/bin/sh\necho started\n").unwrap();
    file.set_permissions(Permissions::from_mode(0o755)).unwrap();
    // It has the file for as long as it runs; a fork has it for a moment.
    let mut holder = Command::new("cat").stdin(Stdio::piped()).stdout(file).spawn().unwrap();
    let error = Command::new(&script).spawn().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ExecutableFileBusy);
    // A shell reads the file, which is always possible.
    let mut command = Command::new("sh");
    command.arg(&script);
    assert_eq!(said(command).await, "started");
    // Where it has to be started, try again: all others come to their exec.
    assert!(soon_on_real_time(holder.wait()).await.unwrap().success());
    let started = async {
        loop {
            match run(Command::new(&script), MEGA).await {
                Err(OutputError::Start(busy)) if busy.kind() == ErrorKind::ExecutableFileBusy => {
                    tokio::task::yield_now().await;
                }
                ended => return ended.unwrap().stdout,
            }
        }
    };
    assert_eq!(soon_on_real_time(started).await, b"started\n");
}

/// asyncio names the folder in its `FileNotFoundError`. Tokio's error is the same as for a missing program.
#[tokio::test]
async fn but_a_missing_folder_looks_like_a_missing_program() {
    let mut command = Command::new("true");
    command.current_dir("/no/such/folder");
    let error = command.spawn().unwrap_err();
    assert_eq!(error.to_string(), Command::new("no-such-program").spawn().unwrap_err().to_string());
}

/// `create_subprocess_exec`: no shell looks at the arguments, so nothing is quoted.
#[tokio::test]
async fn arguments_are_passed_as_they_are() {
    let mut command = Command::new("printf");
    command.args(["%s|", "two words", "$HOME; exit 1", "*"]);
    assert_eq!(said(command).await, "two words|$HOME; exit 1|*|");
}

/// `create_subprocess_shell` and `shell=True`: a value in the text of a command is code. Pass it as an argument.
#[tokio::test]
async fn but_a_value_in_a_shell_command_is_code() {
    let name = "file; echo owned";
    assert_eq!(said(sh(&format!("echo {name}"))).await, "file\nowned");
    let mut command = sh("echo \"$1\"");
    command.args(["sh", name]);
    assert_eq!(said(command).await, name);
}

/// `env=` replaces all variables: that is `env_clear` and `envs`. `env` alone adds one.
#[tokio::test]
async fn variables_are_added_or_replaced() {
    let mut command = Command::new("env");
    command.env_clear().env("ONE", "1");
    assert_eq!(said(command).await, "ONE=1");
    let mut command = sh("echo $ONE; test -n \"$PATH\" && echo and PATH");
    command.env("ONE", "1");
    assert_eq!(said(command).await, "1\nand PATH");
}

/// `cwd=` is `current_dir`.
#[tokio::test]
async fn a_program_runs_in_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("pwd");
    command.current_dir(folder.path());
    assert_eq!(said(command).await, folder.path().canonicalize().unwrap().to_str().unwrap());
}

/// `preexec_fn` is unsafe in Rust. A small program that starts yours does its work: `nice`, `sh`, `setpriv`.
#[tokio::test]
async fn what_preexec_fn_did_a_program_does() {
    let mut command = Command::new("nice");
    command.args(["-n", "5", "nice"]);
    assert_eq!(said(command).await, "5");
    let mut command = sh("umask 077; ulimit -n 32; exec \"$@\"");
    command.args(["sh", "sh", "-c", "umask; ulimit -n"]);
    assert_eq!(said(command).await, "0077\n32");
}

/// `close_fds=True` is the default in Python and in Rust: no descriptor of ours is inherited. `pass_fds` clears that flag.
/// Then every program that starts inherits the descriptor, until it is closed. As stdin, only one program gets it.
#[tokio::test]
async fn a_descriptor_is_passed_on_request_alone() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"passed on").unwrap();
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let read = || {
        let mut command = sh("test -e $1 && cat $1 || echo not there");
        command.args(["sh", &path]);
        command
    };
    assert_eq!(said(read()).await, "not there");
    fcntl_setfd(&file, FdFlags::empty()).unwrap();
    // By that path, Linux opens it from its beginning.
    assert_eq!(said(read()).await, "passed on");
}

/// `stdin=file, stdout=file`: a file needs no pipe, and no task that copies.
#[tokio::test]
async fn a_file_can_be_stdin_and_stdout() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    std::fs::write(&from, "b\na\n").unwrap();
    let mut command = Command::new("sort");
    command.stdin(File::open(from).unwrap()).stdout(File::create(&to).unwrap());
    assert!(command.status().await.unwrap().success());
    assert_eq!(std::fs::read_to_string(to).unwrap(), "a\nb\n");
}

/// asyncio: a cancelled `communicate` leaves the program running. Here it is killed, with all that it has started.
#[tokio::test]
async fn a_dropped_run_kills_the_group() {
    let mut witness = Witness::new().await;
    let running = tokio::spawn(run(witness.sh("sleep 600 & echo ready >&9; sleep 600"), MEGA));
    assert_eq!(witness.line().await, "ready");
    running.abort();
    assert_eq!(witness.rest().await, "");
}

/// asyncio: a coroutine that is never awaited starts nothing. Tokio's `output()` and `status()` start the program when they
/// are called; `run` starts it at its first poll.
#[tokio::test]
async fn but_plain_output_starts_before_its_await() {
    let mut witness = Witness::new().await;
    drop(run(witness.sh("echo run >&9"), MEGA));
    drop(witness.sh("echo output >&9").output());
    assert_eq!(witness.line().await, "output");
    assert_eq!(witness.rest().await, "");
}

/// asyncio: a cancelled `create_subprocess_exec` kills what it has started. Tokio's `spawn` never waits: a task that is
/// aborted later has a `Child`, and its drop leaves the program, without `kill_on_drop`.
#[tokio::test]
async fn but_a_plain_spawn_outlives_its_caller() {
    let mut witness = Witness::new().await;
    let mut command = witness.sh("echo ready >&9; read -r line; echo $line >&9");
    let (reader, mut stdin) = tokio::net::unix::pipe::pipe()
        .map(|(sender, reader)| (reader.into_blocking_fd().unwrap(), sender))
        .unwrap();
    command.stdin(reader);
    let caller = tokio::spawn(async move { command.spawn()?.wait().await });
    assert_eq!(witness.line().await, "ready");
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    stdin.write_all(b"alive\n").await.unwrap();
    assert_eq!(witness.line().await, "alive");
}

/// asyncio 3.11: a cancelled `communicate` loses what it has read. So does Tokio's `wait_with_output`, and the child.
/// Read into a buffer that outlives the limit: what came stays, and the reading can go on.
#[tokio::test]
async fn but_plain_output_that_is_dropped_loses_what_came() {
    let mut witness = Witness::new().await;
    let start = async |witness: &mut Witness| {
        let mut command = witness.sh("echo first; echo ready >&9; read -r line; echo second");
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        assert_eq!(witness.line().await, "ready");
        child
    };
    let limit = Duration::from_millis(10);
    let mut child = start(&mut witness).await;
    let _open = child.stdin.take();
    assert!(timeout(limit, child.wait_with_output()).await.is_err());

    let (mut child, mut read) = (start(&mut witness).await, Vec::new());
    let mut stdout = child.stdout.take().unwrap();
    assert!(timeout(limit, stdout.read_to_end(&mut read)).await.is_err());
    assert_eq!(read, b"first\n");
    drop(child.stdin.take());
    soon_on_real_time(stdout.read_to_end(&mut read)).await.unwrap();
    assert_eq!(read, b"first\nsecond\n");
    assert!(soon_on_real_time(child.wait()).await.unwrap().success());
}

/// Half a line and bytes that are not text are collected unchanged.
#[tokio::test]
async fn bytes_are_collected_as_they_are() {
    assert_eq!(ran(sh("printf 'half\\377\\000'")).await.stdout, b"half\xff\0");
}

/// A process that has left the group fills the pipe without an end: the end of the program counts.
#[tokio::test]
async fn a_flood_of_a_daemon_does_not_hide_the_end() {
    const MUCH: usize = 300 * MEGA;
    let folder = tempfile::tempdir().unwrap();
    let mut command =
        sh("for name in one other; do setsid sh -c 'echo $$ >\"$0\"; exec yes' \"$FLOOD/$name\" & done; \
         until test -s \"$FLOOD/one\" && test -s \"$FLOOD/other\"; do :; done; exit 3");
    command.env("FLOOD", folder.path());
    let result = soon_on_real_time(run(command, MUCH)).await;
    for name in ["one", "other"] {
        let pid = std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(Command::new("kill").arg(pid.trim()).status().await.unwrap().success());
    }
    assert_eq!(returncode(result.unwrap().status), 3);
}
