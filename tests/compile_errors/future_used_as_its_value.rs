use compile_errors::future_used_as_its_value;

/// asyncio: without the `await`: `unsupported operand type(s) for +: 'coroutine' and 'int'`, at run time. Rust: the value has the operator.
#[tokio::test]
async fn an_awaited_value_has_its_operators() {
    assert_eq!(future_used_as_its_value::fixed().await, 5);
}

/// Second best: both values, from one await.
#[tokio::test]
async fn a_join_awaits_both_sides() {
    assert_eq!(future_used_as_its_value::second_best().await, 5);
}
