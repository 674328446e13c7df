use compile_errors::branches_of_two_types;

/// asyncio: every coroutine has the type `coroutine`. Rust: the branches give values.
#[tokio::test]
async fn branches_that_await_give_values() {
    assert_eq!(branches_of_two_types::fixed().await, "kept");
}

/// Second best: the branches give one type of future.
#[tokio::test]
async fn two_futures_become_one_type() {
    assert_eq!(branches_of_two_types::second_best().await, "kept");
}
