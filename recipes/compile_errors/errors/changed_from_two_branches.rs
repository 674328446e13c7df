async fn add(pages: &mut Vec<&'static str>, page: &'static str) {
    tokio::task::yield_now().await;
    pages.push(page);
}

#[tokio::main]
async fn main() {
    let mut pages = Vec::new();
    tokio::join!(add(&mut pages, "home"), add(&mut pages, "news"));
    println!("{pages:?}");
}
