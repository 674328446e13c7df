use tokio::sync::mpsc;

#[tokio::main]
async fn main() {
    let (jobs, mut queue) = mpsc::channel(8);
    let one = tokio::spawn(async move { queue.recv().await });
    let other = tokio::spawn(async move { queue.recv().await });
    jobs.send("home").await.unwrap();
    drop(jobs);
    println!("{:?} {:?}", one.await, other.await);
}
