use compile_errors::rc_in_a_task;

/// asyncio: tasks of one loop share every object. Rust: an `Arc` counts for all threads.
#[tokio::test]
async fn an_arc_goes_into_a_task() {
    assert_eq!(rc_in_a_task::fixed().await.unwrap(), (2, 2));
}

/// Second best: the task stays on the thread of its `Rc`.
#[tokio::test]
async fn an_rc_goes_into_a_local_task() {
    assert_eq!(rc_in_a_task::second_best().await.unwrap(), (2, 2));
}
