//! asyncio: a coroutine may call itself. Here its future would contain itself.

async fn depth(nodes: u32) -> u32 {
    //~^ error: E0733
    if nodes == 0 { 0 } else { 1 + depth(nodes - 1).await }
}

fn main() {
    drop(depth(3));
}
