//! Connecting: from an address to a connected socket.
//!
//! # Invariants
//! - The policy is asked for the very address that is connected to, and no other is.
//! - All addresses of a name are tried, each with its share of the time that is left.
//!
//! # Non-goals
//! Two attempts side by side. A worker has time, and one silent address costs it no more than its
//! share.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, setsockopt, sockopt};
use nix::sys::time::TimeVal;
use slipstream_core::{AddressGate, Failure, FailureScope, bare_host};

use crate::deliver::classify;
use crate::deliver::classify::Stage;
use crate::deliver::wire::Socket;
use crate::url::Address;

/// Connects, within this time.
pub(crate) fn connect(
    address: &Address,
    policy: &AddressGate,
    within: Duration,
) -> Result<Socket, Failure> {
    let peer = address.to_string();
    match address {
        Address::Unix(path) => {
            policy.socket(path)?;
            let connected = unix(path, within).map(Socket::Unix);
            connected.map_err(|error| classify::failure(&error, Stage::Connect, &peer))
        }
        Address::Host { host, port, .. } => {
            let end = Instant::now() + within;
            let found = (bare_host(host), *port).to_socket_addrs().map_err(|_| {
                Failure::transient(
                    FailureScope::Destination,
                    format!("cannot resolve the name ({peer})"),
                )
            })?;
            let admitted = admitted(host, found, policy)?;
            let over = || {
                let words = format!("within {within:?}");
                let error = io::Error::new(io::ErrorKind::TimedOut, words);
                classify::failure(&error, Stage::Connect, &peer)
            };
            let mut failure = None;
            for (tried, to) in admitted.iter().enumerate() {
                let left = end.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Err(over());
                }
                let share = left / u32::try_from(admitted.len() - tried).unwrap_or(1);
                match tcp(to, share.max(Duration::from_millis(1))) {
                    Ok(stream) => return Ok(Socket::Tcp(stream)),
                    Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                        failure = Some(over());
                    }
                    Err(error) => {
                        failure = Some(classify::failure(&error, Stage::Connect, &peer));
                    }
                }
            }
            Err(failure.unwrap_or_else(over))
        }
    }
}

/// The addresses of a host that may be connected to: at least one.
fn admitted(
    host: &str,
    found: impl Iterator<Item = SocketAddr>,
    policy: &AddressGate,
) -> Result<Vec<SocketAddr>, Failure> {
    let exempt = policy.exempts(host);
    let allowed = |address: IpAddr| exempt || policy.allows(address);
    let (admitted, refused): (Vec<_>, Vec<_>) = found.partition(|to| allowed(to.ip()));
    match refused.first() {
        _ if !admitted.is_empty() => Ok(admitted),
        Some(to) => Err(AddressGate::denied(to.ip())),
        None => Err(Failure::transient(
            FailureScope::Destination,
            format!("the name has no address ({host})"),
        )),
    }
}

fn tcp(to: &SocketAddr, within: Duration) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(to, within)?;
    stream.set_nonblocking(true)?;
    // What is sent is sent whole; waiting for more to send would only delay the last part of it.
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A Unix socket whose queue of connections is full keeps a client that connects waiting, for as long as
/// it lets a sender wait.
fn unix(path: &str, within: Duration) -> io::Result<UnixStream> {
    use nix::sys::socket::{connect, socket};

    let (family, kind) = (AddressFamily::Unix, SockType::Stream);
    let socket = socket(family, kind, SockFlag::SOCK_CLOEXEC, None)?;
    let seconds = i64::try_from(within.as_secs()).unwrap_or(i64::MAX);
    let wait = TimeVal::new(seconds, i64::from(within.subsec_micros().max(1)));
    setsockopt(&socket, sockopt::SendTimeout, &wait)?;
    match connect(socket.as_raw_fd(), &UnixAddr::new(path)?) {
        Err(Errno::EAGAIN) => {
            Err(io::Error::new(io::ErrorKind::TimedOut, format!("within {within:?}")))
        }
        Err(error) => Err(error.into()),
        Ok(()) => {
            let stream = UnixStream::from(socket);
            stream.set_nonblocking(true)?;
            Ok(stream)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    fn policy(allowed: &[&str]) -> AddressGate {
        AddressGate::public_and(&allowed.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>())
    }

    fn refusal(url: &str, allowed: &[&str]) -> Failure {
        let address = Address::parse(url).unwrap();
        connect(&address, &policy(allowed), Duration::from_secs(5)).unwrap_err()
    }

    #[test]
    fn what_is_not_public_is_refused_before_anything_is_connected() {
        // Nothing listens there, so a connection would be refused in other words.
        for (url, words) in [
            ("tcp://127.0.0.1:1", "127.0.0.1 is a loopback address"),
            ("tcp://[::ffff:169.254.169.254]:80", "link-local"),
            ("tcp://localhost:1", "is a loopback address"),
            ("unix:///nowhere", "allow unix:/nowhere"),
        ] {
            let failure = refusal(url, &["other.example", "unix:/elsewhere"]);
            assert!(!failure.transient && failure.reason.contains(words), "{failure:?}");
        }
    }

    #[test]
    fn what_is_exempt_by_name_or_by_address_is_tried() {
        for (url, allowed) in [
            ("tcp://127.0.0.1:1", "127.0.0.1"),
            ("tcp://localhost:1", "localhost"),
            ("unix:///nowhere", "unix:/nowhere"),
        ] {
            let failure = refusal(url, &[allowed, "::1"]);
            assert!(failure.transient, "{failure:?}");
        }
    }

    #[test]
    fn of_a_names_addresses_those_that_are_allowed_are_tried() {
        let to = |text: &str| text.parse::<SocketAddr>().unwrap();
        let found = [to("10.0.0.1:1"), to("8.8.8.8:1"), to("[::1]:1")];
        let policy = policy(&[]);
        let admitted = admitted("h", found.into_iter(), &policy).unwrap();
        assert_eq!(admitted, [to("8.8.8.8:1")]);
    }

    #[test]
    fn a_unix_socket_without_an_accept_is_given_up_in_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s").display().to_string();
        let listener = UnixListener::bind(&path).unwrap();
        nix::sys::socket::listen(&listener, nix::sys::socket::Backlog::new(0).unwrap()).unwrap();
        let within = Duration::from_millis(30);
        let mut held = Vec::new();
        let error = loop {
            match unix(&path, within) {
                Ok(stream) => held.push(stream),
                Err(error) => break error,
            }
            assert!(held.len() < 10, "its queue has no end");
        };
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (io::ErrorKind::TimedOut, "within 30ms")
        );
    }
}
