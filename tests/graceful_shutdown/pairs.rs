//! The Rust half of the chapter's pairs: each function has the name, and asserts the same, as the one in `pairs.py`.

use std::sync::Mutex;
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::support::{ends, soon};

/// asyncio: `add_signal_handler`, and `wait` with a timeout. Tokio: `stop_signal` and `serve_until`.
#[tokio::test]
async fn serve_until_a_signal() -> anyhow::Result<()> {
    use tokio::net::{TcpListener, TcpStream};
    static ANSWERED: Mutex<Vec<&str>> = Mutex::new(Vec::new());
    async fn handle(_socket: TcpStream) {
        kill_process(getpid(), Signal::TERM).unwrap(); // in the middle of a request
        sleep(Duration::from_millis(10)).await;
        ANSWERED.lock().unwrap().push("hello");
    }
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let _client = TcpStream::connect(listener.local_addr()?).await?;

    use graceful_shutdown::until_signal::{serve_until, stop_signal};
    use tokio_util::{sync::CancellationToken, task::TaskTracker};
    let stop = stop_signal()?; // Ctrl-C or SIGTERM
    let accept = async move |tasks: TaskTracker, _stopping: CancellationToken| -> std::io::Result<()> {
        loop {
            let (socket, _peer) = listener.accept().await?;
            tasks.spawn(handle(socket));
        }
    };
    let served = serve_until(stop, Duration::from_secs(9), accept).await;
    println!("{} cut off", served.left); // they end with `main`
    served.returned.transpose()?; // an error of the loop ended it

    assert_eq!((served.left, &ANSWERED.lock().unwrap()[..]), (0, &["hello"][..]));
    Ok(())
}

/// asyncio: the task catches `CancelledError`. Tokio: it watches a token.
#[tokio::test(start_paused = true)]
async fn a_task_that_cleans_up() -> anyhow::Result<()> {
    static LOG: Mutex<Vec<&str>> = Mutex::new(Vec::new());
    async fn send_parts() {
        sleep(Duration::from_secs(60)).await;
    }
    async fn remove_parts() {
        sleep(Duration::from_millis(10)).await;
        LOG.lock().unwrap().push("removed");
    }
    let (stopping, tasks) = (CancellationToken::new(), tokio_util::task::TaskTracker::new());

    async fn upload(stopping: CancellationToken) {
        if stopping.run_until_cancelled(send_parts()).await.is_none() {
            remove_parts().await;
        }
    }

    tasks.spawn(upload(stopping.clone()));
    sleep(Duration::from_millis(10)).await;
    stopping.cancel();
    tasks.close();
    ends(tasks.wait()).await;
    assert_eq!(*LOG.lock().unwrap(), ["removed"]);
    Ok(())
}

/// asyncio: `wait`, `cancel`, and `wait` again. Tokio: `serve`.
#[tokio::test(start_paused = true)]
async fn finish_then_clean_up_then_count() -> anyhow::Result<()> {
    use crate::work::shutdown::{Jobs, Kind, job};
    let signals = || anyhow::Ok(futures::stream::once(Box::pin(sleep(Duration::from_millis(10)))));
    let accept = async |jobs: Jobs| -> std::io::Result<()> {
        jobs.start("in time", |cancel| job(Kind::Takes(1_000), cancel))?;
        jobs.start("cleans up", |cancel| job(Kind::CleansUp(0), cancel))?;
        jobs.start("deaf", |cancel| job(Kind::Takes(60_000), cancel))?;
        std::future::pending().await
    };

    use graceful_shutdown::shutdown::{Grace, serve};
    let grace = Grace { to_finish: Duration::from_secs(5), to_clean_up: Duration::from_secs(1) };
    let report = |name: &str, end: &_| println!("{name}: {end:?}");
    let summary = serve(signals()?, grace, accept, report).await; // `accept` starts jobs on its `Jobs`

    assert_eq!(
        (summary.finished, summary.cancelled, &summary.stragglers[..]),
        (1, 1, &["deaf".to_owned()][..])
    );
    Ok(())
}

/// asyncio: `asyncio.run` cancels main at Ctrl-C. Tokio: `interruptible` cancels its token.
#[tokio::test(start_paused = true)]
async fn a_main_that_cleans_up() -> anyhow::Result<()> {
    async fn work() {
        sleep(Duration::from_secs(60)).await;
    }
    async fn save() -> &'static str {
        sleep(Duration::from_millis(10)).await;
        "saved"
    }
    let signals = || anyhow::Ok(futures::stream::once(Box::pin(sleep(Duration::from_millis(10)))));

    let main = async |stop: CancellationToken| {
        stop.run_until_cancelled(work()).await;
        save().await
    };
    let ended = graceful_shutdown::interrupt::interruptible(signals()?, main).await;

    assert_eq!(ended, graceful_shutdown::interrupt::MainEnded::Interrupted((), "saved"));
    Ok(())
}

/// asyncio: `add_signal_handler`. Tokio: `on_signal`, a task behind a handle.
#[tokio::test]
async fn call_a_function_at_a_signal() -> anyhow::Result<()> {
    use tokio::signal::unix::SignalKind;
    let (dumped, mut dumps) = tokio::sync::mpsc::channel(1);
    let dump = move || dumped.try_send("in flight: 0").unwrap();

    let _handler = graceful_shutdown::signals::on_signal(SignalKind::quit(), dump)?; // until it is dropped

    kill_process(getpid(), Signal::QUIT)?;
    assert_eq!(soon(dumps.recv()).await, Some("in flight: 0"));
    Ok(())
}
