//! Proofs of the pattern `async_closures`.

use async_await::async_closures::poll_until;

use crate::support::ms;
use crate::work::Server;

/// Cancelled anywhere, the call of `ask` under way is dropped and none follows.
#[test]
fn cancelled_anywhere_no_question_is_left_behind() {
    let swept = cancel_sweep::sweep_with(
        || {
            let server = Server::new([("/export", 10, Ok("not yet"))]);
            let asked = server.clone();
            let mut times = 0;
            let poll = async move {
                poll_until(ms(100), async || {
                    times += 1;
                    asked.get("/export".to_owned()).await.map(|_| (times == 3).then_some(()))
                })
                .await
            };
            (server, poll)
        },
        |server, outcome| {
            if let cancel_sweep::Outcome::Cancelled(at) = outcome {
                assert_eq!(server.begun().len(), at.suspension.div_ceil(2));
            }
            assert_eq!(server.gone(), server.begun().len());
        },
    );
    assert_eq!(swept.points, 5, "three questions, two pauses");
}
