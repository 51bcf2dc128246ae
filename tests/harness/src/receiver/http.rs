//! As much of HTTP/1.1 as a receiver of requests needs: where a request ends, and the
//! few headers that decide what follows.
//!
//! # Non-goals
//! Chunked bodies (refused), and any check of what is not used.

use std::str;

/// No head of a request is longer.
const HEAD_LIMIT: usize = 64 << 10;
/// No body is longer: well above what a spool takes.
const BODY_LIMIT: usize = 64 << 20;

/// The head of a request: everything before its body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head<'a> {
    pub(crate) method: &'a [u8],
    pub(crate) target: &'a [u8],
    /// The value of `Idempotency-Key`, without the quotes that a structured field has.
    pub(crate) key: Option<&'a [u8]>,
    /// Bytes up to the body.
    pub(crate) length: usize,
    /// Bytes of the body.
    pub(crate) body: usize,
    /// Whether the connection ends after this request.
    pub(crate) close: bool,
    /// Whether the client waits for a word before it sends the body.
    pub(crate) expects: bool,
}

/// What the bytes that have arrived are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed<'a> {
    /// The beginning of a head.
    Partial,
    /// A whole head.
    Head(Head<'a>),
    /// Nothing we understand; the status to answer with.
    Refused(u16),
}

/// Reads the head of the request that begins here.
pub(crate) fn parse(bytes: &[u8]) -> Parsed<'_> {
    let mut rest = bytes;
    let Some(first) = line(&mut rest) else {
        return partial(bytes);
    };
    let mut words = first.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version)) = (words.next(), words.next(), words.next())
    else {
        return Parsed::Refused(400);
    };
    if !version.starts_with(b"HTTP/1.") {
        return Parsed::Refused(505);
    }
    let mut head = Head {
        method,
        target,
        key: None,
        length: 0,
        body: 0,
        close: version == b"HTTP/1.0",
        expects: false,
    };
    loop {
        let Some(field) = line(&mut rest) else {
            return partial(bytes);
        };
        if field.is_empty() {
            head.length = bytes.len() - rest.len();
            return Parsed::Head(head);
        }
        let Some(colon) = field.iter().position(|byte| *byte == b':') else {
            return Parsed::Refused(400);
        };
        let (name, value) = (&field[..colon], field[colon + 1..].trim_ascii());
        // By length first: few names share one, and comparing is what takes time.
        match name.len() {
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                match str::from_utf8(value).ok().and_then(|text| text.parse().ok()) {
                    Some(length) if length <= BODY_LIMIT => head.body = length,
                    Some(_) => return Parsed::Refused(413),
                    None => return Parsed::Refused(400),
                }
            }
            15 if name.eq_ignore_ascii_case(b"idempotency-key") => {
                let bare = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
                head.key = Some(bare.unwrap_or(value));
            }
            10 if name.eq_ignore_ascii_case(b"connection") => {
                head.close = value.eq_ignore_ascii_case(b"close");
            }
            6 if name.eq_ignore_ascii_case(b"expect") => head.expects = true,
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => return Parsed::Refused(411),
            _ => {}
        }
    }
}

/// Cuts a line off, without its end. None when its end has not arrived.
fn line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let line = &rest[..end];
    *rest = &rest[end + 1..];
    Some(line.strip_suffix(b"\r").unwrap_or(line))
}

fn partial(bytes: &[u8]) -> Parsed<'_> {
    if bytes.len() > HEAD_LIMIT { Parsed::Refused(431) } else { Parsed::Partial }
}

/// A whole response without a body.
pub(crate) fn response(status: u16, headers: &[String]) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {status} {}\r\n", reason(status));
    for header in headers {
        text += &format!("{header}\r\n");
    }
    // These two have no body by definition, and may not state a length.
    if status != 204 && status != 304 {
        text += "Content-Length: 0\r\n";
    }
    text += "\r\n";
    text.into_bytes()
}

/// A whole response with JSON in it.
pub(crate) fn json(body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn reason(status: u16) -> &'static str {
    match status {
        200..300 => "OK",
        300..400 => "Elsewhere",
        400..500 => "Refused",
        _ => "Failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POST: &[u8] = b"POST /orders HTTP/1.1\r\nHost: x\r\ncontent-length: 8\r\n\
        Idempotency-Key: \"abc\"\r\nConnection: close\r\n\r\n{\"n\":17}";

    #[test]
    fn a_request_is_understood() {
        let Parsed::Head(head) = parse(POST) else {
            panic!("no head");
        };
        assert_eq!(head.method, b"POST");
        assert_eq!(head.target, b"/orders");
        assert_eq!(head.key, Some(&b"abc"[..]));
        assert_eq!(head.length + head.body, POST.len());
        assert!(head.close && !head.expects);
    }

    #[test]
    fn a_head_cut_anywhere_is_partial() {
        let Parsed::Head(head) = parse(POST) else {
            panic!("no head");
        };
        for cut in 0..head.length {
            assert_eq!(parse(&POST[..cut]), Parsed::Partial, "cut at {cut}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert_eq!(parse(b"hello\r\n"), Parsed::Refused(400));
        assert_eq!(parse(b"PRI * HTTP/2.0\r\n\r\n"), Parsed::Refused(505));
        let chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(parse(chunked), Parsed::Refused(411));
        let huge = b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n";
        assert_eq!(parse(huge), Parsed::Refused(413));
    }
}
