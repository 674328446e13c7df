//! asyncio: no counterpart. The lock is let go on the same line; this lint of rustc's is an error by default.

use std::sync::Mutex;

fn main() {
    let lock = Mutex::new(1);
    let _ = lock.lock(); //~ error: let_underscore_lock
}
