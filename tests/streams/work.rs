//! What lessons of this recipe share.

use std::io;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use streams::serve::Listener;
use streams::tls::{acceptor, connector};
use tokio::io::DuplexStream;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc};
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Two ends of one TCP connection.
pub async fn tcp() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (client, listener.accept().await.unwrap().0)
}

/// A listener whose connections and errors a lesson sends.
pub struct Scripted<T = ()> {
    arrivals: Mutex<mpsc::Receiver<io::Result<DuplexStream>>>,
    _with_it: T,
}

pub type Arrivals = mpsc::Sender<io::Result<DuplexStream>>;

/// With a value that is dropped with the listener.
pub fn scripted<T>(with_it: T) -> (Arrivals, Scripted<T>) {
    let (sender, arrivals) = mpsc::channel(10_000);
    (sender, Scripted { arrivals: Mutex::new(arrivals), _with_it: with_it })
}

impl<T: Send + Sync> Listener for Scripted<T> {
    type Connection = DuplexStream;

    async fn next_connection(&self) -> io::Result<DuplexStream> {
        match self.arrivals.lock().await.recv().await {
            Some(arrival) => arrival,
            None => std::future::pending().await,
        }
    }
}

/// A client and a server that trust each other; the server is `localhost`.
pub fn tls() -> (TlsConnector, TlsAcceptor) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    (connector(roots).unwrap(), acceptor(vec![cert.der().clone()], key).unwrap())
}

pub const WITHIN: Duration = Duration::from_secs(5);
