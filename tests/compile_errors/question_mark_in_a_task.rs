use compile_errors::question_mark_in_a_task;

/// asyncio: an exception ends the coroutine and is raised at its await. Rust: the error comes out where the task is awaited.
#[tokio::test]
async fn a_block_with_a_result_takes_a_question_mark() {
    assert_eq!(question_mark_in_a_task::fixed().await.unwrap(), 8080);
}

/// Second best: the task reports the error itself.
#[tokio::test]
async fn a_task_may_report_its_own_error() {
    assert_eq!(question_mark_in_a_task::second_best().await.unwrap(), Some(8080));
}
