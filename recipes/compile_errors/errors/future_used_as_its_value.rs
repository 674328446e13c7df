async fn load() -> usize {
    4
}

#[tokio::main]
async fn main() {
    println!("{}", load() + 1);
}
