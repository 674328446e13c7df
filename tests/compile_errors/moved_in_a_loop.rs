use compile_errors::moved_in_a_loop;

/// asyncio: every task refers to the one queue. Rust: each task has a sender of its own.
#[tokio::test]
async fn each_task_gets_a_clone() {
    assert_eq!(moved_in_a_loop::fixed().await, [4, 5]);
}

/// Second best: futures of the caller's own task need no channel.
#[tokio::test]
async fn futures_that_borrow_need_no_clone() {
    assert_eq!(moved_in_a_loop::second_best().await, [4, 5]);
}
