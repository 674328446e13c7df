use std::process::Stdio;

use cancel_sweep::sweep_with;
use subprocesses::talk::talk;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex, repeat, sink};
use tokio::process::Command;
use tokio::time::sleep;

use crate::real_time::soon_on_real_time;
use crate::support::ms;

/// Dropped anywhere, both pipes are closed: the program sees the end of its stdin, and that nothing reads its stdout.
#[test]
fn dropped_anywhere_both_pipes_are_closed() {
    let swept = sweep_with(
        || {
            let ((stdin, mut asked), (mut answer, stdout)) = (duplex(4), duplex(4));
            let program = tokio::spawn(async move {
                let mut all = Vec::new();
                while let Ok(byte) = asked.read_u8().await {
                    sleep(ms(5)).await;
                    all.push(byte);
                    if answer.write_u8(byte.to_ascii_uppercase()).await.is_err() {
                        break;
                    }
                }
                all
            });
            (program, async move {
                let mut output = Vec::new();
                talk(stdin, stdout, &b"question"[..], &mut output).await.unwrap();
                output
            })
        },
        |program, outcome| {
            assert!(program.is_finished());
            if let cancel_sweep::Outcome::Finished(output) = outcome {
                assert_eq!(output, b"QUESTION");
            }
        },
    );
    assert!(swept.points > 3, "{swept:?}");
}

/// A hundred megabytes there and back, through pipes of 64 KiB.
#[tokio::test]
async fn a_hundred_megabytes_come_back() {
    const BYTES: u64 = 100_000_000;
    let mut command = Command::new("cat");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let (stdin, stdout) = child.stdin.take().zip(child.stdout.take()).unwrap();
    let counts = soon_on_real_time(talk(stdin, stdout, repeat(b'x').take(BYTES), sink())).await.unwrap();
    assert_eq!(counts, (BYTES, BYTES));
    assert!(child.wait().await.unwrap().success());
}
