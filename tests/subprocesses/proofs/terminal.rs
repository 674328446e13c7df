use subprocesses::terminal::{Size, Terminal, command};

use crate::real_time::soon_on_real_time;
use crate::support::settle;
use crate::tools::drop_at;

fn start(script: &str) -> Terminal {
    let mut command = command("sh");
    command.args(["-c", script]);
    Terminal::spawn(command, Size { rows: 24, columns: 80 }).unwrap()
}

/// A `read` that is dropped anywhere has taken nothing, a `wait` can be called again, and a `write` has written all or
/// was dropped.
#[tokio::test]
async fn dropped_anywhere_nothing_is_lost() {
    for suspensions in 0..3 {
        let mut terminal = start("stty -echo; echo ready; read -r word; echo $word; exit 3");
        assert_eq!(until(&terminal, suspensions, "ready\r\n").await, "ready\r\n");
        if drop_at(terminal.write(b"word\n"), suspensions).await.is_none() {
            soon_on_real_time(terminal.write(b"word\n")).await.unwrap();
        }
        assert_eq!(until(&terminal, suspensions, "word\r\n").await, "word\r\n");
        let _dropped = drop_at(terminal.wait(), suspensions).await;
        assert_eq!(soon_on_real_time(terminal.wait()).await.unwrap().code(), Some(3));
    }
}

/// What comes until `end` has come, by reads that are dropped again and again.
async fn until(terminal: &Terminal, suspensions: usize, end: &str) -> String {
    let (mut all, mut chunk) = (Vec::new(), [0; 4]);
    for _ in 0..1_000 {
        match drop_at(terminal.read(&mut chunk), suspensions).await {
            Some(read) => all.extend_from_slice(&chunk[..read.unwrap()]),
            // Until something has come, so that the next one finds it.
            None => settle().await,
        }
        if all.ends_with(end.as_bytes()) {
            break;
        }
    }
    String::from_utf8(all).unwrap()
}
