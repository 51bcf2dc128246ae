//! A connected socket whose every wait ends.
//!
//! # Invariants
//! - No call waits longer than the silence that is allowed, nor beyond the deadline.
//! - What a wait ends with is never "would block", which TLS would take for an invitation to go on.

use std::io::{self, Read, Write};
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

use super::error::Error;

/// A socket with a deadline.
#[derive(Debug)]
pub(crate) struct Socket {
    socket: socket2::Socket,
    silence: Duration,
    deadline: Instant,
}

impl Socket {
    /// This connected socket, to be read and written until then.
    pub(crate) fn new(socket: socket2::Socket, silence: Duration, deadline: Instant) -> Self {
        Self { socket, silence, deadline }
    }

    /// From now on it is until then.
    pub(super) fn until(&mut self, deadline: Instant) {
        self.deadline = deadline;
    }

    /// From now on each wait may be so long.
    pub(super) fn silence(&mut self, time: Duration) {
        self.silence = time;
    }

    /// Whether nothing has come: neither bytes nor the end nor an error.
    pub(super) fn is_quiet(&self) -> bool {
        let mut byte = [MaybeUninit::uninit()];
        let looked = self.socket.set_nonblocking(true).and_then(|()| self.socket.peek(&mut byte));
        let nothing = looked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        nothing && self.socket.set_nonblocking(false).is_ok()
    }

    /// What this error of a call means.
    pub(super) fn meaning(&self, error: io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::TimedOut if Instant::now() >= self.deadline => Error::Late,
            io::ErrorKind::TimedOut => Error::Silent(self.silence),
            _ => Error::Lost(error),
        }
    }

    fn wait(&self) -> io::Result<Duration> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let wait = self.silence.min(left);
        // Zero would be for ever.
        if wait.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(wait) }
    }
}

/// The socket's own time-out comes as "would block".
fn timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(self.wait()?))?;
        (&self.socket).read(buffer).map_err(timed_out)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(Some(self.wait()?))?;
        (&self.socket).write(bytes).map_err(timed_out)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
