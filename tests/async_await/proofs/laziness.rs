//! Proofs of the pattern `laziness`.

use async_await::laziness::first_ok;

use crate::work::Server;

/// Cancelled in the k-th attempt, k have begun, none is left, and the later ones never run.
#[test]
fn cancelled_anywhere_the_later_attempts_never_run() {
    let swept = cancel_sweep::sweep_with(
        || {
            let server = Server::new([("/a", 100, Err("a")), ("/b", 100, Err("b")), ("/c", 100, Ok("c"))]);
            let calls = server.clone();
            let first =
                async move { first_ok(["/a", "/b", "/c"].map(|path| calls.get(path.to_owned()))).await };
            (server, first)
        },
        |server, outcome| {
            if let cancel_sweep::Outcome::Cancelled(at) = outcome {
                assert_eq!(server.begun().len(), at.suspension);
            }
            assert_eq!(server.gone(), server.begun().len());
        },
    );
    assert_eq!(swept.points, 3);
}
