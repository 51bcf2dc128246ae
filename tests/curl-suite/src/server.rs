//! The server of a test: answers each request with the part of the test that belongs to it, and
//! keeps what arrived.
//!
//! # Invariants
//! - It listens on loopback, and every wait of it ends when it is asked to stop.
//! - Which part answers follows the rules of curl's own server: the number at the path's end, the
//!   credentials that a request brings, and `swsbounce` in the answer before.

mod connection;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};

use self::connection::Connection;
use super::markup::Document;

/// How long a wait lasts before the server looks whether it is to stop.
const GLANCE: Duration = Duration::from_millis(20);

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

/// What a test passes to the server.
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

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::connection::part_of;
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
