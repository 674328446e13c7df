use compile_errors::boxed_future_without_send;

/// asyncio: any coroutine object becomes a task. Rust: the type says `Send`.
#[tokio::test]
async fn a_boxed_future_that_says_send_may_be_spawned() {
    assert_eq!(boxed_future_without_send::fixed().await.unwrap(), 4);
}

/// Second best: the task stays on this thread.
#[tokio::test]
async fn one_that_is_not_runs_on_its_own_thread() {
    assert_eq!(boxed_future_without_send::second_best().await.unwrap(), 4);
}
