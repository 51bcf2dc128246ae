//! A connected socket on which every wait ends.
//!
//! # Invariants
//! - No read or write waits for longer than the idle time-out, nor is any made beyond the end that is set.
//! - What it fails with then says how long that was.
//!
//! # Non-goals
//! A thread or an event loop. A handler performs one request at a time.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::deliver::acked::acked;

/// The longest pause between two looks at what is acknowledged. The kernel wakes no process for that.
const LOOK: Duration = Duration::from_millis(50);

/// A socket of either family, which never blocks by itself.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// The socket and its time-outs.
#[derive(Debug)]
pub(crate) struct Wire {
    socket: Socket,
    idle: Duration,
    end: Instant,
    /// How long it is from the beginning to the end.
    whole: Duration,
}

impl Wire {
    /// A wire whose waits end at `end`, `whole` after the beginning.
    pub(crate) fn new(socket: Socket, idle: Duration, end: Instant, whole: Duration) -> Self {
        Self { socket, idle, end, whole }
    }

    /// Another end.
    pub(crate) fn until(&mut self, end: Instant, whole: Duration) {
        (self.end, self.whole) = (end, whole);
    }

    /// The end that is set, and how far it is from the beginning.
    pub(crate) fn end(&self) -> (Instant, Duration) {
        (self.end, self.whole)
    }

    /// Notifies the peer that nothing more comes.
    pub(crate) fn shut_down(&self) -> io::Result<()> {
        let done = match &self.socket {
            Socket::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Socket::Unix(stream) => stream.shutdown(Shutdown::Write),
        };
        match done {
            // A connection that a reset has ended is not connected.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Err(self.reset()),
            done => done,
        }
    }

    /// Waits until the peer's kernel has acknowledged everything, the end of it included.
    pub(crate) fn acknowledged(&self) -> io::Result<()> {
        // On a Unix socket it has it once it is written.
        let Socket::Tcp(stream) = &self.socket else { return Ok(()) };
        let (since, mut pause) = (Instant::now(), Duration::from_millis(1));
        loop {
            let acked = acked(stream)?;
            // Behind the look, or a reset in between would be taken for the end.
            if let Some(error) = stream.take_error()? {
                return Err(error);
            }
            if acked {
                return Ok(());
            }
            self.left(since)?;
            thread::sleep(pause);
            pause = (pause * 2).min(LOOK);
        }
    }

    /// How much longer something may take that began then.
    fn left(&self, since: Instant) -> io::Result<Duration> {
        let now = Instant::now();
        let end = self.end.saturating_duration_since(now);
        let idle = self.idle.saturating_sub(now.saturating_duration_since(since));
        let words = match (end.is_zero(), idle.is_zero()) {
            (false, false) => return Ok(end.min(idle)),
            (true, _) => format!("within {:?}", self.whole),
            (false, true) => format!("for {:?}", self.idle),
        };
        Err(io::Error::new(io::ErrorKind::TimedOut, words))
    }

    fn wait(&self, what: PollFlags) -> io::Result<()> {
        let since = Instant::now();
        loop {
            // Rounded up, or the last part of a millisecond would be spent in a busy loop.
            let left = self.left(since)? + Duration::from_millis(1);
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            match poll(&mut [PollFd::new(self.fd(), what)], timeout) {
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn again<T>(
        &self,
        what: PollFlags,
        mut step: impl FnMut(&Socket) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            // A peer that sends without end is never waited for.
            self.left(Instant::now())?;
            match step(&self.socket) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait(what)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return done,
            }
        }
    }

    fn fd(&self) -> BorrowedFd<'_> {
        match &self.socket {
            Socket::Tcp(stream) => stream.as_fd(),
            Socket::Unix(stream) => stream.as_fd(),
        }
    }

    /// What ended the connection, not reported yet.
    fn reset(&self) -> io::Error {
        let error = match &self.socket {
            Socket::Tcp(stream) => stream.take_error(),
            Socket::Unix(stream) => stream.take_error(),
        };
        error.ok().flatten().unwrap_or_else(|| io::ErrorKind::ConnectionReset.into())
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.again(PollFlags::POLLIN, |socket| match socket {
            Socket::Tcp(stream) => (&mut &*stream).read(buffer),
            Socket::Unix(stream) => (&mut &*stream).read(buffer),
        })
    }
}

impl Write for Wire {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.again(PollFlags::POLLOUT, |socket| match socket {
            Socket::Tcp(stream) => (&mut &*stream).write(data),
            Socket::Unix(stream) => (&mut &*stream).write(data),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_sends_without_end_is_not_read_beyond_the_end() {
        let (mut peer, own) = UnixStream::pair().unwrap();
        own.set_nonblocking(true).unwrap();
        let minute = Duration::from_secs(60);
        let mut wire = Wire::new(Socket::Unix(own), minute, Instant::now() + minute, minute);
        peer.write_all(b"more and more").unwrap();
        assert_eq!(wire.read(&mut [0; 4]).unwrap(), 4);
        wire.until(Instant::now(), minute);
        let error = wire.read(&mut [0; 4]).unwrap_err();
        assert_eq!(error.to_string(), "within 60s");
    }
}
