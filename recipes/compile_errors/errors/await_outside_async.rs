async fn load(name: &str) -> usize {
    name.len()
}

#[tokio::main]
async fn main() {
    let names = ["home", "about"];
    let lengths: Vec<usize> = names.iter().map(|name| load(name).await).collect();
    println!("{lengths:?}");
}
