//! Acknowledgement: whether the peer's kernel has everything that was sent.
//!
//! The kernel reports it by the state of the connection, which is the first byte of
//! `struct tcp_info` (tcp(7), TCP_INFO). The option may be read in part: as one byte, it has no
//! layout that could differ and no value that could be wrong. nix has no name for it, but has the
//! macro that makes its own options, so that no `unsafe` is needed here.

use std::io;
use std::net::TcpStream;

use nix::libc;
use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::GetU8;

/// The state of a TCP connection.
#[derive(Debug, Clone, Copy)]
struct State;

nix::getsockopt_impl!(State, libc::IPPROTO_TCP, libc::TCP_INFO, u8, GetU8);

// include/net/tcp_states.h: the states in which our FIN is on its way.
const FIN_WAIT1: u8 = 4;
const LAST_ACK: u8 = 9;
const CLOSING: u8 = 11;

/// Whether our FIN is acknowledged, once it was sent. A connection that a reset has ended counts as
/// well; its error shows that.
pub(crate) fn acked(stream: &TcpStream) -> io::Result<bool> {
    let state = getsockopt(stream, State)?;
    Ok(!matches!(state, FIN_WAIT1 | LAST_ACK | CLOSING))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{Shutdown, TcpListener};
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn what_the_peer_has_no_room_for_is_not_acknowledged_until_it_reads() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        // Until neither kernel takes any more.
        let mut sent = 0;
        while let Ok(count) = (&stream).write(&[0; 65_536]) {
            sent += count;
        }
        stream.shutdown(Shutdown::Write).unwrap();
        assert!(!acked(&stream).unwrap());
        assert_eq!(io::copy(&mut peer, &mut io::sink()).unwrap(), sent as u64);
        // A kernel may put off what it has to acknowledge, but not for long.
        let since = Instant::now();
        while !acked(&stream).unwrap() {
            assert!(since.elapsed() < Duration::from_secs(10), "it is never acknowledged");
            thread::yield_now();
        }
    }
}
