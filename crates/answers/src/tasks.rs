//! Tasks, and what waits for them.
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::{Page, fetch, load, read_slowly};

/// `async def`, `await`.
pub async fn async_def() -> anyhow::Result<Page> {
    async fn greet(id: u32) -> anyhow::Result<Page> {
        let page = load(id).await?; // an error returns here
        Ok(format!("Hello, {page}"))
    }
    greet(1).await
}

/// `create_task`.
pub async fn spawn() -> anyhow::Result<Page> {
    let task = tokio::spawn(async { fetch(1).await });
    // ... something else meanwhile
    let page = task.await?; // Err if it panicked or was aborted
    Ok(page)
}

/// `Task.cancel`.
pub async fn task_cancel() {
    let task = tokio::spawn(async { fetch(1).await });
    task.abort(); // a request: it ends at its next await
    match task.await {
        Err(error) if error.is_cancelled() => println!("cancelled"),
        ended => println!("{ended:?}"), // it was done before
    }
}

/// `Task.done`.
pub fn task_done(task: tokio::task::JoinHandle<Page>) {
    if task.is_finished() {
        println!("done: its await returns at once");
    }
}

/// `Task.result`.
pub async fn task_result() -> anyhow::Result<()> {
    let mut task = tokio::spawn(async { load(1).await });
    let page = (&mut task).await??; // first the task's end, then its own Result
    // a second await of the same handle panics
    Ok(())
}

/// `Task.exception`.
pub async fn task_exception() {
    match tokio::spawn(async { load(1).await }).await {
        Ok(Ok(page)) => println!("{page}"),
        Ok(Err(error)) => println!("failed: {error:#}"),
        Err(error) if error.is_panic() => println!("panicked: {error}"),
        Err(_cancelled) => println!("aborted, or its runtime has ended"),
    }
}

/// `Task.cancelled`.
pub async fn task_cancelled(task: tokio::task::JoinHandle<Page>) {
    match task.await {
        Ok(page) => println!("{page}"),
        Err(error) if error.is_cancelled() => println!("cancelled"),
        Err(error) => println!("panicked: {error}"),
    }
}

/// `except asyncio.CancelledError`.
pub async fn cancelled_error(stop: CancellationToken) {
    tokio::select! {
        page = fetch(1) => println!("{page}"),
        () = stop.cancelled() => println!("clean up here, with awaits"),
    }
}

/// `Task.add_done_callback(tasks.discard)`.
pub async fn done_callback() {
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(fetch(1));
    tasks.spawn(fetch(2));
    while let Some(ended) = tasks.join_next().await {
        println!("{ended:?}"); // and it is out of the set
    }
}

/// `Future.add_done_callback` of a thread's future.
pub fn call_when_done(report: impl FnOnce(String) + Send + 'static) {
    tokio::spawn(async move {
        if let Ok(page) = tokio::task::spawn_blocking(String::new).await {
            report(page);
        }
    });
}

/// `Task.set_name`.
pub async fn task_name() {
    let mut tasks = tokio_util::task::JoinMap::new();
    tasks.spawn("front page", fetch(1));
    while let Some((name, ended)) = tasks.join_next().await {
        println!("{name}: {ended:?}");
    }
}

/// A span for each task.
pub fn spawn_instrumented<F>(
    name: &str,
    work: F,
) -> tokio::task::JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    use tracing::Instrument as _;
    tokio::spawn(work.instrument(tracing::info_span!("task", name)))
}

/// `Task.uncancel`.
pub fn child_token(token: CancellationToken) {
    let child = token.child_token();
    child.cancel(); // the parent goes on
    assert!(!token.is_cancelled());
}

/// `gather`.
pub async fn gather() -> anyhow::Result<()> {
    let pages = futures::future::try_join_all([load(1), load(2)]).await?;
    // or, for a fixed number of different types
    let (first, second) = tokio::try_join!(load(1), load(2))?;
    Ok(())
}

/// `gather(return_exceptions=True)`.
pub async fn gather_return_exceptions() {
    let ends = futures::future::join_all([load(1), load(2)]).await;
    for end in ends {
        println!("{end:?}"); // Ok(page) or Err(error), in order
    }
}

/// `wait(FIRST_COMPLETED)`.
pub async fn select(
    mut first: tokio::task::JoinSet<Page>,
    stop: CancellationToken,
) {
    tokio::select! {
        Some(ended) = first.join_next() => println!("{ended:?}"),
        () = tokio::time::sleep(Duration::from_secs(5)) => println!("late"),
        () = stop.cancelled() => println!("stopped"),
    }
}

/// `wait(ALL_COMPLETED)`.
pub async fn join_set_all() {
    let tasks: tokio::task::JoinSet<Page> = (0..3).map(fetch).collect();
    let pages = tasks.join_all().await; // in the order of completion
}

/// `concurrent.futures.wait` and `as_completed`.
pub async fn join_set_blocking(paths: Vec<String>) {
    let mut jobs = tokio::task::JoinSet::new();
    for path in paths {
        jobs.spawn_blocking(move || read_slowly(&path));
    }
    while let Some(ended) = jobs.join_next().await {
        println!("{ended:?}");
    }
}

/// `as_completed`.
pub async fn as_completed() -> anyhow::Result<()> {
    let mut tasks: tokio::task::JoinSet<Page> = (0..3).map(fetch).collect();
    while let Some(page) = tasks.join_next().await {
        println!("{}", page?);
    }
    Ok(())
}

/// `shield`.
pub async fn shield() -> anyhow::Result<Page> {
    let task = tokio::spawn(fetch(1));
    Ok(task.await?) // cancelled here, the task runs on
}

/// `to_thread`.
pub async fn to_thread() -> anyhow::Result<String> {
    let text = tokio::task::spawn_blocking(|| {
        std::fs::read_to_string("large.txt") // may block
    });
    Ok(text.await??)
}

/// `ThreadPoolExecutor(max_workers=4)`.
pub async fn thread_pool() -> anyhow::Result<()> {
    let limit = std::sync::Arc::new(tokio::sync::Semaphore::new(4));
    let permit = limit.clone().acquire_owned().await?;
    let job = tokio::task::spawn_blocking(move || {
        let _permit = permit; // free again when the job ends
        read_slowly("large.txt")
    });
    let text = job.await??;
    Ok(())
}

/// `Future.cancel` of a thread's future.
pub async fn abort_blocking() {
    let job = tokio::task::spawn_blocking(|| read_slowly("large.txt"));
    job.abort(); // one that is queued does not start
    println!("{:?}", job.await); // one that runs is waited for
}

/// `ProcessPoolExecutor`.
pub async fn cpu(numbers: Vec<u64>) -> anyhow::Result<()> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    rayon::spawn(move || {
        let _gone = sender.send(numbers.iter().sum::<u64>());
    });
    let sum = receiver.await?;
    Ok(())
}

/// `Executor.map`.
pub fn par_iter(numbers: Vec<u64>) -> Vec<u64> {
    use rayon::prelude::*;
    numbers.par_iter().map(|number| number * number).collect()
}

/// `Future.result()` on a thread.
pub fn concurrent_result() {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || sender.send(40 + 2));
    let answer = receiver.blocking_recv(); // in a task: receiver.await
}

/// `current_task`.
pub fn current_task() {
    match tokio::task::try_id() {
        Some(id) => println!("task {id}"),
        None => println!("in main, or outside of a runtime"),
    }
}

/// `all_tasks`.
pub async fn all_tasks() {
    let tasks = tokio_util::task::TaskTracker::new();
    tasks.spawn(fetch(1));
    println!("{} running", tasks.len());
    tasks.close(); // then wait returns when the last one has ended
    tasks.wait().await;
}

/// `TaskGroup`.
pub async fn task_group() -> anyhow::Result<()> {
    let mut group = tokio::task::JoinSet::new();
    group.spawn(load(1));
    group.spawn(load(2));
    while let Some(ended) = group.join_next().await {
        println!("{}", ended??); // leaving drops the set: the rest is aborted
    }
    Ok(())
}

/// `TaskGroup.start` of anyio and trio.
pub async fn started() -> anyhow::Result<()> {
    let (ready, started) = tokio::sync::oneshot::channel();
    let server = tokio::spawn(async move {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let _gone = ready.send(listener.local_addr()?);
        listener.accept().await
    });
    let address = started.await?;
    Ok(())
}

/// `CancelScope`.
pub async fn cancel_scope(scope: CancellationToken) {
    match scope.run_until_cancelled(fetch(1)).await {
        Some(page) => println!("{page}"),
        None => println!("cancelled: the work was dropped"),
    }
}

/// A background task that the program waits for at its end.
pub async fn tracked_background(background: TaskTracker) {
    background.spawn(async {
        if let Err(error) = load(1).await {
            tracing::error!("the mail was not sent: {error:#}");
        }
    });
}

/// `tenacity.retry`.
pub async fn retry() -> anyhow::Result<()> {
    use backon::{ExponentialBuilder, Retryable};
    let policy = ExponentialBuilder::default().with_jitter().with_max_times(3);
    let page = (|| load(1))
        .retry(policy)
        .when(|error: &anyhow::Error| error.is::<std::io::Error>())
        .await?;
    Ok(())
}

/// `task_group.cancel_scope.cancel`.
pub async fn abort_all(mut tasks: tokio::task::JoinSet<Page>) {
    tasks.abort_all();
    while let Some(end) = tasks.join_next().await {
        println!("{end:?}"); // cancelled, or done before
    }
}
