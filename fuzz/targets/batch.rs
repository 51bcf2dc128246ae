//! A line of a batch of any bytes: it is a request or an error; what is a request, and passes
//! its own check, is stored and read back as the same.

use slipstream_core::{Record, RecordId, Request};
use slipstream_http::{HttpRequest, parse_line};

pub(crate) fn check(data: &[u8]) {
    let request = match parse_line(data) {
        Ok(request) => request,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    // An escaped character takes more room in the line than in the request.
    assert!(request.url().len() + request.content().len() <= data.len());
    let _ = format!("{request} {request:?} {}", request.destination());
    if let Err(error) = request.check() {
        assert!(!error.to_string().contains(char::is_control), "{error:?}");
        return;
    }
    let record = Record::new(&request, RecordId::from_bytes([9; 16])).unwrap();
    let read = Record::decode(&record.encode()).unwrap();
    assert_eq!(read.request::<HttpRequest>().unwrap(), request);
}
