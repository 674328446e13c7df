use std::os::unix::process::ExitStatusExt;

use subprocesses::run::{RunError, run};

use crate::real_time::soon_on_real_time;
use crate::tools::drop_at;
use crate::work::{Witness, sh};

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

/// 200 megabytes, 100 to each of the two, are all there.
#[tokio::test]
async fn much_output_is_collected_whole() {
    let script = "head -c 20000000 /dev/zero; head -c 20000000 /dev/zero >&2";
    let output = soon_on_real_time(run(sh(script), 20_000_000)).await.unwrap();
    assert_eq!((output.stdout.len(), output.stderr.len()), (20_000_000, 20_000_000));
    let error = soon_on_real_time(run(sh(script), 19_999_999)).await.unwrap_err();
    assert!(matches!(error, RunError::TooMuch { stdout, .. } if stdout.len() == 19_999_999));
}

/// What a program has written right before its end is there, each time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_words_are_there() {
    for number in 0..100 {
        let script = format!("sleep 600 & printf {number}; kill -9 $$");
        let output = soon_on_real_time(run(sh(&script), 100)).await.unwrap();
        assert_eq!((output.stdout, output.status.signal()), (number.to_string().into_bytes(), Some(9)));
    }
}
