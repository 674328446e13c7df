use compile_errors::async_trait_object;

/// asyncio: a list holds objects of any class. Rust: one type of future for all sources.
#[tokio::test]
async fn a_method_with_a_boxed_future_works_as_dyn() {
    assert_eq!(async_trait_object::fixed().await, ["kept", "read"]);
}

/// Second best: one type for all sources.
#[tokio::test]
async fn an_enum_needs_no_dyn() {
    assert_eq!(async_trait_object::second_best().await, ["kept", "read"]);
}
