use compile_errors::recursion_without_a_box;

/// asyncio: a coroutine awaits itself as far as the recursion limit. Rust: each inner call has a box of its own.
#[tokio::test]
async fn a_boxed_call_may_recur() {
    assert_eq!(recursion_without_a_box::fixed().await, 2);
}

/// Second best: the depth is the length of a list.
#[tokio::test]
async fn a_loop_over_a_list_needs_no_box() {
    assert_eq!(recursion_without_a_box::second_best().await, 2);
}
