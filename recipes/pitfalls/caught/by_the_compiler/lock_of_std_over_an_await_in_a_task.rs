//! asyncio: a `threading.Lock` over an await stops the loop. Here a guard of `std` must stay in its thread.

use std::sync::{Arc, Mutex};

async fn count(sum: Arc<Mutex<u32>>) {
    let task = tokio::spawn(async move {
        //~^ error: future cannot be sent between threads safely
        let guard = sum.lock();
        tokio::task::yield_now().await;
        drop(guard);
    });
    drop(task);
}

fn main() {
    drop(count(Arc::default()));
}
