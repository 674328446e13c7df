//! The Rust half of the chapter's pairs: each function has the name, and asserts the same, as the one in `pairs.py`.

use std::time::Duration;

use tokio::time::sleep;

/// asyncio: `all_tasks` and `print_stack`. Tokio: `WatchedTasks` and `at`, for the tasks and the awaits that you name.
#[tokio::test(start_paused = true)]
async fn what_each_task_waits_for() -> anyhow::Result<()> {
    use diagnosing::stuck::{WatchedTasks, at};
    let (_answer, answered) = tokio::sync::oneshot::channel::<()>();
    let mut report = String::new();

    let tasks = WatchedTasks::default();
    let ask = async { at("the answer", answered).await };
    let client = tokio::spawn(tasks.watch("client", ask));
    sleep(Duration::from_secs(1)).await;
    for task in tasks.list() {
        report += &format!("{task}\n"); // client waits 1.0 s for the answer, at ...
    }

    assert!(report.contains("client") && report.contains("pairs.rs"));
    client.abort();
    Ok(())
}

/// asyncio: debug mode logs a slow step. Tokio: `report_slow_polls`, around the task that you suspect.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "this is the fault")]
async fn the_step_that_blocks() -> anyhow::Result<()> {
    use diagnosing::slow_polls::report_slow_polls;
    async fn request() {
        std::thread::sleep(Duration::from_millis(30));
    }
    let mut slow = Vec::new();

    let limit = Duration::from_millis(20);
    report_slow_polls(limit, |took| slow.push(took), request()).await;

    assert_eq!(slow.len(), 1);
    Ok(())
}

/// asyncio: `faulthandler` prints the stacks of the threads. Tokio: `watch` reports, and a debugger prints them.
#[tokio::test]
async fn it_is_blocked_now() -> anyhow::Result<()> {
    use diagnosing::watchdog::{Pulse, watch};
    let (log, pulses) = std::sync::mpsc::channel();

    let runtime = tokio::runtime::Handle::current();
    let report = move |pulse| log.send(pulse).unwrap_or_default();
    let _until_dropped = watch(&runtime, Duration::from_millis(20), report)?;
    let pulse = pulses.recv()?; // this blocks, and is reported meanwhile

    assert_eq!(pulse, Pulse::Blocked);
    Ok(())
}

/// asyncio: tasks by their names. Tokio: `Counts`, of whatever there is, by the line that made it.
#[tokio::test]
async fn what_has_grown() -> anyhow::Result<()> {
    use diagnosing::counted::Counts;
    let counts = Counts::default();
    let mut kept = tokio::task::JoinSet::new();
    let mut session = || {
        let one = counts.one("heartbeat");
        kept.spawn(async move {
            let _one = one;
            std::future::pending::<()>().await
        });
    };

    let before = counts.alive();
    for _ in 0..3 {
        session();
    }
    let grown = counts.grown_since(&before); // heartbeat: 3 alive, 3 more, made at ...

    assert_eq!(grown.iter().map(|grown| (grown.name, grown.more)).collect::<Vec<_>>(), [("heartbeat", 3)]);
    Ok(())
}

/// asyncio: `qsize`, and a field of the semaphore. Tokio: what is free, of both.
#[tokio::test]
async fn items_and_permits() -> anyhow::Result<()> {
    let (queue, _items) = tokio::sync::mpsc::channel(10);
    let seats = tokio::sync::Semaphore::new(5);
    queue.send("item").await?;
    let _seat = seats.acquire().await?;

    let waiting = queue.max_capacity() - queue.capacity();
    let free = seats.available_permits();

    assert_eq!((waiting, free), (1, 4));
    Ok(())
}

/// asyncio: the loop's handler, when the task is collected. Tokio: the panic hook, at once.
#[tokio::test(start_paused = true)]
async fn a_failure_that_no_task_awaits() -> anyhow::Result<()> {
    use diagnosing::panics::report_panics;
    async fn poll() {
        panic!("no such page");
    }
    let (log, logged) = std::sync::mpsc::channel();

    report_panics(move |panic| drop(log.send((panic.task, panic.message.clone()))));
    let task = tokio::spawn(poll());
    sleep(Duration::from_secs(1)).await;

    // Other lessons of this process panic, too.
    let mine = logged.try_iter().filter(|(id, _)| *id == Some(task.id()));
    assert_eq!(mine.map(|(_, message)| message).collect::<Vec<_>>(), ["no such page"]);
    Ok(())
}

/// asyncio: the number of them. Tokio: each with what it is of.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn descriptors_that_stay_open() -> anyhow::Result<()> {
    use diagnosing::descriptors::{grown, list};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;

    let before = list()?;
    let _client = tokio::net::TcpStream::connect(address).await?;
    let (_server, _) = listener.accept().await?;
    let more = grown(&before, &list()?); // 1 more: tcp to 127.0.0.1:40123, ESTABLISHED

    // Other lessons of this process have sockets, too.
    let mine = more.iter().filter(|(what, _)| what.contains(&address.port().to_string()));
    assert_eq!(mine.map(|(_, more)| more).sum::<usize>(), 2);
    Ok(())
}
