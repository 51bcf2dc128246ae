//! One request as one line of JSON: what `slipstream store --batch` reads.
//!
//! ```json
//! {"url":"http://example.com/","method":"PUT","headers":{"x-foo":["a","b"]},"json":{"n":1}}
//! ```
//!
//! Only `url` must be there. `method` is GET, or POST when there is a body. A header's
//! value is a string, an array of strings for a header that repeats, or `null` for one that
//! is not to be sent. `body` is text, `body_base64` bytes; `json` is any value, and is sent
//! in the spelling it was given, without the white space. How the request is sent has the
//! names of curl's options (`max_time`, `connect_to`), times are seconds, certificates and
//! keys are their PEM text. `docs/format.md` has the list.
//!
//! [`Request::check`]: slipstream_core::Request::check
//!
//! # Non-goals
//! Unknown fields. A misspelt one is an error, not a request that lacks something. What a request
//! must be to be sent is [`Request::check`]'s business.

use serde::Deserialize;
use serde::de::Deserializer;
use serde_json::value::RawValue;
use slipstream_core::{Aside, Invalid, read_line};

use crate::request::HttpRequest;

mod headers;
mod sending;

use headers::Headers;

/// The line as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    url: String,
    method: Option<String>,
    #[serde(default)]
    headers: Headers,
    body: Option<String>,
    body_base64: Option<String>,
    // `"json":null` is a body of four characters, not the absence of one.
    #[serde(borrow, default, deserialize_with = "present")]
    json: Option<&'a RawValue>,

    user: Option<String>,
    password: Option<String>,
    auth: Option<crate::request::Auth>,
    bearer: Option<String>,
    aws_sigv4: Option<String>,
    cookies: Option<String>,
    proxy: Option<String>,
    proxy_user: Option<String>,
    noproxy: Option<String>,
    proxy_auth: Option<crate::request::Auth>,
    #[serde(default)]
    proxy_headers: Vec<String>,
    #[serde(default)]
    proxy_tunnel: bool,
    jar: Option<Vec<String>>,
    request_target: Option<String>,
    ip_version: Option<crate::request::IpVersion>,
    #[serde(default)]
    chunked: bool,
    #[serde(default)]
    tr_encoding: bool,
    #[serde(default)]
    whole_answer: bool,
    #[serde(default)]
    location_trusted: bool,
    #[serde(default)]
    keep_method: bool,
    redirected_as: Option<crate::request::RedirectedAs>,
    #[serde(default)]
    auto_referer: bool,
    cacert: Option<String>,
    cert: Option<String>,
    key: Option<String>,
    key_password: Option<String>,
    #[serde(default)]
    insecure: bool,
    unix_socket: Option<String>,
    abstract_unix_socket: Option<String>,
    #[serde(default)]
    resolve: Vec<String>,
    #[serde(default)]
    connect_to: Vec<String>,
    http_version: Option<crate::request::HttpVersion>,
    #[serde(default)]
    compressed: bool,
    #[serde(default)]
    location: bool,
    max_redirects: Option<u32>,
    redirect_scheme: Option<crate::request::RedirectScheme>,
    #[serde(default)]
    post301: bool,
    #[serde(default)]
    post302: bool,
    #[serde(default)]
    post303: bool,
    connect_timeout: Option<f64>,
    max_time: Option<f64>,
    low_speed_limit: Option<u32>,
    low_speed_time: Option<f64>,
    sign: Option<String>,
}

/// The request that a line of a batch describes.
///
/// # Errors
/// What is wrong with the line, and at which column.
pub fn parse_line(line: &[u8]) -> Result<HttpRequest, Invalid> {
    parse_line_beside(line, &[]).map(|(request, _)| request)
}

/// The same for a line that says more than the request: values of the keys `own` are returned as
/// the JSON that they are written in, in their order, and not looked at.
///
/// # Errors
/// As for [`parse_line`].
pub fn parse_line_beside<'a>(
    line: &'a [u8],
    own: &[&str],
) -> Result<(HttpRequest, Aside<'a>), Invalid> {
    let example = "{\"url\":\"http://example.com/\"}";
    let (line, beside) = read_line::<Line<'_>>(line, own, example)?;
    Ok((request(line)?, beside))
}

fn request(mut line: Line<'_>) -> Result<HttpRequest, Invalid> {
    let bodies = [line.body.is_some(), line.body_base64.is_some(), line.json.is_some()];
    let has_body = match bodies.iter().filter(|there| **there).count() {
        0 => false,
        1 => true,
        _ => {
            return Err(Invalid::new(
                "the line has more than one of 'body', 'body_base64' and 'json'; leave all but one out",
            ));
        }
    };
    let method =
        line.method.take().unwrap_or_else(|| if has_body { "POST" } else { "GET" }.to_owned());
    let mut request = HttpRequest::new(method, std::mem::take(&mut line.url));
    let mut without = Vec::new();
    for (name, value) in std::mem::take(&mut line.headers.0) {
        match value {
            Some(value) => request = request.header(name, value),
            None => without.push(name),
        }
    }
    if let Some(body) = line.body.take() {
        request = request.body(body);
    } else if let Some(text) = line.body_base64.take() {
        request = request.body(from_base64(&text)?);
    } else if let Some(json) = line.json {
        request = request.json(compact(json.get()));
    }
    Ok(request.options(sending::options(line, without)?))
}

fn from_base64(text: &str) -> Result<Vec<u8>, Invalid> {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    STANDARD.decode(text).map_err(|error| {
        Invalid::new(format!(
            "the line's \"body_base64\": invalid base64: {}; expected the usual alphabet, with padding",
            error.to_string().to_lowercase().trim_end_matches('.')
        ))
    })
}

fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// Valid JSON without the white space between its tokens. Numbers, escapes and the order
/// of keys stay as they were written, which a parsed value could not promise.
fn compact(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let (mut inside, mut escaped) = (false, false);
    for c in json.chars() {
        if inside {
            inside = escaped || c != '"';
            escaped = !escaped && c == '\\';
        } else if matches!(c, ' ' | '\t' | '\n' | '\r') {
            continue;
        } else {
            inside = c == '"';
        }
        text.push(c);
    }
    text
}

#[cfg(test)]
mod tests;
