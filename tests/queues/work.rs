//! What the lessons of this recipe share.

use std::num::NonZeroUsize;

pub const FIVE: NonZeroUsize = NonZeroUsize::new(5).unwrap();

pub const MILLION: u32 = 1_000_000;

/// What the lessons and the proofs of `producer_consumer` share.
pub mod producer_consumer {
    use async_channel::Sender;

    pub async fn produce(count: u32, queue: Sender<u32>) -> Result<(), u32> {
        for item in 1..=count {
            queue.send(item).await.map_err(|unsent| unsent.0)?;
        }
        Ok(())
    }
}

/// What the lessons and the proofs of `joinable` share.
pub mod joinable {
    use queues::joinable::{JoinableQueue, Order};

    /// Takes every item that can be taken now.
    pub fn drain<O: Order>(queue: &JoinableQueue<O>) -> Vec<O::Item> {
        std::iter::from_fn(|| queue.try_get().ok()).collect()
    }
}

/// What the lessons and the proofs of `batch` share.
pub mod batch {
    use tokio::sync::mpsc;
    use tokio::time::{Instant, sleep_until};

    use crate::support::ms;

    /// Sends each item at its time in milliseconds, and closes the channel after the last one.
    pub fn at<const N: usize>(times: [(u64, u32); N]) -> mpsc::Receiver<u32> {
        let (sender, receiver) = mpsc::channel(100);
        let start = Instant::now();
        tokio::spawn(async move {
            for (time, item) in times {
                sleep_until(start + ms(time)).await;
                sender.send(item).await.unwrap();
            }
        });
        receiver
    }
}
