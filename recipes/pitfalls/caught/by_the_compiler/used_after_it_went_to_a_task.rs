//! asyncio: caller and task share the list, and change it under each other.

async fn count(mut pages: Vec<String>) {
    let task = tokio::spawn(async move { pages.len() });
    pages.push("one more".to_owned()); //~ error: E0382
    drop(task);
}

fn main() {
    drop(count(Vec::new()));
}
