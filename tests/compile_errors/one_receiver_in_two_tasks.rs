use compile_errors::one_receiver_in_two_tasks;

/// asyncio: any number of tasks may get from a queue. Rust: each task has a receiver of its own.
#[tokio::test]
async fn a_cloned_receiver_serves_a_second_task() {
    assert_eq!(one_receiver_in_two_tasks::fixed().await.unwrap(), vec![Some("home"), Some("news")]);
}

/// Second best: both tasks lock the one receiver.
#[tokio::test]
async fn a_locked_receiver_serves_both() {
    assert_eq!(one_receiver_in_two_tasks::second_best().await.unwrap(), vec![Some("home"), Some("news")]);
}
