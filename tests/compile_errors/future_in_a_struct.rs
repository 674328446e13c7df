use compile_errors::future_in_a_struct;

/// asyncio: an attribute holds any awaitable. Rust: any future fits the box.
#[tokio::test]
async fn a_boxed_future_is_a_field() {
    assert_eq!(future_in_a_struct::fixed().await, ("home", 4));
}

/// Second best: the job's type contains the future's type.
#[tokio::test]
async fn a_type_parameter_is_one_too() {
    assert_eq!(future_in_a_struct::second_best().await, ("home", 4));
}
