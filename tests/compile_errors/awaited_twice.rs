use compile_errors::awaited_twice;

/// asyncio: a task may be awaited twice; a coroutine may not. Rust: one await, and its value twice.
#[tokio::test]
async fn a_value_is_kept_and_used_again() {
    assert_eq!(awaited_twice::fixed().await.unwrap(), (4, 4));
}

/// Second best: one run, and two awaits.
#[tokio::test]
async fn a_shared_future_gives_its_value_to_each() {
    assert_eq!(awaited_twice::second_best().await, (4, 4));
}
