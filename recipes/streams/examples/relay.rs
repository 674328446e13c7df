//! A relay made of two patterns: `cargo run -p streams --example relay -- FROM TO`. It accepts 32 connections and refuses
//! more. After SIGTERM or Ctrl-C, open connections have two seconds.

use std::time::Duration;

use streams::relay::relay;
use streams::serve::{Beyond, Limits, serve};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let [from, to] =
        std::env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| anyhow::anyhow!("FROM TO"))?;
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let listener = TcpListener::bind(from).await?;
    println!("{}", listener.local_addr()?);
    let limits =
        Limits { connections: 32.try_into()?, beyond: Beyond::Refuse, grace: Duration::from_secs(2) };
    let stop = CancellationToken::new();
    let server = serve(listener, limits, stop.clone(), move |client, _stop| {
        let to = to.clone();
        async move {
            let relayed =
                async { relay(client, TcpStream::connect(to).await?, Duration::from_secs(60)).await };
            if let Err(error) = relayed.await {
                eprintln!("{error}");
            }
        }
    });
    let signalled = async {
        tokio::select! { _ = interrupt.recv() => {} _ = terminate.recv() => {} }
        stop.cancel();
    };
    let (served, ()) = tokio::join!(server, signalled);
    println!("{served:?}");
    Ok(())
}
