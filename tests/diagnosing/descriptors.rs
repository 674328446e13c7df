//! Lessons of the pattern `descriptors`. Other lessons of this process open descriptors, too: each looks for its own.
#![cfg(target_os = "linux")]

use std::io::Read;
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream};

use diagnosing::descriptors::{Descriptor, What, grown, list};

/// Those of sockets that have this port on one of their sides.
fn of_port(port: u16) -> Vec<What> {
    let has = |address: &SocketAddr| address.port() == port;
    let is_of = |what: &What| matches!(what, What::Tcp { local, peer, .. } if has(local) || peer.as_ref().is_some_and(has));
    list().unwrap().into_iter().map(|descriptor| descriptor.what).filter(is_of).collect()
}

fn states(port: u16) -> Vec<&'static str> {
    let state = |what| match what {
        What::Tcp { state, .. } => state,
        other => panic!("{other}"),
    };
    let mut states: Vec<_> = of_port(port).into_iter().map(state).collect();
    states.sort_unstable();
    states
}

/// Python: `lsof` in another terminal. A socket that the peer has closed, and this program has not, is in `CLOSE_WAIT`.
#[test]
fn a_socket_has_its_peer_and_its_state() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    assert_eq!(of_port(address.port()), [What::Tcp { local: address, peer: None, state: "LISTEN" }]);
    let client = TcpStream::connect(address).unwrap();
    let (mut server, peer) = listener.accept().unwrap();
    assert_eq!(states(address.port()), ["ESTABLISHED", "ESTABLISHED", "LISTEN"]);
    assert!(of_port(address.port()).contains(&What::Tcp {
        local: address,
        peer: Some(peer),
        state: "ESTABLISHED"
    }));
    drop(client);
    assert_eq!(server.read(&mut [0]).unwrap(), 0, "the end has come");
    assert_eq!(states(address.port()), ["CLOSE_WAIT", "LISTEN"]);
    drop((server, listener));
    assert_eq!(states(address.port()), [""; 0]);
}

/// The table of IPv6 has another form, and a socket for both has addresses of both.
#[test]
fn addresses_of_both_versions_are_read() {
    let Ok(listener) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) else { return };
    let address = listener.local_addr().unwrap();
    assert_eq!(of_port(address.port()), [What::Tcp { local: address, peer: None, state: "LISTEN" }]);
}

/// Python: `ResourceWarning` when it is collected. Here an owner closes, and what is kept has grown.
#[test]
fn connections_of_one_listener_are_counted_together() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let before = list().unwrap();
    let kept: Vec<_> = (0..3)
        .map(|_| {
            let client = TcpStream::connect(address).unwrap();
            let (mut server, _) = listener.accept().unwrap();
            drop(client);
            assert_eq!(server.read(&mut [0]).unwrap(), 0, "the end has come");
            server
        })
        .collect();
    let mine = |now: &[Descriptor]| {
        grown(&before, now).into_iter().find(|(what, _)| what.contains(&address.port().to_string()))
    };
    let expected = format!("tcp accepted on port {}, CLOSE_WAIT", address.port());
    assert_eq!(mine(&list().unwrap()), Some((expected, 3)));
    drop(kept);
    assert_eq!(mine(&list().unwrap()), None);
}

/// The numbers are those that `ls -l /proc/self/fd` shows.
#[test]
fn files_and_pipes_are_told_apart() {
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
    let file = std::fs::File::open("/dev/null").unwrap();
    let (reader, _writer) = std::io::pipe().unwrap();
    let all = list().unwrap();
    let of = |descriptor: BorrowedFd<'_>| {
        let number = u32::try_from(descriptor.as_raw_fd()).unwrap();
        all.iter()
            .find(|descriptor| descriptor.number == number)
            .map(|descriptor| descriptor.what.to_string())
    };
    assert_eq!(of(file.as_fd()).as_deref(), Some("/dev/null"));
    assert_eq!(of(reader.as_fd()).as_deref(), Some("pipe"));
}

/// What there is less of is no leak, and the most comes first.
#[test]
fn what_has_grown_most_comes_first() {
    let some = |whats: &[(u32, &str)]| {
        let of = |(count, name): &(u32, &str)| {
            vec![Descriptor { number: 0, what: What::File((*name).to_owned()) }; *count as usize]
        };
        whats.iter().flat_map(of).collect::<Vec<_>>()
    };
    let (before, now) =
        (some(&[(2, "a"), (1, "b"), (5, "c")]), some(&[(3, "a"), (4, "b"), (1, "c"), (1, "d")]));
    assert_eq!(grown(&before, &now), [("b".to_owned(), 3), ("a".to_owned(), 1), ("d".to_owned(), 1)]);
    assert_eq!(grown(&now, &now), []);
}
