//! A relay in forty lines, as a reader would write it.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread;

use rustix::process::Signal;

use crate::real_time::soon_on_a_thread;
use crate::tools::Program;

const MILLION: usize = 1_000_000;

fn open(address: SocketAddr) -> TcpStream {
    #[expect(clippy::disallowed_methods, reason = "this is no async code")]
    TcpStream::connect(address).unwrap()
}

/// A server that sends back what it has read, when it has read all.
fn mirror() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut all = Vec::new();
                stream.read_to_end(&mut all)?;
                stream.write_all(&all)
            });
        }
    });
    address
}

/// The example, which `cargo test -p streams` builds.
fn relay() -> Program {
    let tests = std::env::current_exe().unwrap();
    let path: PathBuf = tests.ancestors().nth(2).unwrap().join("examples/relay");
    Program::start(path, &["127.0.0.1:0", &mirror().to_string()])
}

/// The example has forty lines of its own at most.
#[test]
fn the_relay_has_forty_lines() {
    let source = include_str!("../../../recipes/streams/examples/relay.rs");
    let code = source.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with("//"));
    assert!(code.count() <= 40);
}

/// A million bytes there, the end of that direction, and a million back.
#[test]
fn a_million_bytes_come_back_after_the_end() {
    soon_on_a_thread(|| {
        let mut relay = relay();
        let mut client = open(relay.address());
        let sent: Vec<u8> = (0..MILLION).map(|number| number.to_le_bytes()[0]).collect();
        client.write_all(&sent).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut back = Vec::new();
        client.read_to_end(&mut back).unwrap();
        assert!(back == sent);
    });
}

/// The 33rd connection is refused. After SIGTERM the 32 connections have two seconds, and then they are cut.
#[test]
fn one_beyond_the_limit_is_refused_and_a_signal_ends_all() {
    soon_on_a_thread(|| {
        let mut relay = relay();
        let address = relay.address();
        let mut clients: Vec<_> = (0..32).map(|_| open(address)).collect();
        // They are accepted in their order, so this one comes last.
        assert_eq!(open(address).read(&mut [0; 1]).unwrap_or(0), 0);
        // One ends well within the time.
        relay.signal(Signal::TERM);
        let mut first = clients.remove(0);
        first.write_all(b"hello").unwrap();
        first.shutdown(Shutdown::Write).unwrap();
        let mut back = String::new();
        first.read_to_string(&mut back).unwrap();
        assert_eq!(back, "hello");
        for mut client in clients {
            assert_eq!(client.read(&mut [0; 1]).unwrap_or(0), 0);
        }
        assert_eq!(relay.end(), Some(0));
        assert_eq!(relay.line(), "Served { handled: 32, refused: 1, errors: 0, cut: 31 }");
    });
}
