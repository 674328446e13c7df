use compile_errors::await_of_a_value;

/// asyncio: with an `await`: `object int can't be used in 'await' expression`, at run time. Rust: a plain call.
#[tokio::test]
async fn a_plain_call_needs_no_await() {
    assert_eq!(await_of_a_value::fixed().await, 4);
}

/// Second best: `join` needs futures.
#[tokio::test]
async fn a_value_becomes_a_future_that_is_done() {
    assert_eq!(await_of_a_value::second_best().await, 4);
}
