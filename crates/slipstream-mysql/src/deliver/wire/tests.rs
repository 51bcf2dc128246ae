//! A server that a test plays, byte by byte: what a real one would not do, and ways to log in that
//! it may not have.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

#[path = "../../../../../fuzz/targets/wire.rs"]
mod any_server;
mod login;
#[path = "../../../../../fuzz/replay.rs"]
mod replay;

const NONCE: &[u8; 20] = b"abcdefghijklmnopqrst";
const OK: [u8; 7] = [0, 0, 0, 2, 0, 0, 0];

/// The server's end.
struct Peer(UnixStream);

impl Peer {
    fn say(&mut self, number: u8, payload: &[u8]) {
        let mut packet = (payload.len() as u32).to_le_bytes();
        packet[3] = number;
        // A client that has left receives nothing.
        let _ = self.0.write_all(&[&packet, payload].concat());
    }

    fn hear(&mut self) -> Vec<u8> {
        let mut header = [0; 4];
        if self.0.read_exact(&mut header).is_err() {
            return Vec::new();
        }
        header[3] = 0;
        let mut payload = vec![0; u32::from_le_bytes(header) as usize];
        self.0.read_exact(&mut payload).unwrap();
        payload
    }

    fn greet(&mut self, plugin: &str) {
        let mut greeting = b"\x0a8.4.0\0\x01\0\0\0".to_vec();
        greeting.extend_from_slice(&NONCE[..8]);
        // Everything that there is, TLS and local files and several statements among it.
        greeting.extend_from_slice(&[0, 0xff, 0xff, 45, 2, 0, 0xff, 0xff, 21]);
        greeting.extend_from_slice(&[0; 10]);
        greeting.extend_from_slice(&NONCE[8..]);
        greeting.push(0);
        greeting.extend_from_slice(plugin.as_bytes());
        greeting.push(0);
        self.say(0, &greeting);
    }

    /// The same with this behind the first eight bytes of what is to be proven.
    fn greet_with(&mut self, rest: &[u8]) {
        let mut greeting = b"\x0a8.4.0\0\x01\0\0\0nnnnnnnn".to_vec();
        let length = u8::try_from(rest.len() + 8).unwrap_or(u8::MAX);
        greeting.extend_from_slice(&[0, 0xff, 0xff, 45, 2, 0, 0xff, 0xff, length]);
        greeting.extend_from_slice(&[0; 10]);
        greeting.extend_from_slice(rest);
        self.say(0, &greeting);
    }

    fn greet_without_tls(&mut self) {
        let mut greeting = b"\x0a5.5\0\x01\0\0\0abcdefgh\0\xff\xf7\x2d\x02\0\xff\xff\x15".to_vec();
        greeting.extend_from_slice(&[0; 10]);
        greeting.extend_from_slice(b"abcdefghijkl\0mysql_native_password\0");
        self.say(0, &greeting);
    }

    /// Lets the client in, whatever it says.
    fn let_in(&mut self) -> Vec<u8> {
        self.greet("mysql_native_password");
        let response = self.hear();
        self.say(2, &OK);
        response
    }
}

/// A server that does this, and the client's end.
fn server<T: Send + 'static>(
    play: impl FnOnce(&mut Peer) -> T + Send + 'static,
) -> (Stream, JoinHandle<T>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let playing = std::thread::spawn(move || play(&mut Peer(theirs)));
    let socket = socket2::Socket::from(OwnedFd::from(ours));
    let (silence, until) = (Duration::from_secs(10), Instant::now() + Duration::from_secs(10));
    (Stream::Plain(Socket::new(socket, silence, until)), playing)
}

/// Over a socket.
fn login() -> Login<'static> {
    Login {
        user: "app",
        password: "sesame",
        database: "shop",
        tls: None,
        if_offered: false,
        tells: false,
        unix: true,
        loopback: false,
        key: &ServerKey::Unknown,
    }
}

/// Without TLS.
fn over_tcp(loopback: bool, key: &ServerKey) -> Login<'_> {
    Login { unix: false, loopback, key, ..login() }
}

fn open(stream: Stream) -> Connection {
    Connection::open(stream, &login()).unwrap()
}

fn expected_error<T>(result: Result<T, Error>) -> Error {
    result.err().expect("it fails")
}

#[test]
fn neither_local_files_nor_several_statements_are_ever_asked_for() {
    let (stream, playing) = server(Peer::let_in);
    drop(open(stream));
    let response = playing.join().unwrap();
    let flags = u32::from_le_bytes(response[..4].try_into().unwrap());
    assert_eq!(flags & (1 << 7 | 1 << 16), 0, "{flags:x}");
}

#[test]
fn a_server_that_asks_for_a_file_gets_none() {
    let (stream, playing) = server(|peer| {
        peer.let_in();
        peer.hear();
        peer.say(1, b"\xfb/etc/passwd");
        peer.hear()
    });
    let mut connection = open(stream);
    let error = expected_error(connection.query("LOAD", false, 1_000));
    assert!(matches!(error, Error::Protocol(_)) && !error.leaves_well(), "{error:?}");
    drop(connection);
    assert_eq!(playing.join().unwrap(), [1], "nothing but good-bye");
}

#[test]
fn a_result_is_read_no_further_than_its_limit() {
    let (stream, _playing) = server(|peer| {
        peer.let_in();
        peer.hear();
        peer.say(1, &[1]);
        peer.say(2, b"\x03def");
        peer.say(3, b"\xfe\0\0\x02\0");
        for number in 0..=255u8 {
            peer.say(number.wrapping_add(4), &[1; 100]);
        }
    });
    let error = expected_error(open(stream).query("SELECT", false, 10_000));
    assert!(matches!(error, Error::TooMuch(10_000)), "{error:?}");
}

#[test]
fn results_behind_results_are_read_to_the_last() {
    let (stream, _playing) = server(|peer| {
        peer.let_in();
        peer.hear();
        peer.say(1, &[1]);
        peer.say(2, b"\x03def");
        peer.say(3, b"\xfe\0\0\x02\0");
        peer.say(4, b"\x01a");
        // More results follow.
        peer.say(5, b"\xfe\0\0\x0a\0");
        peer.say(6, &[0, 0, 0, 3, 0, 0, 0]);
    });
    let status = open(stream).query("CALL", false, 10_000).unwrap();
    assert_eq!(status & IN_TRANSACTION, 1);
}

/// A server that answers one query with these rows, each of a name and a number.
fn sum_of(rows: &'static [&'static [u8]]) -> Result<Option<u64>, Error> {
    let (stream, _playing) = server(move |peer| {
        peer.let_in();
        peer.hear();
        let definitions: [&[u8]; 4] = [&[2], b"\x03def", b"\x03def", b"\xfe\0\0\x02\0"];
        for (number, packet) in definitions.iter().chain(rows).enumerate() {
            peer.say((number + 1) as u8, packet);
        }
    });
    open(stream).sum("SHOW STATUS")
}

#[test]
fn the_numbers_of_a_result_are_summed_up_and_nothing_else_is_taken_for_one() {
    const END: &[u8] = b"\xfe\0\0\x02\0";
    assert_eq!(sum_of(&[END]).unwrap(), None);
    assert_eq!(sum_of(&[b"\x01a\x0217", b"\0\x015", END]).unwrap(), Some(22));
    for wrong in
        [&b"\x01a\x01x"[..], b"\x01a\0", b"\x01a\xfb", b"\x01a\x05", b"\x01a", b"\xfc\xff\xff1"]
    {
        let rows: &'static [&'static [u8]] = Box::leak(Box::new([wrong, END]));
        assert!(matches!(expected_error(sum_of(rows)), Error::Protocol(_)), "{wrong:?}");
    }
    let endless: &'static [&'static [u8]] = vec![&b"\x01a\x011"[..]; 1_000].leak();
    assert!(matches!(expected_error(sum_of(endless)), Error::Protocol(_)));
}

#[test]
fn a_session_is_ended_by_a_reset_and_a_good_bye_and_the_server_closes_first() {
    let (stream, playing) = server(|peer| {
        peer.let_in();
        let reset = peer.hear();
        peer.say(1, &OK);
        let farewell = peer.hear();
        // Nothing comes behind it, and the other side is still there.
        peer.0.set_nonblocking(true).unwrap();
        let still = peer.0.read(&mut [0; 1]).unwrap_err().kind();
        (reset, farewell, still)
    });
    open(stream).close();
    let (reset, farewell, still) = playing.join().unwrap();
    assert_eq!((reset, farewell), (vec![0x1f], vec![1]));
    assert_eq!(still, std::io::ErrorKind::WouldBlock);
}

#[test]
fn a_server_that_does_not_end_a_session_is_not_waited_for() {
    let (stream, playing) = server(|peer| {
        peer.let_in();
        while !peer.hear().is_empty() {}
    });
    let began = Instant::now();
    open(stream).close();
    assert!(began.elapsed() < Duration::from_secs(8));
    playing.join().unwrap();
}

#[test]
fn a_server_that_sends_a_byte_now_and_then_is_not_waited_for_longer_than_allowed() {
    let (stream, playing) = server(|peer| {
        peer.let_in();
        peer.hear();
        let _ = peer.0.write_all(&[0xff, 0xff, 0, 1]);
        while peer.0.write_all(&[1]).is_ok() {
            std::thread::park_timeout(Duration::from_millis(5));
        }
    });
    let mut connection = open(stream);
    let began = Instant::now();
    connection.until(began + Duration::from_millis(100));
    let error = expected_error(connection.query("SELECT", false, 1_000));
    assert!(matches!(error, Error::Late), "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(5));
    drop(connection);
    playing.join().unwrap();
}

#[test]
fn a_closed_connection_is_noticed_without_a_command() {
    let (stream, playing) = server(Peer::let_in);
    let mut connection = open(stream);
    playing.join().unwrap();
    assert!(!connection.is_quiet());
    let (stream, playing) = server(|peer| {
        peer.let_in();
        peer.hear()
    });
    let mut connection = open(stream);
    assert!(connection.is_quiet());
    drop(connection);
    playing.join().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_a_server_says_is_an_answer_or_an_error(
        greeting in proptest::option::of(any::<Vec<u8>>()),
        packets in proptest::collection::vec((0..6u8, any::<Vec<u8>>()), 0..6),
    ) {
        let (stream, playing) = server(move |peer| {
            match greeting {
                Some(bytes) => peer.say(0, &[&[10, b'5', 0], &*bytes].concat()),
                None => drop(peer.let_in()),
            }
            for (number, packet) in &packets {
                peer.say(*number, packet);
            }
        });
        if let Ok(mut connection) = Connection::open(stream, &login()) {
            let _ = connection.query("DO 1", false, 1_000);
            let _ = connection.execute("DO ?", &[1.into()], false, 1_000);
        }
        playing.join().unwrap();
    }
}

#[test]
fn a_server_of_any_bytes_is_answered_or_given_up() {
    replay::vary("wire", any_server::check);
}
