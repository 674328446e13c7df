async fn load() -> usize {
    let task = tokio::spawn(async { 4 });
    task.await
}

#[tokio::main]
async fn main() {
    println!("{}", load().await);
}
