//! A server that takes one request at a time and closes behind each answer. So when an answer
//! to [`Receiver::take`] has come, everything that was sent before has been taken in, even what
//! a killed process had only begun to send.
//!
//! It answers with the status that the path asks for (`/404`).

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How long it waits for the rest of a request. Nothing depends on it.
const PATIENCE: Duration = Duration::from_secs(30);

/// No stored request: it only comes behind the others.
const FLUSH: &str = "/204";

/// A request that came, and how it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Got {
    /// Its Idempotency-Key.
    pub(crate) id: String,
    pub(crate) status: u16,
}

pub(crate) struct Receiver {
    address: SocketAddr,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Receiver {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let got = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&got);
        // It ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A worker that was killed in the middle has sent no request.
                let _ = serve(stream, &keep);
            }
        });
        Self { address, got }
    }

    pub(crate) fn url(&self, status: u16) -> String {
        format!("http://{}/{status}", self.address)
    }

    /// Everything that came since this was called last.
    pub(crate) fn take(&self) -> Vec<Got> {
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(stream, "GET {FLUSH} HTTP/1.1\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
        std::mem::take(&mut *self.got.lock().unwrap())
    }
}

fn serve(stream: TcpStream, keep: &Mutex<Vec<Got>>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(&stream);
    let first = line(&mut reader)?;
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let (mut id, mut length) = (String::new(), 0);
    loop {
        let header = line(&mut reader)?;
        let Some((name, value)) = header.split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "idempotency-key" => value.clone_into(&mut id),
            "content-length" => length = value.parse().unwrap_or(0),
            _ => {}
        }
    }
    reader.read_exact(&mut vec![0; length])?;
    let status = path.trim_start_matches('/').parse().unwrap_or(500);
    if path != FLUSH {
        keep.lock().unwrap().push(Got { id, status });
    }
    let answer = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    (&stream).write_all(answer.as_bytes())
}

fn line(reader: &mut impl BufRead) -> std::io::Result<String> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 || !line.ends_with('\n') {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}
