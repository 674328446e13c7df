//! The runtime: what asyncio calls the event loop.
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::{Page, fetch};

/// `asyncio.run(main())`.
pub fn main() {
    #[tokio::main] // or #[tokio::main(flavor = "current_thread")]
    async fn main() -> anyhow::Result<()> {
        println!("{}", crate::fetch(1).await);
        Ok(())
    }
}

/// `new_event_loop`, `run_until_complete`.
pub fn new_event_loop() -> anyhow::Result<()> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build()?;
    let page = runtime.block_on(fetch(1)); // run_until_complete
    Ok(())
}

/// `loop.close`.
pub fn loop_close(runtime: tokio::runtime::Runtime) {
    runtime.shutdown_timeout(Duration::from_secs(5)); // for blocking calls
}

/// `get_running_loop`.
pub fn handle_current() {
    let handle = tokio::runtime::Handle::current(); // panics outside
    match tokio::runtime::Handle::try_current() {
        Ok(handle) => println!("inside of a runtime"),
        Err(_none) => println!("build one, or be given a Handle"),
    }
}

/// A loop that is passed around.
pub fn handle(runtime: &Handle) {
    let handle = runtime.clone();
    std::thread::spawn(move || {
        handle.spawn(async { println!("on the runtime") });
    });
}

/// `set_event_loop`.
pub fn enter(runtime: tokio::runtime::Runtime) {
    let _guard = runtime.enter();
    tokio::spawn(fetch(1)); // works here, outside of async code
}

/// `run_forever` and `stop`.
pub fn run_forever(runtime: tokio::runtime::Runtime) {
    let stop = tokio_util::sync::CancellationToken::new();
    let stopper = stop.clone(); // stopper.cancel() is loop.stop()
    runtime.block_on(stop.cancelled());
}

/// `call_soon`.
pub fn call_soon(callback: impl FnOnce() + Send + 'static) {
    tokio::spawn(async move { callback() });
}

/// `call_soon_threadsafe`.
pub fn call_soon_threadsafe(
    done: tokio::sync::oneshot::Sender<u32>,
    queue: tokio::sync::mpsc::Sender<Page>,
    stop: CancellationToken,
) {
    std::thread::spawn(move || {
        let _gone = done.send(42); // future.set_result
        let _full = queue.try_send(Page::new()); // queue.put_nowait
        stop.cancel(); // event.set
    });
}

/// `run_coroutine_threadsafe`.
pub fn run_coroutine_threadsafe(handle: Handle) {
    std::thread::spawn(move || {
        let page = handle.block_on(fetch(1)); // with its result
        handle.spawn(fetch(2)); // without
    });
}

/// `set_default_executor`.
pub fn max_blocking_threads() -> anyhow::Result<()> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.enable_all().max_blocking_threads(40).build()?;
    Ok(())
}

/// `add_signal_handler`.
#[cfg(unix)]
pub async fn signals() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => println!("SIGTERM"),
        _ = tokio::signal::ctrl_c() => println!("Ctrl-C"),
    }
    Ok(())
}

/// A log line for an error.
pub fn log_error(error: &anyhow::Error) {
    tracing::error!("the job failed: {error:#}"); // with its causes
}

/// What is not `Send`, on one thread.
pub async fn local_set() {
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let count = std::rc::Rc::new(std::cell::Cell::new(0));
            tokio::task::spawn_local(async move { count.set(1) });
        })
        .await;
}
