use tokio::task::JoinHandle;

trait Source {
    async fn load(&self) -> usize;
}

struct Memory;

impl Source for Memory {
    async fn load(&self) -> usize {
        4
    }
}

fn start<S: Source + Send + Sync + 'static>(source: S) -> JoinHandle<usize> {
    tokio::spawn(async move { source.load().await })
}

#[tokio::main]
async fn main() {
    println!("{}", start(Memory).await.unwrap());
}
