use compile_errors::question_mark_without_a_type;

/// asyncio: an exception needs no declared type. Rust: the last line states the error's type.
#[tokio::test]
async fn a_block_that_names_its_error_compiles() {
    assert_eq!(question_mark_without_a_type::fixed().await.unwrap(), 7);
}

/// Second best: the signature states it.
#[tokio::test]
async fn a_signature_names_it_too() {
    assert_eq!(question_mark_without_a_type::second_best().await.unwrap(), 7);
}
