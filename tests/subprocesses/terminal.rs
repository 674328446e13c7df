use std::os::unix::process::ExitStatusExt;

use subprocesses::run::run;
use subprocesses::terminal::{Size, Terminal, command};
use tokio::process::Command;
use tokio::time::timeout;

use crate::real_time::soon_on_real_time;
use crate::support::ms;
use crate::work::{Witness, sh, state, text, until_true};

const SIZE: Size = Size { rows: 24, columns: 80 };

/// A shell on a terminal.
fn shell(script: &str) -> Terminal {
    let mut command = command("sh");
    command.args(["-c", script]);
    Terminal::spawn(command, SIZE).unwrap()
}

/// Reads until `end` has come.
async fn until(terminal: &Terminal, end: &str) -> String {
    let mut all = Vec::new();
    while !String::from_utf8_lossy(&all).contains(end) {
        let mut chunk = [0; 1024];
        let read = soon_on_real_time(terminal.read(&mut chunk)).await.unwrap();
        assert!(read > 0, "it ended after {:?}", String::from_utf8_lossy(&all));
        all.extend_from_slice(&chunk[..read]);
    }
    text(all)
}

/// Reads until the end.
async fn rest(terminal: &Terminal) -> String {
    let (mut all, mut chunk) = (Vec::new(), [0; 1024]);
    loop {
        match soon_on_real_time(terminal.read(&mut chunk)).await.unwrap() {
            0 => return text(all),
            read => all.extend_from_slice(&chunk[..read]),
        }
    }
}

/// asyncio: `pty.openpty()`, and its end as stdin, stdout and stderr. The program sees a terminal, of that size.
#[tokio::test]
async fn the_program_has_a_terminal() {
    let test = "test -t 0 && test -t 1 && test -t 2 && echo yes; stty size; tty";
    let mut terminal = shell(test);
    let output = rest(&terminal).await;
    let lines: Vec<_> = output.split("\r\n").collect();
    assert_eq!((lines[0], lines[1]), ("yes", "24 80"));
    assert!(lines[2].starts_with("/dev/pts/"), "{output}");
    assert!(terminal.wait().await.unwrap().success());

    let output = run(sh("test -t 1 || echo no"), 100).await.unwrap();
    assert_eq!(output.stdout, b"no\n");
}

/// A terminal echoes what is written, as it does for a person, unless the program turns that off.
#[tokio::test]
async fn what_is_written_is_echoed() {
    let mut terminal =
        shell("read -r name; echo hello $name; stty -echo; echo secret:; read -r word; echo $word");
    terminal.write(b"world\n").await.unwrap();
    assert_eq!(until(&terminal, "secret:\r\n").await, "world\r\nhello world\r\nsecret:\r\n");
    terminal.write(b"hush\n").await.unwrap();
    assert_eq!(rest(&terminal).await, "hush\r\n");
    assert!(terminal.wait().await.unwrap().success());
}

/// Its terminal is its controlling one: `\x03` is Ctrl-C, which is SIGINT for what is in the foreground.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_control_c_reaches_the_program() {
    let script = "trap 'echo caught; exit 7' INT; sleep 600 & echo ready; wait";
    // What runs in the background may ignore Ctrl-C, and so would the shell: `env` of GNU gives it the default.
    let mut command = command("env");
    command.args(["--default-signal=INT", "sh", "-c", script]);
    let mut terminal = Terminal::spawn(command, SIZE).unwrap();
    until(&terminal, "ready\r\n").await;
    terminal.write(b"\x03").await.unwrap();
    assert!(rest(&terminal).await.ends_with("caught\r\n"));
    assert_eq!(terminal.wait().await.unwrap().code(), Some(7));
}

/// A terminal is read by the group in front of it. A program behind it is stopped by SIGTTIN when it reads. `set -m` gives a
/// background job a group of its own, as the pattern `group` does. With a stdin of its own it runs; in front, too.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn but_a_background_program_that_reads_is_stopped() {
    let script = "stty -echo; set -m; cat & echo $!; read -r go; cat </dev/null & wait $!; echo empty; \
                  fg >/dev/null; echo end";
    let mut terminal = shell(script);
    let pid = until(&terminal, "\r\n").await.trim().parse().unwrap();
    until_true(|| state(pid) == Some('T')).await;
    terminal.write(b"go\n").await.unwrap();
    until(&terminal, "empty\r\n").await;
    terminal.write(b"word\n\x04").await.unwrap();
    assert_eq!(rest(&terminal).await, "word\r\nend\r\n");
    assert!(terminal.wait().await.unwrap().success());
}

/// `\x04` at the beginning of a line is the end of the input. There is no `write_eof`: the terminal stays open.
#[tokio::test]
async fn a_control_d_ends_the_input() {
    let mut terminal = shell("cat; echo the end");
    terminal.write(b"line\n\x04").await.unwrap();
    assert_eq!(rest(&terminal).await, "line\r\nline\r\nthe end\r\n");
    assert!(terminal.wait().await.unwrap().success());
}

/// A new size reaches the program as SIGWINCH.
#[tokio::test]
async fn a_new_size_is_reported() {
    let mut terminal = shell("trap 'stty size; exit 0' WINCH; sleep 600 & echo ready; wait");
    until(&terminal, "ready\r\n").await;
    terminal.resize(Size { rows: 10, columns: 20 }).unwrap();
    assert_eq!(rest(&terminal).await, "10 20\r\n");
    assert!(terminal.wait().await.unwrap().success());
}

/// asyncio: reading a terminal whose program has ended raises `OSError` 5 on Linux. Here it is the end.
#[tokio::test]
async fn the_end_of_a_terminal_is_an_end() {
    let mut terminal = shell("printf half; exit 3");
    assert_eq!(rest(&terminal).await, "half");
    assert_eq!(rest(&terminal).await, "");
    assert_eq!(terminal.wait().await.unwrap().code(), Some(3));
    assert_eq!(terminal.wait().await.unwrap().code(), Some(3));
}

/// A million bytes come through whole, more than a terminal holds.
#[tokio::test]
async fn much_output_comes_whole() {
    let mut terminal = shell("stty -opost; yes | head -c 1000000");
    let output = rest(&terminal).await;
    assert_eq!((output.len(), output.replace("y\n", "").len()), (1_000_000, 0));
    assert!(terminal.wait().await.unwrap().success());
}

/// Dropping it kills the group, and the system sends SIGHUP to the foreground group of the terminal.
#[tokio::test]
async fn dropped_it_takes_the_program_along() {
    let mut witness = Witness::new().await;
    let mut command = command("sh");
    command
        .args(["-c", &witness.script("sleep 600 & echo ready >&9; sleep 600")])
        .env("WITNESS", witness.path());
    let terminal = Terminal::spawn(command, SIZE).unwrap();
    assert_eq!(witness.line().await, "ready");
    drop(terminal);
    assert_eq!(witness.rest().await, "");
}

/// A program may ignore that hang-up. It ends with the terminal all the same, and at the end of the one that started it.
#[tokio::test]
async fn a_program_that_ignores_the_hang_up_is_killed_too() {
    for (script, is_waited_for) in [
        ("trap '' HUP; sleep 600 & echo ready >&9; sleep 600", false),
        ("trap '' HUP; sleep 600 & echo ready >&9", true),
    ] {
        let mut witness = Witness::new().await;
        let mut command = command("sh");
        command.args(["-c", &witness.script(script)]).env("WITNESS", witness.path());
        let mut terminal = Terminal::spawn(command, SIZE).unwrap();
        assert_eq!(witness.line().await, "ready");
        if is_waited_for {
            assert!(terminal.wait().await.unwrap().success());
        } else {
            drop(terminal);
        }
        assert_eq!(witness.rest().await, "");
    }
}

/// asyncio: `close_fds`. Our end of the terminal does not go to the program: it has no more descriptors than one with pipes.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn our_end_stays_with_us() {
    let descriptors = "cd /proc/$$/fd; echo *";
    let with_pipes = text(run(sh(descriptors), 1_000).await.unwrap().stdout);
    assert_eq!(rest(&shell(descriptors)).await.trim_end(), with_pipes.trim_end());
}

/// A program that does not read lets the terminal fill up. The writer waits then, and no other task does.
#[tokio::test]
async fn a_full_terminal_makes_its_writer_wait() {
    let terminal = shell("stty -echo; echo ready; sleep 600");
    until(&terminal, "ready\r\n").await;
    let much = b"line\n".repeat(100_000);
    assert!(timeout(ms(100), terminal.write(&much)).await.is_err());
}

/// `setsid` has started, so a missing program is no error of `spawn`: `setsid` prints it and ends with 127.
#[tokio::test]
async fn but_a_missing_program_is_found_out_late() {
    let mut terminal = Terminal::spawn(command("no-such-program"), SIZE).unwrap();
    assert!(rest(&terminal).await.contains("no-such-program"));
    assert_eq!(terminal.wait().await.unwrap().code(), Some(127));
}

/// A program that prints in blocks into a pipe prints lines on a terminal. `script` makes one, too.
#[tokio::test]
async fn a_plain_program_makes_a_terminal_too() {
    let mut command = Command::new("script");
    command.args(["-qec", "test -t 1 && echo yes; exit 3", "/dev/null"]);
    let output = run(command, 1_000).await.unwrap();
    assert_eq!((text(output.stdout).as_str(), output.status.code()), ("yes\r\n", Some(3)));
}

/// A program that a signal ends has its negative number here, too.
#[tokio::test]
async fn a_signal_ends_it_as_anywhere() {
    let mut terminal = shell("kill -9 $$");
    assert_eq!(rest(&terminal).await, "");
    assert_eq!(terminal.wait().await.unwrap().signal(), Some(9));
}
