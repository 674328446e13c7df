use compile_errors::callback_that_borrows;

/// asyncio: a callback keeps its argument alive. Rust: the bound lets the future borrow the argument.
#[tokio::test]
async fn an_async_fn_bound_lets_the_callback_borrow() {
    assert_eq!(callback_that_borrows::fixed().await, 4);
}

/// Second best: the future owns its data.
#[tokio::test]
async fn a_callback_may_own_its_argument() {
    assert_eq!(callback_that_borrows::second_best().await, 4);
}
