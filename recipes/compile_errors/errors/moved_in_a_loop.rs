use tokio::sync::mpsc;

#[tokio::main]
async fn main() {
    let (results, mut inbox) = mpsc::channel(8);
    for name in ["home", "news"] {
        tokio::spawn(async move { results.send(name.len()).await });
    }
    while let Some(length) = inbox.recv().await {
        println!("{length}");
    }
}
