#[tokio::main]
async fn main() {
    let pages = vec!["home", "news"];
    let task = tokio::spawn(async move { pages.len() });
    println!("{} of {}", task.await.unwrap(), pages.len());
}
