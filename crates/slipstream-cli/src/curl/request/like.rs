//! The parts that a command line's requests have in common: all but their URLs.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use slipstream_http::{HttpRequest, Options, RedirectedAs};

use crate::curl::body;
use crate::curl::condition;
use crate::curl::form;
use crate::curl::headers;
use crate::curl::headers::Header;
use crate::curl::sending;
use crate::options::http::HttpArgs;
use crate::options::pieces::Piece;

/// A request to nowhere, and what is added to the query of a URL.
pub(super) fn like(args: &HttpArgs, upload: Option<&Path>) -> Result<(HttpRequest, Vec<Vec<u8>>)> {
    let mut query = query(&args.url_query)?;
    let is_form = is_form(args);
    let content = content(args, upload, &mut query)?;
    let usual = match () {
        () if upload.is_some() => "PUT",
        () if args.head => "HEAD",
        () if content.is_some() || is_form => "POST",
        () => "GET",
    };
    let mut made = Made {
        request: HttpRequest::new(args.method.as_deref().unwrap_or(usual), ""),
        options: sending::options(args)?,
        said: headers::all(&args.headers)?,
        length: content.as_ref().map_or(0, Vec::len).to_string(),
    };
    let streams = upload.is_some_and(|file| matches!(file.to_str(), Some("-" | ".")));
    made.redirects(args, upload.is_some(), content.is_some() || is_form);
    made.headers_as_said(streams)?;
    made.headers_of(args)?;
    made.types(args, upload.is_some(), content.as_ref().is_some_and(Vec::is_empty));
    let Made { mut request, options, .. } = made;
    if let Some(content) = content {
        request = request.body(content);
    } else if is_form {
        let mut chance = [0; 11];
        getrandom::fill(&mut chance)
            .map_err(|error| anyhow!("the operating system gives no random bytes: {error}"))?;
        let parts = form::parts(&args.content.pieces, args.form_escape)?;
        request = request.multipart(&parts, chance)?;
    }
    Ok((request.options(options), query))
}

fn is_form(args: &HttpArgs) -> bool {
    let pieces = &args.content.pieces;
    pieces.iter().any(|(piece, _)| matches!(piece, Piece::Form | Piece::FormString))
}

/// The body, if it is no form.
fn content(
    args: &HttpArgs,
    upload: Option<&Path>,
    query: &mut Vec<Vec<u8>>,
) -> Result<Option<Vec<u8>>> {
    let pieces = &args.content.pieces;
    Ok(match upload {
        // To curl, a dot is standard input that may have nothing to say yet.
        Some(file) if file.as_os_str() == "." => Some(body::content(b"-")?),
        Some(file) => Some(body::content(file.as_os_str().as_bytes())?),
        None if pieces.is_empty() || is_form(args) => None,
        None if args.get && !query.is_empty() => {
            bail!("with -G, curl drops what --url-query says; write it as --data-urlencode instead")
        }
        None if args.get => {
            query.push(body::joined(pieces)?);
            None
        }
        None => Some(body::joined(pieces)?),
    })
}

/// What has been made so far.
struct Made {
    request: HttpRequest,
    options: Options,
    said: Vec<Header>,
    length: String,
}

impl Made {
    fn header(&mut self, name: &str, value: impl Into<String>) {
        let request = std::mem::replace(&mut self.request, HttpRequest::get(""));
        self.request = request.header(name, value);
    }

    fn option(&mut self, change: impl FnOnce(Options) -> Options) {
        self.options = change(std::mem::take(&mut self.options));
    }

    /// Whether -H speaks of it, if only to leave it out.
    fn is_said(&self, name: &str) -> bool {
        self.said.iter().any(|header| header.name().eq_ignore_ascii_case(name))
    }

    /// What -X means to redirects.
    fn redirects(&mut self, args: &HttpArgs, uploads: bool, posts: bool) {
        if !args.follows() || args.method.is_none() {
            return;
        }
        if !args.follow {
            self.option(|options| options.keep_method(true));
        }
        match () {
            () if uploads => self.option(|options| options.redirected_as(RedirectedAs::Put)),
            () if posts => self.option(|options| options.redirected_as(RedirectedAs::Post)),
            () => {}
        }
    }

    /// The headers of -H. `streams` says that curl would not know how long the content is.
    fn headers_as_said(&mut self, streams: bool) -> Result<()> {
        let mut chunked = streams && !self.is_said("transfer-encoding");
        let mut counted = false;
        for header in self.said.clone() {
            match header {
                // A browser copies it along; where it is right, it is made anew.
                Header::Added(name, value)
                    if name.eq_ignore_ascii_case("content-length") && value == self.length =>
                {
                    counted = true;
                }
                Header::Added(name, value)
                    if name.eq_ignore_ascii_case("transfer-encoding")
                        && value.eq_ignore_ascii_case("chunked") =>
                {
                    chunked = true;
                }
                // Content whose length is known is sent with it.
                Header::Without(name) if name.eq_ignore_ascii_case("transfer-encoding") => {}
                // Of several, curl sends the first.
                Header::Added(name, _)
                    if name.eq_ignore_ascii_case("host") && self.request.has_header("host") => {}
                Header::Added(name, value) => self.header(&name, value),
                Header::Without(name) => self.option(|options| options.without_header(name)),
            }
        }
        if chunked && counted {
            bail!(
                "the header 'content-length' contradicts content that is sent in chunks; leave it out"
            );
        }
        if chunked {
            self.option(|options| options.chunked(true));
        }
        if streams && !self.is_said("expect") {
            self.header("Expect", "100-continue");
        }
        Ok(())
    }

    /// The headers of options that set a header each.
    fn headers_of(&mut self, args: &HttpArgs) -> Result<()> {
        let referer = args.referer.as_deref().map(|text| text.split_once(";auto").ok_or(text));
        let is_auto = matches!(referer, Some(Ok(_))) && args.follows();
        self.option(|options| options.auto_referer(is_auto));
        let referer = match referer {
            Some(Ok((first, _))) => Some(first).filter(|first| !first.is_empty()),
            Some(Err(text)) => Some(text),
            None => None,
        };
        for (name, value) in [("User-Agent", args.user_agent.as_deref()), ("Referer", referer)] {
            match value {
                Some("") => self.option(|options| options.without_header(name)),
                Some(value) if !self.is_said(name) => self.header(name, value),
                _ => {}
            }
        }
        if let Some(time) = &args.time_cond {
            let (name, value) = condition::header(time)?;
            if !self.is_said(name) {
                self.header(name, value);
            }
        }
        if let Some(file) = &args.etag_compare {
            self.header("If-None-Match", tag(file)?);
        }
        if let Some(range) = args.range.as_ref().filter(|_| !self.is_said("range")) {
            // A number alone is where it begins.
            let open = if range.bytes().all(|byte| byte.is_ascii_digit()) { "-" } else { "" };
            self.header("Range", format!("bytes={range}{open}"));
        }
        Ok(())
    }

    /// The headers that say what the content is.
    fn types(&mut self, args: &HttpArgs, uploads: bool, is_empty: bool) {
        if uploads && !self.request.has_header("content-type") {
            self.option(|options| options.without_header("Content-Type"));
        }
        if args.content.pieces.iter().any(|(piece, _)| *piece == Piece::Json) {
            for name in ["Content-Type", "Accept"] {
                if !self.is_said(name) {
                    self.header(name, "application/json");
                }
            }
        } else if is_empty && !uploads && !self.is_said("content-type") {
            // The driver gives the usual type to what is there. This is a form without a field.
            self.header("Content-Type", "application/x-www-form-urlencoded");
        }
    }
}

/// What a file of --etag-save's holds; what is not there yet is the empty tag.
fn tag(file: &Path) -> Result<String> {
    const EMPTY: &str = "\"\"";
    if !file.exists() && file != Path::new("-") {
        return Ok(EMPTY.to_owned());
    }
    let mut text = body::content(file.as_os_str().as_bytes())?;
    text.retain(|byte| !b"\r\n\0".contains(byte));
    let text = String::from_utf8(text)
        .with_context(|| format!("the tag in {} is not UTF-8", file.display()))?;
    Ok(if text.is_empty() { EMPTY.to_owned() } else { text })
}

fn query(given: &[OsString]) -> Result<Vec<Vec<u8>>> {
    given
        .iter()
        .map(|data| match data.as_bytes().strip_prefix(b"+") {
            Some(as_it_is) => Ok(as_it_is.to_vec()),
            None => body::urlencoded(data.as_bytes()),
        })
        .collect()
}
