//! What is kept of an answer, and that none is too large.

use std::io::Write;

use slipstream_core::Outcome;
use slipstream_http::{HttpDriver, HttpOptions, HttpRequest, Options};

use crate::server::{OK, Reply, Server};
use crate::{driver, failure, send, send_with};

/// Bytes as gzip has them.
fn gzip(content: &[u8], times: usize) -> &'static [u8] {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..times {
        packed.write_all(content).unwrap();
    }
    packed.finish().unwrap().leak()
}

#[test]
fn the_beginning_of_a_failed_answer_is_kept_and_nothing_of_another() {
    let refusal = "HTTP/1.1 422 No Way\r\nContent-Type: application/json\r\nSet-Cookie: sid=sesame\r\n\
                   x-request-id: 17\r\nContent-Length: 15\r\n\r\n{\"error\":\"vat\"}";
    let server = Server::new(move |n| if n == 1 { OK } else { Reply::Keep(refusal) });
    let mut driver = driver();
    let request = HttpRequest::post(server.url("/"));
    let kept = "HTTP/1.1 422 No Way\nContent-Type: application/json\nx-request-id: 17\n\
                Content-Length: 15\n\n{\"error\":\"vat\"}";
    let failed = failure(send_with(&mut driver, &request));
    assert_eq!(failed.answer.as_deref(), Some(kept));
    assert_eq!(send_with(&mut driver, &request), Outcome::Delivered);
    assert_eq!(failure(send_with(&mut driver, &request)).answer.as_deref(), Some(kept));

    let silent = HttpRequest::get("http://name.invalid/");
    assert_eq!(failure(send_with(&mut driver, &silent)).answer, None);
}

#[test]
fn an_answer_is_kept_as_text_also_when_it_came_packed_or_broke_off() {
    let head = "HTTP/1.1 500 X\r\nContent-Encoding: gzip\r\n\r\n";
    let packed = Reply::Bytes(head, gzip(b"no room ", 2));
    let table = [
        (packed, Options::new(), "HTTP/1.1 500 X\n\nno room no room "),
        (packed, Options::new().compressed(true), "HTTP/1.1 500 X\n\nno room no room "),
        (
            Reply::Close("HTTP/1.1 500 X\r\nServer: s\r\nContent-Length: 99\r\n\r\nno r"),
            Options::new(),
            "HTTP/1.1 500 X\nServer: s\nContent-Length: 99\n\nno r",
        ),
        (
            Reply::Reset("HTTP/1.1 500 X\r\nServer: s\r\n"),
            Options::new(),
            "HTTP/1.1 500 X\nServer: s\n",
        ),
    ];
    for (reply, options, kept) in table {
        let server = Server::always(reply);
        let failed = failure(send(&HttpRequest::get(server.url("/")).options(options)));
        assert_eq!(failed.answer.as_deref(), Some(kept));
        assert_eq!(failed.status, Some(500));
    }
}

#[test]
fn a_bomb_is_cut_off_where_a_long_answer_is() {
    // 256 MiB in 256 KiB.
    let bomb = gzip(&[0; 1 << 20], 256);
    let head =
        |status: u16| format!("HTTP/1.1 {status} X\r\nContent-Encoding: gzip\r\n\r\n").leak();
    let mut options = HttpOptions::default();
    options.response_limit = 10_000;
    let mut driver = HttpDriver::new(options).unwrap();
    let before = peak_memory();
    for asked in [true, false] {
        let request = |server: &Server| {
            HttpRequest::get(server.url("/")).options(Options::new().compressed(asked))
        };
        let server = Server::always(Reply::Bytes(head(200), bomb));
        assert_eq!(send_with(&mut driver, &request(&server)), Outcome::Delivered);
        let server = Server::always(Reply::Bytes(head(500), bomb));
        let failed = failure(send_with(&mut driver, &request(&server)));
        assert_eq!(failed.status, Some(500));
        assert_eq!(failed.answer.unwrap().matches('\0').count(), 1024);
    }
    let grown = peak_memory() - before;
    // Other tests take some meanwhile.
    assert!(grown < 128 << 10, "{grown} KiB more");
}

/// Most memory that this process has held, in KiB.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}
