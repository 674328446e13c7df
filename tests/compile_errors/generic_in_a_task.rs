use compile_errors::generic_in_a_task;

/// asyncio: a task keeps any object alive. Rust: the item holds no reference that ends.
#[tokio::test]
async fn a_task_takes_an_item_that_is_static() {
    assert_eq!(generic_in_a_task::fixed().await.unwrap(), "42");
}

/// Second best: a future on the caller's own task may borrow the item.
#[tokio::test]
async fn an_awaited_call_takes_any_item() {
    assert_eq!(generic_in_a_task::second_best().await, "42");
}
