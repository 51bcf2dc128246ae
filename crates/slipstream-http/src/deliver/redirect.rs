//! The request that a redirect asks for, made from the request that it answers.
//!
//! # Invariants
//! - It goes to http or https.
//! - Once a hop leads to another scheme, host or port, everything that proves our identity is gone
//!   for good, also when a later hop leads back: user and password, token, cookies, client
//!   certificate, signatures, and headers whose names speak of a secret.
//! - Where the request trusts wherever it is led, signatures alone are: they are made with the
//!   worker's secret.
//! - Cookies of a jar go where they belong.
//! - Methods change as curl changes them.
//!
//! # Non-goals
//! Sending, counting time, and statuses other than 301, 302, 303, 307 and 308, which say nothing
//! about where to go.

use slipstream_core::{UrlParts, quoted, resolved};

use crate::request::masked::{location_masked, speaks_of_a_secret};
use crate::request::{HttpRequest, Options, RedirectScheme, RedirectedAs};
use crate::url::Authority;

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
    let most =
        request.options.as_ref().and_then(|options| options.max_redirects).unwrap_or_default();
    if followed >= most {
        return Err(format!("{followed} redirects were followed, and more are not"));
    }
    let Some(location) = location.filter(|location| !location.trim_ascii().is_empty()) else {
        return Err("it does not say where to".to_owned());
    };
    let mut url = resolved(&request.url, location);
    let to = Authority::parse(&url)
        .map_err(|error| format!("it leads to {}: {error}", quoted(&location_masked(&url))))?;
    let only = request.options.as_ref().and_then(|options| options.redirect_scheme);
    if let Some(only) = only.map(RedirectScheme::name).filter(|only| to.scheme != *only) {
        return Err(format!("it leads to {}, and only {only} is followed", to.scheme));
    }
    if Authority::parse(&request.url).is_ok_and(|from| from == to) {
        // A relative reference has the user of the URL before; another reference need not.
        let parts = UrlParts::of(&url);
        if let (Some(user), None) = (UrlParts::of(&request.url).user(), parts.user()) {
            let authority = format!("{user}@{}", parts.place());
            url = UrlParts { authority: Some(&authority), ..parts }.to_string();
        }
    } else {
        leave_credentials(&mut request);
    }
    let says = |says: fn(&Options) -> bool| request.options.as_deref().is_some_and(says);
    if says(|options| options.auto_referer) {
        request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("referer"));
        request.headers.push(("Referer".to_owned(), shareable(&request.url)));
    }
    if becomes_get(&request, status) {
        if !says(|options| options.keep_method) {
            "GET".clone_into(&mut request.method);
        }
        request.body = Vec::new();
        // They described the body.
        request.headers.retain(|(name, _)| !name.to_ascii_lowercase().starts_with("content-"));
    }
    request.url = url;
    Ok(request)
}

/// A URL without what only its server may know, and without a fragment.
fn shareable(url: &str) -> String {
    let parts = UrlParts::of(url);
    let path = if parts.path.is_empty() { "/" } else { parts.path };
    UrlParts { authority: Some(parts.place()), path, fragment: None, ..parts }.to_string()
}

fn leave_credentials(request: &mut HttpRequest) {
    request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("host"));
    let trusted = request.options.as_ref().is_some_and(|options| options.location_trusted);
    if trusted && let Some(options) = &mut request.options {
        // It is the worker's.
        options.sign = None;
        return;
    }
    request.headers.retain(|(name, _)| !speaks_of_a_secret(name));
    if let Some(options) = &mut request.options {
        options.user = None;
        options.password = None;
        options.bearer = None;
        options.aws_sigv4 = None;
        options.cookies = None;
        options.cert.clear();
        options.key.clear();
        options.key_password = None;
        options.sign = None;
    }
}

/// Whether a redirect leads to a request without a body, mostly a GET.
fn becomes_get(request: &HttpRequest, status: u32) -> bool {
    let options = request.options.as_deref();
    let keeps = |keep: fn(&Options) -> bool| options.is_some_and(keep);
    let posts = match options.and_then(|options| options.redirected_as) {
        Some(counts_as) => counts_as == RedirectedAs::Post,
        None => request.method == "POST",
    };
    match status {
        301 => posts && !keeps(|options| options.post301),
        302 => posts && !keeps(|options| options.post302),
        303 if posts => !keeps(|options| options.post303),
        // What was asked for is elsewhere; an answer about it is here.
        303 => {
            keeps(|options| options.redirected_as.is_some())
                || !matches!(&*request.method, "GET" | "HEAD")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
