use std::io::ErrorKind;
use std::process::Stdio;

use subprocesses::talk::talk;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufWriter, copy, duplex, empty, repeat, sink, split};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::always_ready::Drops;
use crate::real_time::soon_on_real_time;
use crate::support::{ends, leaves_others_their_turn, ms};
use crate::work::{MEGA, sh};

fn start(mut command: Command) -> (Child, ChildStdin, ChildStdout) {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    (child, stdin, stdout)
}

/// asyncio: `communicate(input)`. Here the input and the output are streams: of any length, in constant memory.
#[tokio::test]
async fn what_is_written_comes_back() {
    let (mut child, stdin, stdout) = start(Command::new("cat"));
    let input: Vec<u8> = (0..MEGA).map(|number| number.to_le_bytes()[0]).collect();
    let mut output = Vec::new();
    let counts = soon_on_real_time(talk(stdin, stdout, &input[..], &mut output)).await.unwrap();
    assert_eq!(counts, (MEGA as u64, MEGA as u64));
    assert!(output == input);
    assert!(child.wait().await.unwrap().success());
}

/// asyncio: `communicate(b"")` closes stdin. So does `talk`: a program that reads to the end ends.
#[tokio::test]
async fn an_empty_input_closes_stdin() {
    let (mut child, stdin, stdout) = start(sh("cat; echo the end"));
    let mut output = Vec::new();
    soon_on_real_time(talk(stdin, stdout, empty(), &mut output)).await.unwrap();
    assert_eq!(output, b"the end\n");
    child.wait().await.unwrap();
}

/// asyncio: `communicate` ignores `BrokenPipeError`. So does this: `head` reads one byte of an endless input.
#[tokio::test]
async fn a_program_may_stop_reading() {
    let mut head = Command::new("head");
    head.args(["-c", "1"]);
    let (mut child, stdin, stdout) = start(head);
    let mut output = Vec::new();
    let (_, read) = soon_on_real_time(talk(stdin, stdout, repeat(b'x'), &mut output)).await.unwrap();
    assert_eq!((output, read), (b"x".to_vec(), 1));
    assert!(child.wait().await.unwrap().success());
}

/// The end of stdout is not the end of the talk: a program may only read from then on.
#[tokio::test]
async fn a_program_may_stop_writing() {
    let (mut child, stdin, stdout) = start(sh("exec >&-; test $(wc -c) = 1000000"));
    let input = vec![b'x'; MEGA];
    let counts = soon_on_real_time(talk(stdin, stdout, &input[..], sink())).await.unwrap();
    assert_eq!(counts, (MEGA as u64, 0));
    assert!(child.wait().await.unwrap().success());
}

/// The text so far is sent before the input goes on, so a question gets its answer.
#[tokio::test]
async fn a_question_has_its_answer_before_the_next() {
    let (mut child, stdin, stdout) = start(sh("while read -r line; do echo \"$line!\"; done"));
    let ((input, mut ask), (output, mut hear)) = (duplex(64), duplex(64));
    // A writer may have a buffer, which is sent, too.
    let talking = tokio::spawn(talk(BufWriter::new(stdin), stdout, input, output));
    for word in ["one", "two"] {
        ask.write_all(format!("{word}\n").as_bytes()).await.unwrap();
        let mut answer = [0; 5];
        soon_on_real_time(hear.read_exact(&mut answer)).await.unwrap();
        assert_eq!(answer, format!("{word}!\n").as_bytes());
    }
    drop(ask);
    assert_eq!(soon_on_real_time(talking).await.unwrap().unwrap(), (8, 10));
    child.wait().await.unwrap();
}

/// asyncio: `write` takes all and `drain` waits. Tokio: `write_all` waits for a program that waits for its reader.
#[tokio::test(start_paused = true)]
async fn but_writing_first_and_reading_then_waits_forever() {
    // What `cat` does, with pipes of 64 bytes.
    let program = || {
        let (ours, theirs) = duplex(64);
        tokio::spawn(async move {
            let (mut reader, mut writer) = split(theirs);
            copy(&mut reader, &mut writer).await?;
            writer.shutdown().await
        });
        split(ours)
    };
    let (_stdout, mut stdin) = program();
    assert!(timeout(ms(1_000_000), stdin.write_all(&[b'x'; 100_000])).await.is_err());

    let (stdout, stdin) = program();
    assert_eq!(ends(talk(stdin, stdout, &[b'x'; 100_000][..], sink())).await.unwrap(), (100_000, 100_000));
}

/// asyncio: `communicate` returns the output. Here it goes into a writer, and is sent to its end, also where that has a buffer.
#[tokio::test]
async fn what_a_buffered_output_holds_is_sent() {
    let (mut child, stdin, stdout) = start(Command::new("cat"));
    let mut output = BufWriter::with_capacity(MEGA, Vec::new());
    soon_on_real_time(talk(stdin, stdout, &b"word"[..], &mut output)).await.unwrap();
    assert_eq!(output.get_ref(), b"word");
    child.wait().await.unwrap();
}

/// asyncio: `communicate` reads stderr too. Here the caller must read it: a full stderr stops the program, and the talk.
#[tokio::test]
async fn but_a_stderr_that_is_not_read_stops_the_talk() {
    let start = || {
        let mut command = sh("cat; head -c 100000 /dev/zero >&2");
        command.stderr(Stdio::piped());
        let (mut child, stdin, stdout) = start(command);
        let stderr = child.stderr.take().unwrap();
        (child, stderr, stdin, stdout)
    };
    let (_child, _stderr, stdin, stdout) = start();
    assert!(timeout(ms(50), talk(stdin, stdout, &b"word"[..], sink())).await.is_err());

    let (mut child, mut stderr, stdin, stdout) = start();
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let talking = talk(stdin, stdout, &b"word"[..], &mut output);
    let both = async { tokio::try_join!(talking, stderr.read_to_end(&mut errors)) };
    assert_eq!(soon_on_real_time(both).await.unwrap(), ((4, 4), 100_000));
    assert!(child.wait().await.unwrap().success());
}

/// asyncio: `write_eof` closes stdin. Tokio: `shutdown` of a `ChildStdin` does not; its drop does.
#[tokio::test]
async fn but_shutdown_does_not_close_stdin() {
    let (mut child, mut stdin, mut stdout) = start(Command::new("cat"));
    stdin.shutdown().await.unwrap();
    stdin.write_all(b"still open").await.unwrap();
    drop(stdin);
    let mut output = String::new();
    soon_on_real_time(stdout.read_to_string(&mut output)).await.unwrap();
    assert_eq!(output, "still open");
    child.wait().await.unwrap();
}

/// An error of the input or the output ends the talk.
#[tokio::test]
async fn an_error_of_the_output_ends_it() {
    let (_child, stdin, stdout) = start(Command::new("cat"));
    let (output, gone) = duplex(64);
    drop(gone);
    let error = soon_on_real_time(talk(stdin, stdout, repeat(b'x'), output)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
}

/// Tokio's streams leave others their turn. So do those of others, which are always ready, in both directions.
#[tokio::test]
async fn streams_that_are_always_ready_leave_others_their_turn() {
    leaves_others_their_turn(talk(Vec::new(), empty(), Drops(100_000), sink())).await;
    leaves_others_their_turn(talk(sink(), Drops(100_000), empty(), Vec::new())).await;
}
