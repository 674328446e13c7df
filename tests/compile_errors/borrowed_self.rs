use compile_errors::borrowed_self;

/// asyncio: a bound method keeps its object alive. Rust: the task owns a copy of the field.
#[tokio::test]
async fn a_task_owns_a_copy_of_the_field() {
    assert_eq!(borrowed_self::fixed().await.unwrap(), 4);
}

/// Second best: the task owns a share of the object.
#[tokio::test]
async fn a_task_owns_a_share_of_the_object() {
    assert_eq!(borrowed_self::second_best().await.unwrap(), 4);
}
