//! Locks, events, queues, and values that come later.
use std::sync::{Arc, Mutex};

use tokio::sync::{OnceCell, Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::{Page, fetch};

/// `Future`, `set_result`.
pub async fn set_result() -> anyhow::Result<()> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let _gone = sender.send(fetch(1).await); // set_result
    });
    let page = receiver.await?; // Err if the sender was dropped
    Ok(())
}

/// `set_exception`.
pub async fn set_exception() -> anyhow::Result<()> {
    let (sender, receiver) =
        tokio::sync::oneshot::channel::<anyhow::Result<Page>>();
    let _gone = sender.send(Err(anyhow::anyhow!("no such page")));
    let page = receiver.await??;
    Ok(())
}

/// `wrap_future`.
pub async fn wrap_future() -> anyhow::Result<()> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || sender.send(40 + 2));
    let answer = receiver.await?;
    Ok(())
}

/// `Queue(maxsize=10)`.
pub async fn queue() -> anyhow::Result<()> {
    let (sender, mut receiver) = tokio::sync::mpsc::channel(10);
    tokio::spawn(async move { sender.send("job").await }); // put
    while let Some(job) = receiver.recv().await {
        println!("{job}"); // get: ends when all senders are dropped
    }
    Ok(())
}

/// `Queue.get`.
pub async fn queue_get(mut receiver: mpsc::Receiver<Page>) {
    while let Some(page) = receiver.recv().await {
        println!("{page}");
    } // None: all senders are dropped, and the queue is empty
}

/// `Queue.put_nowait`.
pub fn put_nowait(sender: mpsc::Sender<Page>, page: Page) {
    use tokio::sync::mpsc::error::TrySendError;
    match sender.try_send(page) {
        Ok(()) => {}
        Err(TrySendError::Full(page)) => println!("no room for {page}"),
        Err(TrySendError::Closed(page)) => println!("the receiver is gone"),
    }
}

/// `Queue.get_nowait`.
pub fn get_nowait(mut receiver: mpsc::Receiver<Page>) {
    use tokio::sync::mpsc::error::TryRecvError;
    match receiver.try_recv() {
        Ok(page) => println!("{page}"),
        Err(TryRecvError::Empty) => println!("nothing yet"),
        Err(TryRecvError::Disconnected) => println!("all senders are gone"),
    }
}

/// `Queue.qsize`, `empty` and `full`.
pub fn qsize(sender: mpsc::Sender<Page>, receiver: mpsc::Receiver<Page>) {
    let qsize = receiver.len();
    let empty = receiver.is_empty();
    let full = sender.capacity() == 0; // free slots, on the sender's side
}

/// `Queue.join`, where no item comes after it.
pub async fn queue_join(
    sender: mpsc::Sender<Page>,
    workers: tokio::task::JoinSet<()>,
) {
    drop(sender); // the last one: each worker's recv gives None
    workers.join_all().await; // every item is done
}

/// A queue from a thread.
pub fn blocking_send(sender: mpsc::Sender<String>) {
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                break; // the task that receives is gone
            }
        }
    });
}

/// `Lock`.
pub async fn lock(
    count: Arc<Mutex<u32>>,
    pages: Arc<tokio::sync::Mutex<Vec<Page>>>,
) {
    if let Ok(mut count) = count.lock() {
        *count += 1; // std's: no await while it is held
    }
    let mut pages = pages.lock().await; // tokio's: an await may follow
    pages.push(fetch(1).await);
}

/// `Lock.release`.
pub async fn lock_release(pages: Arc<tokio::sync::Mutex<Vec<Page>>>) {
    let mut guard = pages.lock().await;
    guard.push(String::new());
    drop(guard); // or at the end of the block
}

/// `Lock.locked`.
pub fn try_lock(pages: Arc<tokio::sync::Mutex<Vec<Page>>>) {
    match pages.try_lock() {
        Ok(mut pages) => pages.clear(),
        Err(_locked) => println!("another task holds it"),
    }
}

/// `Event`.
pub fn event() {
    // what happens once
    let stop = tokio_util::sync::CancellationToken::new();
    stop.cancel(); // set

    // what is set and cleared
    let (flag, listener) = tokio::sync::watch::channel(false);
    flag.send_replace(true); // set
}

/// `Event.wait`.
pub async fn event_wait(
    stop: CancellationToken,
    mut flag: watch::Receiver<bool>,
) {
    stop.cancelled().await; // of a token

    let _closed = flag.wait_for(|set| *set).await; // of a watch
}

/// `Event.is_set`.
pub fn event_is_set(stop: CancellationToken, flag: watch::Receiver<bool>) {
    let is_set = stop.is_cancelled(); // of a token
    let is_set = *flag.borrow(); // of a watch
}

/// `Event.clear`.
pub fn event_clear(flag: watch::Sender<bool>) {
    flag.send_replace(false);
}

/// `Condition`.
pub async fn condition() -> anyhow::Result<()> {
    let (pages, mut reader) = tokio::sync::watch::channel(Vec::<Page>::new());
    pages.send_modify(|pages| pages.push(String::new())); // notify_all
    let pages = reader.wait_for(|pages| pages.len() >= 3).await?; // wait_for
    Ok(())
}

/// `Semaphore`.
pub async fn semaphore() -> anyhow::Result<()> {
    let limit = Arc::new(tokio::sync::Semaphore::new(10));
    for id in 0..100 {
        let permit = limit.clone().acquire_owned().await?; // waits here
        tokio::spawn(async move {
            fetch(id).await;
            drop(permit); // release
        });
    }
    Ok(())
}

/// `Semaphore.release`.
pub async fn semaphore_release(limit: Arc<Semaphore>) -> anyhow::Result<()> {
    let permit = limit.acquire().await?;
    fetch(1).await;
    drop(permit); // or at the end of the block
    Ok(())
}

/// `Semaphore.locked`.
pub fn semaphore_locked(limit: Arc<Semaphore>) {
    match limit.try_acquire() {
        Ok(permit) => println!("a permit was free"),
        Err(_none) => println!("busy: come again"),
    }
}

/// `Barrier`.
pub async fn barrier() {
    let barrier = Arc::new(tokio::sync::Barrier::new(3));
    if barrier.wait().await.is_leader() {
        println!("one of the three gets here");
    }
}

/// A value that is made once.
pub async fn once_cell(cell: Arc<OnceCell<Page>>) {
    let page = cell.get_or_init(|| fetch(1)).await; // made once for all
}

/// Every receiver gets every item.
pub async fn broadcast() {
    use tokio::sync::broadcast::error::RecvError;
    let (sender, mut receiver) = tokio::sync::broadcast::channel(100);
    let _none = sender.send("news");
    match receiver.recv().await {
        Ok(news) => println!("{news}"),
        Err(RecvError::Lagged(missed)) => println!("{missed} missed"),
        Err(RecvError::Closed) => println!("all senders are gone"),
    }
}

/// `watch`: the newest value.
pub async fn watch_newest(mut config: watch::Receiver<Page>) {
    while config.changed().await.is_ok() {
        println!("{}", *config.borrow_and_update());
    }
}

/// `Notify`.
pub async fn notify(notify: Arc<tokio::sync::Notify>) {
    notify.notify_one(); // stores a permit if no task waits
    notify.notified().await; // takes it
}

/// A queue with many consumers.
pub async fn mpmc() {
    let (sender, receiver) = async_channel::bounded(10);
    for worker in 0..3 {
        let jobs = receiver.clone();
        tokio::spawn(async move {
            while let Ok(job) = jobs.recv().await {
                println!("{worker}: {job}"); // each job goes to one worker
            }
        });
    }
    let _closed = sender.send("job").await;
}
