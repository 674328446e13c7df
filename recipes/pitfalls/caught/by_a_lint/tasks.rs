//! Tasks without an owner, and errors that are lost.

use tokio::task::JoinHandle;

pub async fn work() -> Result<(), String> {
    Err("disk full".to_owned())
}

pub fn a_bare_spawn() {
    tokio::spawn(work()); //~ strict: unused_results
}

pub fn a_spawn_that_is_given_to_an_underscore() {
    let _ = tokio::spawn(work()); //~ default: clippy::let_underscore_future; configured: let_underscore_drop
}

pub async fn a_task_that_gives_a_future() {
    let _task = tokio::spawn(async { work() }); //~ error: clippy::async_yields_async
}

pub struct Session {
    pub heartbeat: JoinHandle<Result<(), String>>,
}

pub fn a_handle_in_a_field() -> Session {
    Session { heartbeat: tokio::spawn(work()) }
}

pub async fn a_result_that_is_not_looked_at() {
    work().await; //~ default: unused_must_use
}

pub async fn a_result_that_is_given_to_an_underscore() {
    let _ = work().await; //~ configured: clippy::let_underscore_must_use, let_underscore_drop
}

pub async fn a_result_that_is_made_to_an_option() {
    work().await.ok(); //~ configured: clippy::unused_result_ok; strict: unused_results
}

pub async fn a_result_that_is_dropped() {
    drop(work().await);
}

pub async fn a_result_that_is_given_to_a_name() {
    let _result = work().await;
}

pub async fn a_timeout_around_a_handle(task: JoinHandle<()>) -> bool {
    tokio::time::timeout(std::time::Duration::from_secs(1), task).await.is_ok()
}

pub async fn a_token_that_is_not_looked_at(stop: tokio_util::sync::CancellationToken) {
    //~^ default: unused_variables
    let _result = work().await;
}
