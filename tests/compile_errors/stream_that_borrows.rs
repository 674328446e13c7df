use compile_errors::stream_that_borrows;

/// asyncio: an async generator keeps its variables alive. Rust: the stream owns the names.
#[tokio::test]
async fn a_stream_owns_its_items() {
    assert_eq!(stream_that_borrows::fixed().await, [4, 5]);
}

/// Second best: the caller owns the names, and outlives the stream.
#[tokio::test]
async fn a_stream_may_borrow_from_its_caller() {
    assert_eq!(stream_that_borrows::second_best().await, [4, 5]);
}
