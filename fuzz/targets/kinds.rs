//! A line of a batch, and a stored body, of any bytes, for the kinds tcp and mysql: each is a request
//! or an error; what is a request, and passes its own check, is stored and read back as the same,
//! and is shown on one line.

use std::fmt::{Debug, Display};

use slipstream_core::{Record, RecordId, Request, decode_body};
use slipstream_mysql::MysqlRequest;
use slipstream_tcp::TcpRequest;

pub(crate) fn check(data: &[u8]) {
    for error in [
        slipstream_tcp::parse_line(data).map(|request| whole(&request)).err(),
        slipstream_mysql::parse_line(data).map(|request| whole(&request)).err(),
    ] {
        assert!(error.is_none_or(|error| !error.to_string().contains(char::is_control)));
    }
    if let Ok(request) = decode_body::<TcpRequest>(data) {
        assert!(request.url().len() + request.content().len() <= data.len());
        whole(&request);
        let _ = (request.masked_url(), request.masked());
    }
    if let Ok(request) = decode_body::<MysqlRequest>(data) {
        let queries = request.statements().iter().map(|statement| statement.query().len());
        assert!(request.url().len() + queries.sum::<usize>() <= data.len());
        whole(&request);
        let shown = request.statements().iter().map(|statement| statement.masked());
        let _ = (request.masked_url(), request.masked_options(), shown.count());
    }
}

fn whole<R: Request + Display + Debug + PartialEq>(request: &R) {
    let shown = format!("{request} {request:?} {}", request.destination());
    if let Err(error) = request.check() {
        assert!(!error.to_string().contains(char::is_control), "{error:?}");
        return;
    }
    assert!(!shown.contains(char::is_control), "{shown:?}");
    let record = Record::new(request, RecordId::from_bytes([9; 16])).unwrap();
    let read = Record::decode(&record.encode()).unwrap();
    assert_eq!(&read.request::<R>().unwrap(), request);
}
