//! A record of any bytes: it decodes to what it says, encodes to what decodes to the same, and
//! nothing in it grows beyond the bytes there are. The body is tried as an HTTP request, alone,
//! too: what comes out of it can be checked and shown, whatever it is.

use slipstream_core::{Record, Request, decode_body};
use slipstream_http::HttpRequest;

pub(crate) fn check(data: &[u8]) {
    if let Ok(record) = Record::decode(data) {
        let Record { kind, destination, body, .. } = &record;
        assert!(kind.len() + destination.as_str().len() + body.len() <= data.len());
        assert_eq!(Record::decode(&record.encode()).unwrap(), record);
        let as_it_says = record.request::<HttpRequest>();
        assert!(as_it_says.is_err() || kind == HttpRequest::KIND);
        body_of(&record.body);
    }
    body_of(data);
}

fn body_of(body: &[u8]) {
    let Ok(request) = decode_body::<HttpRequest>(body) else {
        return;
    };
    let headers = request.headers().iter().map(|(name, value)| name.len() + value.len());
    let texts = request.method().len() + request.url().len() + headers.sum::<usize>();
    assert!(texts + request.content().len() <= body.len());
    let shown = format!("{request} {request:?} {}", request.destination());
    let id = slipstream_core::RecordId::from_bytes([9; 16]);
    let Ok(record) = Record::new(&request, id) else {
        return;
    };
    // A request that can be sent is shown on one line.
    assert!(!shown.contains(char::is_control), "{shown:?}");
    let again = Record::decode(&record.encode()).unwrap();
    assert_eq!(again.request::<HttpRequest>().unwrap(), request);
}
