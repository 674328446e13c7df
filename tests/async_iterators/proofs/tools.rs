//! What the proofs of this recipe share.

use futures::{Stream, StreamExt};
use std::sync::{Arc, Mutex};

/// Sweeps a loop over a stream: wherever a `next()` is dropped, the items before and after it are `all`.
pub fn sweep_loop<S>(make: impl Fn() -> S, all: &[S::Item])
where
    S: Stream<Item: PartialEq + std::fmt::Debug> + 'static,
{
    let swept = cancel_sweep::sweep_with(
        || {
            let stream = Arc::new(tokio::sync::Mutex::new(Box::pin(make())));
            let given = Arc::new(Mutex::new(Vec::new()));
            let read = async |stream: &tokio::sync::Mutex<std::pin::Pin<Box<S>>>, given: &Mutex<Vec<_>>| {
                let mut stream = stream.lock().await;
                while let Some(item) = stream.next().await {
                    given.lock().unwrap().push(item);
                }
            };
            let (cancelled, read_on) = tokio::sync::oneshot::channel::<()>();
            tokio::task::spawn_local({
                let (stream, given) = (stream.clone(), given.clone());
                async move {
                    let _dropped = read_on.await;
                    read(&stream, &given).await;
                }
            });
            (given.clone(), async move {
                let _cancelled = cancelled;
                read(&stream, &given).await;
            })
        },
        |given, _| assert_eq!(*given.lock().unwrap(), all),
    );
    assert!(swept.points >= 1, "there was nothing to cancel");
}
