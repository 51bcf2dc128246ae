//! Packets over a socket: length, number, payload.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use openssl::ssl::{SslConnector, SslStream};

use super::error::{Error, Result};
use super::reader::Reader;
use super::socket::Socket;

/// The longest payload of one packet; a payload of that length goes on in the next.
const PACKET_MAX: usize = 0xff_ff_ff;

/// The longest packet that is read as a whole. Only rows are longer, and those are skipped.
const CONTROL_MAX: usize = 256 * 1024;

/// A socket, as it is or protected.
#[derive(Debug)]
pub(crate) enum Stream {
    Plain(Socket),
    Tls(Box<SslStream<Socket>>),
}

impl Stream {
    fn socket(&mut self) -> &mut Socket {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(tls) => tls.get_mut(),
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Tls(tls) => tls.read(buffer),
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.write_all(bytes),
            Self::Tls(tls) => tls.write_all(bytes),
        }
    }
}

/// What packets go in and out by.
#[derive(Debug)]
pub(super) struct Channel {
    /// None while TLS is being set up, and for good when that fails.
    stream: Option<Stream>,
    number: u8,
    input: Vec<u8>,
    at: usize,
}

/// One packet of a result, when it is only looked at.
pub(super) enum Seen {
    /// The end of columns or rows, with the server's status.
    End(u16),
    /// Anything else, which was skipped: so many bytes.
    Skipped(u64),
}

impl Channel {
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream: Some(stream), number: 0, input: Vec::new(), at: 0 }
    }

    pub(super) fn until(&mut self, deadline: Instant) {
        if let Some(stream) = &mut self.stream {
            stream.socket().until(deadline);
        }
    }

    pub(super) fn silence(&mut self, time: Duration) {
        if let Some(stream) = &mut self.stream {
            stream.socket().silence(time);
        }
    }

    /// Waits until the other side has closed the connection.
    pub(super) fn await_end(&mut self) {
        while self.some(usize::MAX / 2).is_ok() {}
    }

    /// Whether nothing came unasked.
    pub(super) fn is_quiet(&mut self) -> bool {
        self.at == self.input.len()
            && self.stream.as_mut().is_some_and(|stream| stream.socket().is_quiet())
    }

    /// Protects what follows.
    pub(super) fn protect(&mut self, connector: &SslConnector, name: &str) -> Result<()> {
        // What was injected before TLS began must not be read as if it came through it.
        if self.at != self.input.len() {
            return Err(Error::Protocol("it talks on before tls has begun"));
        }
        let Some(Stream::Plain(socket)) = self.stream.take() else {
            return Err(Error::Protocol("tls within tls"));
        };
        let deadline_over = |socket: &Socket| socket.meaning(io::ErrorKind::TimedOut.into());
        match connector.connect(name, socket) {
            Ok(tls) => self.stream = Some(Stream::Tls(Box::new(tls))),
            Err(openssl::ssl::HandshakeError::Failure(mid)) => {
                let late = mid.error().io_error().map(io::Error::kind);
                if late == Some(io::ErrorKind::TimedOut) {
                    return Err(deadline_over(mid.get_ref()));
                }
                return Err(Error::Tls(words(&mid)));
            }
            Err(error) => return Err(Error::Tls(error.to_string())),
        }
        Ok(())
    }

    /// Begins a command: its packets are numbered anew.
    pub(super) fn begin(&mut self) {
        self.number = 0;
    }

    /// Sends a payload, as many packets as it takes.
    pub(super) fn send(&mut self, payload: &[u8]) -> Result<()> {
        let mut rest = payload;
        loop {
            let (part, behind) = rest.split_at(rest.len().min(PACKET_MAX));
            let mut packet = Vec::with_capacity(part.len() + 4);
            // At most PACKET_MAX, so three bytes hold it.
            packet.extend_from_slice(&(part.len() as u32).to_le_bytes()[..3]);
            packet.push(self.number);
            packet.extend_from_slice(part);
            self.number = self.number.wrapping_add(1);
            let stream = self.stream.as_mut().ok_or_else(gone)?;
            let written = stream.write_all(&packet);
            written.map_err(|error| stream.socket().meaning(error))?;
            if part.len() < PACKET_MAX {
                return Ok(());
            }
            rest = behind;
        }
    }

    /// The next packet, if it is no error of the server's.
    pub(super) fn receive(&mut self) -> Result<Vec<u8>> {
        let length = self.header()?;
        if length > CONTROL_MAX {
            return Err(Error::Protocol("a packet is longer than any should be"));
        }
        let payload = self.take(length)?;
        match payload.first() {
            None => Err(Error::Protocol("a packet is empty")),
            Some(0xff) => Err(server_error(&payload)),
            Some(_) => Ok(payload),
        }
    }

    /// Looks at the next packet of a result, which may be of any length, and keeps nothing.
    pub(super) fn see(&mut self) -> Result<Seen> {
        let mut length = self.header()?;
        let mut skipped = length as u64;
        if length < CONTROL_MAX {
            let payload = self.take(length)?;
            return match payload.first() {
                Some(0xff) => Err(server_error(&payload)),
                Some(0xfe) if length < 9 => {
                    let mut reader = Reader(&payload[1..]);
                    let _warnings = reader.u16()?;
                    Ok(Seen::End(reader.u16()?))
                }
                _ => Ok(Seen::Skipped(skipped)),
            };
        }
        loop {
            self.skip(length)?;
            if length < PACKET_MAX {
                return Ok(Seen::Skipped(skipped));
            }
            length = self.header()?;
            skipped += length as u64;
        }
    }

    /// The next packet's length.
    fn header(&mut self) -> Result<usize> {
        let header = self.take(4)?;
        if header[3] != self.number {
            return Err(Error::Protocol("a packet comes out of turn"));
        }
        self.number = self.number.wrapping_add(1);
        Ok(usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16)
    }

    fn take(&mut self, count: usize) -> Result<Vec<u8>> {
        let mut taken = Vec::with_capacity(count);
        while taken.len() < count {
            let part = self.some(count - taken.len())?;
            taken.extend_from_slice(part);
        }
        Ok(taken)
    }

    fn skip(&mut self, count: usize) -> Result<()> {
        let mut left = count;
        while left > 0 {
            left -= self.some(left)?.len();
        }
        Ok(())
    }

    /// At least one byte and at most so many.
    fn some(&mut self, most: usize) -> Result<&[u8]> {
        while self.at == self.input.len() {
            self.input.resize(16 * 1024, 0);
            self.at = 0;
            let stream = self.stream.as_mut().ok_or_else(gone)?;
            let read = stream.read(&mut self.input);
            self.input.truncate(*read.as_ref().unwrap_or(&0));
            match read {
                Ok(0) => return Err(gone()),
                Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                    return Err(stream.socket().meaning(error));
                }
                _ => {}
            }
        }
        let part = &self.input[self.at..self.input.len().min(self.at + most)];
        self.at += part.len();
        Ok(part)
    }
}

fn gone() -> Error {
    Error::Lost(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed"))
}

/// What an error packet says: number, perhaps the SQL state behind a `#`, and text.
fn server_error(payload: &[u8]) -> Error {
    let mut reader = Reader(payload.get(1..).unwrap_or_default());
    let code = match reader.u16() {
        Ok(code) => code,
        Err(error) => return error,
    };
    let text = match reader.0 {
        [b'#', state_and_text @ ..] => state_and_text.get(5..).unwrap_or_default(),
        text => text,
    };
    Error::Server { code, message: String::from_utf8_lossy(text).into_owned() }
}

/// Why the handshake failed: of a certificate, what is wrong with it.
fn words(mid: &openssl::ssl::MidHandshakeSslStream<Socket>) -> String {
    use openssl::x509::X509VerifyResult;

    let verified = mid.ssl().verify_result();
    if verified != X509VerifyResult::OK {
        return format!("the server's certificate does not prove it: {}", verified.error_string());
    }
    let errors = mid.error().ssl_error().map(|stack| stack.errors()).unwrap_or_default();
    let reason = errors.iter().find_map(openssl::error::Error::reason);
    reason.map_or_else(|| mid.error().to_string(), str::to_owned)
}
