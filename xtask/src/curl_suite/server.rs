//! The server of a test: answers each request with the part of the test that belongs to it, and
//! keeps what arrived.
//!
//! # Invariants
//! - It listens on loopback, and every wait of it ends when it is told to stop.
//! - Which part answers follows the rules of curl's own server: the number at the path's end, the
//!   credentials that a request brings, and `swsbounce` in the answer before.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::markup::Document;

/// How long a wait lasts before the server looks whether it is to stop.
const GLANCE: Duration = Duration::from_millis(20);
/// Bytes that are sent at once, so that clients see answers in pieces.
const PIECE: usize = 20;

pub(crate) struct Server {
    listener: Option<TcpListener>,
    address: SocketAddr,
    stops: Arc<AtomicBool>,
    state: Arc<Mutex<State>>,
    thread: Option<JoinHandle<()>>,
}

/// What all connections share.
#[derive(Default)]
struct State {
    arrived: Vec<u8>,
    /// Behind an answer that says so: the part that answers next.
    bounce: Option<u32>,
}

/// What a test tells the server.
struct Orders {
    document: Document,
    number: u32,
    auth_required: bool,
    idle: bool,
    stream: bool,
    monitors: bool,
    closes: bool,
    no_expect: bool,
    skip: usize,
    write_delay: Duration,
    wait: Duration,
}

impl Server {
    /// A server that listens, and answers once it is started.
    pub(crate) fn bind() -> Result<Self> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot listen on loopback")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Self {
            listener: Some(listener),
            address,
            stops: Arc::default(),
            state: Arc::default(),
            thread: None,
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Answers from now on as this test says.
    pub(crate) fn start(&mut self, document: Document, number: u32) {
        let Some(listener) = self.listener.take() else { return };
        let orders = Arc::new(Orders::of(document, number));
        let (stops, state) = (Arc::clone(&self.stops), Arc::clone(&self.state));
        self.thread = Some(std::thread::spawn(move || {
            let mut served = Vec::new();
            while !stops.load(Ordering::Relaxed) {
                let Ok((stream, _)) = listener.accept() else {
                    std::thread::sleep(GLANCE);
                    continue;
                };
                let (stops, state, orders) =
                    (Arc::clone(&stops), Arc::clone(&state), Arc::clone(&orders));
                served.push(std::thread::spawn(move || {
                    let connection =
                        Connection { stream, stops, state, orders, buffer: Vec::new() };
                    // What breaks off is seen in what arrived.
                    let _ = connection.serve();
                }));
            }
            for thread in served {
                let _ = thread.join();
            }
        }));
    }

    /// Stops, and gives what arrived.
    pub(crate) fn stop(mut self) -> Vec<u8> {
        self.halt();
        std::mem::take(&mut self.state.lock().expect("no thread panics").arrived)
    }

    fn halt(&mut self) {
        self.stops.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.halt();
    }
}

impl Orders {
    fn of(document: Document, number: u32) -> Self {
        let commands = document.words("reply", "servercmd");
        let has = |name: &str| commands.iter().any(|command| command.starts_with(name));
        let value = |name: &str| {
            let value = commands.iter().find_map(|command| command.strip_prefix(name));
            value.and_then(|value| value.trim().parse::<u64>().ok()).unwrap_or(0)
        };
        let after = document.words("reply", "postcmd");
        let wait = after.iter().find_map(|command| command.strip_prefix("wait "));
        let wait = wait.and_then(|wait| wait.trim().parse().ok()).unwrap_or(0);
        Self {
            auth_required: has("auth_required"),
            idle: has("idle"),
            stream: has("stream"),
            monitors: has("connection-monitor"),
            closes: has("swsclose"),
            no_expect: has("no-expect"),
            skip: value("skip:") as usize,
            write_delay: Duration::from_millis(value("writedelay:")),
            wait: Duration::from_secs(wait),
            document,
            number,
        }
    }
}

struct Connection {
    stream: TcpStream,
    stops: Arc<AtomicBool>,
    state: Arc<Mutex<State>>,
    orders: Arc<Orders>,
    /// What was read and not taken yet.
    buffer: Vec<u8>,
}

/// A request that arrived.
struct Arrived {
    head: String,
    /// All of it.
    length: usize,
}

impl Connection {
    fn serve(mut self) -> io::Result<()> {
        self.stream.set_nonblocking(false)?;
        self.stream.set_read_timeout(Some(GLANCE))?;
        self.stream.set_nodelay(true)?;
        let done = self.exchange();
        let rest = std::mem::take(&mut self.buffer);
        self.keep(&rest);
        if self.orders.monitors {
            self.keep(b"[DISCONNECT]\n");
        }
        done
    }

    fn exchange(&mut self) -> io::Result<()> {
        while let Some(request) = self.next()? {
            let whole: Vec<u8> = self.buffer.drain(..request.length).collect();
            self.keep(&whole);
            if self.orders.idle {
                self.pause(Duration::from_secs(3_600));
                return Ok(());
            }
            let stays = self.answer(&request.head)?;
            if self.orders.skip > 0 {
                // What was to be left unread.
                self.buffer.clear();
            }
            if !stays {
                return Ok(());
            }
        }
        Ok(())
    }

    fn keep(&self, bytes: &[u8]) {
        self.state.lock().expect("no thread panics").arrived.extend(bytes);
    }

    /// The next request, when all of it is in the buffer; none when the client is done.
    fn next(&mut self) -> io::Result<Option<Arrived>> {
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&self.buffer[..end + 2]).into_owned();
                let body = end + 4;
                if let Some(length) = self.body_length(&head, &self.buffer[body..]) {
                    return Ok(Some(Arrived { head, length: body + length }));
                }
            }
            if !self.read()? {
                return Ok(None);
            }
        }
    }

    /// How long a body is, once all of it is there.
    fn body_length(&self, head: &str, there: &[u8]) -> Option<usize> {
        let orders = &self.orders;
        let header = |name: &str| {
            head.lines().find_map(|line| {
                let (its, value) = line.split_once(':')?;
                its.eq_ignore_ascii_case(name).then(|| value.trim().to_ascii_lowercase())
            })
        };
        let expects = header("expect").is_some_and(|value| value == "100-continue");
        if (orders.auth_required && !head.contains("Authorization:"))
            || (orders.no_expect && expects)
        {
            return Some(0);
        }
        if header("transfer-encoding").is_some_and(|value| value == "chunked") {
            let end = if there.starts_with(b"0\r\n") {
                Some(0)
            } else {
                find(there, b"\r\n0\r\n").map(|at| at + 2)
            };
            let end = end?;
            return find(&there[end..], b"\r\n\r\n").map(|at| end + at + 4);
        }
        let length = header("content-length").and_then(|value| value.parse::<usize>().ok());
        let length = length.unwrap_or(0).saturating_sub(orders.skip);
        (there.len() >= length).then_some(length)
    }

    fn read(&mut self) -> io::Result<bool> {
        let mut piece = [0; 16 << 10];
        while !self.stops.load(Ordering::Relaxed) {
            match self.stream.read(&mut piece) {
                Ok(0) => return Ok(false),
                Ok(length) => {
                    self.buffer.extend(&piece[..length]);
                    return Ok(true);
                }
                Err(error) if is_a_wait(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Answers; says whether the connection stays.
    fn answer(&mut self, head: &str) -> io::Result<bool> {
        if self.orders.stream {
            while !self.stops.load(Ordering::Relaxed) {
                self.stream.write_all(b"a stream without an end\n")?;
            }
            return Ok(false);
        }
        let (section, part) = part_of(head, self.orders.number);
        let text = {
            let mut state = self.state.lock().expect("no thread panics");
            let part = state.bounce.unwrap_or(part);
            let name = if part == 0 { section.to_owned() } else { format!("{section}{part}") };
            let text = self.orders.document.part("reply", &name).map(|part| part.text());
            let text = text.unwrap_or_default();
            state.bounce = find(&text, b"swsbounce").map(|_| part + 1);
            text
        };
        for piece in text.chunks(PIECE) {
            self.stream.write_all(piece)?;
            self.pause(self.orders.write_delay);
        }
        self.pause(self.orders.wait);
        let ends = text.is_empty()
            || find(&text, b"swsclose").is_some()
            || self.orders.closes
            || self.orders.skip > 0;
        Ok(!ends)
    }

    fn pause(&self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until && !self.stops.load(Ordering::Relaxed) {
            std::thread::sleep(GLANCE.min(until.saturating_duration_since(Instant::now())));
        }
    }
}

/// Which part answers a request.
fn part_of(head: &str, number: u32) -> (&'static str, u32) {
    let line = head.lines().next().unwrap_or_default();
    let section = if line.starts_with("CONNECT ") { "connect" } else { "data" };
    let target = line.rsplit_once(" HTTP/").map_or(line, |(begun, _)| begun).trim_end();
    let digits = target.rsplit_once('/').map(|(_, last)| {
        let end = last.find(|c: char| !c.is_ascii_digit()).unwrap_or(last.len());
        last[..end].parse::<u64>().unwrap_or(0)
    });
    let mut part = match digits.unwrap_or(0) {
        wide @ 10_001.. if wide / 10_000 == u64::from(number) => (wide % 10_000) as u32,
        _ => 0,
    };
    if head.contains("Authorization: Digest") {
        part += 1_000;
    } else if head.contains("Authorization: NTLM TlRMTVNTUAAD") {
        part += 1_002;
    } else if head.contains("Authorization: NTLM TlRMTVNTUAAB") {
        part += 1_001;
    } else if part >= 1_000 && head.contains("Authorization: Basic") {
        part += 1;
    }
    (section, part)
}

fn is_a_wait(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|window| window == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_that_answers_follows_from_path_and_credentials() {
        for (head, part) in [
            ("GET /want/12 HTTP/1.1\r\n", ("data", 0)),
            ("GET /want/120003 HTTP/1.1\r\n", ("data", 3)),
            ("GET /want/120003?x=y HTTP/1.1\r\n", ("data", 3)),
            ("GET /want/990003 HTTP/1.1\r\n", ("data", 0)),
            ("CONNECT h:80 HTTP/1.1\r\n", ("connect", 0)),
            ("GET /12 HTTP/1.1\r\nAuthorization: Digest a\r\n", ("data", 1_000)),
            ("GET /121000 HTTP/1.1\r\nAuthorization: Basic a\r\n", ("data", 1_001)),
        ] {
            assert_eq!(part_of(head, 12), part, "{head}");
        }
    }

    #[test]
    fn a_server_answers_by_parts_and_keeps_what_arrived() {
        let text = "<reply>\n<data>\nHTTP/1.1 200 OK swsbounce\nContent-Length: 0\n\n</data>\n<data1>\nHTTP/1.1 204 No swsclose\n\n</data1>\n</reply>\n";
        let mut server = Server::bind().unwrap();
        let port = server.port();
        server.start(Document::raw(text.as_bytes()), 1);
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let requests = "GET /1 HTTP/1.1\r\n\r\nPOST /1 HTTP/1.1\r\nContent-Length: 2\r\n\r\nab";
        stream.write_all(requests.as_bytes()).unwrap();
        let mut answers = String::new();
        stream.read_to_string(&mut answers).unwrap();
        assert!(answers.contains("200 OK") && answers.contains("204 No"), "{answers}");
        assert_eq!(server.stop(), requests.as_bytes());
    }
}
