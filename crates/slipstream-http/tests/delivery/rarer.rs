//! What the rarer options do: jars, tunnels, challenges over hops, answers that do not end.

use std::time::{Duration, Instant};

use slipstream_core::{FailureScope, Outcome};
use slipstream_http::{Auth, HttpRequest, IpVersion, Options};

use crate::server::{OK, Reply, Server, redirect};
use crate::{driver, failure, send, send_with};

const SETS: &str =
    "HTTP/1.1 302 X\r\nSet-Cookie: set=1; path=/\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n";

/// The Cookie header of each request so far.
fn cookies(server: &Server) -> Vec<String> {
    let cookie = |text: String| {
        let mut lines = text.lines();
        let line = lines.find_map(|line| line.strip_prefix("Cookie: "));
        line.unwrap_or_default().to_owned()
    };
    server.texts().into_iter().map(cookie).collect()
}

#[test]
fn cookies_of_answers_go_along_with_redirects_of_a_request_with_a_jar_and_no_further() {
    let server = Server::new(|n| if n % 2 == 0 { Reply::Keep(SETS) } else { OK });
    let mut driver = driver();
    let jar = ["127.0.0.1\tFALSE\t/\tFALSE\t0\tkept\t2", "elsewhere\tFALSE\t/\tFALSE\t0\tno\t3"];
    let with = HttpRequest::get(server.url("/a")).options(Options::new().follow().jar(jar));
    let without = HttpRequest::get(server.url("/a")).options(Options::new().follow());
    for request in [&with, &without, &with] {
        assert_eq!(send_with(&mut driver, request), Outcome::Delivered);
    }
    let sent = ["kept=2", "kept=2; set=1", "", "", "kept=2", "kept=2; set=1"];
    let sorted = |text: &String| {
        let mut cookies: Vec<_> = text.split("; ").collect();
        cookies.sort_unstable();
        cookies.join("; ")
    };
    assert_eq!(cookies(&server).iter().map(sorted).collect::<Vec<_>>(), sent);
}

#[test]
fn a_cookie_without_a_host_does_not_follow_to_another() {
    let proxy = Server::new(|n| match n {
        0 => redirect(302, "/b"),
        1 => redirect(302, "http://192.0.2.2/"),
        _ => OK,
    });
    let options = Options::new().follow().jar(["Set-Cookie: sid=sesame"]).cookies("a=1");
    let options = options.proxy(proxy.address().to_string());
    let request = HttpRequest::get("http://192.0.2.1/a").options(options);
    assert_eq!(send(&request), Outcome::Delivered);
    assert_eq!(cookies(&proxy), ["sid=sesame; a=1", "sid=sesame; a=1", ""]);
}

#[test]
fn a_redirect_is_followed_although_its_answer_does_not_end() {
    let end = Server::always(OK);
    let leads = format!("HTTP/1.1 301 X\r\nLocation: {}\r\n\r\nmoved", end.url("/"));
    let first = Server::always(Reply::Silence(leads.leak()));
    let options = Options::new().follow().total_timeout(Duration::from_secs(30));
    let began = Instant::now();
    assert_eq!(send(&HttpRequest::get(first.url("/")).options(options)), Outcome::Delivered);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[test]
fn a_server_that_has_challenged_once_does_not_behind_a_redirect() {
    const ASKS: &str = "HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\nContent-Length: 0\r\n\r\n";
    let server = Server::new(|n| match n {
        0 => Reply::Keep(ASKS),
        1 => redirect(302, "/b"),
        _ => OK,
    });
    let options = Options::new().follow().user("me", "pw").auth(Auth::Digest);
    assert_eq!(send(&HttpRequest::get(server.url("/a")).options(options)), Outcome::Delivered);
    let texts = server.texts();
    assert_eq!(texts.len(), 3, "{texts:?}");
    for (text, counter) in texts[1..].iter().zip(["nc=00000001", "nc=00000002"]) {
        assert!(text.contains("Authorization: Digest") && text.contains(counter), "{text}");
    }
}

#[test]
fn a_proxy_is_asked_for_a_tunnel_with_headers_of_its_own() {
    let proxy = Server::new(|n| if n == 0 { Reply::Keep("HTTP/1.1 200 OK\r\n\r\n") } else { OK });
    let options = Options::new()
        .proxy(proxy.address().to_string())
        .proxy_tunnel(true)
        .proxy_header("X-For: proxy");
    let request = HttpRequest::get("http://name.invalid/a").header("X-For", "server");
    assert_eq!(send(&request.options(options)), Outcome::Delivered);
    let texts = proxy.texts();
    assert!(texts[0].starts_with("CONNECT name.invalid:80 HTTP/1.1\r\n"), "{}", texts[0]);
    assert!(texts[0].contains("X-For: proxy") && !texts[0].contains("server"), "{}", texts[0]);
    assert!(texts[1].starts_with("GET /a HTTP/1.1\r\n"), "{}", texts[1]);
    assert!(texts[1].contains("X-For: server"), "{}", texts[1]);
}

#[test]
fn a_proxy_s_challenge_is_answered_as_it_is_asked_for() {
    const ASKS: &str = "HTTP/1.1 407 No\r\nProxy-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\nContent-Length: 0\r\n\r\n";
    for auth in [Auth::Digest, Auth::Any] {
        let proxy = Server::new(|n| if n == 0 { Reply::Keep(ASKS) } else { OK });
        let options = Options::new().proxy(proxy.address().to_string()).proxy_user("me:pw");
        let request = HttpRequest::get("http://name.invalid/").options(options.proxy_auth(auth));
        assert_eq!(send(&request), Outcome::Delivered);
        let texts = proxy.texts();
        assert!(!texts[0].contains("Proxy-Authorization"), "{}", texts[0]);
        assert!(texts[1].contains("Proxy-Authorization: Digest username=\"me\""), "{}", texts[1]);
    }
}

#[test]
fn an_answer_that_breaks_off_is_a_failure_where_all_of_it_is_wanted() {
    let server = Server::always(Reply::Close("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"));
    let request = |whole| {
        HttpRequest::get(server.url("/")).options(Options::new().follow().whole_answer(whole))
    };
    assert_eq!(send(&request(false)), Outcome::Delivered);
    let failed = failure(send(&request(true)));
    assert!(failed.reason.starts_with("status 200, but the answer broke off: "), "{failed:?}");
    assert_eq!(
        (failed.scope, failed.status, failed.transient),
        (FailureScope::Destination, Some(200), true)
    );
    // What is longer than is read is cut off by us.
    let long = Server::always(Reply::Endless("HTTP/1.1 200 OK\r\n\r\n", "more and more "));
    let options = Options::new().whole_answer(true);
    assert_eq!(send(&HttpRequest::get(long.url("/")).options(options)), Outcome::Delivered);
}

#[test]
fn content_is_sent_in_chunks_without_asking_and_not_to_http_1_0() {
    let server = Server::always(Reply::Close("HTTP/1.0 307 X\r\nLocation: /b\r\n\r\n"));
    let request = HttpRequest::post(server.url("/a")).body("body");
    let failed = failure(send(&request.options(Options::new().chunked(true).follow())));
    assert!(failed.reason.ends_with("speaks http/1.0, which has no chunks"), "{failed:?}");
    let text = server.texts().remove(0);
    assert!(text.contains("Transfer-Encoding: chunked\r\n"), "{text}");
    assert!(!text.contains("Content-Length") && !text.contains("Expect"), "{text}");
}

#[test]
fn names_are_looked_up_for_the_version_that_is_wanted() {
    let server = Server::always(OK);
    for (version, delivered) in [(IpVersion::V4, true), (IpVersion::V6, false)] {
        let options = Options::new().ip_version(version);
        let outcome = send(&HttpRequest::get(server.named("/")).options(options));
        assert_eq!(outcome == Outcome::Delivered, delivered, "{version:?}: {outcome:?}");
    }
}

#[test]
fn credentials_go_where_they_are_trusted_to_and_the_referer_says_whence() {
    let other = Server::always(OK);
    let home = Server::always(redirect(307, &other.named("/b")));
    let options =
        Options::new().follow().user("me", "pw").location_trusted(true).auto_referer(true);
    let url = home.url("/a?q#f").replace("http://", "http://u:sesame@");
    let request = HttpRequest::get(url).header("X-Api-Key", "k").options(options);
    assert_eq!(send(&request), Outcome::Delivered);
    let text = other.texts().remove(0);
    for line in ["Authorization: Basic bWU6cHc=", "X-Api-Key: k"] {
        assert!(text.contains(line), "{text}");
    }
    assert!(text.contains(&format!("Referer: {}\r\n", home.url("/a?q"))), "{text}");
}
