use compile_errors::used_after_it_went_to_a_task;

/// asyncio: caller and task refer to one list. Rust: both have a share of the list.
#[tokio::test]
async fn caller_and_task_share_an_arc() {
    assert_eq!(used_after_it_went_to_a_task::fixed().await.unwrap(), (2, 2));
}

/// Second best: the list comes back.
#[tokio::test]
async fn a_task_may_give_back_what_it_got() {
    assert_eq!(used_after_it_went_to_a_task::second_best().await.unwrap(), (2, 2));
}
