//! What the lessons of this recipe share.

use tokio::runtime::{Builder, Runtime};

/// A runtime of four threads.
pub fn four_workers() -> Runtime {
    Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap()
}

/// A runtime of one thread, on virtual time, which no thread runs yet.
pub fn paused_runtime() -> Runtime {
    Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}
