//! `slipstream store ARGS` makes the request that `curl ARGS` makes: the same command lines go
//! through both to servers that keep what arrives, and that is compared.
//!
//! Compared are method, target, headers (those of one name in their order) and body; but not the
//! names that both programs give themselves, the idempotency key, a form's random boundary and a
//! signature with the time in it, nor the case of percent-encoding. What else differs is in
//! [`ALLOWED`], with the reason.
//!
//! # Non-goals
//! A way to do without curl. Where it is missing, this fails.

use std::ffi::OsString;
use std::process::{Command, Stdio};

use crate::receiver::{Got, Receiver};
use crate::run::{Spool, ran};

/// Command lines; URL, AUTHORITY, PORT, FILE, HEADERS, NETRC, CONFIG, PAGE, ODD, JAR and TAG are
/// replaced by what a test has.
const SAME: &[&[&str]] = &[
    &["URL/"],
    &["URL"],
    &["URL/?a=b#frag"],
    &["URL/a/../b/./c"],
    &["URL/../a/..?x=/../y"],
    &["--path-as-is", "URL/a/../b/./c"],
    &["-X", "DELETE", "URL/x"],
    &["-X", "OPTIONS", "URL/"],
    &["-I", "URL/"],
    &["-d", "a=1", "-d", "@FILE", "URL/"],
    &["-d", "a=1", "-d", "", "URL/"],
    &["-d", "", "URL/"],
    &["-d", "", "-H", "content-type:", "URL/"],
    &["-d", "", "-X", "PUT", "-H", "content-type: text/x", "URL/"],
    &["-d", "a", "-X", "PUT", "URL/"],
    &["-d", "a", "-H", "Content-Type:", "URL/"],
    &["-d", "x", "-H", "Content-Type: text/plain", "URL/"],
    &["--data-raw", "@x", "URL/"],
    &["--data-binary", "@FILE", "URL/"],
    &["--data-urlencode", "n=a b&ü", "--data-urlencode", "@FILE", "-d", "x", "URL/"],
    &[
        "--data-urlencode",
        "a@b=c d",
        "--data-urlencode",
        "=x=",
        "--data-urlencode",
        "f@FILE",
        "URL/",
    ],
    &["--json", "{\"a\":1}", "URL/"],
    &["--json", "{\"a\":", "--json", "1}", "URL/"],
    &["--json", "1", "-H", "Accept:", "-H", "Content-Type: text/json", "URL/"],
    &["--json", "1", "-d", "a=1", "-d", "b", "URL/"],
    &["-d", "a=1", "--json", "1", "URL/"],
    &["AUTHORITY"],
    &["AUTHORITY/x?u=http://y"],
    &["-d", "x", "AUTHORITY?x"],
    &["-G", "-d", "a=1", "--data-urlencode", "b=c d", "URL/p"],
    &["-G", "-d", "a=1", "URL/p?x=2"],
    &["--url-query", "a=b c", "URL/?x"],
    &["--url-query", "+a=b", "URL/"],
    &["-F", "a=1", "-F", "f=@FILE", "URL/"],
    &["-F", "f=@FILE;type=text/x;filename=q.z", "URL/"],
    &["-F", "f=@FILE,PAGE;type=text/x;filename=q,FILE;headers=\"x-y: z\"", "-F", "a=1", "URL/"],
    &["-F", "f=<FILE", "--form-string", "s=@x;type=y", "URL/"],
    &["-u", "me:pw", "URL/"],
    &["--oauth2-bearer", "tok", "URL/"],
    &["--netrc-file", "NETRC", "URL/"],
    &["--aws-sigv4", "aws:amz:eu-1:sqs", "-u", "k:s", "URL/q"],
    &["-A", "agent", "URL/"],
    &["-e", "http://r/", "URL/"],
    &["--referer", "x", "--user-agent", "", "URL/"],
    &["-b", "a=1; b=2", "URL/"],
    &["-H", "Accept:", "URL/"],
    &["-H", "x-a: 1", "-H", "x-a: 2", "-H", "x-b;", "URL/"],
    &["-H", "@HEADERS", "URL/"],
    &["-H", "Host: other", "URL/"],
    &["-r", "0-9", "URL/"],
    &["-r", "0-9", "-H", "Range: bytes=1-2", "URL/"],
    &["-0", "URL/"],
    &["--http1.1", "URL/"],
    &["-m", "5", "URL/"],
    &["--connect-to", "::AUTHORITY", "http://else.where/x"],
    &["--resolve", "some.host:PORT:127.0.0.1", "http://some.host:PORT/"],
    &["-x", "URL", "http://proxied.example/x"],
    &["-F", "f=@FILE;filename=x.html", "-F", "g=@FILE;filename=\"q\\\"r\"", "URL/"],
    &["-F", "f=<PAGE", "-F", "g=<FILE", "-F", "h=text;filename=x.gif", "URL/"],
    &["-F", "f=@-", "-F", "g=\"b;c\";type=text/x;charset=y", "-F", "h=x;", "URL/"],
    // Not `%2e`: the libcurl that delivers takes it for a dot, and an older curl does not.
    &["URL/a%2fb/\u{fc}"],
    &["-T", "ODD", "-H", "Expect:", "URL/"],
    &["-I", "-X", "OPTIONS", "URL/"],
    &["-I", "-G", "-d", "a", "URL/"],
    &["--max-redirs", "3", "--post301", "URL/"],
    &["-u", "a:b:c", "URL/"],
    &["-H", "x:a", "-H", "X: b", "-H", "y;", "URL//a//b/.."],
    // As they are copied and scripted.
    &[
        "-sSfL",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "--compressed",
        "-H",
        "accept-encoding: x",
        "URL/",
    ],
    &[
        "-i",
        "-N",
        "-#",
        "--no-progress-meter",
        "-D",
        "-",
        "--stderr",
        "-",
        "--trace-ascii",
        "/dev/null",
        "URL/",
    ],
    &["-R", "--no-keepalive", "--keepalive-time", "9", "--tcp-nodelay", "--no-sessionid", "URL/"],
    &["--retry", "2", "--retry-delay", "1", "--retry-max-time", "9", "--retry-connrefused", "URL/"],
    &["-X", "PUT", "-X", "PATCH", "-A", "a", "-A", "b", "-L", "--no-location", "-d", "x", "URL/"],
    &["-d=1", "-HX-A: -b", "-e;auto", "URL/"],
    &["-e", "http://r/;auto", "URL/"],
    &["-b", "-a=1", "-u", "-me:pw", "URL/"],
    &["-z", "Thu, 24 Dec 2026 18:00:00 GMT", "URL/"],
    &["-z", "-Thu, 24 Dec 2026 18:00:00 GMT", "URL/"],
    &["-z", "2026-01-20", "-H", "If-Modified-Since: never", "URL/"],
    &["-z", "FILE", "URL/"],
    &["-d", "a", "-K", "CONFIG", "-d", "c", "URL/b"],
    &["-H", "content-length: 3", "-H", "content-type: text/plain", "--data-raw", "a=b", "URL/"],
    // Several requests.
    &["-d", "x", "URL/a", "--url", "URL/b", "URL/c"],
    &["URL/{a,b}[1-2]?x=[08-10:2]&[a-b]"],
    &["-g", "URL/{a}[1-2]"],
    &["URL/a[]=1"],
    &["-G", "-d", "q=1", "URL/p[1-2]?x"],
    &["-F", "a=@FILE", "URL/{a,b}"],
    &["-T", "FILE", "-H", "Expect:", "URL/{a,b}/", "URL/c"],
    &["-T", "FILE", "URL/a", "-T", "HEADERS", "-H", "Expect:", "URL/b/", "URL/c"],
    &["-I", "URL/[a-c:2]"],
    &["-x", "URL", "-U", "pu:pp", "http://proxied.example/x"],
    // As they are pasted from elsewhere.
    &["-b", "JAR", "URL/a/b"],
    &["-b", "JAR", "-b", "c=3", "-c", "/dev/null", "URL/a/b"],
    &["-b", "JAR", "-j", "URL/a/b"],
    &["-b", "/nowhere/at/all", "URL/"],
    &["-b", "", "URL/"],
    &["-c", "/dev/null", "URL/"],
    &["-d", "a", "URL/a", "--next", "-H", "x: 1", "URL/b", "-:", "-I", "URL/c"],
    &["--netrc-optional", "--netrc-file", "NETRC", "URL/"],
    &["--netrc-optional", "--netrc-file", "/nowhere/at/all", "URL/"],
    &["--netrc-file", "NETRC", "http://a@AUTHORITY/"],
    &["-z", "dec 12 12:00:00 1999 GMT", "URL/"],
    &["-z", "-12 Dec 1999 12:00 CET", "URL/"],
    &["--etag-compare", "TAG", "URL/"],
    &["--etag-compare", "/nowhere/at/all", "--etag-save", "/dev/null", "URL/"],
    &["-C", "5", "URL/"],
    &["-C", "-", "-o", "FILE", "URL/"],
    &["-C", "-", "-o", "/dev/null", "URL/"],
    &["-C", "3", "-T", "FILE", "-H", "Expect:", "URL/x"],
    &["-4", "URL/"],
    &["--ipv6", "-4", "URL/"],
    &["--request-target", "*", "-X", "OPTIONS", "URL/"],
    &["--request-target", "/a?b", "-x", "URL", "http://proxied.example/x"],
    &["-x", "URL", "--proxy-header", "x-a: 1", "http://proxied.example/x"],
    &["-x", "", "URL/"],
    &["-x", "URL/a/path", "http://proxied.example/x"],
    &["-x", "URL", "http://proxied.example.1214/x"],
    &["-x", "URL", "--resolve", "other.host:80:127.0.0.1", "http://proxied.example/x"],
    &["--max-filesize", "1000000", "URL/"],
    &["-r", "4", "URL/"],
    &["-H", "no colon", "-H", "x-a; ", "-H", "x-b: c ", "URL/"],
    &[
        "-m",
        "0",
        "--connect-timeout",
        "0",
        "-y",
        "0",
        "-Y",
        "0",
        "--max-redirs",
        "-1",
        "-L",
        "URL/",
    ],
    &["--tr-encoding", "URL/"],
    &["-F", "a=1", "-H", "Content-Type: multipart/form-data; x=y", "URL/"],
    &["-F", "a=1", "-H", "Content-Type: text/info", "URL/"],
    &["--form-escape", "-F", "a\"=1;filename=\"b\\\"c\"", "URL/"],
    &["--proto-default", "http", "AUTHORITY/"],
    &["--proto", "=http", "-sSf", "-L", "URL/"],
    &["--proto", "=http,https", "--proto-redir", "=https", "--tlsv1.2", "-sSf", "URL/"],
    &["--proto", "-all,http", "URL/"],
    &["--proto-redir", "-all,https", "-L", "-d", "x", "URL/"],
    &["http:/AUTHORITY/x"],
    &["http:///AUTHORITY/x"],
    &["-T", "{FILE,HEADERS}", "-H", "Expect:", "URL/a/"],
    &["--url", "AUTHORITY/x", "-H", "Host: a", "-H", "Host: b"],
    &["-L", "-X", "PUT", "-d", "x", "URL/"],
    &["--location-trusted", "-e", "http://r/;auto", "URL/"],
    &["-T", "FILE", "-H", "Transfer-Encoding:", "-H", "Expect:", "URL/x"],
];

/// Command lines that arrive otherwise: which header differs, and why that is left so.
const ALLOWED: &[(&[&str], &str, &str)] = &[
    (
        &["--compressed", "URL/"],
        "accept-encoding",
        "what is asked for is what the libcurl that sends it can decode; ours has no brotli and no zstd",
    ),
    (
        &["-T", "FILE", "URL/"],
        "expect",
        "curl asks first only for content of more than 1 MiB since 8.7, as we do; older ones ask for any upload",
    ),
    (&["-T", "FILE", "URL/up?x"], "expect", "the same"),
    (
        &["-b", "a=1", "-b", "b=2", "URL/"],
        "cookie",
        "there is a space between cookies, as RFC 6265 (4.2.1) wants",
    ),
    (
        &["-X", "POST", "URL/"],
        "content-length",
        "a POST without content says that its length is 0, as RFC 9110 (8.6) wants; some servers answer 411 otherwise",
    ),
];

/// A command line, the words in it filled in.
fn filled(args: &[&str], spool: &Spool, receiver: &Receiver) -> Vec<OsString> {
    let url = receiver.url("");
    let config = format!(
        "# a comment\nsilent\nurl = \"{url}/a\"\n-H \"x-a: \\\"b\\\"\"\ndata: b\nuser=me:pw\n--get\n"
    );
    let jar = "# Netscape HTTP Cookie File\n\n127.0.0.1\tFALSE\t/a\tFALSE\t0\ta\t1\n\
               127.0.0.1\tFALSE\t/\tFALSE\t4102444800\tb\t2\nother.example\tFALSE\t/\tFALSE\t0\tno\t3\n\
               127.0.0.1\tFALSE\t/no\tFALSE\t0\tno\t4\nSet-Cookie: d=5; path=/\n";
    let files: [(&str, &str, &[u8]); 8] = [
        ("JAR", "jar", jar.as_bytes()),
        ("TAG", "tag", b"\"x-1\"\n"),
        ("CONFIG", "config", config.as_bytes()),
        ("FILE", "file.txt", b"line 1\r\nline 2\n"),
        ("HEADERS", "headers", b"x-h: 1\n"),
        ("NETRC", "netrc", b"machine 127.0.0.1 login a password b\n"),
        ("PAGE", "page.html", b"<p>"),
        ("ODD", "odd n\u{e4}me?.txt", b"x"),
    ];
    let authority = url.trim_start_matches("http://");
    let port = authority.rsplit(':').next().unwrap();
    let fill = |arg: &&str| {
        let arg = arg.replace("URL", &url).replace("AUTHORITY", authority).replace("PORT", port);
        let arg = files.iter().fold(arg, |arg, (word, name, content)| {
            arg.replace(word, spool.file(name, content).to_str().unwrap())
        });
        OsString::from(arg)
    };
    args.iter().map(fill).collect()
}

/// The real curl, without files and variables of this machine.
pub(crate) fn curl() -> Command {
    let curl = std::env::var_os("SLIPSTREAM_TEST_CURL").unwrap_or_else(|| "curl".into());
    let mut command = Command::new(curl);
    command.args(["-q", "-s"]);
    for name in crate::proxies::VARIABLES {
        command.env_remove(name);
    }
    command
}

/// What curl sends for this command line.
fn of_curl(args: &[&str]) -> Vec<Seen> {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    let mut command = curl();
    command.args(filled(args, &spool, &receiver)).stdin(Stdio::null());
    let ended = command.output().expect("curl is needed; name one by SLIPSTREAM_TEST_CURL");
    assert!(ended.status.success(), "{args:?}: {ended:?}");
    seen(&receiver)
}

/// What is stored and delivered for it.
fn of_slipstream(args: &[&str]) -> Vec<Seen> {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    let words = filled(args, &spool, &receiver);
    let stored = spool.run([&["store".into()][..], &words].concat());
    // What curl leaves out in silence is reported.
    let told = stored.err.is_empty() || stored.err.contains("is not sent");
    assert!(stored.code == Some(0) && stored.out.is_empty() && told, "{args:?}: {stored:?}");
    let worked = spool.run(["work", "--quiet", "--attempts", "1", "--concurrency", "1"]);
    assert_eq!(worked, ran(0, "", ""), "{args:?}");
    seen(&receiver)
}

/// A request without what differs from one run to the next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    line: String,
    headers: Vec<(String, String)>,
    body: String,
}

pub(crate) fn seen(receiver: &Receiver) -> Vec<Seen> {
    let url = receiver.url("");
    let port = &url[url.rfind(':').unwrap()..];
    let named = |got: Got| {
        let text = |bytes: &[u8]| bytes.escape_ascii().to_string().replace(port, ":PORT");
        let mut boundary = None;
        let mut headers = Vec::new();
        for (name, value) in got.headers() {
            let name = name.to_ascii_lowercase();
            if let Some((_, random)) = value.split_once("boundary=") {
                boundary = Some(random.to_owned());
            }
            let own_name = value.starts_with("curl/") || value.starts_with("slipstream/");
            match &*name {
                "idempotency-key" | "x-amz-date" => {}
                "user-agent" if own_name => {}
                "authorization" if value.contains("AWS4") => headers.push((name, "AWS4".into())),
                _ => headers.push((name, text(value.as_bytes()))),
            }
        }
        // Those of one name stay in their order.
        headers.sort_by(|a, b| a.0.cmp(&b.0));
        let mut body = text(&got.body);
        if let Some(random) = boundary {
            body = body.replace(&random, "BOUNDARY");
            // The boundaries of nested parts are in there.
            let within = |c: char| c == '-' || c.is_ascii_hexdigit();
            while let Some((_, rest)) = body.split_once("boundary=-") {
                let end = rest.find(|c| !within(c)).unwrap_or(rest.len());
                body = body.replace(&format!("-{}", &rest[..end]), "NESTED");
            }
            headers.retain(|(name, _)| name != "content-length");
            for (_, value) in &mut headers {
                *value = value.replace(&random, "BOUNDARY");
            }
        }
        Seen { line: capitals(&text(got.line.as_bytes())), headers, body }
    };
    receiver.got().into_iter().map(named).collect()
}

/// A target with its percent-encoding in capitals, as newer versions of libcurl write it.
fn capitals(line: &str) -> String {
    let mut pieces = line.split('%');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |begun, piece| {
        let (digits, rest) = piece.split_at(piece.len().min(2));
        begun + "%" + &digits.to_uppercase() + rest
    })
}

#[test]
fn a_stored_request_arrives_as_curl_s_would() {
    let mut wrong = Vec::new();
    for args in SAME {
        let (curl, ours) = (of_curl(args), of_slipstream(args));
        assert!(!curl.is_empty(), "{args:?}");
        if curl != ours {
            wrong.push(format!("{args:?}\n  curl {curl:?}\n  ours {ours:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), SAME.len(), wrong.join("\n"));
}

#[test]
fn what_differs_differs_in_one_header_and_for_a_reason() {
    for (args, header, why) in ALLOWED {
        let (mut curl, mut ours) = (of_curl(args), of_slipstream(args));
        assert_ne!(curl, ours, "{args:?} need not stand here any more: {why}");
        for seen in curl.iter_mut().chain(&mut ours) {
            seen.headers.retain(|(name, _)| name != header);
        }
        assert_eq!(curl, ours, "{args:?}: more differs than {header}");
    }
}

/// Command lines that break off somewhere; TO is the URL of a redirect to URL/b.
const LIMITED: &[&[&str]] = &[
    &["-L", "TO"],
    &["-L", "--proto", "=http", "TO"],
    &["-L", "--proto", "=https", "TO"],
    &["-L", "--proto", "-http", "URL/"],
    &["--proto", "=ftp", "URL/"],
    &["--proto", "=https", "AUTHORITY/"],
    &["-L", "--proto-redir", "=https", "TO"],
    &["-L", "--proto-redir", "-all", "TO"],
    &["--location-trusted", "--proto-redir", "-http,ftp", "TO"],
    &["-L", "--proto", "=http", "--proto-redir", "=https", "TO"],
    &["-L", "--proto", "=https", "--proto", "=http", "TO"],
    &["--proto-redir", "=https", "TO"],
];

#[test]
fn what_proto_does_not_allow_is_reached_neither_at_once_nor_by_a_redirect() {
    for args in LIMITED {
        let fill = |receiver: &Receiver| {
            let to = receiver.url(&format!("/302?to={}", receiver.url("/b")));
            let args: Vec<_> = args.iter().map(|arg| arg.replace("TO", &to)).collect();
            let args: Vec<_> = args.iter().map(String::as_str).collect();
            filled(&args, &Spool::new(), receiver)
        };
        let (spool, receiver) = (Spool::new(), Receiver::new());
        curl().args(fill(&receiver)).status().expect("curl is needed");
        let lines = |receiver: &Receiver| {
            let got = receiver.got();
            got.into_iter().map(|got| got.line.split('=').next().unwrap().to_owned())
        };
        let of_curl: Vec<_> = lines(&receiver).collect();
        let receiver = Receiver::new();
        spool.run([&["store".into()][..], &fill(&receiver)].concat());
        spool.run(["work", "--quiet", "--attempts", "1"]);
        assert_eq!(lines(&receiver).collect::<Vec<_>>(), of_curl, "{args:?}");
    }
}

#[test]
fn a_host_that_the_environment_keeps_from_a_proxy_is_reached_without_it() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    let args = ["store", "-x", "http://127.0.0.1:1", &receiver.url("/")];
    let stored = spool.command(args).env("NO_PROXY", "127.0.0.1").output().unwrap();
    assert!(stored.status.success(), "{stored:?}");
    assert_eq!(spool.run(["work", "--quiet", "--attempts", "1"]), ran(0, "", ""));
    assert_eq!(receiver.got().len(), 1);
}
