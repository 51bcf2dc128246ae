//! Status, method and location: the next request, or why there is none.

use super::*;
use crate::request::options::tests::sample;
use crate::request::{OPTIONS, OptionRow, Options, Redaction, Topic};

const URL: &str = "http://a/b/c?q";

fn request(method: &str) -> HttpRequest {
    HttpRequest::new(method, URL)
        .header("Content-Type", "text/plain")
        .header("content-language", "de")
        .header("Idempotency-Key", "k")
        .header("x-foo", "bar")
        .body("body")
}

/// Method, URL, body and names of headers behind a redirect.
fn hop(request: HttpRequest, status: u32, location: &str) -> (String, String, String, Vec<String>) {
    let request = next(request, status, Some(location.as_bytes()), 0).unwrap();
    let names = request.headers.into_iter().map(|(name, _)| name).collect();
    (request.method, request.url, String::from_utf8(request.body).unwrap(), names)
}

#[test]
fn a_method_changes_as_curl_changes_it() {
    let table = [
        (301, "GET", "GET"),
        (301, "POST", "GET"),
        (301, "PUT", "PUT"),
        (301, "DELETE", "DELETE"),
        (302, "HEAD", "HEAD"),
        (302, "POST", "GET"),
        (302, "PATCH", "PATCH"),
        (303, "GET", "GET"),
        (303, "HEAD", "HEAD"),
        (303, "POST", "GET"),
        (303, "PUT", "GET"),
        (303, "DELETE", "GET"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
        (308, "PURGE", "PURGE"),
    ];
    for (status, method, then) in table {
        let options = Options::new().follow();
        let (sent, url, body, names) = hop(request(method).options(options), status, "/x");
        assert_eq!((&*sent, &*url), (then, "http://a/x"), "{status} {method}");
        let whole = method == then;
        assert_eq!(body, if whole { "body" } else { "" }, "{status} {method}");
        let kept = ["Content-Type", "content-language", "Idempotency-Key", "x-foo"];
        assert_eq!(names, if whole { &kept[..] } else { &kept[2..] }, "{status} {method}");
    }
}

#[test]
fn a_post_stays_one_where_that_was_asked_for() {
    let new = || Options::new().follow();
    let table =
        [(301, new().post301(true)), (302, new().post302(true)), (303, new().post303(true))];
    for (status, options) in &table {
        for at in [301, 302, 303] {
            let sent = hop(request("POST").options(options.clone()), at, "/x");
            assert_eq!(sent.0 == "POST", at == *status, "{at} {status}");
        }
    }
    // It speaks of POST alone.
    let put = request("PUT").options(table[2].1.clone());
    assert_eq!(hop(put, 303, "/x").0, "GET");
}

#[test]
fn a_method_of_the_user_s_own_stays_as_curl_s_x_does() {
    let (post, put) = (Some(RedirectedAs::Post), Some(RedirectedAs::Put));
    for (status, method, counts_as, keeps, then, whole) in [
        (302, "POST", post, true, "POST", false),
        (302, "PATCH", post, true, "PATCH", false),
        (302, "PATCH", post, false, "GET", false),
        (303, "GET", post, true, "GET", false),
        (307, "PATCH", post, false, "PATCH", true),
        (302, "POST", put, true, "POST", true),
        (303, "POST", put, true, "POST", false),
        (303, "DELETE", None, true, "DELETE", false),
        (303, "DELETE", None, false, "GET", false),
    ] {
        let options =
            Options { redirected_as: counts_as, ..Options::new().follow().keep_method(keeps) };
        let (sent, _, body, _) = hop(request(method).options(options), status, "/x");
        let expected = (then, if whole { "body" } else { "" });
        assert_eq!((&*sent, &*body), expected, "{status} {method} {counts_as:?} {keeps}");
    }
}

/// A request with all that proves the sender's identity.
fn trusting() -> HttpRequest {
    let options = Options {
        password: Some("p".into()),
        key_password: Some("k".into()),
        ..Options::new().follow()
    };
    let options = options
        .user("u", "p")
        .bearer("b")
        .cookies("c")
        .aws_sigv4("aws")
        .cert("cert")
        .key("key")
        .sign("env:A")
        .proxy("proxy")
        .proxy_user("u:p")
        .cacert("ca")
        .insecure(true)
        .compressed(true);
    HttpRequest::post("http://u:p@a:80/b")
        .header("Authorization", "s")
        .header("Cookie", "s")
        .header("Proxy-Authorization", "s")
        .header("x-api-key", "s")
        .header("Webhook-Signature", "s")
        .header("Host", "other")
        .header("idempotency-key", "k")
        .header("x-foo", "bar")
        .options(options)
        .body("body")
}

#[test]
fn credentials_go_along_to_the_same_scheme_host_and_port_only() {
    for location in ["/x", "x", "http://a/x", "http://A:80/x", "//a/x"] {
        let before = trusting();
        let after = next(before.clone(), 307, Some(location.as_bytes()), 0).unwrap();
        assert_eq!(after.headers, before.headers, "{location}");
        assert_eq!(after.options, before.options, "{location}");
        assert!(after.url.to_lowercase().starts_with("http://u:p@a"), "{}", after.url);
    }
    for location in ["https://a/x", "https://a:80/x", "http://a:81/x", "http://b/x", "//a.b/x"] {
        let after = next(trusting(), 307, Some(location.as_bytes()), 0).unwrap();
        let names: Vec<_> = after.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["idempotency-key", "x-foo"], "{location}");
        let expected = Options::new()
            .follow()
            .proxy("proxy")
            .proxy_user("u:p")
            .cacert("ca")
            .insecure(true)
            .compressed(true);
        assert_eq!(after.options.as_deref(), Some(&expected), "{location}");
        assert!(!after.url.contains('@'), "{}", after.url);
        assert_eq!(after.body, b"body");
        // They do not come back with the way.
        let back = next(after, 307, Some(b"http://a/x"), 1).unwrap();
        assert_eq!(back.options.as_deref(), Some(&expected), "{location}");
        assert!(!back.has_header("authorization") && !back.url.contains('@'));
    }
}

#[test]
fn what_is_trusted_wherever_it_is_led_leaves_what_the_worker_signs_with() {
    let mut before = trusting();
    let trusted = before.options.take().unwrap().location_trusted(true);
    let before = before.options(trusted.clone());
    let after = next(before.clone(), 307, Some(b"http://b/x"), 0).unwrap();
    assert_eq!(after.options.as_deref(), Some(&Options { sign: None, ..trusted }));
    assert!(after.has_header("authorization") && !after.has_header("host"));
    assert_eq!(after.url, "http://b/x");
}

#[test]
fn a_referer_that_is_made_holds_no_secret() {
    let mut before = trusting().header("referer", "first");
    let options = before.options.take().unwrap().auto_referer(true);
    let after = next(before.options(options), 307, Some(b"http://b/x"), 0).unwrap();
    let referers: Vec<_> = after.headers.iter().filter(|(name, _)| name == "Referer").collect();
    assert_eq!(referers, [&("Referer".to_owned(), "http://a:80/b".to_owned())]);
    assert!(!after.has_header("first"));
}

#[test]
fn what_leads_nowhere_is_told_without_a_secret() {
    let table = [
        (None, 5, "does not say where to"),
        (Some(" "), 5, "does not say where to"),
        (Some("file:///etc/passwd"), 5, "the scheme 'file' is not supported"),
        (Some("gopher://h:25/x"), 5, "the scheme 'gopher'"),
        (Some("http:\\\\h"), 5, "has no scheme"),
        (Some("http://0x7f.1/"), 5, "four numbers"),
        (Some("https://u:sesame@h:0/?a=sesame"), 5, "port"),
        (Some("javascript:alert(1)"), 5, "javascript"),
        (Some("/x"), 0, "0 redirects were followed"),
    ];
    for (location, most, words) in table {
        let request = request("GET").options(Options::new().follow_at_most(most));
        let error = next(request, 302, location.map(str::as_bytes), 0).expect_err(words);
        assert!(error.contains(words) && !error.contains("sesame"), "{location:?}: {error}");
    }
    let most = |n| request("GET").options(Options::new().follow_at_most(n));
    assert!(next(most(2), 302, Some(b"/x"), 1).is_ok());
    assert!(next(most(2), 302, Some(b"/x"), 2).is_err());
    assert!(next(request("GET"), 302, Some(b"/x"), 0).is_err());
}

#[test]
fn redirects_lead_to_the_only_scheme_that_is_allowed() {
    let only = |scheme| request("GET").options(Options::new().follow().redirect_scheme(scheme));
    let (http, https) = (only(RedirectScheme::Http), only(RedirectScheme::Https));
    let table = [
        (&http, "/x", None),
        (&http, "http://h/", None),
        (&http, "HTTPS://h/", Some("it leads to https, and only http is followed")),
        (&https, "https://h/", None),
        (&https, "/x", Some("it leads to http, and only https is followed")),
        (&https, "//h/", Some("it leads to http, and only https is followed")),
        (&https, "http://h:443/", Some("it leads to http, and only https is followed")),
    ];
    for (request, location, expected) in table {
        let refused = next(request.clone(), 302, Some(location.as_bytes()), 0).err();
        assert_eq!(refused.as_deref(), expected, "{location}");
    }
    // It holds behind another host, too.
    let then = next(https, 302, Some(b"https://h/"), 0).unwrap();
    assert!(next(then, 302, Some(b"http://h/"), 1).is_err());
}

#[test]
fn only_five_statuses_ask_to_go_elsewhere() {
    let asking: Vec<u32> = (100..600).filter(|status| is_redirect(*status)).collect();
    assert_eq!(asking, [301, 302, 303, 307, 308]);
}

#[test]
fn no_secret_of_the_table_goes_along_to_another_host() {
    let secret = |row: &&OptionRow| row.redaction == Redaction::Hidden && row.topic != Topic::Proxy;
    let options = OPTIONS
        .iter()
        .filter(secret)
        .fold(Options::new().follow(), |options, row| options.set(row, sample(row)).unwrap());
    let next = next(request("GET").options(options), 307, Some(b"http://other/"), 0).unwrap();
    assert_eq!(next.options, Some(Box::new(Options::new().follow())));
}
