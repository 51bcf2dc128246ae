//! One connection of a test's server: requests are read as far as they belong to it, and answered.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::{GLANCE, Orders, State};

/// Bytes that are sent at once, so that clients see answers in pieces.
const PIECE: usize = 20;

pub(super) struct Connection {
    pub(super) stream: TcpStream,
    pub(super) stops: Arc<AtomicBool>,
    pub(super) state: Arc<Mutex<State>>,
    pub(super) orders: Arc<Orders>,
    /// What was read and not taken yet.
    pub(super) buffer: Vec<u8>,
}

/// A request that arrived.
struct Arrived {
    head: String,
    /// All of it.
    length: usize,
}

impl Connection {
    pub(super) fn serve(mut self) -> io::Result<()> {
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
pub(super) fn part_of(head: &str, number: u32) -> (&'static str, u32) {
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
