//! asyncio: a task uses what stands around it. Here it may outlive that.

async fn count(pages: Vec<String>) {
    let task = tokio::spawn(async {
        //~^ error: E0373
        pages.len()
    });
    drop(task);
}

fn main() {
    drop(count(Vec::new()));
}
