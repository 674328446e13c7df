//! Proofs: `fake_server`.

use std::io;

use testing::fake_server::FakeServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::real_time::soon_on_real_time;
use crate::support::Count;
use crate::tools::drop_at;

/// Dropped anywhere, it closes the port and drops the connections.
#[tokio::test]
async fn dropped_anywhere_the_port_and_the_connections_are_closed() {
    for suspensions in 0.. {
        let ended = Count::default();
        let counted = ended.clone();
        let server = FakeServer::start(move |mut client| {
            let left = counted.on_drop();
            async move {
                let _left = left;
                client.write_all(b"x").await?;
                client.read_u8().await.map(drop)
            }
        });
        let server = server.unwrap();
        let address = server.address();
        let mut client = TcpStream::connect(address).await.unwrap();
        assert_eq!(soon_on_real_time(client.read_u8()).await.unwrap(), b'x');
        if suspensions > 0 {
            client.write_all(b"y").await.unwrap(); // it may finish
        }
        let finished = drop_at(server.finish(), suspensions).await;
        assert_eq!(soon_on_real_time(client.read(&mut [0; 1])).await.unwrap_or(0), 0);
        assert!(soon_on_real_time(TcpStream::connect(address)).await.is_err());
        assert_eq!(ended.get(), 1);
        if finished.is_some() {
            assert!(suspensions > 0);
            break;
        }
    }
}

/// A thousand clients, one after the other and many at once: each has its answer.
#[tokio::test]
async fn many_clients_have_their_answers() {
    let server = FakeServer::start(|mut client| async move {
        let number = client.read_u32().await?;
        client.write_u32(number + 1).await
    });
    let server = server.unwrap();
    let ask = async |number: u32| {
        let mut client = TcpStream::connect(server.address()).await?;
        client.write_u32(number).await?;
        io::Result::Ok(client.read_u32().await? == number + 1)
    };
    for round in 0..10 {
        let clients = (0..100).map(|number| ask(round * 100 + number));
        let answers = soon_on_real_time(futures::future::try_join_all(clients)).await.unwrap();
        assert!(answers.into_iter().all(|right| right));
    }
    soon_on_real_time(server.finish()).await.unwrap();
}
