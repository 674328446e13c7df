use std::pin::Pin;

type Job = Pin<Box<dyn Future<Output = usize>>>;

fn job(name: &'static str) -> Job {
    Box::pin(async move { name.len() })
}

#[tokio::main]
async fn main() {
    let task = tokio::spawn(job("home"));
    println!("{}", task.await.unwrap());
}
