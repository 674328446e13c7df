use compile_errors::borrowed_by_a_task;

/// asyncio: a closure keeps the variables of its function alive. Rust: the task owns the list.
#[tokio::test]
async fn a_task_owns_what_moves_into_it() {
    assert_eq!(borrowed_by_a_task::fixed().await.unwrap(), 2);
}

/// Second best: two futures of the caller's own task share the list.
#[tokio::test]
async fn futures_of_one_task_may_borrow() {
    assert_eq!(borrowed_by_a_task::second_best().await, (2, true));
}
