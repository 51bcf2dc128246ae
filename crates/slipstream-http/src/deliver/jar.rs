//! The cookies that pass from one hop to the next.
//!
//! # Invariants
//! - They are as libcurl keeps them: each with the host and path that it is for. A cookie without a
//!   host goes along while the host stays the same.

use curl::easy::Easy2;

use crate::deliver::transfer::Exchange;
use crate::url::Authority;

/// The cookies of the next hop, to `url`: the cookies that a handle has behind the last hop, which
/// began with these `lines`.
pub(crate) fn next(easy: &mut Easy2<Exchange>, lines: &[String], url: &str) -> Vec<String> {
    let host = |url| Authority::parse(url).ok().map(|to| to.host);
    let stays = host(url) == host(easy.get_ref().url());
    let mut jar: Vec<_> = match easy.cookies() {
        Ok(cookies) => cookies.iter().map(|it| String::from_utf8_lossy(it).into_owned()).collect(),
        Err(_) => Vec::new(),
    };
    // libcurl does not report these.
    jar.extend(lines.iter().filter(|line| stays && is_without_host(line)).cloned());
    jar
}

/// Whether a line is a header that names no host.
fn is_without_host(line: &str) -> bool {
    let header = line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    header.is_some_and(|(_, cookie)| {
        let mut attributes = cookie.split(';').skip(1);
        let name = |attribute: &str| {
            attribute.split('=').next().unwrap_or_default().trim().to_ascii_lowercase()
        };
        !attributes.any(|attribute| name(attribute) == "domain")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_without_a_domain_is_told_from_other_lines() {
        for (line, without) in [
            ("Set-Cookie: domain=b; path=/", true),
            ("set-cookie:a=b", true),
            ("Set-Cookie: a=b; Domain = h", false),
            ("h\tFALSE\t/\tFALSE\t0\ta\tb", false),
        ] {
            assert_eq!(is_without_host(line), without, "{line}");
        }
    }
}
