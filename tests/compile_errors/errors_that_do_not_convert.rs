use compile_errors::errors_that_do_not_convert;

/// asyncio: any exception leaves any function. Rust: any error fits.
#[tokio::test]
async fn anyhow_takes_every_error() {
    assert_eq!(errors_that_do_not_convert::fixed().await.unwrap(), 8080);
}

/// Second best: a caller can distinguish the two errors.
#[tokio::test]
async fn an_enum_takes_the_errors_that_it_names() {
    assert_eq!(errors_that_do_not_convert::second_best().await.unwrap(), 8080);
}
