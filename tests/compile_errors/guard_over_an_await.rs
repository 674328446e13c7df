use compile_errors::guard_over_an_await;

/// asyncio: an `asyncio.Lock` is held over an await on one thread. Rust: the guard's block ends before the await.
#[tokio::test]
async fn a_guard_that_ends_before_the_await_is_sent() {
    assert_eq!(guard_over_an_await::fixed().await.unwrap(), 42);
}

/// Second best: the guard of Tokio's lock may go to another thread.
#[tokio::test]
async fn a_guard_of_tokios_lock_is_sent() {
    assert_eq!(guard_over_an_await::second_best().await.unwrap(), 42);
}
