//! The request that curl's options describe.
//!
//! Guaranteed: all files that the options name are read here, so that what is stored is whole
//! and needs nothing of this machine but the secret that it is to be signed with. What cannot be
//! stored is refused by its name.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use slipstream_core::Request;
use slipstream_http::{Auth, HttpRequest, HttpVersion, Options};

use crate::args::{HttpArgs, Piece};
use crate::headers::Header;
use crate::{body, form, headers, netrc, url};

/// The request for this URL.
pub(crate) fn of(args: &HttpArgs, url: &OsStr) -> Result<HttpRequest> {
    let url = url.to_str().context("the url is not UTF-8; write such bytes percent-encoded")?;
    let pieces = &args.content.pieces;
    let is_form = pieces.iter().any(|(piece, _)| matches!(piece, Piece::Form | Piece::FormString));
    let mut query = query(&args.url_query)?;
    let content = match &args.upload_file {
        Some(file) => Some(body::content(file.as_os_str().as_bytes())?),
        None if pieces.is_empty() || is_form => None,
        None if args.get => {
            query.push(body::joined(pieces)?);
            None
        }
        None => Some(body::joined(pieces)?),
    };
    let usual = match () {
        () if args.upload_file.is_some() => "PUT",
        () if args.head => "HEAD",
        () if content.is_some() || is_form => "POST",
        () => "GET",
    };
    let url = url::with_query(&url::uploaded_to(url, args.upload_file.as_deref()), &query)?;
    let url = if args.path_as_is { url } else { url::squashed(&url) };
    let mut request = HttpRequest::new(args.method.as_deref().unwrap_or(usual), url);
    let mut options = options(args)?;
    let said = headers::all(&args.headers)?;
    // One that is left out has been spoken of, too.
    let is_said = |name: &str| said.iter().any(|header| header.name().eq_ignore_ascii_case(name));
    for header in said.iter().cloned() {
        match header {
            Header::Added(name, value) => request = request.header(name, value),
            Header::Without(name) => options = options.without_header(name),
        }
    }
    let named = [("User-Agent", &args.user_agent), ("Referer", &args.referer)];
    for (name, value) in named {
        match value.as_deref() {
            Some("") => options = options.without_header(name),
            Some(value) if !is_said(name) => request = request.header(name, value),
            _ => {}
        }
    }
    if let Some(range) = args.range.as_ref().filter(|_| !is_said("range")) {
        request = request.header("Range", format!("bytes={range}"));
    }
    if args.upload_file.is_some() && !request.has_header("content-type") {
        options = options.without_header("Content-Type");
    }
    if pieces.iter().any(|(piece, _)| *piece == Piece::Json) {
        for name in ["Content-Type", "Accept"] {
            if !is_said(name) {
                request = request.header(name, "application/json");
            }
        }
    } else if content.as_ref().is_some_and(Vec::is_empty)
        && args.upload_file.is_none()
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
    let options = with_netrc(options, args, &request)?;
    Ok(request.options(options))
}

fn options(args: &HttpArgs) -> Result<Options> {
    let mut options = Options::new()
        .auth(match () {
            () if args.digest => Auth::Digest,
            () if args.anyauth => Auth::Any,
            () => Auth::Basic,
        })
        .insecure(args.insecure)
        .compressed(args.compressed)
        .post301(args.post301)
        .post302(args.post302)
        .post303(args.post303);
    if let Some(user) = &args.user {
        let Some((user, password)) = user.split_once(':') else {
            bail!(
                "there is no password in '--user'; write USER:PASSWORD (nobody can be asked for it when the request is sent)"
            );
        };
        options = options.user(user, password);
    }
    options = given(options, &args.oauth2_bearer, Options::bearer);
    options = given(options, &args.aws_sigv4, Options::aws_sigv4);
    options = given(options, &args.proxy, Options::proxy);
    options = given(options, &args.proxy_user, Options::proxy_user);
    options = given(options, &args.noproxy, Options::noproxy);
    options = given(options, &args.unix_socket, Options::unix_socket);
    options = given(options, &args.abstract_unix_socket, Options::abstract_unix_socket);
    options = given(options, &args.sign_secret, Options::sign);
    options = args.resolve.iter().fold(options, Options::resolve);
    options = args.connect_to.iter().fold(options, Options::connect_to);
    if !args.cookie.is_empty() {
        options = options.cookies(cookies(&args.cookie)?);
    }
    if args.location {
        options = match args.max_redirs {
            Some(most) => options.follow_at_most(most),
            None => options.follow(),
        };
    }
    let version = match () {
        () if args.http1_0 => Some(HttpVersion::V1_0),
        () if args.http1_1 => Some(HttpVersion::V1_1),
        () if args.http2 => Some(HttpVersion::V2),
        () if args.http2_prior_knowledge => Some(HttpVersion::V2PriorKnowledge),
        () => None,
    };
    if let Some(version) = version {
        options = options.version(version);
    }
    options = limits(options, args)?;
    certificates(options, args)
}

fn given<T>(options: Options, value: &Option<String>, put: T) -> Options
where
    T: FnOnce(Options, String) -> Options,
{
    match value {
        Some(value) => put(options, value.clone()),
        None => options,
    }
}

fn limits(mut options: Options, args: &HttpArgs) -> Result<Options> {
    if let Some(time) = args.max_time {
        options = options.total_timeout(seconds(time, "max-time")?);
    }
    if let Some(time) = args.connect_timeout {
        options = options.connect_timeout(seconds(time, "connect-timeout")?);
    }
    if let Some(limit) = args.speed_limit {
        options = options.low_speed_limit(limit);
    }
    if let Some(time) = args.speed_time {
        options = options.low_speed_time(seconds(time, "speed-time")?);
    }
    Ok(options)
}

fn seconds(number: f64, option: &str) -> Result<Duration> {
    Duration::try_from_secs_f64(number)
        .ok()
        .with_context(|| format!("--{option} {number} is no time; write seconds, such as 2.5"))
}

fn certificates(mut options: Options, args: &HttpArgs) -> Result<Options> {
    if let Some(file) = &args.cacert {
        options = options.cacert(body::file(file, "certificates'")?);
    }
    if let Some(cert) = &args.cert {
        // A path with a colon is meant if there is such a file.
        let whole = Path::new(cert);
        let cut = cert.as_bytes().iter().rposition(|byte| *byte == b':');
        let (path, password) = match cut.filter(|_| !whole.exists()) {
            Some(at) => {
                let bytes = cert.as_bytes();
                let password = String::from_utf8_lossy(&bytes[at + 1..]).into_owned();
                (Path::new(OsStr::from_bytes(&bytes[..at])), Some(password))
            }
            None => (whole, None),
        };
        options = options.cert(body::file(path, "certificate's")?);
        options = given(options, &password, Options::key_password);
    }
    if let Some(file) = &args.key {
        options = options.key(body::file(file, "key's")?);
    }
    Ok(given(options, &args.pass, Options::key_password))
}

fn cookies(given: &[String]) -> Result<String> {
    if given.iter().any(|cookie| !cookie.contains('=')) {
        bail!("a cookie has no '='; write NAME=VALUE (a file of cookies cannot be stored)");
    }
    Ok(given.join("; "))
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
