//! The loop of the receiver: one thread, one epoll, every connection.
//!
//! It is the peer of the delivery benchmark, so it must take less time for a request
//! than any client: one read and one write each, no allocation, keep-alive always.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::mem::MaybeUninit;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};

use super::http::{self, Parsed};
use super::ledger::{Counts, Ledger};
use super::refusal::Answers;

const LISTENER: u64 = 0;
const STOP: u64 = 1;
const FIRST: u64 = 2;

/// What a connection's buffer begins with; a larger request makes it grow.
const BUFFER: usize = 16 << 10;

struct Connection {
    stream: TcpStream,
    /// Which of the connections that had this place it is.
    number: u64,
    input: Vec<u8>,
    filled: usize,
    output: Vec<u8>,
    sent: usize,
    /// Answers that are still due before the connection may end.
    owed: usize,
    close: bool,
    /// Whether we wait until more can be sent.
    blocked: bool,
    /// Whether the client was notified to go on with the body it asked about.
    continued: bool,
}

pub(super) struct Server {
    epoll: OwnedFd,
    listener: TcpListener,
    /// Readable when the loop is to end; watched as long as it is open.
    _stop: OwnedFd,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    next: u64,
    answers: Answers,
    delay: Duration,
    /// Answers for later: when, to which place, to which connection there.
    later: VecDeque<(Instant, usize, u64)>,
    counts: Arc<Counts>,
    ledger: Ledger,
}

impl Server {
    pub(super) fn new(
        listener: TcpListener,
        stop: OwnedFd,
        answers: Answers,
        delay: Duration,
        counts: Arc<Counts>,
        ledger: Ledger,
    ) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        listener.set_nonblocking(true)?;
        // A thousand clients may come at once.
        rustix::net::listen(&listener, 4096)?;
        let token = epoll::EventData::new_u64;
        epoll::add(&epoll, &listener, token(LISTENER), epoll::EventFlags::IN)?;
        epoll::add(&epoll, &stop, token(STOP), epoll::EventFlags::IN)?;
        Ok(Self {
            epoll,
            listener,
            _stop: stop,
            connections: Vec::new(),
            free: Vec::new(),
            next: 0,
            answers,
            delay,
            later: VecDeque::new(),
            counts,
            ledger,
        })
    }

    /// Serves until the stop descriptor becomes readable.
    pub(super) fn run(mut self) -> io::Result<()> {
        let mut buffer = [const { MaybeUninit::<epoll::Event>::uninit() }; 256];
        loop {
            let events = match epoll::wait(&self.epoll, &mut buffer, self.timeout().as_ref()) {
                Ok((events, _)) => events,
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            for event in events {
                match event.data.u64() {
                    STOP => return Ok(()),
                    LISTENER => self.accept()?,
                    token => self.serve((token - FIRST) as usize)?,
                }
            }
            self.answer_what_is_due();
        }
    }

    fn timeout(&self) -> Option<Timespec> {
        let (due, ..) = self.later.front()?;
        let wait = due.saturating_duration_since(Instant::now());
        Timespec::try_from(wait).ok()
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            self.counts.connections.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let place = self.free.pop().unwrap_or_else(|| {
                self.connections.push(None);
                self.connections.len() - 1
            });
            let token = epoll::EventData::new_u64(place as u64 + FIRST);
            epoll::add(&self.epoll, &stream, token, epoll::EventFlags::IN)?;
            self.next += 1;
            self.connections[place] = Some(Connection {
                stream,
                number: self.next,
                input: vec![0; BUFFER],
                filled: 0,
                output: Vec::new(),
                sent: 0,
                owed: 0,
                close: false,
                blocked: false,
                continued: false,
            });
        }
    }

    /// Reads what has come and answers it.
    fn serve(&mut self, place: usize) -> io::Result<()> {
        // A connection that ended earlier in the same round may still have an event.
        let Some(connection) = self.connections[place].as_mut() else {
            return Ok(());
        };
        let open = match connection.stream.read(&mut connection.input[connection.filled..]) {
            Ok(0) => false,
            Ok(count) => {
                connection.filled += count;
                true
            }
            Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
        };
        if open {
            self.take(place)?;
        } else {
            self.end(place);
        }
        Ok(())
    }

    /// Takes every whole request out of a connection's buffer.
    fn take(&mut self, place: usize) -> io::Result<()> {
        let Some(connection) = self.connections[place].as_mut() else {
            return Ok(());
        };
        let mut start = 0;
        while !connection.close && start < connection.filled {
            let bytes = &connection.input[start..connection.filled];
            match http::parse(bytes) {
                Parsed::Partial => break,
                Parsed::Refused(status) => {
                    connection.output.extend(http::response(status, &[]));
                    connection.close = true;
                }
                Parsed::Head(head) => {
                    let whole = head.length + head.body;
                    if bytes.len() < whole {
                        if head.expects && !connection.continued {
                            connection.output.extend(b"HTTP/1.1 100 Continue\r\n\r\n");
                            connection.continued = true;
                        }
                        break;
                    }
                    connection.close = head.close;
                    connection.continued = false;
                    if head.method == b"GET" && head.target == b"/stats" {
                        connection.output.extend(http::json(&self.counts.json()));
                    } else {
                        let body = &bytes[head.length..whole];
                        let answer = self.answers.to(head.key);
                        self.ledger.take(&self.counts, &head, body, answer.status);
                        if self.delay.is_zero() {
                            connection.output.extend_from_slice(&answer.bytes);
                        } else {
                            connection.owed += 1;
                            let due = Instant::now() + self.delay;
                            self.later.push_back((due, place, connection.number));
                        }
                    }
                    start += whole;
                }
            }
        }
        connection.input.copy_within(start..connection.filled, 0);
        connection.filled -= start;
        if connection.filled == connection.input.len() {
            // As much again: a long body is then looked at a few times, not at each read.
            connection.input.resize(connection.filled * 2, 0);
        }
        self.ledger.flush()?;
        self.send(place);
        Ok(())
    }

    fn answer_what_is_due(&mut self) {
        if self.later.is_empty() {
            return;
        }
        let now = Instant::now();
        while let Some(&(due, place, number)) = self.later.front() {
            if due > now {
                break;
            }
            self.later.pop_front();
            if let Some(connection) = self.connections[place].as_mut()
                && connection.number == number
            {
                connection.owed -= 1;
                connection.output.extend_from_slice(self.answers.late());
                self.send(place);
            }
        }
    }

    /// Sends as much as the connection takes now, and the rest when it takes more.
    fn send(&mut self, place: usize) {
        let Some(connection) = self.connections[place].as_mut() else {
            return;
        };
        while connection.sent < connection.output.len() {
            match connection.stream.write(&connection.output[connection.sent..]) {
                Ok(count) => connection.sent += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => return self.end(place),
            }
        }
        let blocked = connection.sent < connection.output.len();
        if !blocked {
            connection.output.clear();
            connection.sent = 0;
            if connection.close && connection.owed == 0 {
                return self.end(place);
            }
        }
        if blocked != connection.blocked {
            connection.blocked = blocked;
            let flags = if blocked {
                epoll::EventFlags::IN | epoll::EventFlags::OUT
            } else {
                epoll::EventFlags::IN
            };
            let token = epoll::EventData::new_u64(place as u64 + FIRST);
            if epoll::modify(&self.epoll, &connection.stream, token, flags).is_err() {
                self.end(place);
            }
        }
    }

    /// Forgets a connection; closing its socket takes it out of epoll as well.
    fn end(&mut self, place: usize) {
        if self.connections[place].take().is_some() {
            self.free.push(place);
        }
    }
}
