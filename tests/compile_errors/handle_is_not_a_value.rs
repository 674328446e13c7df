use compile_errors::handle_is_not_a_value;

/// asyncio: awaiting a task gives its value, or raises. Rust: the caller learns of a panic.
#[tokio::test]
async fn a_handle_gives_a_result() {
    assert_eq!(handle_is_not_a_value::fixed().await.unwrap(), 4);
}

/// Second best: a panic goes on in the caller.
#[tokio::test]
async fn a_panic_may_go_on_in_the_caller() {
    assert_eq!(handle_is_not_a_value::second_best().await, 4);
}
