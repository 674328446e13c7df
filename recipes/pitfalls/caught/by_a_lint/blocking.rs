//! Calls that stop the thread, and calls that have no limit.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

pub async fn a_sleep_of_std() {
    std::thread::sleep(Duration::from_millis(1)); //~ configured: clippy::disallowed_methods
}

pub async fn a_connection_of_std(server: SocketAddr) -> bool {
    TcpStream::connect(server).is_ok() //~ configured: clippy::disallowed_methods
}

pub async fn a_file_of_std() -> bool {
    std::fs::read("config").is_ok() //~ configured: clippy::disallowed_methods
}

pub async fn a_child_of_std() -> bool {
    std::process::Command::new("true").output().is_ok() //~ configured: clippy::disallowed_methods
}

pub async fn a_runtime_inside_of_another() {
    let runtime = tokio::runtime::Runtime::new(); //~ configured: clippy::disallowed_methods
    drop(runtime);
}

pub async fn a_handle_that_blocks(runtime: &tokio::runtime::Handle) {
    runtime.block_on(async {}); //~ configured: clippy::disallowed_methods
}

pub async fn an_executor_inside_of_a_runtime() {
    futures::executor::block_on(async {}); //~ configured: clippy::disallowed_methods
}

pub async fn a_channel_without_a_limit() {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel::<u32>(); //~ configured: clippy::disallowed_methods
    drop((sender, receiver));
}

pub fn a_clock_that_no_test_can_stop() -> std::time::Instant {
    std::time::Instant::now() //~ configured: clippy::disallowed_methods
}

pub async fn a_channel_of_std(messages: &std::sync::mpsc::Receiver<u32>) -> Option<u32> {
    messages.recv().ok()
}

pub async fn a_computation(numbers: &[u64]) -> u64 {
    numbers.iter().copied().fold(0, u64::wrapping_add)
}
