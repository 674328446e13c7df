async fn with_page<Callback, Work>(callback: Callback) -> usize
where
    Callback: FnOnce(&str) -> Work,
    Work: Future<Output = usize>,
{
    let page = String::from("home");
    callback(&page).await
}

#[tokio::main]
async fn main() {
    let length = with_page(|page| async move { page.len() }).await;
    println!("{length}");
}
