//! asyncio: `SyntaxError: 'await' outside async function`.

async fn answer() -> u32 {
    42
}

fn main() {
    answer().await; //~ error: E0728
}
