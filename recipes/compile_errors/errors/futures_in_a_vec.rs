use futures::future::join_all;

#[tokio::main]
async fn main() {
    let home = async { 4 };
    let news = async { 7 };
    println!("{:?}", join_all(vec![home, news]).await);
}
