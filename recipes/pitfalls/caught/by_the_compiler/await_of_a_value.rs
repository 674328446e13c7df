//! asyncio: `TypeError: object int can't be used in 'await' expression`, at run time.

async fn wrong(answer: u32) -> u32 {
    answer.await //~ error: E0277
}

fn main() {
    drop(wrong(42));
}
