use tokio::task::JoinHandle;

fn start<Item: ToString + Send>(item: Item) -> JoinHandle<String> {
    tokio::spawn(async move { item.to_string() })
}

#[tokio::main]
async fn main() {
    println!("{}", start(42).await.unwrap());
}
