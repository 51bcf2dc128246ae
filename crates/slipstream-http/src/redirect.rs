//! The request that a redirect asks for, made from the one that it answers.
//!
//! Guarantees: it goes to http or https. Once a hop leads to another scheme, host or port,
//! everything that proves who we are is gone for good, also when a later hop leads back:
//! user and password, token, cookies, client certificate, signatures, and headers whose
//! names speak of a secret. Methods change as curl changes them.
//!
//! Absent on purpose: sending, counting time, and statuses other than 301, 302, 303, 307
//! and 308, which say nothing about where to go.

use slipstream_core::quoted;

use crate::HttpRequest;
use crate::masked::{location_masked, speaks_of_a_secret};

use crate::url::{Authority, resolve, user_info};

/// Whether a status asks to go elsewhere.
pub(crate) fn is_redirect(status: u32) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// The next request, when `followed` redirects have been followed before; or why there is
/// none, without showing a secret.
pub(crate) fn next(
    mut request: HttpRequest,
    status: u32,
    location: Option<&[u8]>,
    followed: u32,
) -> Result<HttpRequest, String> {
    let most = request.options.as_ref().and_then(|options| options.follow).unwrap_or_default();
    if followed >= most {
        return Err(format!("{followed} redirects were followed, and more are not"));
    }
    let Some(location) = location.filter(|location| !location.trim_ascii().is_empty()) else {
        return Err("it does not say where to".to_owned());
    };
    let mut url = resolve(&request.url, location);
    let to = Authority::of(&url)
        .map_err(|error| format!("it leads to {}, and {error}", quoted(&location_masked(&url))))?;
    if Authority::of(&request.url).is_ok_and(|from| from == to) {
        // A relative reference has the user of the URL before, another one need not.
        if let (Some(user), None) = (user_info(&request.url), user_info(&url)) {
            url = url.replacen("://", &format!("://{user}@"), 1);
        }
    } else {
        leave_credentials(&mut request);
    }
    if becomes_get(&request, status) {
        "GET".clone_into(&mut request.method);
        request.body = Vec::new();
        // They described the body.
        request.headers.retain(|(name, _)| !name.to_ascii_lowercase().starts_with("content-"));
    }
    request.url = url;
    Ok(request)
}

fn leave_credentials(request: &mut HttpRequest) {
    request
        .headers
        .retain(|(name, _)| !speaks_of_a_secret(name) && !name.eq_ignore_ascii_case("host"));
    if let Some(options) = &mut request.options {
        options.user = None;
        options.password = None;
        options.bearer = None;
        options.aws_sigv4 = None;
        options.cookies = None;
        options.cert = Vec::new();
        options.key = Vec::new();
        options.key_password = None;
        options.sign = None;
    }
}

fn becomes_get(request: &HttpRequest, status: u32) -> bool {
    let options = request.options.as_deref();
    let keeps = |keep: fn(&crate::Options) -> bool| options.is_some_and(keep);
    match (status, request.method.as_str()) {
        (301, "POST") => !keeps(|options| options.post301),
        (302, "POST") => !keeps(|options| options.post302),
        (303, "POST") => !keeps(|options| options.post303),
        // What was asked for is elsewhere; an answer about it is here.
        (303, method) => !matches!(method, "GET" | "HEAD"),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
