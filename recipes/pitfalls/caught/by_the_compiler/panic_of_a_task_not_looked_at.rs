//! asyncio: the exception of a task is raised where the task is awaited. Here the type asks about it.

async fn answer() -> u32 {
    let task = tokio::spawn(async { 42 });
    task.await //~ error: E0308
}

fn main() {
    drop(answer());
}
