use compile_errors::forgotten_await;

/// asyncio: without the `await`: `'coroutine' object has no attribute 'upper'`, at run time. Rust: the value has the method.
#[tokio::test]
async fn an_awaited_value_has_its_methods() {
    assert_eq!(forgotten_await::fixed().await, "HOME");
}

/// Second best: a future of the upper case.
#[tokio::test]
async fn a_step_may_be_described_before_the_await() {
    assert_eq!(forgotten_await::second_best().await, "HOME");
}
