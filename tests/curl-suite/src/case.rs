//! Which of curl's tests are taken.
//!
//! # Invariants
//! - Taken is a test whose only server is `http`, whose command line is curl's, that says what must
//!   arrive, and that asks for no feature but those of plain HTTP ([`FEATURES`]). Left out is what is
//!   about ~/.curlrc, or about files that curl cannot write.

use std::path::Path;

use anyhow::{Context, Result};

use super::markup::Document;

/// What a test may ask for: what the worker's libcurl has, and what says nothing about it. Left out
/// are other protocols, TLS, builds of curl itself for its tests, and what shapes curl's output.
const FEATURES: [&str; 15] = [
    "!SSPI",
    "!win32",
    "IPv6",
    "Largefile",
    "Mime",
    "cookies",
    "crypto",
    "digest",
    "http",
    "large-time",
    "libz",
    "local-http",
    "netrc",
    "parsedate",
    "proxy",
];

/// What the `%if`s of a test are answered with.
pub(crate) const HAD: [&str; 14] = [
    "IPv6",
    "Largefile",
    "Mime",
    "SSL",
    "OpenSSL",
    "cookies",
    "crypto",
    "digest",
    "http",
    "large-time",
    "libz",
    "netrc",
    "proxy",
    "UnixSockets",
];

/// What curl ends with when it cannot write what came.
const CANNOT_WRITE: &str = "23";

/// Whether a test is taken.
pub(crate) enum Selected {
    Yes { name: String },
    No { name: String, why: String },
}

/// Decides about a test.
pub(crate) fn select(tests: &Path, number: u32) -> Result<Selected> {
    let document = Document::raw(&read(tests, number)?);
    let name = document.words("client", "name").join(" ");
    Ok(match refusal(&document) {
        Some(why) => Selected::No { name, why },
        None => Selected::Yes { name },
    })
}

/// The text of a test.
pub(crate) fn read(tests: &Path, number: u32) -> Result<Vec<u8>> {
    let path = tests.join(format!("data/test{number}"));
    std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}

fn refusal(document: &Document) -> Option<String> {
    let servers = document.words("client", "server");
    if servers != ["http"] {
        return Some(format!("servers: {}", servers.join(", ")));
    }
    if let Some(tool) = document.words("client", "tool").first() {
        return Some(format!("tool: {tool}"));
    }
    let features = document.words("client", "features");
    if let Some(feature) = features.iter().find(|it| !FEATURES.contains(&&***it)) {
        return Some(format!("feature: {feature}"));
    }
    if document.part("verify", "protocol").is_none() {
        return Some("it does not say what arrives".to_owned());
    }
    let command = document.part("client", "command").unwrap_or_default();
    if command.attribute("type").is_some() {
        return Some("its command is a script".to_owned());
    }
    if document.words("verify", "errorcode").iter().any(|code| code == CANNOT_WRITE) {
        return Some("curl cannot write its output there, and ends or tries again".to_owned());
    }
    if command.attribute("option").is_some_and(|option| option.contains("no-q")) {
        return Some("it is about ~/.curlrc, which `store` does not read".to_owned());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_of_plain_http_is_taken_and_others_are_named() {
        let test = |server: &str, more: &str| {
            format!(
                "<client>\n<server>\n{server}\n</server>\n{more}<command>\n-d x http://h/\n</command>\n</client>\n<verify>\n<protocol>\nGET\n</protocol>\n</verify>\n"
            )
        };
        for (text, refused) in [
            (test("http", ""), None),
            (test("http", "<features>\ncookies\n</features>\n"), None),
            (test("http", "<features>\nNTLM\n</features>\n"), Some("feature: NTLM")),
            (test("http\nftp", ""), Some("servers: http, ftp")),
            (test("http", "<tool>\nlib1\n</tool>\n"), Some("tool: lib1")),
            (
                test("http", "").replace("protocol>", "stdout>"),
                Some("it does not say what arrives"),
            ),
            (
                test("http", "").replace("<command>", "<command type=\"perl\">"),
                Some("its command is a script"),
            ),
        ] {
            let document = Document::raw(text.as_bytes());
            assert_eq!(refusal(&document).as_deref(), refused, "{text}");
        }
    }
}
