//! The headers of a request as libcurl takes them: a list of lines.
//!
//! # Invariants
//! - The user's headers in their order, then what the method and the options ask for.
//! - A header that libcurl would add unasked is left out when the request says so.

use std::fmt::Write as _;

use curl::Error;
use curl::easy::List;
use slipstream_core::RecordId;

use crate::request::HttpRequest;

/// What goes into a head besides what the request says.
pub(crate) struct Head<'a> {
    /// The request's id, the same on every attempt.
    pub(crate) id: RecordId,
    /// Lines that were made for this attempt.
    pub(crate) signature: &'a [String],
    /// Scratch space.
    pub(crate) line: &'a mut String,
}

impl Head<'_> {
    pub(crate) fn list(self, request: &HttpRequest) -> Result<List, Error> {
        let Head { id, signature, line } = self;
        let mut list = List::new();
        for (name, value) in request.headers() {
            line.clear();
            line.push_str(name);
            // A colon without a value would have libcurl leave the header out.
            if value.trim_matches([' ', '\t']).is_empty() {
                line.push(';');
            } else {
                line.push_str(": ");
                line.push_str(value);
            }
            list.append(line)?;
        }
        if request.wants_key() {
            line.clear();
            write!(line, "Idempotency-Key: {id}").expect("writing to memory");
            list.append(line)?;
        }
        // There is nothing that a type would describe.
        if request.content().is_empty() && !request.has_header("content-type") {
            list.append("Content-Type:")?;
        }
        for header in signature {
            list.append(header)?;
        }
        let Some(options) = &request.options else {
            return Ok(list);
        };
        if let Some(token) = &options.bearer {
            list.append(&format!("Authorization: Bearer {token}"))?;
        }
        // libcurl would ask before it sends what it does not know the length of.
        if options.chunked && !request.has_header("expect") {
            list.append("Expect:")?;
        }
        // Behind the request's own: of two with one name, libcurl takes the first.
        for name in &options.without {
            list.append(&format!("{name}:"))?;
        }
        Ok(list)
    }
}
