use compile_errors::futures_in_a_vec;

/// asyncio: a list holds any coroutines. Rust: the boxes have one type.
#[tokio::test]
async fn boxed_futures_share_a_list() {
    assert_eq!(futures_in_a_vec::fixed().await, [4, 7]);
}

/// Second best: no list, and no box.
#[tokio::test]
async fn a_join_takes_futures_of_any_type() {
    assert_eq!(futures_in_a_vec::second_best().await, [4, 7]);
}
