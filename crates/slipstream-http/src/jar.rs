//! Cookies on their way from one hop to the next.
//!
//! # Invariants
//! - They are as libcurl keeps them: each with the host and path that it is for. One without a host
//!   is for the host that it was sent to, from the first hop on.

use curl::easy::Easy2;

use crate::HttpRequest;
use crate::transfer::Exchange;
use crate::url::Authority;

/// What libcurl writes where a cookie has no host.
const NO_HOST: &str = "unknown";

/// The cookies that a handle has, as lines of a cookie file.
pub(crate) fn of(easy: &mut Easy2<Exchange>, host: &str) -> Vec<String> {
    let Ok(cookies) = easy.cookies() else { return Vec::new() };
    let lines = cookies.iter().map(|line| String::from_utf8_lossy(line).into_owned());
    lines.map(|line| bound(&line, host)).collect()
}

/// A line whose cookie is for this host, unless it is for another.
fn bound(line: &str, host: &str) -> String {
    match line.split_once('\t') {
        Some((NO_HOST, rest)) => format!("{host}\t{rest}"),
        _ => line.to_owned(),
    }
}

/// The host that a request's cookies are for: the one that it names in its head.
pub(crate) fn host_of(request: &HttpRequest) -> String {
    let named = request.headers().iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
    let named = named.map(|(_, value)| value.rsplit_once(':').map_or(&**value, |(host, _)| host));
    match named {
        Some(host) => host.to_owned(),
        None => Authority::of(request.url()).map(|to| to.host).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_without_a_host_is_bound_to_the_one_that_it_was_sent_to() {
        let line = "unknown\tFALSE\t/\tFALSE\t0\ta\tb";
        assert_eq!(bound(line, "h.example"), "h.example\tFALSE\t/\tFALSE\t0\ta\tb");
        let line = "#HttpOnly_.other\tTRUE\t/\tFALSE\t0\ta\tb";
        assert_eq!(bound(line, "h.example"), line);
        let request = HttpRequest::get("http://h.example:81/");
        assert_eq!(host_of(&request), "h.example");
        assert_eq!(host_of(&request.header("HOST", "other:82")), "other");
    }
}
