use compile_errors::polled_without_a_pin;

/// asyncio: `asyncio.wait` looks at one task again and again. Rust: the future is pinned in this function.
#[tokio::test(start_paused = true)]
async fn a_pinned_future_is_polled_in_a_loop() {
    assert_eq!(polled_without_a_pin::fixed().await, ("home", 2));
}

/// Second best: the box may move, and the future in it does not.
#[tokio::test(start_paused = true)]
async fn a_boxed_one_may_be_kept_in_a_struct() {
    assert_eq!(polled_without_a_pin::second_best().await, ("home", 2));
}
