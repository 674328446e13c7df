use compile_errors::await_outside_async;

/// asyncio: a comprehension in an `async def` may await. Rust: a loop is a part of the function around it.
#[tokio::test]
async fn a_loop_awaits_each_call() {
    assert_eq!(await_outside_async::fixed().await, [4, 5]);
}

/// Second best: the closure makes futures, and one await is outside of it.
#[tokio::test]
async fn a_closure_may_return_futures() {
    assert_eq!(await_outside_async::second_best().await, [4, 5]);
}
