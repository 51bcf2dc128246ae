//! The parts of URLs, and the targets of references. That both are curl's is tried against libcurl
//! in slipstream-http.

use proptest::prelude::*;

use super::reference::{resolved, with_two_slashes, without_dots};
use super::*;

#[test]
fn a_url_has_parts_as_they_are_written() {
    let all = UrlParts::of("HTTP://u:p@h:1/a@b?c?d#e?f#g");
    let expected = UrlParts {
        scheme: Some("HTTP"),
        authority: Some("u:p@h:1"),
        path: "/a@b",
        query: Some("c?d"),
        fragment: Some("e?f#g"),
    };
    assert_eq!(all, expected);
    assert_eq!((all.user(), all.place()), (Some("u:p"), "h:1"));
    assert!(all.is_of("http") && all.is_absolute());
    for (text, authority, path) in [
        ("http://h?a", Some("h"), ""),
        ("http://h#a", Some("h"), ""),
        ("//h/a", Some("h"), "/a"),
        ("/a//b", None, "/a//b"),
        ("a:1", None, "1"),
        ("1:2/3", None, "1:2/3"),
        ("unix:///run/a b", Some(""), "/run/a b"),
        ("", None, ""),
    ] {
        let parts = UrlParts::of(text);
        assert_eq!((parts.authority, parts.path), (authority, path), "{text}");
    }
}

#[test]
fn what_may_lack_its_scheme_begins_with_the_host() {
    for (text, scheme, place, path) in [
        ("proxy:3128", None, "proxy:3128", ""),
        ("u:p@proxy/a", None, "proxy", "/a"),
        ("socks5h://proxy/a", Some("socks5h"), "proxy", "/a"),
        ("http:/h", None, "http:", "/h"),
        ("[::1]:80?a", None, "[::1]:80", ""),
    ] {
        let parts = UrlParts::guessed(text);
        assert_eq!((parts.scheme, parts.place(), parts.path), (scheme, place, path), "{text}");
    }
    let port = |text| UrlParts::guessed(text).host_and_port().is_ok();
    assert!(port("http://h:/") && port("h:80") && !port("h:/"));
}

#[test]
fn no_user_is_shown_wherever_it_may_end() {
    for (url, shown) in [
        ("http://u:pass@h/p", "http://***@h/p"),
        ("http://u:p@ss@h/p", "http://***@h/p"),
        ("http://u:p/ass@h/p", "http://***@h/p"),
        ("http://u:p?ass@h/p", "http://***@h/p"),
        ("http://u:p#ass@h/p", "http://***@h/p"),
        ("http:///u:pass@h/p", "http:///***@h/p"),
        ("http:/u:pass@h/p", "http:/***@h/p"),
        ("u:pass@h/p", "***@h/p"),
        ("u:p/ass@h/p", "***@h/p"),
        ("u:p?ass@h/p", "***@h/p"),
        ("//u:pass@h/p", "//***@h/p"),
        ("http://h/p@q", "http://h/p@q"),
        ("http://h:1?a=b@c", "http://h:1?a=b@c"),
        ("h?a=b@c", "h?a=b@c"),
        ("/a?b=c@d", "/a?b=c@d"),
        ("mysql:///shop?socket=/a@b", "mysql:///shop?socket=/a@b"),
        ("unix:///run/a@b", "unix:///run/a@b"),
        ("http://h", "http://h"),
        ("", ""),
    ] {
        assert_eq!(without_user(url), shown, "{url}");
    }
}

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
        ("/a%2f%zz/b/.%2E/%2e", "http://a/a%2F%zz/"),
        ("?next=http://x/", "http://a/b/c/d;p?next=http://x/"),
        ("/a b?c d", "http://a/a%20b?c+d"),
        ("http:///h/x", "http://h/x"),
        ("HTTPS:/h/x", "HTTPS://h/x"),
        ("///h/x", "http://h/x"),
        ("http:////h/x", "http:////h/x"),
        ("http:\\\\evil", "http:\\\\evil"),
        ("file:///etc/passwd", "file://etc/passwd"),
    ];
    for (reference, url) in table {
        assert_eq!(resolved("http://a/b/c/d;p?q", reference.as_bytes()), url, "{reference}");
    }
    let table = [
        ("http://a", "g", "http://a/g"),
        ("http://a?q", "g", "http://a/g"),
        ("http://u:p@a/b", "c", "http://u:p@a/c"),
        ("http://a/b", "//c@d/e", "http://c@d/e"),
        ("http://a/b/../c%2f", "?y", "http://a/c%2F?y"),
    ];
    for (base, reference, url) in table {
        assert_eq!(resolved(base, reference.as_bytes()), url, "{base} {reference}");
    }
}

#[test]
fn dots_are_taken_out_of_a_path_written_either_way() {
    for (path, expected) in [
        ("/b/../c/./d", "/c/d"),
        ("/../../b", "/b"),
        ("/b/..", "/"),
        ("/b/.", "/b/"),
        ("/b//../c", "/b/c"),
        ("/b/%2E./c/%2e/d", "/c/d"),
        ("/...", "/..."),
        ("", ""),
    ] {
        assert_eq!(without_dots(path), expected, "{path}");
    }
}

proptest! {
    #[test]
    fn parts_behind_each_other_are_the_text(text in "[a-z:/?#@.%]{0,24}|\\PC{0,24}") {
        prop_assert_eq!(UrlParts::of(&text).to_string(), text.clone());
        prop_assert!(UrlParts::guessed(&text).to_string().ends_with(&text));
        let _ = (with_two_slashes(&text), resolved(&text, text.as_bytes()));
    }

    #[test]
    fn no_password_is_shown(head in "(http:/{0,4}|)", tail in "[ -~]{0,12}") {
        for password in ["sesame", "se/same", "se?same", "se#same", "se@same", ":se:same"] {
            let shown = without_user(&format!("{head}user:{password}@{tail}"));
            prop_assert!(!shown.contains("same"), "{}", shown);
        }
    }
}
