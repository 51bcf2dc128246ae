//! Data of any bytes for a peer that answers any bytes: what goes out is the data, framed, and only an
//! answer that is expected delivers.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixListener;
use std::thread;

use slipstream_core::{Attempt, Handler, Outcome, RecordId, Request as _};
use slipstream_tcp::{Framing, TcpHandler, TcpOptions, TcpRequest, Until};

const FRAMINGS: [Framing; 4] = [Framing::None, Framing::Line, Framing::Crlf, Framing::Octets];
const UNTILS: [Option<Until>; 4] =
    [None, Some(Until::Eof), Some(Until::Line), Some(Until::Bytes(4))];

/// One byte says how it is sent, one how long the data is; then the data, and the answer.
pub(crate) fn check(bytes: &[u8]) {
    let &[how, len, ref rest @ ..] = bytes else { return };
    let (data, answer) = rest.split_at(usize::from(len).min(rest.len()));
    // It fits into the socket's buffer, whatever a fuzzer makes of it.
    let answer = &answer[..answer.len().min(32 * 1024)];
    let (framing, until) = (FRAMINGS[usize::from(how & 3)], UNTILS[usize::from(how >> 2 & 3)]);
    let (expects, half_close) = (how & 16 != 0, how & 32 != 0);

    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("peer");
    let listener = UnixListener::bind(&path).unwrap();
    let mut request = TcpRequest::new(format!("unix://{}", path.display()), data).framing(framing);
    if let Some(until) = until {
        request = request.until(until);
    }
    if expects {
        request = request.expect("(?-u)^OK");
    }
    request = request.half_close(half_close);
    if request.check().is_err() {
        return;
    }
    let (outcome, heard) = thread::scope(|scope| {
        let peer = scope.spawn(|| {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.write_all(answer);
            let _ = stream.shutdown(Shutdown::Write);
            let mut heard = Vec::new();
            let _ = stream.read_to_end(&mut heard);
            heard
        });
        let attempt = Attempt::new(RecordId::from_bytes([7; 16]), 1);
        let outcome = TcpHandler::new(TcpOptions::default()).perform(&request, &attempt);
        (outcome, peer.join().unwrap())
    });
    let framed = framing.frame(data);
    assert!(framed.starts_with(&heard), "{heard:?}");
    let least = match (until, expects) {
        (Some(Until::Bytes(count)), _) => usize::try_from(count).unwrap(),
        (None, false) => 0,
        // The end alone is no answer.
        _ => 1,
    };
    let whole = answer.len() >= least;
    let expected = whole && (!expects || answer.starts_with(b"OK"));
    assert_eq!(outcome == Outcome::Delivered, expected, "{request:?}: {outcome:?}");
    match outcome {
        Outcome::Delivered => assert_eq!(heard, &*framed),
        Outcome::Failed(failure) => {
            assert!(!failure.reason.contains(char::is_control), "{failure:?}");
            assert!(failure.status.is_none() || answer[..3].iter().all(u8::is_ascii_digit));
        }
    }
}
