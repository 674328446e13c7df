//! The Rust half of the chapter's pairs: each function has the name, and asserts the same, as the one in `pairs.py`.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::sleep;

/// Simulates a request.
async fn fetch(page: &str) -> String {
    sleep(Duration::from_millis(1)).await;
    format!("<{page}>")
}

/// asyncio: `Runner` finds the tasks that are left. Tokio: `Runner::close` does, for those that it has started.
#[tokio::test]
async fn a_runtime_is_a_value() -> anyhow::Result<()> {
    use event_loop::runner::Runner;
    use tokio::runtime::Builder;
    static LOG: Mutex<Vec<String>> = Mutex::new(Vec::new());
    async fn journal(
        stop: tokio_util::sync::CancellationToken,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        stop.cancelled().await;
        LOG.lock().unwrap().push("the journal is written".to_owned());
        Ok(())
    }

    fn program() -> anyhow::Result<()> {
        let report = |name: &str, failure| eprintln!("{name}: {failure}");
        let mut runner = Runner::new(Builder::new_current_thread().enable_all(), report)?;
        runner.tasks().spawn("journal", journal)?;
        let page = runner.run(async || fetch("home").await)?;
        LOG.lock().unwrap().push(page);
        runner.close(Duration::from_secs(5))?; // cancels what is left, and waits
        Ok(())
    }

    std::thread::spawn(program).join().unwrap()?;
    assert_eq!(*LOG.lock().unwrap(), ["<home>", "the journal is written"]);
    Ok(())
}

/// asyncio: `call_later` and `cancel`. Tokio: a task that sleeps, and `abort`.
#[tokio::test(start_paused = true)]
async fn call_later_and_cancel() -> anyhow::Result<()> {
    static REMINDED: Mutex<bool> = Mutex::new(false);
    fn remind() {
        *REMINDED.lock().unwrap() = true;
    }

    let reminder = tokio::spawn(async {
        sleep(Duration::from_secs(60)).await;
        remind();
    });
    reminder.abort();

    sleep(Duration::from_secs(100)).await;
    assert!(!*REMINDED.lock().unwrap());
    Ok(())
}

/// asyncio: callbacks in the order of their deadlines. Tokio: `Callbacks`, to the microsecond.
#[tokio::test(start_paused = true)]
async fn callbacks_in_exact_order() -> anyhow::Result<()> {
    static LOG: Mutex<Vec<&str>> = Mutex::new(Vec::new());
    fn say(text: &'static str) {
        LOG.lock().unwrap().push(text);
    }

    let callbacks = event_loop::callbacks::Callbacks::new();
    callbacks.call_later(Duration::from_micros(200), || say("second"))?;
    callbacks.call_later(Duration::from_micros(100), || say("first"))?;
    callbacks.call_soon(|| say("soon"))?;
    let end = callbacks.clone();
    callbacks.call_later(Duration::from_millis(10), move || end.stop())?;
    callbacks.run(|_panic| ()).await?;

    assert_eq!(*LOG.lock().unwrap(), ["soon", "first", "second"]);
    Ok(())
}

/// asyncio: `run_coroutine_threadsafe`. Tokio: `submit`, or `Handle::block_on` without a limit.
#[tokio::test]
async fn ask_from_another_thread() -> anyhow::Result<()> {
    use event_loop::from_a_thread::{submit, wait_for};

    let runtime = tokio::runtime::Handle::current();
    let ask = move || wait_for(submit(&runtime, fetch("home")), Duration::from_secs(5));
    let page = tokio::task::spawn_blocking(ask).await?;

    assert_eq!(page.expect("it is in time")?, "<home>");
    Ok(())
}

/// asyncio: every task may share any value. Tokio: a task of `spawn_local` may keep an `Rc` over an await.
#[tokio::test(start_paused = true)]
async fn tasks_that_share_without_a_lock() -> anyhow::Result<()> {
    use std::cell::RefCell;
    use std::collections::BTreeMap;
    use std::rc::Rc;

    let counts = Rc::new(RefCell::new(BTreeMap::new()));
    let tasks = tokio::task::LocalSet::new();
    for page in ["home", "news"] {
        let counts = counts.clone();
        tasks.spawn_local(async move {
            let text = fetch(page).await;
            *counts.borrow_mut().entry(text.len()).or_insert(0) += 1; // borrowed between two awaits
        });
    }
    tasks.await;

    assert_eq!(counts.take(), BTreeMap::from([(6, 2)]));
    Ok(())
}
