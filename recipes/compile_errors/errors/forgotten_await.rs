async fn load() -> String {
    "home".to_owned()
}

#[tokio::main]
async fn main() {
    let text = load();
    println!("{}", text.to_uppercase());
}
