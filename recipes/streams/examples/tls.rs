//! TLS with certificates from files. `-- serve ADDRESS CERTIFICATE KEY` answers each line in capitals. `-- connect ADDRESS
//! NAME ROOT` sends a line and prints the answer. With `starttls` as the last argument, TLS begins after a line in plain
//! text.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use streams::connect::open;
use streams::lines::Lines;
use streams::serve::{Limits, serve};
use streams::tls::{accept, acceptor, connect, connector, nothing_read_ahead};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, split};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_util::sync::CancellationToken;

const WITHIN: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["serve", address, certificate, key, ref rest @ ..] => {
            let starts_plain = rest == ["starttls"];
            let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<_, _>>()?;
            let acceptor = acceptor(chain, PrivateKeyDer::from_pem_file(key)?)?;
            let listener = TcpListener::bind(address).await?;
            println!("listening at {}", listener.local_addr()?);
            let handle = move |stream, _stop| {
                let acceptor = acceptor.clone();
                async move {
                    if let Err(error) = capitals(&acceptor, stream, starts_plain).await {
                        eprintln!("{error:#}");
                    }
                }
            };
            serve(listener, Limits::default(), CancellationToken::new(), handle).await;
        }
        ["connect", address, name, root, ref rest @ ..] => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_file(root)?)?;
            let mut plain = open(address, WITHIN).await?;
            if rest == ["starttls"] {
                let mut reader = BufReader::new(plain);
                reader.write_all(b"STARTTLS\n").await?;
                reader.read_line(&mut String::new()).await?;
                plain = nothing_read_ahead(reader)?;
            }
            let stream = connect(&connector(roots)?, name, plain, WITHIN).await?;
            let (mut reader, mut answer) = (BufReader::new(stream), String::new());
            reader.write_all(b"hello\n").await?;
            reader.flush().await?;
            reader.read_line(&mut answer).await.context("no answer")?;
            print!("{answer}");
            // Only after the answer, because asyncio treats `close_notify` as the end of both directions.
            reader.shutdown().await?;
            let count = reader.read_to_end(&mut Vec::new()).await.context("no end")?;
            ensure!(count == 0, "{count} bytes follow the answer");
        }
        _ => bail!("serve ADDRESS CERTIFICATE KEY [starttls], or connect ADDRESS NAME ROOT [starttls]"),
    }
    Ok(())
}

/// The server's half of STARTTLS.
async fn asked_for_tls(stream: TcpStream) -> anyhow::Result<TcpStream> {
    let (mut reader, mut line) = (BufReader::new(stream), String::new());
    (&mut reader).take(100).read_line(&mut line).await?;
    ensure!(line == "STARTTLS\n", "the line {line:?} does not ask for TLS");
    let mut plain = nothing_read_ahead(reader)?;
    plain.write_all(b"GO\n").await?;
    Ok(plain)
}

async fn capitals(acceptor: &TlsAcceptor, mut stream: TcpStream, starts_plain: bool) -> anyhow::Result<()> {
    if starts_plain {
        stream = timeout(WITHIN, asked_for_tls(stream)).await??;
    }
    let (reader, mut writer) = split(accept(acceptor, stream, WITHIN).await.context("no handshake")?);
    let mut lines = Lines::new(reader, 1_000);
    while let Some(line) = lines.next().await? {
        writer.write_all(&line.to_ascii_uppercase()).await?;
        writer.write_all(b"\n").await?;
        writer.flush().await?;
    }
    Ok(writer.shutdown().await?)
}
