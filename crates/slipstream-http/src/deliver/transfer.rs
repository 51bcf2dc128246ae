//! One request on one of libcurl's handles: how it is put there, and what is kept of the
//! answer.
//!
//! A handle is used again and again, so whatever one request sets, the next one sets, too.
//! The body goes from the decoded request to the socket without another copy; of the
//! answer, only what says more about a failure is kept, and a count of bytes.
//!
//! # Non-goals
//! The check that a request can be sent, which comes before, and options that are no text in the
//! head (`configure`).

use std::io::SeekFrom;
use std::os::fd::IntoRawFd;
use std::sync::Arc;

use curl::Error;
use curl::easy::{Easy2, Handler, HttpVersion as Version, ReadError, SeekResult, WriteError};
use slipstream_core::Failure;
use socket2::Socket;

use crate::deliver::answer::Answer;
use crate::deliver::head::Head;
use crate::deliver::policy::Gate;
use crate::deliver::redirect::is_redirect;
use crate::request::{HttpRequest, HttpVersion, Options};

/// Longest `Retry-After` and `Date` that is kept: a date has 29 characters.
const RETRY_AFTER_MAX: usize = 64;

/// Longest `Location` that is kept: no server takes a longer one back.
const LOCATION_MAX: usize = 32 * 1024;

/// What libcurl calls back with, and what it left behind.
#[derive(Default)]
pub(crate) struct Exchange {
    body: Vec<u8>,
    sent: usize,
    received: u64,
    response_limit: u64,
    retry_after: Option<String>,
    date: Option<String>,
    location: Option<Vec<u8>>,
    answer: Answer,
    /// Whether libcurl decodes what comes compressed.
    decodes: bool,
    /// Whether redirects are followed, so that what they say besides does not matter,
    follows: bool,
    /// whether this answer is one,
    redirects: bool,
    /// whether it says how long it is,
    has_length: bool,
    /// and whether it is one of HTTP/1.0.
    is_http_1_0: bool,
    url: String,
    shape: Option<Shape>,
    method: String,
    /// Whether the handle is set to wait for a connection that is being made.
    waits: Option<bool>,
    /// Whether the system had no socket to give.
    short: bool,
    // raw.rs counts on it that this is never assigned.
    gate: Option<Arc<Gate>>,
}

/// Whether the system has no descriptors or memory left.
pub(crate) fn is_shortage(error: &std::io::Error) -> bool {
    error.raw_os_error().and_then(Failure::shortage).is_some()
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
    /// The state of a new handle, which reads this many bytes of an answer's body, and asks
    /// this gate for its sockets.
    pub(crate) fn new(response_limit: u64, gate: Option<Arc<Gate>>) -> Self {
        Self { response_limit, gate, ..Self::default() }
    }

    /// The answer's `Retry-After` header, if it failed and had one.
    pub(crate) fn retry_after(&self) -> Option<&str> {
        self.retry_after.as_deref()
    }

    /// The `Date` header of the same.
    pub(crate) fn date(&self) -> Option<&str> {
        self.date.as_deref()
    }

    /// The `Location` header of an answer that is no success.
    pub(crate) fn location(&self) -> Option<&[u8]> {
        self.location.as_deref()
    }

    /// The beginning of an answer that is no success.
    pub(crate) fn answer(&self) -> Option<String> {
        self.answer.text(self.decodes)
    }

    /// Whether the last answer was one of HTTP/1.0.
    pub(crate) fn is_http_1_0(&self) -> bool {
        self.is_http_1_0
    }

    /// The URL of the request.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What decides about this handle's sockets, if anything does.
    pub(crate) fn gate(&self) -> Option<&Arc<Gate>> {
        self.gate.as_ref()
    }

    /// Whether the system had no socket to give for this request.
    pub(crate) fn is_short(&self) -> bool {
        self.short || self.gate.as_ref().is_some_and(|gate| gate.is_short())
    }

    /// Lets go of the body, which may be large, when the handle has done its work.
    pub(crate) fn release(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.body)
    }

    /// Forgets how the handle was set, which is fresh again.
    pub(crate) fn forget(&mut self) {
        self.shape = None;
        self.waits = None;
        self.method.clear();
    }
}

/// Makes a handle ready to send a request, and takes its body.
///
/// # Errors
/// libcurl is out of memory, or the request was not checked.
pub(crate) fn load(
    easy: &mut Easy2<Exchange>,
    request: &mut HttpRequest,
    head: Head<'_>,
) -> Result<(), Error> {
    easy.url(request.url())?;
    easy.get_mut().short = false;
    // A connection that is being made may turn out to carry many requests at once, but without TLS
    // only where that is certain: else the others would wait for the first request's answer.
    let sure = |options: &Options| options.http_version == Some(HttpVersion::V2PriorKnowledge);
    let is_tls = request.url().get(..6).is_some_and(|start| start.eq_ignore_ascii_case("https:"));
    let waits = is_tls || request.options.as_ref().is_some_and(|options| sure(options));
    if request.options.as_ref().is_none_or(|options| options.http_version.is_none()) {
        // Without TLS, HTTP/2 is spoken only by requests that ask for it: a request that may use it
        // would be sent over a connection that another request opened so, to a server that does
        // not.
        easy.http_version(if is_tls { Version::V2TLS } else { Version::V11 })?;
    }
    if easy.get_ref().waits != Some(waits) {
        easy.pipewait(waits)?;
        easy.get_mut().waits = Some(waits);
    }
    easy.http_headers(head.list(request)?)?;
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
    // Without a length, libcurl sends chunks.
    let chunked = request.options.as_ref().is_some_and(|options| options.chunked);
    if shape == Shape::Body && !chunked {
        easy.post_field_size(request.content().len() as u64)?;
        if request.options.as_ref().is_some_and(|options| options.aws_sigv4.is_some()) {
            // libcurl can sign only a body that it has as a whole.
            easy.post_fields_copy(request.content())?;
        }
    }
    // It cannot be unset, so every change of method sets it.
    if easy.get_ref().method != method {
        easy.custom_request(method)?;
        method.clone_into(&mut easy.get_mut().method);
    }
    let exchange = easy.get_mut();
    exchange.sent = 0;
    exchange.received = 0;
    exchange.retry_after = None;
    exchange.date = None;
    exchange.location = None;
    exchange.answer.clear();
    exchange.follows =
        request.options.as_ref().is_some_and(|options| options.max_redirects.is_some());
    exchange.decodes = request.options.as_ref().is_some_and(|options| options.compressed);
    request.url.clone_into(&mut exchange.url);
    exchange.body = std::mem::take(&mut request.body);
    Ok(())
}

impl Handler for Exchange {
    /// As it is by default, but that a shortage is known afterwards: libcurl reports a connection
    /// that could not be made. A handle with a gate has its sockets opened in `raw`.
    fn open_socket(&mut self, family: i32, kind: i32, protocol: i32) -> Option<i32> {
        match Socket::new(family.into(), kind.into(), Some(protocol.into())) {
            Ok(socket) => Some(socket.into_raw_fd()),
            Err(error) => {
                self.short |= is_shortage(&error);
                None
            }
        }
    }

    fn read(&mut self, data: &mut [u8]) -> Result<usize, ReadError> {
        let rest = &self.body[self.sent..];
        let length = rest.len().min(data.len());
        data[..length].copy_from_slice(&rest[..length]);
        self.sent += length;
        Ok(length)
    }

    /// libcurl begins again when a connection that it kept turns out to be closed, and when a
    /// server asks the sender to authenticate.
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
            self.date = None;
            self.location = None;
            self.answer.begin(line);
            let status = std::str::from_utf8(line).ok().and_then(|line| line.split(' ').nth(1));
            let status = status.and_then(|status| status.trim().parse().ok());
            self.redirects = status.is_some_and(is_redirect);
            self.has_length = false;
            self.is_http_1_0 = line.starts_with(b"HTTP/1.0");
        } else if line.trim_ascii().is_empty() {
            // Nothing but the connection's end would end it, and that may be far.
            let endless = self.redirects && !self.has_length && self.shape != Some(Shape::Head);
            return !(self.follows && endless && self.location.is_some());
        } else if self.answer.keeps()
            && let Some(colon) = line.iter().position(|b| *b == b':')
        {
            let (name, value) = (&line[..colon], &line[colon + 1..]);
            self.answer.header(name, value);
            self.has_length |= [&b"content-length"[..], b"transfer-encoding"]
                .iter()
                .any(|length| name.eq_ignore_ascii_case(length));
            if name.eq_ignore_ascii_case(b"retry-after") && value.len() <= RETRY_AFTER_MAX {
                self.retry_after = std::str::from_utf8(value).ok().map(str::to_owned);
            } else if name.eq_ignore_ascii_case(b"date") && value.len() <= RETRY_AFTER_MAX {
                self.date = std::str::from_utf8(value).ok().map(str::to_owned);
            } else if name.eq_ignore_ascii_case(b"location") && value.len() <= LOCATION_MAX {
                self.location = Some(value.to_vec());
            }
        }
        true
    }

    fn write(&mut self, data: &[u8]) -> Result<usize, WriteError> {
        self.received = self.received.saturating_add(data.len() as u64);
        if self.answer.keeps() {
            self.answer.body(data);
        }
        if self.received > self.response_limit {
            // Taking less than was offered ends the transfer.
            return Ok(0);
        }
        Ok(data.len())
    }
}
