//! A destination, by the host that an operator names.

/// Whether a destination (scheme, host and port) is this host, with or without its port.
pub(crate) fn is_to(destination: &str, host: &str) -> bool {
    // Behind a space stands the way that it goes.
    let destination = destination.split(' ').next().unwrap_or_default();
    let place = destination.split_once("://").map_or(destination, |(_, place)| place);
    let place = place.split('/').next().unwrap_or_default();
    let name = match place.rsplit_once(':') {
        // Not amid an IPv6 address.
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => place,
    };
    [place, name].iter().any(|it| it.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::is_to;

    #[test]
    fn a_host_is_meant_with_or_without_its_port() {
        for (to, host, is) in [
            ("http://example.com:80", "example.com", true),
            ("http://example.com:80", "EXAMPLE.com:80", true),
            ("http://example.com:80", "example.com:81", false),
            ("http://www.example.com:80", "example.com", false),
            ("http://[::1]:8080", "[::1]", true),
            ("http://[::1]", "[::1]", true),
            ("beep://speaker", "speaker", true),
            ("http://example.com:80 via unix:/run/a", "example.com", true),
            ("http://example.com:80 via 10.0.0.7:3128", "10.0.0.7", false),
        ] {
            assert_eq!(is_to(to, host), is, "{to} {host}");
        }
    }
}
