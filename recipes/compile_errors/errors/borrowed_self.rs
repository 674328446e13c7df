use tokio::task::JoinHandle;

struct Client {
    name: String,
}

impl Client {
    fn start(&self) -> JoinHandle<usize> {
        tokio::spawn(async move { self.name.len() })
    }
}

#[tokio::main]
async fn main() {
    let client = Client { name: "home".to_owned() };
    println!("{}", client.start().await.unwrap());
}
