//! Where a reference leads, as a `Location` header holds one: RFC 3986, section 5.
//!
//! # Invariants
//! - What comes out holds no space, no control character and nothing beyond ASCII behind its host,
//!   and what could not be written that way is percent-encoded.
//! - It is still to be checked: a reference may lead to any scheme and host.
//!
//! # Non-goals
//! The fragment, which is never sent, and any normalising beyond what the section asks for.

use super::is_scheme;

/// The parts of RFC 3986, appendix B, without the fragment.
struct Parts<'a> {
    scheme: Option<&'a str>,
    authority: Option<&'a str>,
    path: &'a str,
    query: Option<&'a str>,
}

fn parts(text: &str) -> Parts<'_> {
    let text = text.split('#').next().unwrap_or_default();
    let (scheme, rest) = match text.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme), rest),
        _ => (None, text),
    };
    let (hierarchy, query) = match rest.split_once('?') {
        Some((hierarchy, query)) => (hierarchy, Some(query)),
        None => (rest, None),
    };
    let (authority, path) = match hierarchy.strip_prefix("//") {
        Some(rest) => {
            let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            (Some(authority), path)
        }
        None => (None, hierarchy),
    };
    Parts { scheme, authority, path, query }
}

/// The URL that `reference` means in an answer to a request to `base`.
pub(crate) fn resolve(base: &str, reference: &[u8]) -> String {
    let reference = with_two_slashes(encoded(reference));
    let (base, to) = (parts(base), parts(&reference));
    let (authority, path, query) = if to.scheme.is_some() || to.authority.is_some() {
        (to.authority, without_dots(to.path), to.query)
    } else if to.path.is_empty() {
        (base.authority, base.path.to_owned(), to.query.or(base.query))
    } else if to.path.starts_with('/') {
        (base.authority, without_dots(to.path), to.query)
    } else {
        let folder = &base.path[..base.path.rfind('/').map_or(0, |at| at + 1)];
        let slash = if folder.is_empty() { "/" } else { "" };
        (base.authority, without_dots(&format!("{slash}{folder}{}", to.path)), to.query)
    };
    let mut url = format!("{}:", to.scheme.or(base.scheme).unwrap_or_default());
    if let Some(authority) = authority {
        url.push_str("//");
        url.push_str(authority);
    }
    url.push_str(&path);
    if let Some(query) = query {
        url.push('?');
        url.push_str(query);
    }
    url
}

/// Section 5.2.4.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let segments: Vec<&str> = path.split('/').collect();
    let last = segments.len() - 1;
    for (at, segment) in segments.into_iter().enumerate() {
        match segment {
            "." | ".." => {
                // The first one is what stands before the leading slash.
                if segment == ".." && kept.len() > 1 {
                    kept.pop();
                }
                if at == last {
                    kept.push("");
                }
            }
            _ => kept.push(segment),
        }
    }
    kept.join("/")
}

fn encoded(reference: &[u8]) -> String {
    let (mut text, mut in_query) = (String::with_capacity(reference.len()), false);
    for &byte in reference.trim_ascii() {
        in_query |= byte == b'?';
        match byte {
            // As curl has it, and forms.
            b' ' if in_query => text.push('+'),
            _ if byte.is_ascii_graphic() => text.push(byte.into()),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// Servers write one slash or three behind the scheme; curl and browsers take them for two.
fn with_two_slashes(reference: String) -> String {
    let Some((scheme, rest)) = reference.split_once(':') else {
        return reference;
    };
    let is_http = ["http", "https"].iter().any(|known| known.eq_ignore_ascii_case(scheme));
    let host = rest.trim_start_matches('/');
    match rest.len() - host.len() {
        1 | 3 if is_http => format!("{scheme}://{host}"),
        _ => reference,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_leads_where_the_rfc_says() {
        // Section 5.4, and below what servers send.
        let table = [
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q"),
            ("g#s", "http://a/b/c/g"),
            (";x", "http://a/b/c/;x"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("./", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../g", "http://a/g"),
            ("../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            ("..g", "http://a/b/c/..g"),
            ("./../g", "http://a/b/g"),
            ("g/./h", "http://a/b/c/g/h"),
            ("g/../h", "http://a/b/c/h"),
            ("g;x=1/../y", "http://a/b/c/y"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
            ("g:h", "g:h"),
            ("https://B:8/x/../y?z#f", "https://B:8/y?z"),
            (" /a b\t\u{fc} ", "http://a/a%20b%09%C3%BC"),
            ("?next=http://x/", "http://a/b/c/d;p?next=http://x/"),
            ("/a b?c d", "http://a/a%20b?c+d"),
            ("http:///h/x", "http://h/x"),
            ("HTTPS:/h/x", "HTTPS://h/x"),
            ("http:////h/x", "http:////h/x"),
            ("http:\\\\evil", "http:\\\\evil"),
            ("file:///etc/passwd", "file:///etc/passwd"),
        ];
        for (reference, url) in table {
            assert_eq!(resolve("http://a/b/c/d;p?q", reference.as_bytes()), url, "{reference}");
        }
        let table = [
            ("http://a", "g", "http://a/g"),
            ("http://a?q", "g", "http://a/g"),
            ("http://u:p@a/b", "c", "http://u:p@a/c"),
            ("http://a/b", "//c@d/e", "http://c@d/e"),
        ];
        for (base, reference, url) in table {
            assert_eq!(resolve(base, reference.as_bytes()), url, "{base} {reference}");
        }
    }
}
