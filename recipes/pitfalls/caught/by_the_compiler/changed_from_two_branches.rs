//! asyncio: two coroutines change one list. Here one of them at a time, and never over an await of the other.

async fn add(pages: &mut Vec<u32>, page: u32) {
    tokio::task::yield_now().await;
    pages.push(page);
}

async fn both() {
    let mut pages = Vec::new();
    let (one, other) = (add(&mut pages, 1), add(&mut pages, 2)); //~ error: E0499
    futures::join!(one, other);
}

fn main() {
    drop(both());
}
