//! Proofs of the pattern `resource_not_closed`.

use futures::FutureExt;
use pitfalls::resource_not_closed::fixed;
use tokio::io::duplex;
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::support::ms;
use crate::work::resource_not_closed::content;

/// Cancelled at any point, the file is closed, and it holds whole rows, from the first on.
#[test]
fn cancelled_anywhere_the_rows_in_the_file_are_whole() {
    let swept = cancel_sweep::sweep_with(
        || {
            let (file, disk) = duplex(4);
            let (queue, rows) = mpsc::channel(1);
            tokio::spawn(async move {
                for row in ["one\n", "three\n", "five\n"] {
                    sleep(ms(10)).await;
                    if queue.send(Ok(row.to_owned())).await.is_err() {
                        break;
                    }
                }
            });
            let read = tokio::spawn(content(disk));
            (read, fixed(file, rows))
        },
        |read, outcome| {
            let content = read.now_or_never().expect("the file is closed").unwrap();
            let whole = ["", "one\n", "one\nthree\n", "one\nthree\nfive\n"];
            match outcome {
                cancel_sweep::Outcome::Finished(written) => {
                    assert_eq!((written.unwrap(), content.as_str()), ((), whole[3]));
                }
                cancel_sweep::Outcome::Cancelled(_) => assert!(whole.contains(&content.as_str())),
            }
        },
    );
    assert_eq!(swept.points, 1, "it waits for its task alone");
}
