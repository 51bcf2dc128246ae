//! The requests that curl's options describe.
//!
//! Guaranteed: all files that the options name are read here, so that what is stored is whole
//! and needs nothing of this machine but the secret that it is to be signed with. What cannot be
//! stored is refused by its name.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use slipstream_core::Request;
use slipstream_http::{HttpRequest, Options};

use crate::args::{HttpArgs, Piece};
use crate::headers::Header;
use crate::{body, condition, form, glob, headers, netrc, sending, url};

/// Most bytes that the contents of one command's requests may have together.
const CONTENTS_MAX: usize = 1 << 30;

/// The requests for these URLs, in order.
pub(crate) fn all(args: &HttpArgs, urls: &[OsString]) -> Result<Vec<HttpRequest>> {
    let utf8 = |url: &OsString| -> Result<String> {
        let url = url.to_str().context("the url is not UTF-8; write such bytes percent-encoded")?;
        Ok(url.to_owned())
    };
    let texts = urls.iter().map(utf8).collect::<Result<Vec<_>>>()?;
    let uploads = &args.upload_file;
    if uploads.len() > texts.len() {
        bail!("there are more files to upload than urls; write a url for each");
    }
    // What is read once is sent to all; and standard input can be read only once.
    let mut patterns: Vec<Option<Pattern>> = uploads.iter().map(|_| None).chain([None]).collect();
    let (mut requests, mut bytes) = (Vec::new(), 0_usize);
    for (place, url) in glob::all(&texts, args.globoff)? {
        let (place, url) = (place.min(uploads.len()), url::with_scheme(&url));
        let pattern = match &mut patterns[place] {
            Some(pattern) => pattern,
            none => none.insert(Pattern::of(args, uploads.get(place))?),
        };
        bytes = bytes.saturating_add(pattern.like.content().len());
        if bytes > CONTENTS_MAX {
            bail!("the requests have more than 1 GiB of content together; store them in parts");
        }
        requests.push(pattern.request(args, &url)?);
    }
    Ok(requests)
}

/// All of a request but its URL.
struct Pattern {
    like: HttpRequest,
    /// What is added to the URL's query.
    query: Vec<Vec<u8>>,
    uploaded: Option<PathBuf>,
}

impl Pattern {
    fn of(args: &HttpArgs, upload: Option<&PathBuf>) -> Result<Self> {
        let (like, query) = like(args, upload)?;
        Ok(Self { like, query, uploaded: upload.cloned() })
    }

    fn request(&self, args: &HttpArgs, url: &str) -> Result<HttpRequest> {
        let url = url::uploaded_to(url, self.uploaded.as_deref());
        let url = url::with_query(&url, &self.query)?;
        let url = if args.path_as_is { url } else { url::squashed(&url) };
        let request = HttpRequest::new(self.like.method(), url).body(self.like.content());
        let headers = self.like.headers().iter();
        let request = headers.fold(request, |request, (name, value)| request.header(name, value));
        let options = self.like.sent_with().cloned().unwrap_or_else(Options::new);
        let options = with_netrc(options, args, &request)?;
        Ok(request.options(options))
    }
}

/// A request to nowhere, and what is added to the query of a URL.
fn like(args: &HttpArgs, upload: Option<&PathBuf>) -> Result<(HttpRequest, Vec<Vec<u8>>)> {
    let pieces = &args.content.pieces;
    let is_form = pieces.iter().any(|(piece, _)| matches!(piece, Piece::Form | Piece::FormString));
    let mut query = query(&args.url_query)?;
    let content = match upload {
        // To curl, a dot is standard input that may have nothing to say yet.
        Some(file) if file.as_os_str() == "." => Some(body::content(b"-")?),
        Some(file) => Some(body::content(file.as_os_str().as_bytes())?),
        None if pieces.is_empty() || is_form => None,
        None if args.get && !query.is_empty() => {
            bail!("with -G, curl drops what --url-query says; write it as --data-urlencode instead")
        }
        None if args.get => {
            query.push(body::joined(pieces)?);
            None
        }
        None => Some(body::joined(pieces)?),
    };
    let usual = match () {
        () if upload.is_some() => "PUT",
        () if args.head => "HEAD",
        () if content.is_some() || is_form => "POST",
        () => "GET",
    };
    let mut request = HttpRequest::new(args.method.as_deref().unwrap_or(usual), "");
    let mut options = sending::options(args)?;
    let said = headers::all(&args.headers)?;
    // One that is left out has been spoken of, too.
    let is_said = |name: &str| said.iter().any(|header| header.name().eq_ignore_ascii_case(name));
    let length = content.as_ref().map_or(0, Vec::len).to_string();
    for header in said.iter().cloned() {
        match header {
            // A browser copies it along; where it is right, it is made anew.
            Header::Added(name, value)
                if name.eq_ignore_ascii_case("content-length") && value == length => {}
            Header::Added(name, value) => request = request.header(name, value),
            Header::Without(name) => options = options.without_header(name),
        }
    }
    let named = [("User-Agent", args.user_agent.as_deref()), ("Referer", referer(args)?)];
    for (name, value) in named {
        match value {
            Some("") => options = options.without_header(name),
            Some(value) if !is_said(name) => request = request.header(name, value),
            _ => {}
        }
    }
    if let Some(time) = &args.time_cond {
        let (name, value) = condition::header(time)?;
        if !is_said(name) {
            request = request.header(name, value);
        }
    }
    if let Some(range) = args.range.as_ref().filter(|_| !is_said("range")) {
        request = request.header("Range", format!("bytes={range}"));
    }
    if upload.is_some() && !request.has_header("content-type") {
        options = options.without_header("Content-Type");
    }
    if pieces.iter().any(|(piece, _)| *piece == Piece::Json) {
        for name in ["Content-Type", "Accept"] {
            if !is_said(name) {
                request = request.header(name, "application/json");
            }
        }
    } else if content.as_ref().is_some_and(Vec::is_empty)
        && upload.is_none()
        && !is_said("content-type")
    {
        // The driver gives the usual type to what is there. This is a form without a field.
        request = request.header("Content-Type", "application/x-www-form-urlencoded");
    }
    if let Some(content) = content {
        request = request.body(content);
    } else if is_form {
        let mut chance = [0; 11];
        getrandom::fill(&mut chance)
            .map_err(|error| anyhow!("the operating system gives no random bytes: {error}"))?;
        request = request.multipart(&form::parts(pieces)?, chance)?;
    }
    Ok((request.options(options), query))
}

/// Behind `;auto`, curl sets it anew at each redirect.
fn referer(args: &HttpArgs) -> Result<Option<&str>> {
    let Some(referer) = args.referer.as_deref() else { return Ok(None) };
    match referer.split_once(";auto") {
        Some(_) if args.location => {
            bail!("with -L, a referer's ';auto' cannot be stored; write the one that is to be sent")
        }
        Some((first, _)) => Ok(Some(first).filter(|first| !first.is_empty())),
        None => Ok(Some(referer)),
    }
}

fn with_netrc(options: Options, args: &HttpArgs, request: &HttpRequest) -> Result<Options> {
    if !args.netrc && args.netrc_file.is_none() {
        return Ok(options);
    }
    let path = match &args.netrc_file {
        Some(path) => path.clone(),
        None => netrc::usual_path()?,
    };
    // scheme://host:port
    let to = request.destination().to_string();
    let host = to.split_once("://").and_then(|(_, rest)| rest.rsplit_once(':'));
    let (host, _) = host.context("the url has no host to look up in the .netrc file")?;
    match netrc::look_up(&path, host)? {
        Some((user, password)) => Ok(options.user(user, password)),
        None => bail!("{} has no entry for {host}; add one, or leave --netrc out", path.display()),
    }
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
