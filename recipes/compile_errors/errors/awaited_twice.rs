async fn load() -> usize {
    4
}

#[tokio::main]
async fn main() {
    let task = tokio::spawn(load());
    let first = task.await.unwrap();
    let again = task.await.unwrap();
    println!("{first} {again}");
}
