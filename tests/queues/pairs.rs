//! The Rust half of the chapter's pairs: each function has the name, and asserts the same, as the one in `pairs.py`.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::sleep;

/// asyncio: a sentinel for each worker. Tokio: the queue is closed by dropping its sender.
#[tokio::test(start_paused = true)]
async fn workers_end_with_the_queue() -> anyhow::Result<()> {
    static LOADED: Mutex<Vec<u32>> = Mutex::new(Vec::new());
    async fn load(page: u32) {
        sleep(Duration::from_millis(10)).await;
        LOADED.lock().unwrap().push(page);
    }

    async fn worker(pages: async_channel::Receiver<u32>) {
        while let Ok(page) = pages.recv().await {
            load(page).await;
        }
    }

    let (queue, pages) = async_channel::bounded(5);
    let workers: tokio::task::JoinSet<_> = (0..3).map(move |_| worker(pages.clone())).collect();
    for page in 1..10 {
        queue.send(page).await?; // waits while the queue is full
    }
    drop(queue); // closes it: there is no other sender
    workers.join_all().await; // each took what was left, and ended

    assert_eq!(*LOADED.lock().unwrap(), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    Ok(())
}

/// asyncio: `task_done` and `join`. Tokio: a tracked item is done when it is dropped.
#[tokio::test(start_paused = true)]
async fn join_waits_until_all_is_done() -> anyhow::Result<()> {
    static LOADED: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());
    async fn load(name: &str, page: &str) {
        sleep(Duration::from_millis(10)).await;
        LOADED.lock().unwrap().push((name.to_owned(), page.to_owned()));
    }
    let (queue, pages) = async_channel::bounded(5);

    use queues::tracked::{Tracked, Unfinished};
    async fn consumer(name: &str, pages: async_channel::Receiver<Tracked<&str>>) {
        while let Ok(page) = pages.recv().await {
            load(name, &page).await;
        } // the page is dropped here: it is done
    }

    let consumers = ["A", "B"].map(|name| tokio::spawn(consumer(name, pages.clone())));
    let unfinished = Unfinished::new();
    queue.send(unfinished.track("home")).await?;
    unfinished.join().await;
    drop(queue); // the end for A and B

    for consumer in consumers {
        consumer.await?;
    }
    assert_eq!(*LOADED.lock().unwrap(), [("A".to_owned(), "home".to_owned())]);
    Ok(())
}

/// asyncio: `PriorityQueue`. Tokio: the `PriorityQueue` of `joinable`.
#[tokio::test]
async fn the_smallest_priority_comes_first() -> anyhow::Result<()> {
    let queue = queues::joinable::PriorityQueue::unbounded();
    queue.try_put((2, "report"))?;
    queue.try_put((1, "alarm"))?;
    let (priority, job) = queue.get().await?;

    assert_eq!((priority, job), (1, "alarm"));
    Ok(())
}

/// asyncio: the caller of a cancelled `put` still has the item. Tokio: with `reserve`.
#[tokio::test(start_paused = true)]
async fn a_put_that_is_given_up_keeps_its_item() -> anyhow::Result<()> {
    let ((queue, _pages), page, mut kept) = (tokio::sync::mpsc::channel(1), "news", Vec::new());
    queue.send("home").await?;

    let room = tokio::time::timeout(Duration::from_millis(100), queue.reserve());
    match room.await {
        Ok(room) => room?.send(page),
        Err(_elapsed) => kept.push(page), // still mine
    }

    assert_eq!((kept, queue.capacity()), (vec!["news"], 0));
    Ok(())
}
