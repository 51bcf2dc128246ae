//! How the request is sent that curl's options describe: credentials, proxies, certificates, limits.
//!
//! # Invariants
//! Files are read here, as for all of a request.

use std::path::Path;

use anyhow::{Context, Result, bail};
use slipstream_core::UrlParts;
use slipstream_http::{Auth, HttpVersion, IpVersion, Options, RedirectScheme};

use crate::curl::headers;
use crate::curl::headers::Header;
use crate::curl::schemes::Schemes;
use crate::options::http::HttpArgs;

/// Most redirects that a request is followed over.
const REDIRECTS_MAX: u32 = 1_000;

/// What these options say of it.
pub(crate) fn options(args: &HttpArgs) -> Result<Options> {
    let mut options = args.sent.set(Options::new())?.auth(match () {
        () if args.digest && !args.basic => Auth::Digest,
        () if args.anyauth && !args.basic => Auth::Any,
        () => Auth::Basic,
    });
    if let Some(user) = &args.user {
        let Some((user, password)) = user.split_once(':') else {
            bail!(
                "there is no password in '--user'; write USER:PASSWORD (the worker cannot prompt for it)"
            );
        };
        options = options.user(user, password);
    }
    options = match args.proxy.as_deref() {
        None | Some("") => options,
        Some(proxy) => options.proxy(without_path(proxy)),
    };
    // No proxy, not even the worker's.
    let none = args.proxy.as_ref().is_some_and(String::is_empty).then(|| "*".to_owned());
    let noproxy = none.or(args.noproxy.clone()).or_else(|| past_the_proxy(args));
    if let Some(hosts) = noproxy {
        options = options.noproxy(hosts);
    }
    options = about_the_proxy(options, args)?;
    let versions = [(args.ipv4, IpVersion::V4), (args.ipv6, IpVersion::V6)];
    if let Some((_, version)) = versions.into_iter().find(|(asked, _)| *asked) {
        options = options.ip_version(version);
    }
    if let Some(path) = args.unix_socket.as_ref().filter(|path| !path.is_empty()) {
        options = options.unix_socket(absolute(Path::new(path))?);
    }
    options = addresses(args).into_iter().fold(options, Options::resolve);
    let cookies: Vec<_> = args.cookie.iter().filter(|it| it.contains('=')).cloned().collect();
    if !cookies.is_empty() {
        options = options.cookies(cookies.join("; "));
    }
    if args.follows() {
        options = redirects(options, args);
    }
    check_tag_file(args)?;
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
    Ok(options)
}

fn redirects(options: Options, args: &HttpArgs) -> Options {
    let options = match args.max_redirs {
        Some(most) => options.follow_at_most(u32::try_from(most).unwrap_or(REDIRECTS_MAX)),
        None => options.follow(),
    };
    match args.schemes_of_redirects() {
        Schemes { http: true, https: true } => options,
        Schemes { http: true, .. } => options.redirect_scheme(RedirectScheme::Http),
        Schemes { https: true, .. } => options.redirect_scheme(RedirectScheme::Https),
        Schemes { .. } => options.follow_at_most(0),
    }
}

/// The path as it is stored: the worker runs in a directory of its own.
pub(crate) fn absolute(path: &Path) -> Result<String> {
    let path = std::path::absolute(path).context("cannot tell where the file is")?;
    let text = path.to_str().map(str::to_owned);
    text.with_context(|| format!("{} is not UTF-8; give the file another name", path.display()))
}

/// The hosts that the environment keeps from the proxy that is named, as from curl's.
fn past_the_proxy(args: &HttpArgs) -> Option<String> {
    args.proxy.as_ref().filter(|proxy| !proxy.is_empty())?;
    let set = |name| std::env::var(name).ok().filter(|hosts| !hosts.is_empty());
    set("no_proxy").or_else(|| set("NO_PROXY"))
}

/// What is said about a proxy counts only where there is a proxy that could receive it.
fn about_the_proxy(options: Options, args: &HttpArgs) -> Result<Options> {
    if args.proxy.as_ref().is_none_or(String::is_empty) {
        return Ok(options);
    }
    let mut options = options.proxy_tunnel(args.proxytunnel).proxy_auth(match () {
        () if args.proxy_digest => Auth::Digest,
        () if args.proxy_anyauth => Auth::Any,
        () => Auth::Basic,
    });
    for header in headers::all(&args.proxy_header)? {
        options = match header {
            Header::Added(name, value) => options.proxy_header(format!("{name}: {value}")),
            Header::Without(name) => options.proxy_header(format!("{name}:")),
        };
    }
    Ok(options)
}

/// The addresses that are given in place of a lookup.
fn addresses(args: &HttpArgs) -> Vec<&str> {
    let proxy = args.proxy.as_deref().filter(|proxy| !proxy.is_empty());
    // Without scheme, user and path.
    let proxy = proxy.map(|proxy| UrlParts::guessed(proxy).place().to_ascii_lowercase());
    let counts = |entry: &&str| match (&proxy, entry.split(':').next()) {
        // What takes an earlier one back: there is none.
        _ if entry.starts_with('-') => false,
        // The proxy looks up the others.
        (Some(proxy), Some(host)) => proxy.starts_with(&host.to_ascii_lowercase()) || host == "*",
        _ => true,
    };
    // An entry that may grow old is as good as any: each request has its own.
    let entries = args.resolve.iter().map(|entry| entry.strip_prefix('+').unwrap_or(entry));
    entries.filter(counts).collect()
}

/// Where curl cannot write the tag, it sends nothing.
fn check_tag_file(args: &HttpArgs) -> Result<()> {
    let folder = args.etag_save.as_ref().and_then(|file| file.parent());
    match folder.filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
        Some(folder) => bail!(
            "the folder of --etag-save, '{}', is not there, and curl would send nothing; make it, or leave the option out",
            folder.display()
        ),
        None => Ok(()),
    }
}

/// The proxy of an HTTP proxy's URL, whose path means nothing.
fn without_path(proxy: &str) -> &str {
    let parts = UrlParts::guessed(proxy);
    let is_socks = parts.scheme.is_some_and(|it| it.to_ascii_lowercase().starts_with("socks"));
    match parts.path_onwards().len() {
        behind if parts.path.starts_with('/') && !is_socks => &proxy[..proxy.len() - behind],
        _ => proxy,
    }
}

/// Whether cookies are those of files and answers, too.
pub(crate) fn keeps_cookies(args: &HttpArgs) -> bool {
    args.cookie_jar.is_some() || cookie_files(args).next().is_some()
}

/// The files that -b names.
pub(crate) fn cookie_files(args: &HttpArgs) -> impl Iterator<Item = &str> {
    args.cookie.iter().filter(|cookie| !cookie.contains('=')).map(String::as_str)
}
