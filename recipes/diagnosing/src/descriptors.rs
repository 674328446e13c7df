// SPDX-License-Identifier: 0BSD
//! Lists the open descriptors of this process, each TCP socket with its peer and its state, and reports which have grown:
//! *"Too many open files"*, `ResourceWarning: unclosed`.
//!
//! It needs no crate.
//!
//! ```
//! use std::net::{TcpListener, TcpStream};
//!
//! use diagnosing::descriptors::{grown, list};
//!
//! fn main() -> std::io::Result<()> {
//!     let before = list()?;
//!     let listener = TcpListener::bind("127.0.0.1:0")?;
//!     let _kept = TcpStream::connect(listener.local_addr()?)?; // a leak: it is never closed
//!     for (what, more) in grown(&before, &list()?) {
//!         println!("{more} more: {what}"); // 1 more: tcp to 127.0.0.1:40123, ESTABLISHED
//!     }
//!     assert_eq!(grown(&before, &list()?).len(), 2);
//!     Ok(())
//! }
//! ```
//!
//! It works only on Linux, because it reads `/proc/self`. `CLOSE_WAIT` means that the peer has closed its side, and this
//! program still owns the socket. Many peers and one listener mean connections that are accepted and never dropped.
//!
//! `std::fs::read_dir("/proc/self/fd")?.count()` is enough to see that something leaks. For another process:
//! `ls -l /proc/PID/fd` and `ss -tnp`.
//!
//! The files of `/proc` are in memory, so reading them in a task takes a fraction of a millisecond for a thousand
//! descriptors. With many more, call it in `spawn_blocking`.
//!
//! # Errors
//!
//! If `/proc/self` cannot be read: on another system, or if no descriptor is free. The listing itself needs one, so call it
//! before all are used up.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::{fmt, fs, io};

/// An open descriptor.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Descriptor {
    /// Its number.
    pub number: u32,
    /// The kind of the descriptor.
    pub what: What,
}

/// The kind of a descriptor.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// A file, a device, or another name of the system, such as `anon_inode:[eventpoll]`.
    File(String),
    /// One end of a pipe.
    Pipe,
    /// A TCP socket.
    Tcp {
        /// The address of this program.
        local: SocketAddr,
        /// The address of the peer; `None` while it listens.
        peer: Option<SocketAddr>,
        /// The state, as `ss` and `netstat` name it: `LISTEN`, `ESTABLISHED`, `CLOSE_WAIT`.
        state: &'static str,
    },
    /// Another socket: UDP, Unix, or TCP that is not connected.
    Socket,
}

/// Returns the open descriptors, in the order of their numbers, without the one that this call needs.
pub fn list() -> io::Result<Vec<Descriptor>> {
    let mut links = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        let entry = entry?;
        // A descriptor that is closed meanwhile has no link: for example the one of this call.
        links.push((entry.file_name(), entry.path()));
    }
    let links = links.into_iter().filter_map(|(number, path)| {
        Some((number.to_str()?.parse().ok()?, fs::read_link(path).ok()?.to_string_lossy().into_owned()))
    });
    let links: Vec<(u32, String)> = links.collect();
    let sockets = tcp_sockets();
    let what = |link: &str| match link.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')) {
        Some(inode) => sockets.get(inode).cloned().unwrap_or(What::Socket),
        None if link.starts_with("pipe:[") => What::Pipe,
        None => What::File(link.to_owned()),
    };
    let mut all: Vec<_> =
        links.iter().map(|(number, link)| Descriptor { number: *number, what: what(link) }).collect();
    all.sort();
    Ok(all)
}

/// Returns the kinds that have grown, the largest growth first.
///
/// It counts connections with the same peer and state together. It also groups the connections that one listener has
/// accepted, because the port at the other end differs each time.
#[must_use]
pub fn grown(before: &[Descriptor], now: &[Descriptor]) -> Vec<(String, usize)> {
    let listening: BTreeSet<_> = before.iter().chain(now).filter_map(Descriptor::listens_on).collect();
    let kind = |what: &What| match what {
        What::Tcp { local, peer: Some(_), state } if listening.contains(&local.port()) => {
            format!("tcp accepted on port {}, {state}", local.port())
        }
        what => what.to_string(),
    };
    let count = |all: &[Descriptor]| {
        let mut counts = BTreeMap::new();
        for descriptor in all {
            *counts.entry(kind(&descriptor.what)).or_insert(0_usize) += 1;
        }
        counts
    };
    let before = count(before);
    let more = |(what, now): (String, usize)| {
        let more = now.saturating_sub(before.get(&what).copied().unwrap_or_default());
        (more > 0).then_some((what, more))
    };
    let mut grown: Vec<_> = count(now).into_iter().filter_map(more).collect();
    grown.sort_by_key(|(_, more)| std::cmp::Reverse(*more));
    grown
}

impl Descriptor {
    fn listens_on(&self) -> Option<u16> {
        match self.what {
            What::Tcp { local, peer: None, state: "LISTEN" } => Some(local.port()),
            _ => None,
        }
    }
}

/// By number, as in `netinet/tcp.h`.
const STATES: [&str; 12] = [
    "another state",
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
];

/// Returns the TCP sockets by inode. A line that cannot be read counts as a socket without an address.
fn tcp_sockets() -> BTreeMap<String, What> {
    let tables = ["/proc/self/net/tcp", "/proc/self/net/tcp6"].map(fs::read_to_string);
    let rows = tables.iter().flatten().flat_map(|table| table.lines().skip(1));
    rows.filter_map(|row| {
        let columns: Vec<_> = row.split_whitespace().collect();
        let [_, local, peer, state, _, _, _, _, _, inode, ..] = columns[..] else { return None };
        let state = usize::from_str_radix(state, 16).ok().and_then(|number| STATES.get(number));
        let state = state.unwrap_or(&STATES[0]);
        let peer = Some(address(peer)?).filter(|peer| peer.port() != 0);
        Some((inode.to_owned(), What::Tcp { local: address(local)?, peer, state }))
    })
    .collect()
}

/// `0100007F:1F90` is 127.0.0.1:8080: words of four bytes, each as this machine keeps it.
fn address(text: &str) -> Option<SocketAddr> {
    let (digits, port) = text.split_once(':')?;
    let mut bytes = Vec::new();
    for at in (0..digits.len()).step_by(8) {
        bytes.extend(u32::from_str_radix(digits.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    }
    let ip = match <[u8; 4]>::try_from(&bytes[..]) {
        Ok(bytes) => IpAddr::V4(Ipv4Addr::from(bytes)),
        Err(_) => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(&bytes[..]).ok()?)),
    };
    Some(SocketAddr::new(ip.to_canonical(), u16::from_str_radix(port, 16).ok()?))
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(name) => f.write_str(name),
            Self::Pipe => f.write_str("pipe"),
            Self::Tcp { peer: Some(peer), state, .. } => write!(f, "tcp to {peer}, {state}"),
            Self::Tcp { local, state, .. } => write!(f, "tcp on {local}, {state}"),
            Self::Socket => f.write_str("another socket"),
        }
    }
}
