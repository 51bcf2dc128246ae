//! The options of a request, set on one of libcurl's handles.
//!
//! The handle is fresh: it has the driver's settings and nothing else. It is made so again
//! behind the request, so nothing here needs undoing.
//!
//! # Non-goals
//! What goes into the head as text (token, signature, headers left out); that is made with the
//! other headers. Redirects: the driver follows them.

use curl::Error;
use curl::easy::{Auth as Schemes, Easy2, HttpVersion as Version, IpResolve, List};

use crate::deliver::raw;
use crate::deliver::route::Route;
use crate::deliver::transfer::Exchange;
use crate::request::{Auth, HttpVersion, IpVersion, Options};

pub(crate) fn configure(
    easy: &mut Easy2<Exchange>,
    options: &Options,
    route: &Route,
) -> Result<(), Error> {
    credentials(easy, options)?;
    connection(easy, options, route)?;
    tls(easy, options)?;
    cookies(easy, options)?;
    if let Some(target) = &options.request_target {
        raw::request_target(easy, target)?;
    }
    if options.tr_encoding {
        easy.transfer_encoding(true)?;
    }
    if options.compressed {
        // Whatever libcurl can decode.
        easy.accept_encoding("")?;
    }
    match options.http_version {
        None => Ok(()),
        Some(version) => easy.http_version(match version {
            HttpVersion::V1_0 => Version::V10,
            HttpVersion::V1_1 => Version::V11,
            HttpVersion::V2 => Version::V2,
            HttpVersion::V2PriorKnowledge => Version::V2PriorKnowledge,
        }),
    }
}

fn credentials(easy: &mut Easy2<Exchange>, options: &Options) -> Result<(), Error> {
    if let Some(user) = &options.user {
        easy.username(user)?;
        easy.password(options.password.as_deref().unwrap_or_default())?;
    }
    // User and password may be in the URL, too.
    if let Some(schemes) = schemes(options.auth) {
        easy.http_auth(&schemes)?;
    }
    if let Some(schemes) = schemes(options.proxy_auth) {
        easy.proxy_auth(&schemes)?;
    }
    if let Some(provider) = &options.aws_sigv4 {
        // It takes the place of the other ways, and signs no path with dots in it.
        easy.path_as_is(false)?;
        easy.aws_sigv4(provider)?;
    }
    Ok(())
}

/// What libcurl is configured with, if not the usual.
fn schemes(auth: Auth) -> Option<Schemes> {
    let mut schemes = Schemes::new();
    match auth {
        Auth::Basic => return None,
        Auth::Digest => schemes.digest(true),
        Auth::Any => schemes.basic(true).digest(true),
    };
    Some(schemes)
}

/// A handle that has had a jar is never used for another request: libcurl keeps cookies beyond a reset.
fn cookies(easy: &mut Easy2<Exchange>, options: &Options) -> Result<(), Error> {
    if let Some(cookies) = &options.cookies {
        easy.cookie(cookies)?;
    }
    let Some(jar) = &options.jar else {
        return Ok(());
    };
    // No file: only that there are cookies at all.
    easy.cookie_file("")?;
    for line in jar {
        // What is no cookie is ignored by curl, too.
        let _ = easy.cookie_list(line);
    }
    Ok(())
}

fn connection(easy: &mut Easy2<Exchange>, options: &Options, route: &Route) -> Result<(), Error> {
    if let Some(path) = &options.unix_socket {
        easy.unix_socket(path)?;
        easy.proxy("")?;
    }
    if let Some(name) = &options.abstract_unix_socket {
        easy.abstract_unix_socket(name.as_bytes())?;
        easy.proxy("")?;
    }
    if let Some(entry) = &route.connect_to {
        let mut list = List::new();
        list.append(entry)?;
        easy.connect_to(list)?;
    }
    if let Some(proxy) = &options.proxy {
        easy.proxy(proxy)?;
    }
    if let Some(user) = &options.proxy_user {
        let (user, password) = user.split_once(':').unwrap_or((user, ""));
        easy.proxy_username(user)?;
        easy.proxy_password(password)?;
    }
    if options.proxy_tunnel {
        easy.http_proxy_tunnel(true)?;
    }
    if !options.proxy_headers.is_empty() {
        let mut list = List::new();
        for header in &options.proxy_headers {
            list.append(header)?;
        }
        easy.proxy_headers(list)?;
    }
    if let Some(version) = options.ip_version {
        easy.ip_resolve(match version {
            IpVersion::V4 => IpResolve::V4,
            IpVersion::V6 => IpResolve::V6,
        })?;
    }
    options.noproxy.as_ref().map_or(Ok(()), |hosts| easy.noproxy(hosts))
}

fn tls(easy: &mut Easy2<Exchange>, options: &Options) -> Result<(), Error> {
    if !options.cacert.is_empty() {
        raw::without_ca_path(easy)?;
        easy.ssl_cainfo_blob(&options.cacert)?;
    }
    if !options.cert.is_empty() {
        let key = if options.key.is_empty() { &options.cert } else { &options.key };
        easy.ssl_cert_blob(&options.cert)?;
        easy.ssl_key_blob(key)?;
        // Without one, OpenSSL would ask at the terminal for that of an encrypted key.
        easy.key_password(options.key_password.as_deref().unwrap_or_default())?;
    }
    if let Some(pins) = &options.pinnedpubkey {
        easy.pinned_public_key(pins)?;
    }
    if options.insecure {
        easy.ssl_verify_peer(false)?;
        easy.ssl_verify_host(false)?;
    }
    Ok(())
}
