//! asyncio: one thread, so everything may be shared. A task of a runtime with many threads moves between them.

use std::rc::Rc;

async fn count(pages: Rc<Vec<String>>) {
    let task = tokio::spawn(async move {
        //~^ error: future cannot be sent between threads safely
        tokio::task::yield_now().await;
        pages.len()
    });
    drop(task);
}

fn main() {
    drop(count(Rc::default()));
}
