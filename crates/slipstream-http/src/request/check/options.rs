//! Checks of options, which refuse what can never work, contradicts another option, or would
//! inject something.
//!
//! # Invariants
//! - No option that passes holds a byte that could end a header line or a C string.
//! - Every time-out is finite.
//! - No message shows a secret.
//!
//! # Non-goals
//! Whether certificates and keys are good. libcurl says so when it sends, and a certificate that is
//! good today may not be then.

use slipstream_core::{Invalid, SecretRef, check_certificates, quoted};

use crate::request::entries::{ConnectTo, Resolve};
use crate::request::options::{HttpVersion, Options, REDIRECTS};
use crate::request::{HttpRequest, is_token};
use crate::url::proxy_host;

/// Longest path of a Unix socket, as the operating system has it.
const UNIX_MAX: usize = 107;

/// The most redirects that are followed.
const REDIRECTS_MAX: u32 = 20 * REDIRECTS;

/// Headers that a signature consists of.
const SIGNED: [&str; 3] = ["webhook-id", "webhook-timestamp", "webhook-signature"];

fn refuse<T>(words: impl Into<String>) -> Result<T, Invalid> {
    Err(Invalid::new(words))
}

pub(super) fn check(options: &Options, request: &HttpRequest) -> Result<(), Invalid> {
    headers(options, request)?;
    credentials(options, request)?;
    proxy(options)?;
    tls(options)?;
    address(options)?;
    limits(options)?;
    options.check_values()?;
    let Some(secret) = &options.sign else {
        return Ok(());
    };
    secret.parse::<SecretRef>()?;
    match SIGNED.iter().find(|name| request.has_header(name)) {
        Some(name) => refuse(format!(
            "the header '{name}' is made when the request is signed; leave it or the signature out"
        )),
        None => Ok(()),
    }
}

fn headers(options: &Options, request: &HttpRequest) -> Result<(), Invalid> {
    for name in &options.without {
        if !is_token(name) {
            return refuse(format!(
                "invalid header to leave out {}; expected a name such as accept",
                quoted(name)
            ));
        }
        if ["content-length", "transfer-encoding"].iter().any(|n| n.eq_ignore_ascii_case(name)) {
            return refuse(format!(
                "the header {} says where the body ends and cannot be left out",
                quoted(name)
            ));
        }
    }
    if options.cookies.is_some() && request.has_header("cookie") {
        return refuse("there are cookies and a 'cookie' header; leave one out");
    }
    if options.chunked && options.http_version == Some(HttpVersion::V1_0) {
        return refuse("http/1.0 has no chunks; leave the version out, or 'chunked'");
    }
    Ok(())
}

fn credentials(options: &Options, request: &HttpRequest) -> Result<(), Invalid> {
    let texts = [
        ("user", &options.user),
        ("bearer token", &options.bearer),
        ("aws signature's provider", &options.aws_sigv4),
        ("cookies", &options.cookies),
    ];
    for (what, text) in texts {
        // Not shown: it may be a secret.
        if text.as_ref().is_some_and(|t| t.contains(char::is_control)) {
            return refuse(format!("the {what} holds a control character; leave it out"));
        }
    }
    // It is sent encoded or hashed.
    if options.password.as_ref().is_some_and(|password| password.contains('\0')) {
        return refuse("the password holds a NUL, which would end it; leave it out");
    }
    if options.user.as_ref().is_some_and(|user| user.contains(':')) {
        return refuse("the user name holds a ':', which would end it; leave it out");
    }
    if options.password.is_some() && options.user.is_none() {
        return refuse("there is a password and no user; add the user");
    }
    if options.aws_sigv4.is_some() && options.user.is_none() {
        return refuse("the aws signature lacks access key and secret; give them as the user");
    }
    if options.jar.iter().flatten().any(|line| line.contains(|c: char| c.is_control() && c != '\t'))
    {
        return refuse("a cookie of the jar holds a control character; leave it out");
    }
    let ways =
        [options.user.is_some(), options.bearer.is_some(), request.has_header("authorization")];
    if ways.iter().filter(|way| **way).count() > 1 {
        return refuse(
            "there is more than one of user, bearer token and 'authorization' header; leave one out",
        );
    }
    Ok(())
}

fn proxy(options: &Options) -> Result<(), Invalid> {
    if let Some(proxy) = &options.proxy {
        proxy_host(proxy)?;
    }
    for text in [&options.proxy_user, &options.noproxy].into_iter().flatten() {
        if text.contains(char::is_control) {
            return refuse("what is said about the proxy holds a control character; leave it out");
        }
    }
    if options.proxy_user.is_some() && options.proxy.is_none() {
        return refuse("there is a user for the proxy and no proxy; add the proxy");
    }
    for header in &options.proxy_headers {
        let good = header.split_once(':').is_some_and(|(name, value)| {
            is_token(name) && !value.contains(|c: char| c.is_control() && c != '\t')
        });
        if !good {
            return refuse("invalid header for the proxy; expected one such as 'x-foo: bar'");
        }
    }
    Ok(())
}

fn tls(options: &Options) -> Result<(), Invalid> {
    check_certificates(&options.cacert, &options.cert, Some(&options.key))?;
    if options.key_password.is_some() && options.cert.is_empty() {
        return refuse(
            "there is a passphrase of a key and no client certificate; add the certificate",
        );
    }
    if options.key_password.as_ref().is_some_and(|p| p.contains('\0')) {
        return refuse("the passphrase of the key holds a NUL; no key has such a one");
    }
    Ok(())
}

fn address(options: &Options) -> Result<(), Invalid> {
    for socket in [&options.unix_socket, &options.abstract_unix_socket].into_iter().flatten() {
        if socket.is_empty() || socket.len() > UNIX_MAX || socket.contains('\0') {
            return refuse(format!(
                "invalid unix socket {}; expected a path of 1 to {UNIX_MAX} bytes without NUL",
                quoted(socket)
            ));
        }
    }
    if let Some(path) = options.unix_socket.as_ref().filter(|path| !path.starts_with('/')) {
        return refuse(format!(
            "invalid unix socket {}; expected an absolute path such as /run/app.sock, since the worker runs elsewhere",
            quoted(path)
        ));
    }
    // One way to the server; libcurl would pass over the others without a word.
    let ways = [
        options.unix_socket.is_some(),
        options.abstract_unix_socket.is_some(),
        options.proxy.is_some(),
        !options.resolve.is_empty(),
    ];
    if ways.iter().filter(|way| **way).count() > 1 {
        return refuse(
            "there is more than one of unix socket, proxy and address in place of a lookup; leave all but one out",
        );
    }
    for entry in &options.resolve {
        Resolve::parse(entry)?;
    }
    for entry in &options.connect_to {
        ConnectTo::parse(entry)?;
    }
    Ok(())
}

fn limits(options: &Options) -> Result<(), Invalid> {
    let times = [
        ("time-out for connecting", options.connect_timeout),
        ("time-out", options.max_time),
        ("time that may be too slow", options.low_speed_time),
    ];
    for (what, time) in times {
        time.map_or(Ok(()), |time| time.check(what))?;
    }
    if options.max_redirects.is_some_and(|most| most > REDIRECTS_MAX) {
        return refuse(format!(
            "so many redirects are never followed; write at most {REDIRECTS_MAX}"
        ));
    }
    Ok(())
}
