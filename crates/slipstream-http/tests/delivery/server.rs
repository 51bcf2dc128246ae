//! A server that answers as each test says: bytes, and how the connection ends.
//!
//! Every request is kept as it came over the wire. A connection has a thread; it ends with
//! the connection, and the client's time-outs bound that.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// What becomes of a connection behind a request.
#[derive(Clone, Copy)]
pub(crate) enum Reply {
    /// These bytes, and the connection stays open.
    Keep(&'static str),
    /// These bytes, and it is closed.
    Close(&'static str),
    /// These bytes as soon as the request begins, and it is reset.
    Reset(&'static str),
    /// The first bytes, and then the second bytes for as long as the client reads.
    Endless(&'static str, &'static str),
    /// These bytes, and then nothing for as long as the client waits.
    Silence(&'static str),
    /// This head, and these bytes behind it; the connection is closed.
    Bytes(&'static str, &'static [u8]),
}

pub(crate) const OK: Reply = Reply::Keep("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");

/// An answer that leads elsewhere.
pub(crate) fn redirect(status: u16, location: &str) -> Reply {
    let answer =
        format!("HTTP/1.1 {status} X\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
    Reply::Keep(answer.leak())
}

/// A server on a free port of 127.0.0.1, or at a Unix socket.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    reply: Box<dyn Fn(usize) -> Reply + Send + Sync>,
    connections: AtomicUsize,
    requests: Mutex<Vec<Vec<u8>>>,
}

impl Server {
    /// A server that answers every request the same way.
    pub(crate) fn always(reply: Reply) -> Self {
        Self::new(move |_| reply)
    }

    /// A server that answers the request of a number (from 0, over all connections) like this.
    pub(crate) fn new(reply: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Shared::new(reply);
        let accepting = Arc::clone(&shared);
        // It waits for connections until the test's process ends.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&accepting);
                shared.connections.fetch_add(1, Ordering::Relaxed);
                thread::spawn(move || shared.serve(stream.unwrap()));
            }
        });
        Self { address, shared }
    }

    /// A server that listens at a Unix socket, and answers 200.
    pub(crate) fn at_socket(listener: UnixListener) -> Self {
        let shared = Shared::new(|_| OK);
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&accepting);
                shared.connections.fetch_add(1, Ordering::Relaxed);
                thread::spawn(move || shared.serve(stream.unwrap()));
            }
        });
        Self { address: SocketAddr::from(([0; 4], 0)), shared }
    }

    /// The same server by the name of its host.
    pub(crate) fn named(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.address.port())
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// All requests so far, as they came.
    pub(crate) fn requests(&self) -> Vec<Vec<u8>> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// All requests so far as text.
    pub(crate) fn texts(&self) -> Vec<String> {
        let texts = self.requests().into_iter();
        texts.map(|r| String::from_utf8(r).unwrap()).collect()
    }
}

impl Shared {
    fn new(reply: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            reply: Box::new(reply),
            connections: AtomicUsize::new(0),
            requests: Mutex::default(),
        })
    }

    /// An error means that the client has gone, which is a way for a test to end.
    fn serve(&self, mut stream: impl Read + Write) -> Option<()> {
        let mut unread = Vec::new();
        loop {
            let number = self.requests.lock().unwrap().len();
            if let Reply::Reset(bytes) = (self.reply)(number) {
                stream.read_exact(&mut [0]).ok()?;
                self.requests.lock().unwrap().push(Vec::new());
                stream.write_all(bytes.as_bytes()).ok()?;
                // What was not read makes closing a reset.
                return None;
            }
            let request = read_request(&mut stream, &mut unread)?;
            let number = {
                let mut requests = self.requests.lock().unwrap();
                requests.push(request);
                requests.len() - 1
            };
            match (self.reply)(number) {
                Reply::Keep(bytes) => stream.write_all(bytes.as_bytes()).ok()?,
                Reply::Close(bytes) => return stream.write_all(bytes.as_bytes()).ok(),
                Reply::Reset(_) => return None,
                Reply::Endless(first, rest) => {
                    stream.write_all(first.as_bytes()).ok()?;
                    while stream.write_all(rest.repeat(100).as_bytes()).is_ok() {}
                    return None;
                }
                Reply::Bytes(head, bytes) => {
                    stream.write_all(head.as_bytes()).ok()?;
                    return stream.write_all(bytes).ok();
                }
                Reply::Silence(bytes) => {
                    stream.write_all(bytes.as_bytes()).ok()?;
                    // Nothing more comes but the end.
                    return stream.read(&mut [0]).ok().map(drop);
                }
            }
        }
    }
}

/// The head and as much body as it announces; `None` when the client has closed.
fn read_request(stream: &mut impl Read, unread: &mut Vec<u8>) -> Option<Vec<u8>> {
    let mut more = |unread: &mut Vec<u8>| {
        let mut buffer = [0; 64 * 1024];
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => return None,
                Ok(length) => {
                    unread.extend_from_slice(&buffer[..length]);
                    return Some(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
    };
    let head = loop {
        if let Some(at) = unread.windows(4).position(|w| w == b"\r\n\r\n") {
            break at + 4;
        }
        more(unread)?;
    };
    let text = String::from_utf8_lossy(&unread[..head]).to_lowercase();
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().unwrap());
    while unread.len() < head + length {
        more(unread)?;
    }
    let rest = unread.split_off(head + length);
    Some(std::mem::replace(unread, rest))
}
