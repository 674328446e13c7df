use compile_errors::changed_from_two_branches;

/// asyncio: two coroutines change one list between their awaits. Rust: the list is changed by its owner.
#[tokio::test]
async fn branches_return_their_parts() {
    assert_eq!(changed_from_two_branches::fixed().await, ["home", "news"]);
}

/// Second best: each branch borrows the list for one line.
#[tokio::test]
async fn a_cell_is_borrowed_for_one_line() {
    assert_eq!(changed_from_two_branches::second_best().await, ["home", "news"]);
}
