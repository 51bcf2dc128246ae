//! Name resolution and connecting: from an endpoint to a connected socket.
//!
//! # Invariants
//! - The address that is connected to is the address that was judged.
//! - Looking a name up and connecting end in time, whatever the resolver does.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use slipstream_core::{AddressGate, Failure, FailureScope, bare_host};
use socket2::{Domain, SockAddr, Type};

/// A connected socket, and where it leads.
pub(crate) struct Connected {
    pub(crate) socket: socket2::Socket,
    pub(crate) unix: bool,
    /// Whether the address is this machine's own, and written as such.
    pub(crate) loopback: bool,
}

/// Connects to a Unix socket.
pub(crate) fn unix(path: &str, policy: &AddressGate, wait: Duration) -> Result<Connected, Failure> {
    policy.socket(path)?;
    let connected = SockAddr::unix(path).and_then(|address| {
        let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.connect_timeout(&address, wait)?;
        Ok(socket)
    });
    let socket = connected.map_err(|error| unreached(&error, &format!("unix:{path}"), wait))?;
    Ok(Connected { socket, unix: true, loopback: false })
}

/// Connects to a host: to the first of its addresses that is allowed and answers.
pub(crate) fn tcp(
    host: &str,
    port: u16,
    policy: &AddressGate,
    wait: Duration,
) -> Result<Connected, Failure> {
    let until = Instant::now() + wait;
    let peer = format!("{host}:{port}");
    let addresses = look_up(host, port, wait)?;
    let addresses = judged(host, addresses, policy)?;
    let mut last = Failure::transient(FailureScope::Destination, format!("no address ({peer})"));
    for (tried, address) in addresses.iter().enumerate() {
        // An address that is silent leaves time for the addresses behind it.
        let left = until.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(addresses.len() - tried).unwrap_or(1);
        let connected = socket2::Socket::new(Domain::for_address(*address), Type::STREAM, None)
            .and_then(|socket| {
                socket.connect_timeout(&(*address).into(), share.max(Duration::from_millis(1)))?;
                socket.set_tcp_nodelay(true)?;
                Ok(socket)
            });
        match connected {
            Ok(socket) => {
                let loopback = says_loopback(host) && address.ip().to_canonical().is_loopback();
                return Ok(Connected { socket, unix: false, loopback });
            }
            Err(error) => last = unreached(&error, &peer, wait),
        }
    }
    Err(last)
}

/// Whether a host is this machine by what it says itself. That a name leads here at the moment may
/// be the doing of the server that answers for it.
fn says_loopback(host: &str) -> bool {
    host == "localhost" || bare_host(host).parse::<IpAddr>().is_ok()
}

/// The addresses of a host that may be connected to.
fn judged(
    host: &str,
    addresses: Vec<SocketAddr>,
    policy: &AddressGate,
) -> Result<Vec<SocketAddr>, Failure> {
    if policy.exempts(host) {
        return Ok(addresses);
    }
    let (allowed, denied): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| policy.allows(address.ip()));
    match denied.first() {
        Some(address) if allowed.is_empty() => Err(AddressGate::denied(address.ip())),
        _ => Ok(allowed),
    }
}

fn look_up(host: &str, port: u16, wait: Duration) -> Result<Vec<SocketAddr>, Failure> {
    let bare = bare_host(host);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    // The system's resolver has no time-out that could be configured. Left behind, it ends by
    // itself.
    let (answer, answered) = mpsc::channel();
    let name = host.to_owned();
    let thread = std::thread::Builder::new().name("slipstream-lookup".to_owned());
    let failed = |why: String| Failure::transient(FailureScope::Destination, why);
    thread
        .spawn(move || drop(answer.send((name.as_str(), port).to_socket_addrs())))
        .map_err(|error| Failure::short(format!("no thread could be started: {error}")))?;
    match answered.recv_timeout(wait) {
        Ok(Ok(addresses)) => Ok(addresses.collect()),
        Ok(Err(_)) => Err(failed(format!("cannot resolve the name ({host})"))),
        Err(_) => Err(failed(format!("the name was not resolved within {wait:?} ({host})"))),
    }
}

fn unreached(error: &std::io::Error, peer: &str, wait: Duration) -> Failure {
    if let Some(failure) = error.raw_os_error().and_then(Failure::shortage) {
        return failure;
    }
    let reason = match error.kind() {
        std::io::ErrorKind::TimedOut => format!("no connection within {wait:?} ({peer})"),
        _ => format!("{} ({peer})", crate::deliver::classify::system_words(error)),
    };
    Failure::transient(FailureScope::Destination, reason)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    const WAIT: Duration = Duration::from_secs(10);

    fn reason(connected: Result<Connected, Failure>) -> String {
        connected.err().map(|failure| failure.reason).unwrap_or_default()
    }

    #[test]
    fn an_address_is_judged_before_it_is_connected_to_and_by_what_it_is() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        listener.set_nonblocking(true).unwrap();
        let policy = AddressGate::public_and(&[]);
        for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"] {
            let refused = reason(tcp(host, port, &policy, WAIT));
            assert!(refused.contains("a loopback address"), "{host}: {refused}");
        }
        assert!(listener.accept().is_err(), "there was a connection");
        for allowed in ["localhost", "127.0.0.1"] {
            let policy = AddressGate::public_and(&[allowed.to_owned()]);
            assert!(tcp(allowed, port, &policy, WAIT).unwrap().loopback);
        }
        assert!(tcp("127.0.0.1", port, &AddressGate::default(), WAIT).is_ok());
    }

    #[test]
    fn a_socket_is_refused_unless_it_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s").display().to_string();
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let refused = reason(unix(&path, &AddressGate::sockets_only_of(&[]), WAIT));
        assert!(refused.contains("unix:"), "{refused}");
        let policy = AddressGate::public_and(&[format!("unix:{path}")]);
        assert!(unix(&path, &policy, WAIT).unwrap().unix);
    }

    #[test]
    fn a_closed_port_is_the_destinations_fault() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let failure = tcp("127.0.0.1", port, &AddressGate::default(), WAIT).err().unwrap();
        assert_eq!(failure.reason, format!("connection refused (127.0.0.1:{port})"));
        assert_eq!((failure.transient, failure.scope), (true, FailureScope::Destination));
        let missing = reason(unix("/no/such/socket", &AddressGate::default(), WAIT));
        assert_eq!(missing, "no such file or directory (unix:/no/such/socket)");
    }
}
