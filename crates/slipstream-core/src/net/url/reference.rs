//! The target of a reference, as in a `Location` header: RFC 3986, section 5, as curl has it.
//!
//! # Invariants
//! - What comes out leads where libcurl would go (`fuzz/targets/url.rs`), or to what is refused.
//! - Behind its host it holds no space and nothing beyond ASCII: what could not be written that way is
//!   percent-encoded.
//! - It is still to be checked: a reference may lead to any scheme and host.
//!
//! # Non-goals
//! The fragment, which is never sent, and any normalising beyond what curl does.

use std::borrow::Cow;

use percent_encoding::percent_encode_byte;

use super::UrlParts;

/// The URL that `reference` means in an answer to a request to `base`, without a fragment.
pub fn resolved(base: &str, reference: &[u8]) -> String {
    let reference = as_text(reference.trim_ascii());
    let reference = match reference.strip_prefix("///").filter(|rest| !rest.starts_with('/')) {
        Some(rest) => format!("//{rest}").into(),
        None => with_two_slashes(&reference),
    };
    let (base, to) = (UrlParts::of(base), UrlParts::of(&reference));
    let names_host = to.scheme.is_some() || to.authority.is_some();
    if names_host && reference.contains(|c: char| c.is_ascii_control()) {
        // It stays so, wherever it has one, and is refused, as by libcurl.
        let scheme = base.scheme.filter(|_| to.scheme.is_none());
        return format!("{}{reference}", scheme.map(|it| format!("{it}:")).unwrap_or_default());
    }
    let (path, query) = if names_host || to.path.starts_with('/') {
        (Cow::Borrowed(to.path), to.query)
    } else if to.path.is_empty() {
        (base.path.into(), to.query.or(base.query))
    } else {
        let folder = &base.path[..base.path.rfind('/').map_or(0, |at| at + 1)];
        let slash = if folder.is_empty() { "/" } else { "" };
        (format!("{slash}{folder}{}", to.path).into(), to.query)
    };
    let path = without_dots(&encoded(&path, "%20"));
    let query = query.map(|query| encoded(query, "+"));
    let authority = if names_host { to.authority } else { base.authority };
    let authority = authority.map(|authority| authority.replace(' ', "%20"));
    UrlParts {
        scheme: to.scheme.or(base.scheme),
        authority: authority.as_deref(),
        path: &path,
        query: query.as_deref(),
        fragment: None,
    }
    .to_string()
}

/// A path without its segments `.` and `..`, percent-encoded or not (RFC 3986, section 5.2.4).
pub fn without_dots(path: &str) -> String {
    let dots = |segment: &str| match segment.to_ascii_lowercase().replace("%2e", ".").as_str() {
        "." => 1,
        ".." => 2,
        _ => 0,
    };
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').peekable();
    while let Some(segment) = segments.next() {
        let dots = dots(segment);
        if dots == 0 {
            kept.push(segment);
            continue;
        }
        // The first segment is what precedes the leading slash.
        if dots == 2 && kept.len() > 1 {
            kept.pop();
        }
        // What ends with dots names a directory.
        if segments.peek().is_none() {
            kept.push("");
        }
    }
    kept.join("/")
}

/// One slash behind the scheme, and three, are two to curl and to browsers.
pub fn with_two_slashes(url: &str) -> Cow<'_, str> {
    let Some(scheme) = UrlParts::of(url).scheme else { return url.into() };
    let rest = &url[scheme.len() + 1..];
    let host = rest.trim_start_matches('/');
    match rest.len() - host.len() {
        1 | 3 => format!("{scheme}://{host}").into(),
        _ => url.into(),
    }
}

/// Text, with what is not ASCII percent-encoded.
fn as_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte.is_ascii() {
            true => text.push(byte.into()),
            false => text.push_str(percent_encode_byte(byte)),
        }
    }
    text
}

/// A part with what it must not hold percent-encoded, and in upper case what is so already.
fn encoded(part: &str, space: &str) -> String {
    let (mut text, mut rest) = (String::with_capacity(part.len()), part.as_bytes());
    while let [byte, behind @ ..] = rest {
        rest = behind;
        match (byte, behind) {
            (b' ', _) => text.push_str(space),
            (b'%', [high, low, behind @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                text.extend([
                    '%',
                    high.to_ascii_uppercase().into(),
                    low.to_ascii_uppercase().into(),
                ]);
                rest = behind;
            }
            (byte, _) if byte.is_ascii_graphic() => {
                text.push((*byte).into());
            }
            (byte, _) => text.push_str(percent_encode_byte(*byte)),
        }
    }
    text
}
