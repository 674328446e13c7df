use compile_errors::not_general_enough;

/// asyncio: a generator of coroutines holds references to its items. Rust: each future owns its name.
#[tokio::test]
async fn futures_that_own_their_items_are_sent() {
    assert_eq!(not_general_enough::fixed().await.unwrap(), [4, 5]);
}

/// Second best: the closure that borrows belongs to an iterator, and is dropped before the first await.
#[tokio::test]
async fn so_are_futures_that_are_collected_first() {
    assert_eq!(not_general_enough::second_best().await.unwrap(), [4, 5]);
}
