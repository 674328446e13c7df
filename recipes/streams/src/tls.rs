// SPDX-License-Identifier: 0BSD
//! Adds TLS to any stream, on both sides: `ssl=context` and `StreamWriter.start_tls`, by rustls.
//!
//! ```sh
//! cargo add tokio --features io-util,time
//! cargo add tokio-rustls
//! ```
//!
//! ```
//! use std::time::Duration;
//!
//! use streams::tls::{connect, connector};
//! use tokio_rustls::rustls::RootCertStore;
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> anyhow::Result<()> {
//!     let connector = connector(RootCertStore::empty())?; // `rustls-native-certs` has the system's
//!     let (stream, peer) = tokio::io::duplex(1_024);
//!     drop(peer);
//!     let connected = connect(&connector, "example.org", stream, Duration::from_secs(5)).await;
//!     assert!(connected.is_err()); // the peer is gone
//!     Ok(())
//! }
//! ```
//!
//! A TLS stream reads and writes like any other. Call `shutdown` before you drop it: without it the end looks like a cut,
//! and the peer gets `UnexpectedEof`.
//!
//! `start_tls` is [`connect`] or [`accept`] on a stream that has been used before. Bytes that a `BufReader` has read ahead
//! need care:
//!
//! - After a line that only a proxy sends, they belong to the handshake. Pass the `BufReader` itself, which is a stream.
//! - Otherwise they may be an attack: a command in plain text that would pass for an encrypted one.
//!   [`nothing_read_ahead`] refuses it.
//!
//! # Cancel safety
//!
//! Dropping the future closes the stream.
//!
//! # Errors
//!
//! `TimedOut`: no handshake within the time. `InvalidData`: the certificate or the protocol is wrong; the `rustls::Error`
//! inside has the reason. `UnexpectedEof`: the peer is gone.
//!
//! # Differences from asyncio
//!
//! `shutdown` ends one direction, and the answer can still come. asyncio treats it as the end of both, so its server does
//! not answer after it. Read the answer first.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::time::timeout;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

/// Makes the configuration of a client, which trusts servers that `roots` have signed.
///
/// # Errors
///
/// No error that a caller can cause.
pub fn connector(roots: RootCertStore) -> Result<TlsConnector, rustls::Error> {
    // Named, because a program with two providers in its tree has no default.
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let config = builder.with_safe_default_protocol_versions()?.with_root_certificates(roots);
    Ok(TlsConnector::from(Arc::new(config.with_no_client_auth())))
}

/// Makes the configuration of a server: its certificate, followed by those that lead to the root, and its key.
///
/// # Errors
///
/// If the key does not belong to the certificate.
pub fn acceptor(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<TlsAcceptor, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let config = builder.with_safe_default_protocol_versions()?.with_no_client_auth();
    Ok(TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key)?)))
}

/// Makes the client's handshake. The server's certificate has to be for `name`.
pub async fn connect<S>(
    connector: &TlsConnector,
    name: &str,
    stream: S,
    within: Duration,
) -> io::Result<client::TlsStream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let name = ServerName::try_from(name.to_owned())
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    timeout(within, connector.connect(name, stream)).await?
}

/// Makes the server's handshake. Call it in the task of the connection, because a client may be slow.
pub async fn accept<S>(
    acceptor: &TlsAcceptor,
    stream: S,
    within: Duration,
) -> io::Result<server::TlsStream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    timeout(within, acceptor.accept(stream)).await?
}

/// Returns the stream in `reader`, if `reader` has read nothing ahead: a step of STARTTLS.
///
/// # Errors
///
/// `InvalidData` if the peer has sent plain text after the line that asked for TLS.
pub fn nothing_read_ahead<S: AsyncRead>(reader: BufReader<S>) -> io::Result<S> {
    match reader.buffer() {
        [] => Ok(reader.into_inner()),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "plain text follows the request for TLS")),
    }
}
