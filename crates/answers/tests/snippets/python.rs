/// `AsyncMock` keeps `await_args_list`; in Rust the fake keeps what it is called with.
#[tokio::test]
async fn a_fake_keeps_its_calls() {
    assert_eq!(answers::python::fake().await, [1, 2]);
}
