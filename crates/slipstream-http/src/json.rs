//! One request as one line of JSON: what `slipstream store --batch` reads.
//!
//! ```json
//! {"url":"http://example.com/","method":"PUT","headers":{"x-foo":["a","b"]},"json":{"n":1}}
//! ```
//!
//! Only `url` must be there. `method` is GET, or POST when there is a body. A header's value is a
//! string, an array of strings for a header that repeats, or `null` for a header that is not to be
//! sent. `body` is text, `body_base64` bytes; `json` is any value, and is sent in the spelling it
//! was given, without the white space. How the request is sent has the names of curl's options
//! (`max_time`, `connect_to`), times are seconds, certificates and keys are their PEM text.
//! `docs/options.md` has the list.
//!
//! [`Request::check`]: slipstream_core::Request::check
//!
//! # Non-goals
//! Unknown fields. A misspelt field is an error, not a request that lacks something. What a request
//! must be to be sent is [`Request::check`]'s business.

use slipstream_core::{Aside, Invalid, read_base64, read_line};

use crate::request::{HttpRequest, Line, Options};

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
        request = request.body(read_base64("body_base64", &text)?);
    } else if let Some(json) = line.json {
        request = request.json(compact(json.get()));
    }
    Ok(request.options(options(line, without)?))
}

/// `without` are the headers whose value is `null`.
fn options(line: Line<'_>, without: Vec<String>) -> Result<Options, Invalid> {
    let follows = line.location;
    let options = Options { without, ..line.options()? };
    let beside = [
        ("redirect_scheme", options.redirect_scheme.is_some()),
        ("max_redirects", options.max_redirects.is_some()),
    ];
    match beside.iter().find(|(_, is_said)| *is_said) {
        Some((key, _)) if !follows => Err(Invalid::new(format!(
            "the line has '{key}' and follows none; add \"location\":true"
        ))),
        _ if follows && options.max_redirects.is_none() => Ok(options.follow()),
        _ => Ok(options),
    }
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
