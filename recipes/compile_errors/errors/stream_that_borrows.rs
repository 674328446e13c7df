use futures::stream::{self, Stream, StreamExt};

fn lengths() -> impl Stream<Item = usize> {
    let names = vec!["home".to_owned(), "about".to_owned()];
    stream::iter(names.iter().map(|name| name.len()))
}

#[tokio::main]
async fn main() {
    println!("{:?}", lengths().collect::<Vec<_>>().await);
}
