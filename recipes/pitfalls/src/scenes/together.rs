//! Work that should run at the same time and does not, and work that runs at the same time and should not.

use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{FutureExt, join};
use tokio::sync::{OnceCell, mpsc};
use tokio::time::{Instant, sleep, timeout};
use tracing::{Instrument, instrument};

use super::Caught::ByNothing;
use super::{Gauge, Group, Pitfall, Stage, ms, work};
use crate::{check_then_act, join_is_not_parallel, lock_over_the_work, one_after_the_other, starved_stream};

pub(super) const GROUP: Group = Group {
    title: "Together, or not",
    pitfalls: &[
        pitfall!(one_after_the_other, "awaits in a loop wait one after the other", ByNothing),
        pitfall!(join_is_not_parallel, "join! and join_all use one core", ByNothing),
        pitfall!(starved_stream, "buffered requests wait for the loop's body", ByNothing),
        pitfall!(lock_over_the_work, "a guard in the head lives as long as the body", ByNothing),
        pitfall!(check_then_act, "what was true before an await may be false", ByNothing),
    ],
};

const THREE: NonZeroUsize = NonZeroUsize::new(3).unwrap();

async fn one_after_the_other(stage: Stage) -> anyhow::Result<()> {
    async fn fetch(page: &'static str) -> anyhow::Result<&'static str> {
        Ok(work(page, 100).await)
    }
    let pages = ["home", "news"];
    stage.broken(async { Ok(one_after_the_other::broken(pages, fetch).await?.join(", ")) }).await?;
    stage.fixed(async { Ok(one_after_the_other::fixed(pages, fetch).await?.join(", ")) }).await
}

/// Computes until the other computation runs too, for at most `patience`. Returns whether it did.
#[instrument(skip_all, ret)]
fn meet((here, there): &(SyncSender<()>, Mutex<Receiver<()>>), patience: Duration) -> bool {
    here.try_send(()).is_ok() && there.lock().is_ok_and(|there| there.recv_timeout(patience).is_ok())
}

async fn join_is_not_parallel(stage: Stage) -> anyhow::Result<()> {
    fn two(patience: Duration) -> impl Fn(usize) -> bool + Clone + Send + 'static {
        let (ann, to_ann) = sync_channel(1);
        let (bob, to_bob) = sync_channel(1);
        let both = Arc::new([(ann, Mutex::new(to_bob)), (bob, Mutex::new(to_ann))]);
        move |index| meet(&both[index], patience)
    }
    let outcome = |met: &[bool]| match met.contains(&true) {
        true => "at the same time".to_owned(),
        false => "one after the other".to_owned(),
    };
    stage
        .broken(async { Ok(outcome(&join_is_not_parallel::broken([0, 1], two(Duration::ZERO)).await[..1])) })
        .await?;
    stage
        .fixed(async {
            Ok(outcome(&join_is_not_parallel::fixed([0, 1], two(Duration::from_secs(10))).await?))
        })
        .await
}

async fn starved_stream(stage: Stage) -> anyhow::Result<()> {
    /// Fetches an answer in `parts` parts. The server keeps one part ready, and hangs up if it is not taken within 50 ms.
    #[instrument(ret, err)]
    async fn fetch(parts: usize) -> Result<(), &'static str> {
        let (connection, mut answer) = mpsc::channel(1);
        let server = tokio::spawn(async move {
            for part in 0..parts {
                if timeout(ms(50), connection.send(part)).await.is_err() {
                    break;
                }
            }
        });
        for _part in 0..parts {
            answer.recv().await.ok_or("the server has hung up")?;
            sleep(ms(20)).await;
        }
        server.await.map_err(|_panic| "the server has panicked")
    }
    async fn handle(answer: Result<(), &'static str>, whole: &Gauge) {
        work("body of the loop", 100).await;
        if answer.is_ok() {
            whole.enter();
        }
    }
    let parts = [1, 4, 5];
    stage
        .broken(async {
            let whole = Gauge::default();
            let fetch = |parts| fetch(parts).in_current_span();
            starved_stream::broken(parts, THREE, fetch, |answer| handle(answer, &whole)).await;
            Ok(format!("{} of 3 answers are whole", whole.now()))
        })
        .await?;
    stage
        .fixed(async {
            let whole = Gauge::default();
            let fetch = |parts| fetch(parts).in_current_span();
            starved_stream::fixed(parts, THREE, fetch, |answer| handle(answer, &whole)).await;
            Ok(format!("{} of 3 answers are whole", whole.now()))
        })
        .await
}

async fn lock_over_the_work(stage: Stage) -> anyhow::Result<()> {
    fn nine_jobs() -> mpsc::Receiver<u32> {
        let (queue, jobs) = mpsc::channel(9);
        for job in 1..=9 {
            // The queue has a slot for all nine.
            let _queued = queue.try_send(job);
        }
        jobs
    }
    async fn handle(job: u32) {
        work(job, 10).await;
    }
    stage
        .broken(async {
            let start = Instant::now();
            lock_over_the_work::broken(nine_jobs(), THREE, handle).await;
            Ok(format!("nine jobs of 10 ms, three workers, {} ms", start.elapsed().as_millis()))
        })
        .await?;
    stage
        .fixed(async {
            let start = Instant::now();
            lock_over_the_work::fixed(nine_jobs(), THREE, handle).await;
            Ok(format!("nine jobs of 10 ms, three workers, {} ms", start.elapsed().as_millis()))
        })
        .await
}

async fn check_then_act(stage: Stage) -> anyhow::Result<()> {
    async fn load(loads: &Gauge) -> anyhow::Result<&'static str> {
        loads.enter();
        Ok(work("load", 100).await)
    }
    stage
        .broken(async {
            let (cache, loads) = (Mutex::new(None), Gauge::default());
            let (first, second) = join!(
                check_then_act::broken(&cache, load(&loads)),
                check_then_act::broken(&cache, load(&loads)),
            );
            first.and(second)?;
            Ok(format!("two callers, loads: {}", loads.now()))
        })
        .await?;
    stage
        .fixed(async {
            let (cache, loads) = (OnceCell::new(), Gauge::default());
            let (first, second) = join!(
                check_then_act::fixed(&cache, load(&loads)),
                check_then_act::fixed(&cache, load(&loads)),
            );
            first.and(second)?;
            Ok(format!("two callers, loads: {}", loads.now()))
        })
        .await
}
