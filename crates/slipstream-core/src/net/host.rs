//! Host and port of a URL, as a destination has them.
//!
//! # Invariants
//! - One host has one spelling: lower case, an address in its usual form.
//! - What is taken for a name is not an address in an odd one (`0x7f.1`, `127.1`), which some
//!   resolver would understand.
//! - So limits, pauses and policies apply to the host that a request really reaches.
//! - No message shows a port, which may be the rest of a password.
//!
//! # Non-goals
//! Names in other alphabets, and zones of IPv6 addresses.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::invalid::Invalid;
use crate::quote::quoted;

/// Longest host name, in bytes: more does not fit into a DNS question.
const HOST_MAX: usize = 253;

/// Takes `host:port` apart. A colon without a number is what RFC 3986 allows: no port.
///
/// # Errors
/// That the port is invalid.
pub fn split_port(text: &str) -> Result<(&str, Option<u16>), Invalid> {
    // The colons inside brackets belong to the address.
    let after_address = text.rfind(']').unwrap_or(0);
    let Some(colon) = text[after_address..].find(':').map(|at| after_address + at) else {
        return Ok((text, None));
    };
    let (host, digits) = (&text[..colon], &text[colon + 1..]);
    if digits.is_empty() {
        return Ok((host, None));
    }
    let port = port_of(digits).ok_or_else(|| {
        Invalid::new(
            "invalid port in the url; expected a number from 1 to 65535 (write an ipv6 address in brackets, and a '/' in a password as %2F)",
        )
    })?;
    Ok((host, Some(port)))
}

/// A port by its digits.
pub fn port_of(digits: &str) -> Option<u16> {
    // What begins with a sign would parse.
    let port = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
    port.filter(|port| *port != 0)
}

/// A host as it is compared and counted: lower case, an address in its usual form.
///
/// # Errors
/// Why nothing of this name can be reached.
pub fn host_of(text: &str) -> Result<String, Invalid> {
    let wrong =
        |hint: &str| Err(Invalid::new(format!("invalid host {} in the url; {hint}", quoted(text))));
    if text.is_empty() {
        return Err(Invalid::new("the url has no host; write one behind the '//'"));
    }
    if let Some(inside) = text.strip_prefix('[') {
        let address = inside.strip_suffix(']').and_then(|a| a.parse().ok());
        return match address {
            Some::<Ipv6Addr>(address) => Ok(format!("[{address}]")),
            None => {
                wrong("expected an ipv6 address without a zone between the brackets, such as [::1]")
            }
        };
    }
    if !text.is_ascii() {
        return wrong("write an international name in its ascii form, which begins with xn--");
    }
    if let Some(bad) =
        text.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '.' | '_' | '~'))
    {
        return wrong(&format!("expected a name without {}", quoted(&bad.to_string())));
    }
    let labels = text.strip_suffix('.').unwrap_or(text);
    if labels.split('.').any(str::is_empty) || labels.len() > HOST_MAX {
        return wrong(&format!("expected at most {HOST_MAX} characters, and no two dots in a row"));
    }
    // What is all numbers is an address for a resolver, in any of the old spellings.
    if labels.split('.').all(is_number) && text.parse::<Ipv4Addr>().is_err() {
        return wrong("write an ipv4 address as four numbers, such as 127.0.0.1");
    }
    Ok(text.to_ascii_lowercase())
}

/// The same without the brackets of an IPv6 address: as it is looked up, and certified.
pub fn bare_host(host: &str) -> &str {
    host.strip_prefix('[').and_then(|inside| inside.strip_suffix(']')).unwrap_or(host)
}

/// Decimal, octal or hexadecimal, as old address parsers take it.
fn is_number(label: &str) -> bool {
    match label.strip_prefix("0x").or(label.strip_prefix("0X")) {
        Some(digits) => digits.bytes().all(|b| b.is_ascii_hexdigit()),
        None => label.bytes().all(|b| b.is_ascii_digit()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_host_has_one_spelling() {
        for (text, host) in [
            ("Example.COM", "example.com"),
            ("example.com.", "example.com."),
            ("my_host-1", "my_host-1"),
            ("127.0.0.1", "127.0.0.1"),
            ("[0::1]", "[::1]"),
            ("[::FFFF:7f00:1]", "[::ffff:127.0.0.1]"),
            ("0xcafe.example", "0xcafe.example"),
            ("example.com.1214", "example.com.1214"),
            ("a.0x7f", "a.0x7f"),
        ] {
            assert_eq!(host_of(text).as_deref(), Ok(host));
        }
    }

    #[test]
    fn what_nothing_can_be_reached_by_is_refused_with_the_reason() {
        let long = "x".repeat(HOST_MAX + 1);
        for (text, words) in [
            ("", "no host"),
            ("a..b", "no two dots"),
            (".", "no two dots"),
            (&long, "at most 253"),
            ("a b", "without ' '"),
            ("a%62", "without '%'"),
            ("bücher.example", "xn--"),
            ("127.1", "four numbers"),
            ("0x7f000001", "four numbers"),
            ("0X7F.1", "four numbers"),
            ("256.0.0.1", "four numbers"),
            ("[::1", "without a zone"),
            ("[::1%eth0]", "without a zone"),
            ("::1", "without ':'"),
        ] {
            let error = host_of(text).expect_err(text).to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn a_port_is_a_number_or_none_and_is_not_repeated() {
        for (text, parts) in [
            ("h", Some(("h", None))),
            ("h:", Some(("h", None))),
            ("h:80", Some(("h", Some(80)))),
            ("h:0000080", Some(("h", Some(80)))),
            ("[::1]", Some(("[::1]", None))),
            ("[::1]:81", Some(("[::1]", Some(81)))),
            ("h:0", None),
            ("h:65536", None),
            ("h:+5", None),
            ("h:sesame", None),
            ("::1:80", None),
        ] {
            let split = split_port(text);
            assert_eq!(split.clone().ok(), parts, "{text}");
            assert!(split.is_ok() || !split.unwrap_err().to_string().contains("sesame"));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_host_or_refused_and_a_host_is_itself(text in "\\PC{0,40}") {
            if let Ok((host, _)) = split_port(&text)
                && let Ok(host) = host_of(host)
            {
                prop_assert_eq!(host_of(&host), Ok(host.clone()));
            }
        }
    }
}
