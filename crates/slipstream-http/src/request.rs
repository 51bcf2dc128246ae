//! An HTTP request as data: what it says, and whether it can be sent at all.
//!
//! # Invariants
//! - A request that [its check](slipstream_core::Request::check) passes puts exactly one request on the wire, with this
//!   method, to this URL. No part of it can end a line early, and no header can contradict the
//!   body's length.
//! - Neither `Debug` nor `Display` shows a secret.
//!
//! # Non-goals
//! Sending, and anything of libcurl. Programs that only store requests do not pay for the rest.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::url::masked;

pub(crate) mod options;

pub(crate) use options::Line;
pub use options::{
    Auth, HttpVersion, IpVersion, OPTIONS, OptionRow, OptionValue, Options, Redaction,
    RedirectScheme, RedirectedAs, Topic, ValueShape,
};

mod check;
pub(crate) mod entries;
mod line_headers;
pub(crate) mod masked;
pub(crate) mod multipart;

/// The methods that are meant in capitals.
const USUAL_METHODS: [&str; 8] =
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];

/// An HTTP or HTTPS request.
///
/// ```
/// use slipstream_core::Request;
/// use slipstream_http::{HttpRequest, Options};
///
/// let request = HttpRequest::post("https://example.com/hook")
///     .header("content-type", "application/json")
///     .body(r#"{"order":17}"#)
///     .options(Options::new().follow());
/// request.check()?;
/// assert_eq!(request.destination().host(), "example.com");
///
/// let error = HttpRequest::get("example.com").check().unwrap_err();
/// assert_eq!(error.field_name(), Some("url"));
/// # Ok::<(), slipstream_core::Invalid>(())
/// ```
///
/// It may hold anything; what can never be delivered is refused by [its check](slipstream_core::Request::check),
/// when it is stored and again when it is sent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRequest {
    pub(crate) method: String,
    pub(crate) url: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) headers: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "serde_bytes")]
    pub(crate) body: Vec<u8>,
    // Never the defaults, so that requests which say the same are equal.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "options::read")]
    pub(crate) options: Option<Box<Options>>,
}

impl HttpRequest {
    /// A request without headers and body. Methods are case-sensitive; the usual ones
    /// (`get`, `Post`) are put in capitals, others are sent as they are.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        let method = method.into();
        let usual = USUAL_METHODS.iter().find(|usual| usual.eq_ignore_ascii_case(&method));
        Self {
            method: usual.map_or(method, |&usual| usual.to_owned()),
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            options: None,
        }
    }

    /// A GET request.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// A POST request.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url)
    }

    /// A PUT request.
    pub fn put(url: impl Into<String>) -> Self {
        Self::new("PUT", url)
    }

    /// A DELETE request.
    pub fn delete(url: impl Into<String>) -> Self {
        Self::new("DELETE", url)
    }

    /// The same with one header more. Headers are sent in the order they were added, one
    /// name as often as it was added. Text beyond ASCII is sent as UTF-8.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The same with this body. Without a `content-type` header it is announced as
    /// `application/x-www-form-urlencoded`, as curl does.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The same with this JSON text as body, and a `content-type` header that says so
    /// unless there is one. Whether the text is JSON is not looked at.
    #[must_use]
    pub fn json(self, text: impl Into<String>) -> Self {
        let typed = self.has_header("content-type");
        let request = self.body(text.into());
        if typed {
            return request;
        }
        request.header("content-type", "application/json")
    }

    /// The same, sent in this way.
    #[must_use]
    pub fn options(mut self, options: Options) -> Self {
        self.options = options.or_none();
        self
    }

    /// The method.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The URL as it was given, secrets included. To show it, use [`HttpRequest::masked_url`].
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The URL without user, password and the values in its query.
    pub fn masked_url(&self) -> String {
        masked(&self.url)
    }

    /// Names and values in the order they are sent.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The body, empty if there is none.
    pub fn content(&self) -> &[u8] {
        &self.body
    }

    /// How it is sent, if that is not as usual. Secrets are included:
    /// [`Options::masked`] is what to show.
    pub fn sent_with(&self) -> Option<&Options> {
        self.options.as_deref()
    }

    /// Whether there is a header of this name, in any case.
    pub fn has_header(&self, name: &str) -> bool {
        self.count(name) > 0
    }

    /// Whether sending it twice may do more than sending it once, as far as its method shows.
    pub fn is_unsafe(&self) -> bool {
        !matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS" | "TRACE")
    }

    /// Whether it is to be sent with a key that lets the receiver drop repeats, and brings
    /// none.
    #[cfg(feature = "deliver")]
    pub(crate) fn wants_key(&self) -> bool {
        let unwanted =
            |o: &Options| o.without.iter().any(|name| name.eq_ignore_ascii_case("idempotency-key"));
        self.is_unsafe()
            && !self.has_header("idempotency-key")
            && !self.options.as_deref().is_some_and(unwanted)
    }

    pub(crate) fn count(&self, name: &str) -> usize {
        self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).count()
    }
}

/// What a listing shows: method and masked URL.
impl fmt::Display for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.masked_url())
    }
}

/// Header values and the body are left out: they may be secrets.
impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("url", &self.masked_url())
            .field("headers", &names)
            .field("body_bytes", &self.body.len())
            .field("options", &self.options)
            .finish()
    }
}

/// RFC 9110, section 5.6.2.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

#[cfg(test)]
mod tests;
