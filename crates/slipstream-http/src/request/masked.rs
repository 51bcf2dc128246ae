//! Masking: what may be shown of a request that another user stored.
//!
//! # Invariants
//! - No value of a header whose name speaks of a secret, and no user, password or query value of a
//!   URL, in a header or elsewhere.
//! - Rather too much is left out than too little.
//!
//! # Non-goals
//! The body. It is unknown what is a secret in there.

use slipstream_core::LEFT_OUT;
#[cfg(feature = "deliver")]
use slipstream_core::UrlParts;

use crate::request::HttpRequest;
use crate::url::masked;

/// Words that make a header's name speak of a secret, lower case.
const SECRET: [&str; 11] = [
    "auth",
    "cookie",
    "credential",
    "jwt",
    "key",
    "passw",
    "pwd",
    "secret",
    "session",
    "signature",
    "token",
];

/// Names that hold such a word and no secret, lower case.
const HARMLESS: [&str; 2] = ["idempotency-key", "x-idempotency-key"];

impl HttpRequest {
    /// Names and values in the order they are sent, without what must not be shown.
    pub fn masked_headers(&self) -> Vec<(String, String)> {
        self.headers().iter().map(|(name, value)| (name.clone(), shown(name, value))).collect()
    }
}

/// A URL, or a destination of any kind, without user, password and the values in its query.
pub fn masked_url(url: &str) -> String {
    masked(url)
}

/// A URL that a server chose, as of a `Location`. Where it is odd, what may be a secret cannot be
/// distinguished from what is not, and is left out: another scheme than http, an `@` in the path, a
/// query whose mark is encoded.
#[cfg(feature = "deliver")]
pub(crate) fn location_masked(url: &str) -> String {
    let parts = UrlParts::of(url);
    let http = parts.is_absolute() && (parts.is_of("http") || parts.is_of("https"));
    if let Some(scheme) = parts.scheme.filter(|_| !http) {
        return format!("{scheme}:{LEFT_OUT}");
    }
    if parts.path_onwards().contains('@') {
        return parts
            .scheme
            .map_or_else(|| LEFT_OUT.to_owned(), |scheme| format!("{scheme}://{LEFT_OUT}"));
    }
    let shown = masked(url);
    let lower = shown.to_ascii_lowercase();
    match ["%3f", "%23", "%3b", "%26"].iter().filter_map(|mark| lower.find(mark)).min() {
        Some(at) => format!("{}{LEFT_OUT}", &shown[..at]),
        None => shown,
    }
}

/// Text that may hold URLs, each of them masked.
#[cfg(feature = "deliver")]
pub(crate) fn urls_masked(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for piece in text.split_inclusive(ends_a_url) {
        let word = piece.trim_end_matches(ends_a_url);
        // Some write JSON with every slash escaped.
        let plain = word.replace("\\/", "/");
        let has_query = plain.split_once('?').is_some_and(|(_, query)| query.contains('='));
        if plain.contains("://") || has_query {
            shown.push_str(&masked(&plain));
        } else {
            shown.push_str(word);
        }
        shown.push_str(&piece[word.len()..]);
    }
    shown
}

/// What ends a URL in prose, HTML and JSON.
#[cfg(feature = "deliver")]
pub(crate) fn ends_a_url(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>' | '{' | '}' | '|')
}

/// Whether a header of this name may hold a secret.
pub(crate) fn speaks_of_a_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET.iter().any(|word| name.contains(word)) && !HARMLESS.contains(&&*name)
}

fn shown(name: &str, value: &str) -> String {
    if speaks_of_a_secret(name) {
        return LEFT_OUT.to_owned();
    }
    // A referer, say.
    if value.contains("://") { masked(value) } else { value.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(feature = "deliver")]
    fn of_a_location_nothing_is_shown_that_may_be_a_secret() {
        let table = [
            ("https://h.example:1/a/b?t=1#f", "https://h.example:1/a/b?t=***"),
            ("/login?next=1", "/login?next=***"),
            ("//h/a", "//h/a"),
            ("https://u:p@h/a", "https://***@h/a"),
            ("https://u:p/s3same@h/a?b=c", "https://***"),
            ("/a@s3same", "***"),
            ("https://h/a%3Ft=s3same", "https://h/a***"),
            ("data:text/plain,s3same", "data:***"),
            ("javascript:alert('s3same')", "javascript:***"),
            ("http:s3same", "http:***"),
        ];
        for (url, expected) in table {
            assert_eq!(location_masked(url), expected, "{url}");
        }
    }

    #[test]
    fn a_header_that_speaks_of_a_secret_is_shown_without_its_value() {
        let table = [
            ("Authorization", "Bearer abc", "***"),
            ("proxy-authorization", "Basic abc", "***"),
            ("Cookie", "sid=abc", "***"),
            ("x-api-key", "abc", "***"),
            ("API-Key", "abc", "***"),
            ("x-auth-token", "abc", "***"),
            ("X-Hub-Signature-256", "sha256=abc", "***"),
            ("client-secret", "abc", "***"),
            ("x-password", "abc", "***"),
            ("Idempotency-Key", "order-17", "order-17"),
            ("content-type", "application/json", "application/json"),
            ("x-foo", "bar", "bar"),
            ("referer", "https://u:p@example.com/a?q=abc", "https://***@example.com/a?q=***"),
        ];
        for (name, value, expected) in table {
            let request = HttpRequest::get("http://h/").header(name, value);
            let expected = vec![(name.to_owned(), expected.to_owned())];
            assert_eq!(request.masked_headers(), expected);
        }
    }

    #[test]
    fn a_destination_of_any_kind_is_shown_without_user_and_password() {
        let table = [
            ("http://example.com:80", "http://example.com:80"),
            ("mysql://root:abc@db:3306", "mysql://***@db:3306"),
        ];
        for (destination, expected) in table {
            assert_eq!(masked_url(destination), expected);
        }
    }
}
