//! Threads that are blocked, and runtimes that are missing.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::anyhow;
use futures::{FutureExt, join};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle};
use tokio::task::{spawn_blocking, yield_now};
use tokio_util::task::AbortOnDropHandle;

use super::Caught::{ByDefault, ByNothing, Configured};
use super::{Group, Pitfall, Stage, ms};
use crate::{blocking_io, dead_runtime, lock_across_await, spawn_outside_a_runtime};

pub(super) const GROUP: Group = Group {
    title: "Threads and runtimes",
    pitfalls: &[
        pitfall!(
            blocking_io,
            "a blocking call waits for a task of its thread",
            Configured(&["clippy::disallowed_methods"])
        ),
        pitfall!(
            lock_across_await,
            "a lock of std is held over an await",
            ByDefault(&["clippy::await_holding_lock"])
        ),
        pitfall!(spawn_outside_a_runtime, "a function that spawns needs a runtime", ByNothing),
        pitfall!(dead_runtime, "a socket outlives its runtime, and is dead", ByNothing),
    ],
};

/// Starts an echo server on this runtime.
async fn echo() -> anyhow::Result<(SocketAddr, AbortOnDropHandle<()>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let serving = tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut question = Vec::new();
            if connection.read_to_end(&mut question).await.is_ok() {
                // The client may be gone.
                let _answered = connection.write_all(&question).await;
            }
        }
    });
    Ok((address, AbortOnDropHandle::new(serving)))
}

async fn blocking_io(stage: Stage) -> anyhow::Result<()> {
    let (server, _serving) = echo().await?;
    let outcome = |answer: Result<String, std::io::Error>| answer.unwrap_or_else(|_| "no answer".to_owned());
    stage.broken(async { Ok(outcome(blocking_io::broken(server, "answered").await)) }).await?;
    stage.fixed(async { Ok(outcome(blocking_io::fixed(server, "answered").await)) }).await
}

async fn lock_across_await(stage: Stage) -> anyhow::Result<()> {
    /// Makes two additions on a thread of its own, which a deadlock blocks until the program ends. Reports the outcome.
    async fn elsewhere(add: impl AsyncFn(Arc<Mutex<u64>>) + Send + 'static) -> anyhow::Result<String> {
        let (sum, ended) = channel();
        let additions = move || -> std::io::Result<()> {
            let both = async {
                let total = Arc::new(Mutex::new(0));
                join!(add(Arc::clone(&total)), add(Arc::clone(&total)));
                *total.lock().unwrap_or_else(PoisonError::into_inner)
            };
            // The receiver is gone if the wait below timed out.
            let _heard = sum.send(Builder::new_current_thread().build()?.block_on(both));
            Ok(())
        };
        thread::spawn(additions);
        let waited = spawn_blocking(move || ended.recv_timeout(ms(200))).await?;
        Ok(waited.map_or_else(|_| "their thread is blocked".to_owned(), |sum| format!("{sum} in all")))
    }
    async fn price() -> u64 {
        yield_now().await;
        10
    }
    stage.broken(elsewhere(async |sum| lock_across_await::broken(&sum, price()).await)).await?;
    stage.fixed(elsewhere(async |sum| lock_across_await::fixed(&sum, price()).await)).await
}

async fn spawn_outside_a_runtime(stage: Stage) -> anyhow::Result<()> {
    stage
        .broken(async {
            let made = thread::spawn(spawn_outside_a_runtime::broken).join();
            Ok(if made.is_ok() { "a counter" } else { "a panic" }.to_owned())
        })
        .await?;
    stage
        .fixed(async {
            let runtime = Handle::current();
            let made = thread::spawn(move || spawn_outside_a_runtime::fixed(&runtime)).join();
            let counter = made.map_err(|_panic| anyhow!("a panic"))?;
            counter.count_one.send(()).await?;
            Ok(format!("a counter, at {}", counter.total().await?))
        })
        .await
}

async fn dead_runtime(stage: Stage) -> anyhow::Result<()> {
    let (server, _serving) = echo().await?;
    stage
        .broken(async {
            let answer = spawn_blocking(move || dead_runtime::broken(server, "answered")).await?;
            Ok(answer.unwrap_or_else(|error| error.to_string()))
        })
        .await?;
    stage.fixed(async { Ok(spawn_blocking(move || dead_runtime::fixed(server, "answered")).await??) }).await
}
