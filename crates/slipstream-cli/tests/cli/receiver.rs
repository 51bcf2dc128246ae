//! A small HTTP server: it answers with the status that the path asks for (`/503`), 200 otherwise,
//! and keeps what it got. Behind `?to=` is the location that it answers with. A request for `/held`
//! is answered when the test releases it.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver as End, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How long to wait for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    /// Method and path.
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Got {
    /// Names and values, as they came.
    pub(crate) fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
        let found = all.next().map(|(_, value)| &**value);
        assert!(all.next().is_none(), "'{name}' came twice: {self:?}");
        found
    }
}

pub(crate) struct Receiver {
    port: u16,
    got: Arc<Mutex<Vec<Got>>>,
    held: End<Sender<()>>,
}

impl Receiver {
    pub(crate) fn new() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    /// A receiver at the port of this URL, where nothing listened.
    pub(crate) fn at(url: &str) -> Self {
        let address = url.trim_start_matches("http://").trim_end_matches('/');
        Self::on(TcpListener::bind(address).unwrap())
    }

    fn on(listener: TcpListener) -> Self {
        let port = listener.local_addr().unwrap().port();
        let got = Arc::new(Mutex::new(Vec::new()));
        let (hold, held) = channel();
        let keep = Arc::clone(&got);
        // It ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (keep, hold) = (Arc::clone(&keep), hold.clone());
                thread::spawn(move || serve(stream, &keep, &hold));
            }
        });
        Self { port, got, held }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Everything that came, in the order it came.
    pub(crate) fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    /// The only request that came.
    #[track_caller]
    pub(crate) fn only(&self) -> Got {
        let got = self.got();
        assert_eq!(got.len(), 1, "{got:?}");
        got[0].clone()
    }

    /// Waits for a request for `/held`. It is answered when the result is dropped.
    pub(crate) fn wait_for_held(&self) -> Sender<()> {
        self.held.recv_timeout(PATIENCE).unwrap()
    }
}

/// A port where nothing listens.
pub(crate) fn dead_url() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/", listener.local_addr().unwrap())
}

fn serve(stream: TcpStream, keep: &Mutex<Vec<Got>>, hold: &Sender<Sender<()>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    while let Some(got) = read(&mut reader) {
        let path = got.line.split(' ').nth(1).unwrap_or_default().to_owned();
        let status = path[1..].split('?').next().unwrap_or_default();
        let status: u16 = status.parse().unwrap_or(200);
        keep.lock().unwrap().push(got);
        if path == "/held" {
            let (release, released) = channel();
            let _ = hold.send(release);
            let _ = released.recv();
        }
        let to = path.split_once("?to=").map(|(_, to)| format!("location: {to}\r\n"));
        let to = to.unwrap_or_default();
        let answer = format!("HTTP/1.1 {status} X\r\n{to}content-length: 0\r\n\r\n");
        if writer.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn read(reader: &mut impl BufRead) -> Option<Got> {
    let line = line(reader)?;
    let mut headers = Vec::new();
    loop {
        let header = self::line(reader)?;
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').unwrap();
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let mut got =
        Got { line: line.trim_end_matches(" HTTP/1.1").to_owned(), headers, body: Vec::new() };
    let length = got.header("content-length").map_or(0, |text| text.parse().unwrap());
    got.body = vec![0; length];
    reader.read_exact(&mut got.body).ok()?;
    Some(got)
}

fn line(reader: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    Some(line.trim_end().to_owned())
}
