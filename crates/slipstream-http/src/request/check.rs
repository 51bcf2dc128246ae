//! The kind `http`: where a request goes, and what is refused before it is stored.

use slipstream_core::{Destination, Invalid, Request, quoted};

use crate::request::options::Options;
use crate::request::{HttpRequest, is_token};
use crate::url::Authority;

mod options;

/// Most bytes that method, URL and headers may have together. Servers stop far below
/// (8 to 64 KiB), libcurl at 1 MiB.
pub(super) const HEAD_MAX: usize = 512 * 1024;

impl Request for HttpRequest {
    const KIND: &'static str = "http";

    fn destination(&self) -> Destination {
        // A URL that leads nowhere is never stored; what came in another way fails when
        // it is sent, and shares a destination with others of its sort.
        let Ok(to) = Authority::parse(&self.url) else {
            return Destination::from_parts("http", "invalid", None);
        };
        let usual = Destination::from_parts(to.scheme, &to.host, Some(to.port));
        match self.options.as_deref().and_then(Options::via) {
            Some(way) => usual.with_via(&way),
            None => usual,
        }
    }

    fn check(&self) -> Result<(), Invalid> {
        let headers = self.headers.iter().map(|(n, v)| n.len() + v.len() + 4);
        let options = self.options.as_deref();
        let head = self.method.len()
            + self.url.len()
            + headers.sum::<usize>()
            + options.map_or(0, Options::head_len);
        if head > HEAD_MAX {
            return Err(Invalid::new(format!(
                "method, url and headers have {head} bytes and no server takes more than {HEAD_MAX}; send what is large as the body"
            )));
        }
        check_method(self).map_err(|error| error.field("method"))?;
        Authority::parse(&self.url).map_err(|error| error.field("url"))?;
        check_headers(self).map_err(|error| error.field("header"))?;
        options.map_or(Ok(()), |options| options::check(options, self))
    }
}

fn check_method(request: &HttpRequest) -> Result<(), Invalid> {
    let method = request.method.as_str();
    if !is_token(method) {
        return Err(Invalid::new(format!(
            "invalid method {}; expected a name such as GET or POST",
            quoted(method)
        )));
    }
    if method.eq_ignore_ascii_case("connect") {
        return Err(Invalid::new(
            "the method 'CONNECT' opens a tunnel and delivers nothing; write another",
        ));
    }
    if method == "HEAD" && !request.body.is_empty() {
        return Err(Invalid::new("a HEAD request has no body; leave the body out, or write POST"));
    }
    Ok(())
}

fn check_headers(request: &HttpRequest) -> Result<(), Invalid> {
    for (name, value) in &request.headers {
        if !is_token(name) {
            return Err(Invalid::new(format!(
                "invalid header name {}; expected letters, digits and '-', such as x-foo",
                quoted(name)
            )));
        }
        // The value itself may be a secret, so it is not shown.
        if value.bytes().any(|b| b.is_ascii_control() && b != b'\t') {
            return Err(Invalid::new(format!(
                "the value of the header {} holds a line break or another control character; leave it out",
                quoted(name)
            )));
        }
    }
    // Both follow from the body. Another length would make one request look like two.
    for name in ["content-length", "transfer-encoding"] {
        if request.has_header(name) {
            return Err(Invalid::new(format!(
                "the header '{name}' is made from the body when the request is sent; leave it out"
            )));
        }
    }
    if request.count("host") > 1 {
        return Err(Invalid::new("there are two 'host' headers; leave one out"));
    }
    Ok(())
}
