use cancel_sweep::sweep_with;
use futures::FutureExt;
use streams::tls::{accept, connect};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use crate::work::{WITHIN, tls};

/// A client that is dropped anywhere in its handshake ends the server's: nothing waits.
#[test]
fn cancelled_anywhere_a_client_ends_the_servers_handshake() {
    let (connector, acceptor) = tls();
    let swept = sweep_with(
        || {
            let ((connector, acceptor), (here, there)) =
                ((connector.clone(), acceptor.clone()), duplex(1_024));
            let server = tokio::spawn(async move {
                let mut stream = accept(&acceptor, there, WITHIN).await?;
                stream.read_to_end(&mut Vec::new()).await
            });
            (server, async move {
                let mut stream = connect(&connector, "localhost", here, WITHIN).await.unwrap();
                stream.shutdown().await.unwrap();
                // The server writes tickets behind its handshake.
                stream
            })
        },
        |server, outcome| {
            let ended = server.now_or_never().expect("it has ended").unwrap();
            if let cancel_sweep::Outcome::Finished(_stream) = outcome {
                assert_eq!(ended.unwrap(), 0);
            }
        },
    );
    assert!(swept.points >= 1, "{swept:?}");
}

/// The same for a server.
#[test]
fn cancelled_anywhere_a_server_ends_the_clients_handshake() {
    let (connector, acceptor) = tls();
    let swept = sweep_with(
        || {
            let ((connector, acceptor), (here, there)) = ((connector.clone(), acceptor.clone()), duplex(64));
            let client = tokio::spawn(async move {
                let mut stream = connect(&connector, "localhost", here, WITHIN).await?;
                stream.read_to_end(&mut Vec::new()).await
            });
            (client, async move {
                let mut stream = accept(&acceptor, there, WITHIN).await.unwrap();
                stream.shutdown().await.unwrap();
            })
        },
        |client, outcome| {
            let ended = client.now_or_never().expect("it has ended").unwrap();
            if let cancel_sweep::Outcome::Finished(()) = outcome {
                assert_eq!(ended.unwrap(), 0);
            }
        },
    );
    assert!(swept.points > 2, "{swept:?}");
}
