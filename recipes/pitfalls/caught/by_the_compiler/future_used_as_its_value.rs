//! asyncio: `TypeError: unsupported operand type(s) for +: 'coroutine' and 'int'`, at run time.

async fn answer() -> u32 {
    42
}

async fn wrong() -> u32 {
    answer() + 1 //~ error: E0369
}

fn main() {
    drop(wrong());
}
