use std::sync::{Arc, Mutex};

#[tokio::main]
async fn main() {
    let visits = Arc::new(Mutex::new(0));
    let task = tokio::spawn(async move {
        let mut count = visits.lock().unwrap();
        *count += 1;
        tokio::task::yield_now().await;
        *count
    });
    println!("{}", task.await.unwrap());
}
