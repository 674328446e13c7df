use compile_errors::cell_over_an_await;

/// asyncio: a list may be changed before and after an await. Rust: no borrow is left at the await.
#[tokio::test]
async fn a_borrow_after_the_await_is_sent() {
    assert_eq!(cell_over_an_await::fixed().await.unwrap(), 2);
}

/// Second best: an owner needs no cell.
#[tokio::test]
async fn an_owner_needs_no_cell() {
    assert_eq!(cell_over_an_await::second_best().await.unwrap(), 2);
}
