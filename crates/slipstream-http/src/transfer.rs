//! One request on one of libcurl's handles: how it is put there, and what is kept of the
//! answer.
//!
//! A handle is used again and again, so whatever one request sets, the next one sets, too.
//! The body goes from the decoded request to the socket without another copy; of the
//! answer, only `Retry-After` and a count of bytes are kept.
//!
//! Absent on purpose: the check that a request can be sent. It comes before.

use std::io::SeekFrom;

use curl::Error;
use curl::easy::{Easy2, Handler, List, ReadError, SeekResult, WriteError};
use slipstream_core::RecordId;

use crate::HttpRequest;

/// Longest `Retry-After` that is kept: a date has 29 characters.
const RETRY_AFTER_MAX: usize = 64;

/// What libcurl calls back with, and what it left behind.
#[derive(Default)]
pub(crate) struct Exchange {
    body: Vec<u8>,
    sent: usize,
    received: u64,
    response_limit: u64,
    retry_after: Option<String>,
    url: String,
    shape: Option<Shape>,
    method: String,
}

/// Which of libcurl's ways of sending a handle is set to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// No body goes out.
    Bare,
    /// No body goes out, and none comes back.
    Head,
    /// A body goes out, if only an empty one.
    Body,
}

impl Exchange {
    /// The state of a new handle, which reads this many bytes of an answer's body.
    pub(crate) fn new(response_limit: u64) -> Self {
        Self { response_limit, ..Self::default() }
    }

    /// The answer's `Retry-After` header, if it had one.
    pub(crate) fn retry_after(&self) -> Option<&str> {
        self.retry_after.as_deref()
    }

    /// The URL of the request.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Lets go of the body, which may be large, when the handle has done its work.
    pub(crate) fn release(&mut self) {
        self.body = Vec::new();
    }
}

/// Makes a handle ready to send a request. `line` is scratch space.
///
/// # Errors
/// libcurl is out of memory, or the request was not checked.
pub(crate) fn load(
    easy: &mut Easy2<Exchange>,
    request: HttpRequest,
    id: RecordId,
    line: &mut String,
) -> Result<(), Error> {
    easy.url(request.url())?;
    easy.http_headers(header_list(&request, id, line)?)?;
    let method = request.method();
    let shape = match method {
        "HEAD" => Shape::Head,
        // These say how long their body is even when it is empty.
        "POST" | "PUT" | "PATCH" => Shape::Body,
        _ if request.content().is_empty() => Shape::Bare,
        _ => Shape::Body,
    };
    if easy.get_ref().shape != Some(shape) {
        match shape {
            Shape::Bare => easy.get(true)?,
            Shape::Head => easy.nobody(true)?,
            Shape::Body => easy.post(true)?,
        }
        easy.get_mut().shape = Some(shape);
    }
    if shape == Shape::Body {
        easy.post_field_size(request.content().len() as u64)?;
    }
    // It cannot be unset, so every change of method sets it.
    if easy.get_ref().method != method {
        easy.custom_request(method)?;
        method.clone_into(&mut easy.get_mut().method);
    }
    let exchange = easy.get_mut();
    exchange.sent = 0;
    exchange.received = 0;
    request.url().clone_into(&mut exchange.url);
    exchange.body = request.into_body();
    Ok(())
}

/// The user's headers in their order, and behind them what the method asks for.
fn header_list(request: &HttpRequest, id: RecordId, line: &mut String) -> Result<List, Error> {
    use std::fmt::Write as _;

    let mut list = List::new();
    for (name, value) in request.headers() {
        line.clear();
        line.push_str(name);
        // A colon without a value would tell libcurl to leave the header out.
        if value.trim_matches([' ', '\t']).is_empty() {
            line.push(';');
        } else {
            line.push_str(": ");
            line.push_str(value);
        }
        list.append(line)?;
    }
    if request.is_unsafe() && !request.has_header("idempotency-key") {
        line.clear();
        write!(line, "Idempotency-Key: {id}").expect("writing to memory");
        list.append(line)?;
    }
    if request.content().is_empty() {
        // There is nothing that a type would describe.
        if !request.has_header("content-type") {
            list.append("Content-Type:")?;
        }
    } else if !request.has_header("expect") {
        // Asking first costs a round trip, and a second where nobody answers.
        list.append("Expect:")?;
    }
    Ok(list)
}

impl Handler for Exchange {
    fn read(&mut self, data: &mut [u8]) -> Result<usize, ReadError> {
        let rest = &self.body[self.sent..];
        let length = rest.len().min(data.len());
        data[..length].copy_from_slice(&rest[..length]);
        self.sent += length;
        Ok(length)
    }

    /// libcurl begins again when a connection that it kept turns out to be closed.
    fn seek(&mut self, whence: SeekFrom) -> SeekResult {
        match whence {
            SeekFrom::Start(at) if at <= self.body.len() as u64 => {
                self.sent = at as usize;
                SeekResult::Ok
            }
            _ => SeekResult::Fail,
        }
    }

    fn header(&mut self, line: &[u8]) -> bool {
        if line.starts_with(b"HTTP/") {
            // An answer begins; what came before was a proxy's, or an interim one.
            self.retry_after = None;
        } else if let Some((name, value)) = line.split_at_checked(12)
            && name.eq_ignore_ascii_case(b"retry-after:")
            && value.len() <= RETRY_AFTER_MAX
        {
            self.retry_after = std::str::from_utf8(value).ok().map(str::to_owned);
        }
        true
    }

    fn write(&mut self, data: &[u8]) -> Result<usize, WriteError> {
        self.received = self.received.saturating_add(data.len() as u64);
        if self.received > self.response_limit {
            // Taking less than was offered ends the transfer.
            return Ok(0);
        }
        Ok(data.len())
    }
}
