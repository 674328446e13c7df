use compile_errors::future_keeps_its_argument;

/// asyncio: a coroutine keeps its arguments alive. Rust: the future borrows nothing.
#[tokio::test]
async fn a_future_that_captures_nothing_outlives_its_argument() {
    assert_eq!(future_keeps_its_argument::fixed().await, 4);
}

/// Second best: the future owns its argument.
#[tokio::test]
async fn a_future_may_own_its_argument() {
    assert_eq!(future_keeps_its_argument::second_best().await, 4);
}
