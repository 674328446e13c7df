//! asyncio: the inner coroutine is never awaited. The task makes it and hands it out; this lint of Clippy's is an error by
//! default.

async fn greet() {}

fn main() {
    let _task = tokio::spawn(async { greet() }); //~ error: clippy::async_yields_async
}
