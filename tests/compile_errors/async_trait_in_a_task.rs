use compile_errors::async_trait_in_a_task;

/// asyncio: a task may be made of any coroutine. Rust: the trait promises `Send`.
#[tokio::test]
async fn a_trait_that_promises_send_may_be_spawned() {
    assert_eq!(async_trait_in_a_task::fixed().await.unwrap(), 4);
}

/// Second best: here the type of the source is known, and so is its future.
#[tokio::test]
async fn a_caller_that_knows_the_type_may_spawn() {
    assert_eq!(async_trait_in_a_task::second_best().await.unwrap(), 4);
}
