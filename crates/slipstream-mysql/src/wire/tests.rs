//! A server that a test plays, byte by byte: what a real one would not do, and ways to log in that
//! it may not have.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use openssl::rsa::{Padding, Rsa};
use openssl::sha::sha256;
use proptest::prelude::*;

use super::*;

const NONCE: &[u8; 20] = b"abcdefghijklmnopqrst";
const OK: [u8; 7] = [0, 0, 0, 2, 0, 0, 0];

/// The server's end.
struct Peer(UnixStream);

impl Peer {
    fn say(&mut self, number: u8, payload: &[u8]) {
        let mut packet = (payload.len() as u32).to_le_bytes();
        packet[3] = number;
        // A client that has left hears nothing.
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

fn login(local: bool, unix: bool) -> Login<'static> {
    Login { user: "app", password: "sesame", database: "shop", tls: None, local, unix }
}

fn open(stream: Stream) -> Connection {
    Connection::open(stream, &login(true, true)).unwrap()
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

/// Whether this is what the server would compute from the hash that it keeps.
fn proves(proof: &[u8]) -> bool {
    let stored = sha256(&sha256(b"sesame"));
    let mask = sha256(&[&stored[..], NONCE].concat());
    let once: Vec<u8> = proof.iter().zip(mask).map(|(a, b)| a ^ b).collect();
    sha256(&once) == stored
}

#[test]
fn a_server_that_remembers_the_user_is_shown_a_proof_by_sha2() {
    let (stream, playing) = server(|peer| {
        peer.greet("caching_sha2_password");
        let response = peer.hear();
        peer.say(2, &[1, 3]);
        peer.say(3, &OK);
        response
    });
    drop(open(stream));
    let response = playing.join().unwrap();
    let proof = &response[32 + 4 + 1..][..32];
    assert!(proves(proof), "{response:?}");
}

#[test]
fn over_a_socket_a_server_that_asks_for_the_password_gets_it() {
    let (stream, playing) = server(|peer| {
        peer.greet("caching_sha2_password");
        peer.hear();
        peer.say(2, &[1, 4]);
        let password = peer.hear();
        peer.say(4, &OK);
        password
    });
    drop(open(stream));
    assert_eq!(playing.join().unwrap(), b"sesame\0");
}

#[test]
fn over_loopback_it_is_sealed_and_elsewhere_it_is_not_sent_at_all() {
    let ask = |peer: &mut Peer| {
        peer.greet("mysql_native_password");
        peer.hear();
        peer.say(2, &[b"\xfecaching_sha2_password\0", &NONCE[..], &[0]].concat());
        assert!(proves(&peer.hear()));
        peer.say(4, &[1, 4]);
        peer.hear()
    };
    let (stream, playing) = server(move |peer| {
        assert_eq!(ask(peer), [2]);
        let key = Rsa::generate(2048).unwrap();
        peer.say(6, &[&[1], &*key.public_key_to_pem().unwrap()].concat());
        let sealed = peer.hear();
        let mut plain = vec![0; 256];
        let length = key.private_decrypt(&sealed, &mut plain, Padding::PKCS1_OAEP).unwrap();
        peer.say(8, &OK);
        plain[..length].iter().zip(NONCE).map(|(a, b)| a ^ b).collect::<Vec<u8>>()
    });
    drop(Connection::open(stream, &login(true, false)).unwrap());
    assert_eq!(playing.join().unwrap(), b"sesame\0");

    let (stream, playing) = server(ask);
    let error = expected_error(Connection::open(stream, &login(false, false)));
    assert!(matches!(error, Error::Unprotected), "{error:?}");
    assert!(playing.join().unwrap().is_empty());
}

#[test]
fn a_way_to_log_in_that_is_not_known_is_named() {
    let (stream, _playing) = server(|peer| {
        peer.greet("mysql_native_password");
        peer.hear();
        peer.say(2, b"\xfemysql_clear_password\0");
        peer.hear()
    });
    let error = expected_error(Connection::open(stream, &login(true, true)));
    assert!(matches!(&error, Error::Plugin(name) if name == "mysql_clear_password"), "{error:?}");
}

#[test]
fn a_server_without_tls_is_told_from_one_that_has_it() {
    let (stream, _playing) = server(|peer| {
        let mut greeting = b"\x0a5.5\0\x01\0\0\0abcdefgh\0\xff\xf7\x2d\x02\0\xff\xff\x15".to_vec();
        greeting.extend_from_slice(&[0; 10]);
        greeting.extend_from_slice(b"abcdefghijkl\0mysql_native_password\0");
        peer.say(0, &greeting);
        peer.hear()
    });
    let connector = openssl::ssl::SslConnector::builder(openssl::ssl::SslMethod::tls_client());
    let connector = connector.unwrap().build();
    let login = Login { tls: Some((&connector, "db")), ..login(false, false) };
    let error = expected_error(Connection::open(stream, &login));
    assert!(matches!(error, Error::NoTls), "{error:?}");
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
        if let Ok(mut connection) = Connection::open(stream, &login(true, true)) {
            let _ = connection.query("DO 1", false, 1_000);
            let _ = connection.execute("DO ?", &[1.into()], false, 1_000);
        }
        playing.join().unwrap();
    }
}
