//! asyncio: anybody may get from a queue. A receiver of `mpsc` is one, and goes to one.

use tokio::sync::mpsc;

async fn two_workers(mut jobs: mpsc::Receiver<u32>) {
    let one = tokio::spawn(async move { jobs.recv().await });
    let other = tokio::spawn(async move { jobs.recv().await }); //~ error: E0382
    drop((one, other));
}

fn main() {
    drop(two_workers(mpsc::channel(1).1));
}
