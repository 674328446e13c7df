//! Timers, ticks, and events that came before the wait.

use std::cell::RefCell;
use std::num::NonZeroU16;

use futures::{FutureExt, join};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::Instrument;

use super::Caught::ByNothing;
use super::{Group, Pitfall, Stage, ms, within_a_second, work};
use crate::{burst_of_ticks, missed_notification, timer_in_a_loop};

pub(super) const GROUP: Group = Group {
    title: "Time and events",
    pitfalls: &[
        pitfall!(timer_in_a_loop, "a timer begins anew with every turn", ByNothing),
        pitfall!(burst_of_ticks, "missed ticks come all at once", ByNothing),
        pitfall!(missed_notification, "a notification wakes no later waiter", ByNothing),
    ],
};

async fn timer_in_a_loop(stage: Stage) -> anyhow::Result<()> {
    /// Sends six items, one every 30 ms, and returns the size of each batch.
    async fn feed(collect: impl AsyncFnOnce(mpsc::Receiver<u32>, &mut Vec<usize>)) -> anyhow::Result<String> {
        let (queue, items) = mpsc::channel(1);
        let send = async move {
            for item in 1..=6 {
                work(item, 30).await;
                queue.send(item).await?;
            }
            anyhow::Ok(())
        };
        let mut batches = Vec::new();
        let ((), sent) = join!(collect(items, &mut batches), send);
        sent?;
        Ok(format!("batches of {batches:?}"))
    }
    stage
        .broken(feed(async |items, batches| {
            timer_in_a_loop::broken(items, ms(50), |batch| batches.push(batch.len())).await;
        }))
        .await?;
    stage
        .fixed(feed(async |items, batches| {
            timer_in_a_loop::fixed(items, ms(50), |batch| batches.push(batch.len())).await;
        }))
        .await
}

async fn burst_of_ticks(stage: Stage) -> anyhow::Result<()> {
    const TEN_A_SECOND: NonZeroU16 = NonZeroU16::new(10).unwrap();
    /// The first turn takes half a second, the others no time.
    async fn turn(number: usize, start: Instant, began: &RefCell<Vec<u128>>) {
        began.borrow_mut().push(start.elapsed().as_millis());
        if number == 0 {
            work("a long turn", 500).await;
        }
    }
    stage
        .broken(async {
            let (start, began) = (Instant::now(), RefCell::default());
            burst_of_ticks::broken(TEN_A_SECOND, 5, |number| turn(number, start, &began)).await;
            Ok(format!("turns at {:?} ms", began.into_inner()))
        })
        .await?;
    stage
        .fixed(async {
            let (start, began) = (Instant::now(), RefCell::default());
            burst_of_ticks::fixed(TEN_A_SECOND, 5, |number| turn(number, start, &began)).await;
            Ok(format!("turns at {:?} ms", began.into_inner()))
        })
        .await
}

async fn missed_notification(stage: Stage) -> anyhow::Result<()> {
    async fn prepare() {
        work("preparation", 100).await;
    }
    stage
        .broken(async {
            let ready = missed_notification::broken(prepare().in_current_span(), work("something else", 200));
            Ok(within_a_second(ready, "ready", "still waiting after a second").await)
        })
        .await?;
    stage
        .fixed(async {
            let ready = missed_notification::fixed(prepare().in_current_span(), work("something else", 200));
            Ok(within_a_second(ready, "ready", "still waiting after a second").await)
        })
        .await
}
