fn length(page: &str) -> usize {
    page.len()
}

#[tokio::main]
async fn main() {
    println!("{}", length("home").await);
}
