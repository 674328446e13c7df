use compile_errors::boxed_error_in_a_task;

/// asyncio: an exception goes from a task to its awaiter unchanged. Rust: the error may go to another thread.
#[tokio::test]
async fn a_boxed_error_that_is_send_leaves_the_task() {
    assert_eq!(boxed_error_in_a_task::fixed().await.unwrap(), 4);
}

/// Second best: the error of anyhow may go there, too.
#[tokio::test]
async fn so_does_an_error_of_anyhow() {
    assert_eq!(boxed_error_in_a_task::second_best().await.unwrap(), 4);
}
