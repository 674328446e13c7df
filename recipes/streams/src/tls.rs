// SPDX-License-Identifier: 0BSD
//! TLS on any stream, for both sides: `ssl=context` and `StreamWriter.start_tls`, by rustls.
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
//! A stream of TLS reads and writes as any other. Call `shutdown` before you drop it: the peer cannot tell an end without
//! it from a cut, and gets `UnexpectedEof`.
//!
//! `start_tls` is [`connect`] or [`accept`] on a stream that has been used before. What a `BufReader` has read ahead is
//! either the handshake's (after a line that only a proxy sends: hand the `BufReader` over, it is a stream) or an attack (a
//! command in plain text that is to be taken for an encrypted one: [`nothing_read_ahead`] refuses it).
//!
//! # Cancel safety
//!
//! Dropping the future closes the stream.
//!
//! # Errors
//!
//! `TimedOut`: no handshake within the time. `InvalidData`: the certificate or the protocol is wrong; the `rustls::Error` in
//! it says how. `UnexpectedEof`: the peer is gone.
//!
//! # Differences from asyncio
//!
//! `shutdown` ends one direction, and the answer can still come. asyncio takes it for the end of both: a server of
//! asyncio's does not answer after it. Read the answer first.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::time::timeout;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

/// What a client needs: it trusts servers that `roots` have signed.
///
/// # Errors
///
/// None that a caller can cause.
pub fn connector(roots: RootCertStore) -> Result<TlsConnector, rustls::Error> {
    // Named, since a program that has two of them in its tree has no default one.
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let config = builder.with_safe_default_protocol_versions()?.with_root_certificates(roots);
    Ok(TlsConnector::from(Arc::new(config.with_no_client_auth())))
}

/// What a server needs: its certificate, followed by those that lead to the root, and its key.
///
/// # Errors
///
/// When the key is not that of the certificate.
pub fn acceptor(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<TlsAcceptor, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let config = builder.with_safe_default_protocol_versions()?.with_no_client_auth();
    Ok(TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key)?)))
}

/// Makes the client's handshake. The server has to be the one called `name`.
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

/// Makes the server's handshake. Call it in the task of the connection: a client may take its time.
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

/// The stream in `reader`, which has to have read nothing ahead: a step of STARTTLS.
///
/// # Errors
///
/// `InvalidData`, if the peer has sent plain text after the line that asked for TLS.
pub fn nothing_read_ahead<S: AsyncRead>(reader: BufReader<S>) -> io::Result<S> {
    match reader.buffer() {
        [] => Ok(reader.into_inner()),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "plain text follows the request for TLS")),
    }
}
