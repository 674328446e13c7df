use cancel_sweep::sweep_with;
use streams::serve::{ServerLimits, serve};
use tokio::io::{AsyncReadExt, duplex};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::support::{Count, ms};
use crate::work::scripted;

/// Dropped anywhere, the listener and every handler are dropped; nothing runs on.
#[test]
fn cancelled_anywhere_nothing_is_left() {
    let swept = sweep_with(
        || {
            let (listeners, handlers) = (Count::default(), Count::default());
            let ((arrivals, listener), stop) = (scripted(listeners.on_drop()), CancellationToken::new());
            let stopped = stop.clone();
            let clients = tokio::spawn(async move {
                for _ in 0..2 {
                    let (mut client, ours) = duplex(4);
                    let _refused = arrivals.send(Ok(ours)).await;
                    tokio::spawn(async move { client.read(&mut [0; 1]).await });
                    sleep(ms(10)).await;
                }
                stopped.cancel();
            });
            let (made, dropped) = (Count::default(), handlers.clone());
            let entered = made.clone();
            let limits = ServerLimits { grace: ms(50), ..ServerLimits::default() };
            let server = serve(listener, limits, stop, move |stream, _stop| {
                entered.add();
                let left = dropped.on_drop();
                async move {
                    let _held = (stream, left);
                    std::future::pending::<()>().await;
                }
            });
            ((clients, listeners, made, handlers), async move { server.await.cut })
        },
        |(clients, listeners, made, handlers), outcome| {
            assert!(clients.is_finished());
            assert_eq!((listeners.get(), handlers.get()), (1, made.get()));
            if let cancel_sweep::Outcome::Finished(cut) = outcome {
                assert_eq!((cut, made.get()), (2, 2));
            }
        },
    );
    assert!(swept.points > 3, "{swept:?}");
}
