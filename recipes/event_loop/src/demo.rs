//! Does what `demo.py` does, with the patterns of this recipe.

use std::any::Any;
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use futures::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep};
use tracing::{Instrument, Span, info, instrument};

use crate::callbacks::Callbacks;
use crate::from_a_thread::{submit, wait};
use crate::not_send::word_counts;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Simulates a request: takes its time, and fails for a page that is missing.
#[instrument(skip(millis), ret, err)]
async fn fetch(page: &'static str, millis: u64) -> anyhow::Result<String> {
    sleep(ms(millis)).await;
    let text = match page {
        "home" => "to be or not to be",
        "news" => "all is well",
        "help" => "to err is human",
        _ => bail!("{page} not found"),
    };
    Ok(text.to_owned())
}

/// Shows the work of an event loop, one part after the other.
///
/// # Errors
///
/// If a thread cannot be started, or something fails that should not.
pub async fn run() -> anyhow::Result<()> {
    callbacks().await?;
    another_thread().await?;
    // These tasks are not `Send`, and the `LocalSet` keeps them on this thread.
    LocalSet::new().run_until(shared_table()).await?;
    Ok(())
}

#[instrument(ret, err)]
async fn callbacks() -> anyhow::Result<()> {
    info!("callbacks: soon, later, and at a time; one is cancelled, one has a bug");
    let callbacks = Callbacks::new();
    callbacks.call_at(Instant::now() + ms(200), || info!("  at 200 ms"))?;
    callbacks.call_later(Duration::from_micros(100_800), || info!("  after 100.8 ms"))?;
    callbacks.call_later(Duration::from_micros(100_600), || info!("  after 100.6 ms"))?;
    let reminder = callbacks.call_later(ms(150), || info!("  a reminder"))?;
    callbacks.call_later(ms(120), move || {
        reminder.cancel();
    })?;
    callbacks.call_soon(|| info!("  soon"))?;
    callbacks.call_soon(|| panic!("'no-such-key'"))?;
    callbacks.call_soon(|| info!("  after the bug"))?;
    let all_called = callbacks.clone();
    callbacks.call_later(ms(300), move || all_called.stop())?;
    callbacks.run(|panic| info!("  handler: {}", text(&*panic))).await?;
    Ok(())
}

/// Returns the text of a panic with a fixed message.
fn text(panic: &(dyn Any + Send)) -> &'static str {
    panic.downcast_ref().copied().unwrap_or("another panic")
}

#[instrument(ret, err)]
async fn another_thread() -> anyhow::Result<()> {
    info!("another thread: it hands in two requests, and waits for each");
    let (runtime, span) = (Handle::current(), Span::current());
    let ask = move |page| -> anyhow::Result<String> {
        let answer = wait(submit(&runtime, fetch(page, 100).instrument(span.clone())))?;
        Ok(answer.unwrap_or_else(|error| format!("error: {error}")))
    };
    let (answers, answered) = oneshot::channel();
    // A thread of its own: a paused clock does not advance while a thread of `spawn_blocking` works.
    thread::Builder::new().spawn(move || answers.send(["home", "missing"].map(ask)))?;
    for answer in answered.await.context("the thread has panicked")? {
        info!("  {}", answer?);
    }
    Ok(())
}

#[instrument(ret, err)]
async fn shared_table() -> anyhow::Result<()> {
    info!("three tasks of one thread: they count words in one table, without a lock");
    let pages = [("home", 100), ("news", 200), ("help", 300)];
    let counts = word_counts(pages, |(page, millis)| {
        fetch(page, millis).in_current_span().map(Result::unwrap_or_default)
    })
    .await?;
    let [to, be, is] = ["to", "be", "is"].map(|word| counts.get(word).copied().unwrap_or_default());
    info!("  to: {to}, be: {be}, is: {is}");
    Ok(())
}
