//! asyncio: `RuntimeError: cannot reuse already awaited coroutine`.

async fn answer() -> u32 {
    42
}

async fn twice() -> u32 {
    let answer = answer();
    answer.await + answer.await //~ error: E0382
}

fn main() {
    drop(twice());
}
