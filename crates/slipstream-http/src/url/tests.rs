//! Where URLs lead, and what is said of URLs that lead nowhere.

use proptest::prelude::*;

use super::*;

#[test]
fn a_url_leads_where_libcurl_would_connect() {
    let table = [
        ("http://example.com/", "http", "example.com", 80),
        ("https://example.com", "https", "example.com", 443),
        ("HTTP://EXAMPLE.com:8080/A?b#c", "http", "example.com", 8080),
        ("http://example.com?x=/", "http", "example.com", 80),
        ("http://example.com#f", "http", "example.com", 80),
        ("http://example.com:/", "http", "example.com", 80),
        ("http://example.com:00081/", "http", "example.com", 81),
        ("http://example.com./", "http", "example.com.", 80),
        ("http://u:p@example.com:1/@x:y", "http", "example.com", 1),
        ("http://[::1]/", "http", "[::1]", 80),
        ("http://[0:0:0::1]:81/", "http", "[::1]", 81),
        ("http://u@[2001:DB8::1]/", "http", "[2001:db8::1]", 80),
        ("http://127.0.0.1:65535/", "http", "127.0.0.1", 65535),
        ("http://my_host-1/ü", "http", "my_host-1", 80),
    ];
    for (url, scheme, host, port) in table {
        let found = Authority::parse(url).unwrap_or_else(|e| panic!("{url}: {e}"));
        let wanted = Authority { scheme, host: host.to_owned(), port };
        assert_eq!(found, wanted, "{url}");
    }
}

#[test]
fn what_leads_nowhere_is_refused_with_words_that_help() {
    let table = [
        ("", "is empty"),
        ("example.com/x", "write http://example.com/x"),
        ("example.com:80/x", "write http://example.com:80/x"),
        ("//example.com", "write http://example.com"),
        ("https:/example.com", "write https://example.com"),
        ("HTTP:example.com", "write http://example.com"),
        ("ftp://example.com/", "'ftp' is not supported; http and https are"),
        ("file:///etc/passwd", "'file' is not supported"),
        ("http://", "no host"),
        ("http:///x", "no host"),
        ("http://:80/", "no host"),
        ("http://u@/", "no host"),
        ("http://exa mple.com/", "as %20"),
        (" http://example.com/", "as %20"),
        ("http://example.com/a\r\nX: y", "as %0D"),
        ("http://example.com/a\0", "as %00"),
        ("http://example.com/\u{7f}", "as %7F"),
        ("http://example.com:x/", "1 to 65535"),
        ("http://example.com:0/", "1 to 65535"),
        ("http://example.com:65536/", "1 to 65535"),
        ("http://example.com:+80/", "1 to 65535"),
        ("http://::1/", "in brackets"),
        ("http://[::1/", "ipv6"),
        ("http://[::1]x/", "ipv6"),
        ("http://[fe80::1%25eth0]/", "without a zone"),
        ("http://a@b@example.com/", "%40"),
        ("http://exämple.com/", "xn--"),
        ("http://example%2ecom/", "'%'"),
        ("http://example.com\\x/", "'\\\\'"),
        ("http://a..b/", "two dots"),
        ("http://./", "two dots"),
        ("http://0x7f.1/", "four numbers"),
        ("http://0x7f000001/", "four numbers"),
        ("http://2130706433/", "four numbers"),
        ("http://1.2.3.4.5/", "four numbers"),
        ("http://127.0.0.256/", "four numbers"),
        ("http://127.0.0.1./", "four numbers"),
    ];
    for (url, words) in table {
        let error = Authority::parse(url).expect_err(url).to_string();
        assert!(error.contains(words), "{url:?}: {error}");
        assert!(!error.contains(['\r', '\n', '\0']), "{error:?}");
    }
}

#[test]
fn a_secret_is_masked() {
    let table = [
        ("http://u:pass@h/p", "http://***@h/p"),
        ("http://u:p@ss@h/p", "http://***@h/p"),
        ("u:pass@h/p", "***@h/p"),
        ("http://h/p@q", "http://h/p@q"),
        ("http://h/?token=pass&x=1&pass", "http://h/?token=***&x=***&***"),
        ("http://h?", "http://h?"),
        ("http://h/#pass", "http://h/"),
    ];
    for (url, shown) in table {
        assert_eq!(masked(url), shown);
    }
}

proptest! {
    #[test]
    fn no_refusal_shows_a_password(
        head in "(http:/?/?|ftp://|)",
        tail in "[ -~]{0,12}",
    ) {
        let url = format!("{head}user:sesame@{tail}");
        if let Err(error) = Authority::parse(&url) {
            prop_assert!(!error.to_string().contains("sesame"), "{}", error);
        }
    }

    #[test]
    fn any_text_is_a_url_or_an_error(url: String) {
        let _ = Authority::parse(&url);
        let _ = masked(&url);
    }
}

#[test]
fn a_proxy_has_a_host_and_no_path() {
    let table = [
        ("proxy", Some("proxy")),
        ("proxy:3128", Some("proxy")),
        ("http://proxy:", Some("proxy")),
        ("proxy:", None),
        ("http://u:p@Proxy:3128/", Some("proxy")),
        ("socks5h://[::1]:1080", Some("[::1]")),
        ("", None),
        ("http://", None),
        ("ftp://proxy", None),
        ("socks5://localhost/run/a.sock", None),
        ("http://a@b@c", None),
        ("http://10.0.0.1/@proxy", None),
        ("http://10.0.0.1?@proxy", None),
        ("10.0.0.1#@proxy", None),
        ("http://proxy:0", None),
        ("http://pro xy", None),
    ];
    for (url, host) in table {
        assert_eq!(proxy_host(url).ok().as_deref(), host, "{url}");
    }
}
