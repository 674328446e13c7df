//! Tasks that go on, tasks that end, and too many of them.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::Semaphore;
use tokio::task::{spawn_blocking, yield_now};
use tokio::time::sleep;
use tracing::{Instrument, instrument};

use super::Caught::{ByNothing, Configured};
use super::{Gauge, Group, Pitfall, Stage, ms, work};
use crate::task_local_not_inherited::{self, REQUEST};
use crate::{cleanup_at_exit, detached_task, gathered_handles, permit_in_the_task, queue_without_limit};

pub(super) const GROUP: Group = Group {
    title: "Tasks and limits",
    pitfalls: &[
        pitfall!(detached_task, "a task outlives what it works for", ByNothing),
        pitfall!(gathered_handles, "after the first error the others go on", ByNothing),
        pitfall!(cleanup_at_exit, "what a drop has spawned is lost at the end", ByNothing),
        pitfall!(task_local_not_inherited, "a task does not know its parent's request", ByNothing),
        pitfall!(permit_in_the_task, "the work is limited, the tasks are not", ByNothing),
        pitfall!(
            queue_without_limit,
            "a queue grows while its consumer is slow",
            Configured(&["clippy::disallowed_methods"])
        ),
    ],
};

async fn detached_task(stage: Stage) -> anyhow::Result<()> {
    #[instrument(skip_all, ret)]
    async fn heart(beats: Gauge) {
        for _beat in 0..5 {
            sleep(ms(30)).await;
            beats.enter();
        }
    }
    stage
        .broken(async {
            let beats = Gauge::default();
            let session = detached_task::broken(heart(beats.clone()).in_current_span());
            sleep(ms(100)).await;
            drop(session);
            let before = beats.now();
            sleep(ms(100)).await;
            Ok(format!("{before} heart-beats during the session, {} after it", beats.now() - before))
        })
        .await?;
    stage
        .fixed(async {
            let beats = Gauge::default();
            let session = detached_task::fixed(heart(beats.clone()).in_current_span());
            sleep(ms(100)).await;
            drop(session);
            let before = beats.now();
            sleep(ms(100)).await;
            Ok(format!("{before} heart-beats during the session, {} after it", beats.now() - before))
        })
        .await
}

async fn gathered_handles(stage: Stage) -> anyhow::Result<()> {
    #[instrument(skip(saved), ret, err)]
    async fn save(name: &'static str, saved: Gauge) -> Result<(), &'static str> {
        sleep(ms(if name == "bad" { 100 } else { 200 })).await;
        if name == "bad" {
            return Err("disk full");
        }
        saved.enter();
        Ok(())
    }
    stage
        .broken(async {
            let saved = Gauge::default();
            let all =
                gathered_handles::broken(["good", "bad"], |name| save(name, saved.clone()).in_current_span())
                    .await;
            let error = all.err().unwrap_or("no error");
            sleep(ms(200)).await;
            Ok(format!("{error}, and {} saved after that", saved.now()))
        })
        .await?;
    stage
        .fixed(async {
            let saved = Gauge::default();
            let all =
                gathered_handles::fixed(["good", "bad"], |name| save(name, saved.clone()).in_current_span())
                    .await;
            let error = all.err().unwrap_or("no error");
            sleep(ms(200)).await;
            Ok(format!("{error}, and {} saved after that", saved.now()))
        })
        .await
}

async fn cleanup_at_exit(stage: Stage) -> anyhow::Result<()> {
    /// Runs a program with a runtime of its own, and reports whether its goodbye was sent.
    async fn program(
        run: impl FnOnce(futures::future::BoxFuture<'static, ()>) -> std::io::Result<()> + Send + 'static,
    ) -> anyhow::Result<String> {
        let sent = Arc::new(AtomicBool::new(false));
        let goodbye = {
            let sent = Arc::clone(&sent);
            async move {
                yield_now().await;
                sent.store(true, SeqCst);
            }
        };
        spawn_blocking(move || run(goodbye.boxed())).await??;
        Ok(if sent.load(SeqCst) { "goodbye sent" } else { "no goodbye" }.to_owned())
    }
    stage.broken(program(|goodbye| cleanup_at_exit::broken(yield_now(), goodbye))).await?;
    stage
        .fixed(program(|goodbye| cleanup_at_exit::fixed(yield_now(), goodbye, Duration::from_secs(10))))
        .await
}

async fn task_local_not_inherited(stage: Stage) -> anyhow::Result<()> {
    async fn log() -> String {
        REQUEST.try_get().map_or("saved, without its request".to_owned(), |request| {
            format!("saved, for request {request}")
        })
    }
    stage
        .broken(async {
            Ok(REQUEST.scope(7, async { task_local_not_inherited::broken(log()).await }).await?)
        })
        .await?;
    stage
        .fixed(async { Ok(REQUEST.scope(7, async { task_local_not_inherited::fixed(log()).await }).await?) })
        .await
}

async fn permit_in_the_task(stage: Stage) -> anyhow::Result<()> {
    /// The item of a task. It is counted as long as the task exists.
    struct Item(u32, Gauge);
    impl Drop for Item {
        fn drop(&mut self) {
            self.1.leave();
        }
    }
    fn items(tasks: &Gauge) -> impl Iterator<Item = Item> {
        (1..=6).map(|number| {
            tasks.enter();
            Item(number, tasks.clone())
        })
    }
    async fn handle(item: Item) {
        work(item.0, 100).await;
    }
    stage
        .broken(async {
            let tasks = Gauge::default();
            permit_in_the_task::broken(items(&tasks), &Arc::new(Semaphore::new(2)), |item| {
                handle(item).in_current_span()
            })
            .await?;
            Ok(format!("{} of 6 items in memory", tasks.most()))
        })
        .await?;
    stage
        .fixed(async {
            let tasks = Gauge::default();
            permit_in_the_task::fixed(items(&tasks), &Arc::new(Semaphore::new(2)), |item| {
                handle(item).in_current_span()
            })
            .await?;
            Ok(format!("{} of 6 items in memory", tasks.most()))
        })
        .await
}

async fn queue_without_limit(stage: Stage) -> anyhow::Result<()> {
    const ONE: NonZeroUsize = NonZeroUsize::MIN;
    fn items(waiting: &Gauge) -> impl Iterator<Item = u32> {
        (1..=6).inspect(|_| waiting.enter())
    }
    async fn handle(item: u32, waiting: &Gauge) {
        work(item, 100).await;
        waiting.leave();
    }
    stage
        .broken(async {
            let waiting = Gauge::default();
            queue_without_limit::broken(items(&waiting), |item| handle(item, &waiting)).await;
            Ok(format!("{} of 6 items in memory", waiting.most()))
        })
        .await?;
    stage
        .fixed(async {
            let waiting = Gauge::default();
            queue_without_limit::fixed(items(&waiting), ONE, |item| handle(item, &waiting)).await;
            Ok(format!("{} of 6 items in memory", waiting.most()))
        })
        .await
}
