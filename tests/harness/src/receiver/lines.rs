//! A small receiver of lines over TCP on loopback, for the soak: `ID ask …` is answered by `OK ID`,
//! `ID tell …` by the end of the connection, once all that came over it is taken.
//!
//! # Invariants
//! - What it took is in its ledger before the sender can know.
//! - A connection whose lines it did not take ends by a reset, or without the answer that was asked
//!   for.
//! - So what is in the ledger once too often was sent once too often.
//!
//! # Non-goals
//! Speed; each connection has a thread.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::net::sockopt::set_socket_linger;

use super::refusal::{Manner, manner, refuses_for_good};

/// Addresses that it listens at: as many destinations.
const PEERS: usize = 2;

/// Receives until this is dropped.
pub struct Lines {
    addresses: Vec<SocketAddr>,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    seed: u64,
    /// One line for each that came whole: id, what was asked, length, 200 or 503.
    ledger: Mutex<File>,
    taken: AtomicU64,
    asked: AtomicU64,
    stop: AtomicBool,
}

/// A line that came.
struct Line<'a> {
    key: &'a [u8],
    word: &'a [u8],
    length: usize,
}

impl Lines {
    /// Begins to receive. Some lines are refused, by their ids and this seed.
    pub fn start_refusing(seed: u64, ledger: File) -> Result<Self> {
        let shared = Arc::new(Shared {
            seed,
            ledger: Mutex::new(ledger),
            taken: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            stop: AtomicBool::new(false),
        });
        let mut lines = Self { addresses: Vec::new(), shared, threads: Vec::new() };
        for _ in 0..PEERS {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
            let listener = listener.context("could not listen on 127.0.0.1")?;
            let address = listener.local_addr().context("could not see the port")?;
            // A thousand clients may come at once.
            rustix::net::listen(&listener, 4096).context("could not listen on 127.0.0.1")?;
            let shared = Arc::clone(&lines.shared);
            let thread = thread::Builder::new()
                .name("lines".to_owned())
                .spawn(move || shared.accept(&listener))
                .context("could not start a thread")?;
            lines.addresses.push(address);
            lines.threads.push(thread);
        }
        Ok(lines)
    }

    /// Where it listens.
    pub fn urls(&self) -> impl Iterator<Item = String> {
        self.addresses.iter().map(|address| format!("tcp://{address}"))
    }

    /// How many lines it has taken.
    pub fn taken(&self) -> u64 {
        self.shared.taken.load(Relaxed)
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.shared.stop.store(true, Relaxed);
        for (address, thread) in self.addresses.iter().zip(self.threads.drain(..)) {
            // A client that waits for a connection gets one. Open connections end with their
            // senders.
            if TcpStream::connect(address).is_ok() {
                let _ = thread.join();
            }
        }
    }
}

impl Shared {
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.stop.load(Relaxed) {
                return;
            }
            let shared = Arc::clone(self);
            // What cannot be served ends, and is sent again.
            let _ = stream.and_then(|stream| {
                // However this ends, by a panic even: nothing was taken, unless it is said below.
                set_socket_linger(&stream, Some(Duration::ZERO))?;
                thread::Builder::new().spawn(move || drop(shared.serve(&stream)))
            });
        }
    }

    fn serve(&self, stream: &TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(stream);
        let mut bytes = Vec::new();
        reader.read_until(b'\n', &mut bytes)?;
        match Line::of(&bytes) {
            Some(line) if line.word == b"ask" => self.answer(stream, &line),
            _ => {
                reader.read_to_end(&mut bytes)?;
                let lines = bytes.split_inclusive(|byte| *byte == b'\n');
                // Of a sender that was killed the last line may be torn.
                self.take(stream, &lines.filter_map(Line::of).collect::<Vec<_>>())
            }
        }
    }

    fn answer(&self, stream: &TcpStream, line: &Line<'_>) -> io::Result<()> {
        let Some(manner) = self.refusal(line) else {
            self.note(&[line], 200)?;
            set_socket_linger(stream, None)?;
            (&*stream).write_all(&[b"OK ", line.key, b"\n"].concat())?;
            return rest(stream);
        };
        self.note(&[line], 503)?;
        match manner {
            Manner::Reset => return Ok(()),
            Manner::Busy => {
                set_socket_linger(stream, None)?;
                (&*stream).write_all(b"BUSY\n")?;
            }
            Manner::Close => return set_socket_linger(stream, None).map_err(io::Error::from),
            Manner::Hang => {}
        }
        rest(stream)
    }

    /// Takes all lines of a connection, or none.
    fn take(&self, stream: &TcpStream, lines: &[Line<'_>]) -> io::Result<()> {
        let Some(first) = lines.first() else {
            return Ok(());
        };
        let lines: Vec<_> = lines.iter().collect();
        // A line that is always refused spoils it for all that share the connection with it.
        let spoilt = lines.iter().any(|line| refuses_for_good(self.seed, line.key));
        match self.refusal(first) {
            _ if spoilt => self.note(&lines, 503),
            // It was read to its end, which counts, however long the connection stays open.
            Some(Manner::Hang) => {
                self.note(&lines, 200)?;
                set_socket_linger(stream, None)?;
                thread::sleep(Duration::from_millis(1500));
                Ok(())
            }
            Some(_) => self.note(&lines, 503),
            None => {
                self.note(&lines, 200)?;
                Ok(set_socket_linger(stream, None)?)
            }
        }
    }

    fn refusal(&self, line: &Line<'_>) -> Option<Manner> {
        manner(self.seed, line.key, self.asked.fetch_add(1, Relaxed))
    }

    fn note(&self, lines: &[&Line<'_>], status: u16) -> io::Result<()> {
        let mut text = Vec::new();
        for Line { key, word, length } in lines {
            let word = String::from_utf8_lossy(word);
            text.extend_from_slice(key);
            text.extend_from_slice(format!(" {word} {length} {status}\n").as_bytes());
        }
        // Written as a whole or not at all, even after a panic.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner).write_all(&text)?;
        if status == 200 {
            self.taken.fetch_add(lines.len() as u64, Relaxed);
        }
        Ok(())
    }
}

impl<'a> Line<'a> {
    /// The line that these bytes are, if it is a whole one.
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let line = bytes.strip_suffix(b"\n")?;
        let mut words = line.splitn(3, |byte| *byte == b' ');
        Some(Self { key: words.next()?, word: words.next()?, length: line.len() })
    }
}

/// Waits until the sender has gone.
fn rest(mut stream: &TcpStream) -> io::Result<()> {
    io::copy(&mut stream, &mut io::sink()).map(drop)
}

#[cfg(test)]
mod tests {
    use std::net::Shutdown;

    use super::*;

    const SEED: u64 = 7;

    struct Place {
        dir: tempfile::TempDir,
        lines: Lines,
    }

    impl Place {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let ledger = File::create(dir.path().join("ledger")).unwrap();
            Self { dir, lines: Lines::start_refusing(SEED, ledger).unwrap() }
        }

        fn ledger(&self) -> String {
            std::fs::read_to_string(self.dir.path().join("ledger")).unwrap()
        }

        /// What comes back for this, to the end of the connection.
        fn send(&self, text: &str) -> io::Result<String> {
            let mut stream = TcpStream::connect(self.lines.addresses[0])?;
            stream.write_all(text.as_bytes())?;
            // It fails where the connection was reset before; the read says so.
            let _ = stream.shutdown(Shutdown::Write);
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        }
    }

    /// A key that is refused as it should be, when it is the first that comes.
    fn key(wanted: impl Fn(&[u8]) -> bool) -> String {
        (0..100_000).map(|n| format!("key-{n}")).find(|key| wanted(key.as_bytes())).unwrap()
    }

    fn good() -> String {
        key(|key| manner(SEED, key, 0).is_none())
    }

    #[test]
    fn what_asks_is_answered_and_what_tells_sees_an_end() {
        let (place, key) = (Place::new(), good());
        assert_eq!(place.send(&format!("{key} ask x\n")).unwrap(), format!("OK {key}\n"));
        assert_eq!(place.send(&format!("{key} tell x\n{key} tell x\n")).unwrap(), "");
        let (ask, tell) = (key.len() + 6, key.len() + 7);
        let told = format!("{key} tell {tell} 200\n");
        assert_eq!(place.ledger(), format!("{key} ask {ask} 200\n{told}{told}"));
        assert_eq!(place.lines.taken(), 3);
    }

    #[test]
    fn what_is_refused_is_answered_otherwise_or_not_at_all() {
        for refused in [Manner::Busy, Manner::Close, Manner::Reset] {
            let place = Place::new();
            let key = key(|key| manner(SEED, key, 0) == Some(refused));
            let answer = place.send(&format!("{key} ask x\n"));
            match refused {
                Manner::Busy => assert_eq!(answer.unwrap(), "BUSY\n"),
                Manner::Close => assert_eq!(answer.unwrap(), ""),
                _ => assert_eq!(answer.unwrap_err().kind(), io::ErrorKind::ConnectionReset),
            }
            assert_eq!(place.ledger(), format!("{key} ask {} 503\n", key.len() + 6));
        }
    }

    #[test]
    fn one_that_is_always_refused_has_the_connection_reset_for_all() {
        let (place, bad) = (Place::new(), key(|key| refuses_for_good(SEED, key)));
        let error = place.send(&format!("{} tell x\n{bad} tell x\n", good())).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(place.ledger().matches(" 503\n").count(), 2);
        assert_eq!(place.lines.taken(), 0);
    }

    #[test]
    fn a_line_that_is_torn_is_not_taken() {
        let (place, key) = (Place::new(), good());
        assert_eq!(place.send(&format!("{key} tell x\n{key} tell x")).unwrap(), "");
        assert_eq!(place.ledger().lines().count(), 1);
    }
}
