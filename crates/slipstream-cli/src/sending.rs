//! How the request is sent that curl's options describe: credentials, proxies, certificates, limits.
//!
//! Guaranteed: files are read here, as for all of a request.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use slipstream_http::{Auth, HttpVersion, Options};

use crate::args::HttpArgs;
use crate::body;

/// What these options say of it.
pub(crate) fn options(args: &HttpArgs) -> Result<Options> {
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

pub(crate) fn seconds(number: f64, option: &str) -> Result<Duration> {
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
