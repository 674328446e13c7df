#[tokio::main]
async fn main() {
    let pages = vec!["home", "news"];
    let task = tokio::spawn(async {
        tokio::task::yield_now().await;
        pages.len()
    });
    println!("{}", task.await.unwrap());
}
