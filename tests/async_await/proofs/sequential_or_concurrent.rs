//! Proofs of the pattern `sequential_or_concurrent`.

use async_await::sequential_or_concurrent::{at_once, every_outcome, one_after_the_other, with_a_dependency};

use crate::work::Server;
use crate::work::sequential_or_concurrent::{OFFERS, ORDERS, PROFILE};

/// asyncio: a cancelled `gather` cancels its children. Tokio: cancelled anywhere, no call is left behind.
#[test]
fn cancelled_anywhere_they_leave_no_call_behind() {
    const LAST: &str = "/users/ada/orders/last";
    const DELIVERY: &str = "/orders/9/delivery";
    fn swept(calls: impl AsyncFn(Server)) -> usize {
        let calls = &calls;
        let swept = cancel_sweep::sweep_with(
            || {
                let answers = [(PROFILE, 300), (ORDERS, 100), (OFFERS, 200), (LAST, 100), (DELIVERY, 150)];
                let server = Server::new(answers.map(|(path, millis)| (path, millis, Ok("9"))));
                (server.clone(), async move { calls(server).await })
            },
            |server, _| assert_eq!(server.gone(), server.begun().len()),
        );
        swept.points
    }
    assert_eq!(swept(async |server| drop(one_after_the_other("ada", |path| server.get(path)).await)), 3);
    assert_eq!(swept(async |server| drop(at_once("ada", |path| server.get(path)).await)), 3);
    assert_eq!(swept(async |server| drop(with_a_dependency("ada", |path| server.get(path)).await)), 3);
    assert_eq!(swept(async |server| drop(every_outcome("ada", |path| server.get(path)).await)), 3);
}
