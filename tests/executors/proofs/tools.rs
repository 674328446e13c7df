//! What the proofs of this recipe share.

use std::sync::mpsc;

use tokio::sync::oneshot;

use crate::real_time::PATIENCE;

/// Work that ends when the runtime has had a turn since it began: who waits for it has suspended by then.
pub fn held_for_a_turn() -> impl FnOnce() + Send {
    let ((begun, has_begun), (end, may_end)) = (oneshot::channel(), mpsc::channel());
    tokio::spawn(async move {
        if has_begun.await.is_ok() {
            end.send(()).unwrap();
        }
    });
    move || {
        begun.send(()).unwrap();
        may_end.recv_timeout(PATIENCE).unwrap();
    }
}
