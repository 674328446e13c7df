use futures::StreamExt;
use futures::stream;

async fn load(name: &str) -> usize {
    name.len()
}

#[tokio::main]
async fn main() {
    let task = tokio::spawn(async {
        let names = vec!["home".to_owned(), "news".to_owned()];
        let lengths = stream::iter(&names).map(|name| load(name)).buffered(2);
        lengths.collect::<Vec<_>>().await
    });
    println!("{:?}", task.await.unwrap());
}
