//! A MySQL server of any bytes: what it says is an answer or an error, it gets neither the password nor
//! a file, and what a sum is made of are numbers.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use crate::deliver::wire::{Connection, Login, ServerKey, Socket, Stream};

/// The longest wait for a server that has said all.
const WAIT: Duration = Duration::from_secs(5);

pub(crate) fn check(data: &[u8]) {
    // It fits into the socket's buffer, whatever a fuzzer makes of it.
    let data = &data[..data.len().min(64 * 1024)];
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    theirs.write_all(data).unwrap();
    theirs.shutdown(std::net::Shutdown::Write).unwrap();
    let socket = Socket::new(OwnedFd::from(ours).into(), WAIT, Instant::now() + WAIT);
    let login = Login {
        user: "app",
        password: "open sesame",
        database: "shop",
        tls: None,
        if_offered: false,
        tells: false,
        unix: false,
        loopback: true,
        key: &ServerKey::Unknown,
    };
    if let Ok(mut connection) = Connection::open(Stream::Plain(socket), &login) {
        let query = connection.query("SELECT 1", true, 1_000);
        assert!(connection.may_stand());
        if let Err(error) = &query {
            assert!(!format!("{error:?}").is_empty());
        } else {
            let _ = connection.execute("DO ?", &[1.into()], false, 1_000);
            let _ = connection.sum("SHOW STATUS");
            connection.close();
        }
    }
    let mut heard = Vec::new();
    theirs.read_to_end(&mut heard).unwrap();
    assert!(!heard.windows(11).any(|part| part == b"open sesame"));
    // Four bytes of a packet's head, and then what is asked for.
    if let Some(flags) = heard.get(4..8) {
        let flags = u32::from_le_bytes(flags.try_into().unwrap());
        assert_eq!(flags & (1 << 7 | 1 << 16), 0, "local files or several statements");
    }
}
