//! A peer on a free loopback port, which does the same with every connection.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// A listening peer. What it does with a connection returns something, which
/// [`Peer::next`] hands out.
pub(crate) struct Peer<T> {
    address: SocketAddr,
    results: Receiver<T>,
}

impl<T: Send + 'static> Peer<T> {
    /// Does this with each connection, one after the other, as long as the test runs.
    pub(crate) fn new(mut serve: impl FnMut(TcpStream) -> T + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, results) = channel();
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                if sender.send(serve(stream)).is_err() {
                    return;
                }
            }
        });
        Self { address, results }
    }

    pub(crate) fn url(&self) -> String {
        format!("tcp://{}", self.address)
    }

    /// What became of the next connection.
    pub(crate) fn next(&self) -> T {
        self.results.recv().unwrap()
    }
}
