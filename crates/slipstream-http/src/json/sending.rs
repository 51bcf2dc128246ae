//! How a line's request is sent: its fields as the options that they are.
//!
//! # Non-goals
//! Whether the options make sense. That is the request's check.

use slipstream_core::{Invalid, read_seconds};

use crate::json::line::Line;
use crate::request::Options;

/// `without` are the headers whose value is `null`.
pub(super) fn options(line: Line<'_>, without: Vec<String>) -> Result<Options, Invalid> {
    let mut options = Options {
        without,
        user: line.user,
        password: line.password,
        auth: line.auth.unwrap_or_default(),
        bearer: line.bearer,
        aws_sigv4: line.aws_sigv4,
        cookies: line.cookies,
        proxy: line.proxy,
        proxy_user: line.proxy_user,
        noproxy: line.noproxy,
        proxy_auth: line.proxy_auth.unwrap_or_default(),
        proxy_headers: line.proxy_headers,
        proxy_tunnel: line.proxy_tunnel,
        jar: line.jar,
        request_target: line.request_target,
        ip_version: line.ip_version,
        chunked: line.chunked,
        tr_encoding: line.tr_encoding,
        whole_answer: line.whole_answer,
        location_trusted: line.location_trusted,
        keep_method: line.keep_method,
        redirected_as: line.redirected_as,
        auto_referer: line.auto_referer,
        cacert: line.cacert.unwrap_or_default().into_bytes(),
        cert: line.cert.unwrap_or_default().into_bytes(),
        key: line.key.unwrap_or_default().into_bytes(),
        key_password: line.key_password,
        insecure: line.insecure,
        unix_socket: line.unix_socket,
        abstract_unix_socket: line.abstract_unix_socket,
        resolve: line.resolve,
        connect_to: line.connect_to,
        version: line.http_version,
        compressed: line.compressed,
        redirect_scheme: line.redirect_scheme,
        post301: line.post301,
        post302: line.post302,
        post303: line.post303,
        low_speed_limit: line.low_speed_limit,
        sign: line.sign,
        ..Options::default()
    };
    if line.redirect_scheme.is_some() && !line.location {
        return Err(Invalid::new(
            "the line has 'redirect_scheme' and follows none; add \"location\":true",
        ));
    }
    options = match (line.location, line.max_redirects) {
        (true, None) => options.follow(),
        (true, Some(most)) => options.follow_at_most(most),
        (false, None) => options,
        (false, Some(_)) => {
            return Err(Invalid::new(
                "the line has 'max_redirects' and follows none; add \"location\":true",
            ));
        }
    };
    if let Some(time) = read_seconds("connect_timeout", line.connect_timeout)? {
        options = options.connect_timeout(time);
    }
    if let Some(time) = read_seconds("max_time", line.max_time)? {
        options = options.total_timeout(time);
    }
    if let Some(time) = read_seconds("low_speed_time", line.low_speed_time)? {
        options = options.low_speed_time(time);
    }
    Ok(options)
}
