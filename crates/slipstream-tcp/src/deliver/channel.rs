//! The stream that a request goes over, encrypted or not, and how it is ended.
//!
//! # Invariants
//! - [`Channel::part`] succeeds only if the peer's kernel has acknowledged every byte, and nothing
//!   says that the peer closed before it had read them all.
//! - The end of a TLS stream that the peer did not announce is an error, for an attacker in between
//!   may have cut it off.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use openssl::ssl::{ErrorCode, SslStream};

use crate::deliver::wire::Wire;

/// A stream.
#[derive(Debug)]
pub(crate) enum Channel {
    Plain(Wire),
    Tls(Box<SslStream<Wire>>),
}

impl Channel {
    /// Notifies the peer that nothing more comes.
    pub(crate) fn shut_down(&mut self) -> io::Result<()> {
        if let Self::Tls(stream) = self {
            // The peer's own announcement is for the reader.
            stream.shutdown().map_err(|e| e.into_io_error().unwrap_or_else(io::Error::other))?;
        }
        self.wire().shut_down()
    }

    /// Ends it behind what was sent, and waits until the peer has it: until it closes its side, or for
    /// so long, and then for its kernel to acknowledge the last byte.
    pub(crate) fn part(&mut self, wait: Duration) -> io::Result<()> {
        self.shut_down()?;
        let (end, whole) = self.wire().end();
        let wait = Instant::now() + wait;
        self.wire_mut().until(end.min(wait), whole);
        let closed = self.drain();
        self.wire_mut().until(end, whole);
        match closed {
            Err(error) if error.kind() != io::ErrorKind::TimedOut => Err(error),
            // A peer that left its side open has been given its time.
            _ => self.wire().acknowledged(),
        }
    }

    /// Reads what comes unasked, until the peer closes its side. Left unread, it would make our
    /// kernel reset the connection, and the peer lose what it has not read yet.
    fn drain(&mut self) -> io::Result<()> {
        let mut unread = [0; 4096];
        if let Self::Tls(_) = self {
            loop {
                match self.read(&mut unread) {
                    Ok(0) => break,
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
                    Err(error) => return Err(error),
                    Ok(_) => {}
                }
            }
        }
        while self.wire_mut().read(&mut unread)? > 0 {}
        Ok(())
    }

    pub(crate) fn wire_mut(&mut self) -> &mut Wire {
        match self {
            Self::Plain(wire) => wire,
            Self::Tls(stream) => stream.get_mut(),
        }
    }

    fn wire(&self) -> &Wire {
        match self {
            Self::Plain(wire) => wire,
            Self::Tls(stream) => stream.get_ref(),
        }
    }
}

impl Read for Channel {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(wire) => wire.read(buffer),
            Self::Tls(stream) => loop {
                let error = match stream.ssl_read(buffer) {
                    Ok(count) => return Ok(count),
                    Err(error) => error,
                };
                return match error.code() {
                    ErrorCode::ZERO_RETURN => Ok(0),
                    // Nothing came, and no error: the socket's end, and not the stream's.
                    ErrorCode::SYSCALL if error.io_error().is_none() => {
                        Err(io::ErrorKind::UnexpectedEof.into())
                    }
                    // What came was for TLS itself.
                    ErrorCode::WANT_READ if error.io_error().is_none() => continue,
                    _ => Err(error.into_io_error().unwrap_or_else(io::Error::other)),
                };
            },
        }
    }
}

impl Write for Channel {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(wire) => wire.write(data),
            Self::Tls(stream) => stream.write(data),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(wire) => wire.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
