//! `slipstream store`: what is sent of what was said, and what is refused.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::receiver::{Got, PATIENCE, Receiver};
use crate::run::{Ran, Spool, assert_refused, ran};

/// Stores with these arguments, delivers, and returns what arrived.
#[track_caller]
fn sent(args: &[&str]) -> Got {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    let url = receiver.url("/");
    spool.quietly([&["store"], args, &[&*url]].concat());
    assert_eq!(spool.run(["work"]), ran(0, "Processing Job: .DONE\n", ""));
    receiver.only()
}

#[test]
fn a_url_alone_is_a_get_without_a_body() {
    let got = sent(&[]);
    assert_eq!((&*got.line, &*got.body), ("GET /", &b""[..]));
}

#[test]
fn data_makes_a_post_of_a_form() {
    let got = sent(&["-d", "a=1", "-d", "b=2"]);
    assert_eq!((&*got.line, &*got.body), ("POST /", &b"a=1&b=2"[..]));
    let form = Some("application/x-www-form-urlencoded");
    assert_eq!(got.header("content-type"), form);
}

#[test]
fn data_may_be_empty_and_may_begin_with_a_dash() {
    assert_eq!(sent(&["-d", ""]).line, "POST /");
    assert_eq!(sent(&["-d", "--x"]).body, b"--x");
}

#[test]
fn json_says_that_it_is_json() {
    let got = sent(&["--json", "{\"a\":1}"]);
    assert_eq!((&*got.line, &*got.body), ("POST /", &b"{\"a\":1}"[..]));
    for name in ["content-type", "accept"] {
        assert_eq!(got.header(name), Some("application/json"));
    }
}

#[test]
fn a_header_of_ones_own_replaces_the_one_for_json() {
    let got = sent(&["--json", "1", "-H", "Content-Type: text/json", "-H", "Accept:*/*"]);
    assert_eq!(got.header("content-type"), Some("text/json"));
    assert_eq!(got.header("accept"), Some("*/*"));
}

#[test]
fn a_method_and_headers_are_sent_as_given() {
    let got = sent(&["-X", "PUT", "-H", "x-foo: bar", "-H", "x-empty;", "-d", "x"]);
    assert_eq!(got.line, "PUT /");
    assert_eq!(got.header("x-foo"), Some("bar"));
    assert_eq!(got.header("x-empty"), Some(""));
}

#[test]
fn a_body_comes_from_a_file_or_from_standard_input() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    let file = spool.file("body", b"a\r\nb\xff\n");
    let (at, url) = (format!("@{}", file.display()), receiver.url("/"));
    spool.quietly(["store", "-d", &at, &url]);
    spool.quietly(["store", "--json", &at, &url]);
    let stored = spool.run_with(&["store", "-d", "@-", &url], b"from\n a pipe");
    assert_eq!(stored, ran(0, "", ""));
    spool.run(["work"]);
    let mut bodies: Vec<_> = receiver.got().into_iter().map(|got| got.body).collect();
    bodies.sort();
    assert_eq!(bodies, [&b"a\r\nb\xff\n"[..], b"ab\xff", b"from a pipe"]);
}

#[test]
fn data_need_not_be_text() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    let url = receiver.url("/");
    let bytes = OsStr::from_bytes(b"\xff\xfe");
    spool.quietly([OsStr::new("store"), OsStr::new("-d"), bytes, OsStr::new(&url)]);
    spool.run(["work"]);
    assert_eq!(receiver.only().body, b"\xff\xfe");
}

#[test]
fn a_form_s_text_need_not_be_text_either() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    let url = receiver.url("/");
    let part = OsStr::from_bytes(b"n=\xff;type=\xfe");
    spool.quietly([OsStr::new("store"), OsStr::new("--form-string"), part, OsStr::new(&url)]);
    spool.run(["work"]);
    let (body, part) = (receiver.only().body, b"name=\"n\"\r\n\r\n\xff;type=\xfe\r\n");
    assert!(body.windows(part.len()).any(|some| some == part), "{}", body.escape_ascii());
}

#[test]
fn the_id_that_is_printed_is_the_key_that_is_sent() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    let stored = spool.run(["store", "--print-id", "-d", "x", &receiver.url("/")]);
    let id = stored.out.trim_end().to_owned();
    assert_eq!(stored, ran(0, &format!("{id}\n"), ""));
    assert_eq!(id.len(), 36);
    spool.run(["work"]);
    assert_eq!(receiver.only().header("idempotency-key"), Some(&*id));
}

#[test]
fn several_urls_are_stored_in_order_each_with_its_id() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    let url = receiver.url("/[1-2]{a,b}");
    let stored =
        spool.run(["store", "--print-id", "-X", "POST", &url, "--url", &receiver.url("/c")]);
    assert_eq!((stored.code, &*stored.err), (Some(0), ""));
    spool.run(["work", "--concurrency", "1"]);
    let got = receiver.got();
    let lines: Vec<_> = got.iter().map(|got| &*got.line).collect();
    assert_eq!(lines, ["POST /1a", "POST /1b", "POST /2a", "POST /2b", "POST /c"]);
    let keys: Vec<_> = got.iter().map(|got| got.header("idempotency-key").unwrap()).collect();
    assert_eq!(keys, stored.out.lines().collect::<Vec<_>>());
}

#[test]
fn what_means_nothing_to_a_stored_request_is_named_in_one_trace() {
    let spool = Spool::new();
    let stored = spool.run(["store", "-v", "-sSo", "/nowhere/out", "--no-buffer", "http://h/"]);
    assert_eq!((stored.code, &*stored.out), (Some(0), ""), "{stored:?}");
    let end = "ignored, as it means nothing to a stored request: --silent --show-error --output --no-buffer\n";
    assert!(stored.err.ends_with(end) && stored.err.matches('\n').count() == 1, "{stored:?}");
}

#[test]
fn a_durable_request_of_a_named_source_is_stored_like_any_other() {
    let spool = Spool::new();
    spool.quietly(["store", "--durable", "--source", "shop", "http://h/"]);
    assert_eq!(spool.sums(), [1, 1, 0, 0]);
}

#[test]
fn entries_of_other_hosts_in_a_netrc_file_are_not_stored_nor_passed_over() {
    let spool = Spool::new();
    let file = spool.file("netrc", "machine h login a password b\nmachine i login c password d\n");
    let file = file.to_str().unwrap();
    assert_eq!(spool.run(["store", "--netrc-file", file, "http://h/"]), ran(0, "", ""));
    let stored = spool.run(["store", "-L", "--netrc-file", file, "http://h/"]);
    assert_refused(&stored, "what it says of those is not stored");
}

#[test]
fn cookies_of_a_file_are_masked_wherever_a_request_is_shown() {
    let spool = Spool::new();
    let jar = spool
        .file("jar", "h\tFALSE\t/\tFALSE\t0\tsid\tsesame\ni\tFALSE\t/\tFALSE\t0\tsid\tsesame\n");
    let jar = jar.to_str().unwrap();
    assert_eq!(spool.run(["store", "-b", jar, "http://h/"]), ran(0, "", ""));
    let log = spool.logs("collecting").remove(0);
    // Of the other host none is stored.
    let text = std::fs::read(&log).unwrap().escape_ascii().to_string();
    assert_eq!(text.matches("sesame").count(), 1);
    let shown = spool.run(["inspect", log.to_str().unwrap()]);
    assert!(shown.code == Some(0) && !shown.out.contains("sesame"), "{shown:?}");
}

#[test]
fn what_can_never_be_sent_is_refused_in_one_line_and_leaves_no_trace() {
    let table: &[(&[&str], &str)] = &[
        (&["ftp://example.com/"], "no request goes to ftp://; `slipstream kinds` lists where to"),
        // The option is not what is wrong.
        (&["--framing", "line", "udp://h:1"], "no request goes to udp://"),
        (&["--query", "DO 1", "mariadb://app@h/shop"], "no request goes to mariadb://"),
        (&["--once", "http://h/", "smtp://h/"], "no request goes to smtp://"),
        (&["http://exa mple/"], "%20"),
        (&[""], "the url is empty"),
        (&["-X", "GE T", "http://h/"], "such as GET"),
        (&["-X", "HEAD", "-d", "x", "http://h/"], "no body"),
        (&["-u", "me", "http://h/"], "write USER:PASSWORD"),
        (&["-u", "me:x", "--oauth2-bearer", "t", "http://h/"], "leave"),
        (
            &["-b", "cookies.txt", "http://h/[1-2]"],
            "store them one by one, or write the cookies as -b",
        ),
        (&["-c", "jar", "http://h/", "--next", "http://i/"], "store them one by one"),
        (&["--etag-compare", "tag", "http://h/", "http://i/"], "the tag of one url"),
        (&["-C", "-", "--retry", "2", "http://h/"], "write the offset"),
        (&["-C", "soon", "http://h/"], "invalid value 'soon' for '--continue-at'"),
        (&["-C", "9", "-r", "1-2", "http://h/"], "cannot be used with"),
        (&["--next", "http://h/"], "has no url before it"),
        (&["ftp.example.com/x"], "write http:// before it"),
        (&["--http0.9", "http://h/"], "has no status"),
        (&["--etag-save", "/nowhere/tag", "http://h/"], "curl would send nothing"),
        (&["-T", "-", "-H", "content-length: 0", "http://h/"], "sent in chunks"),
        (&["-0", "-H", "transfer-encoding: chunked", "-d", "x", "http://h/"], "no chunks"),
        (&["--variable", "%SLIPSTREAM_NOT_SET", "http://h/"], "not in the environment"),
        (&["-m", "-1", "http://h/"], "expected seconds such as 2.5, at most 86400"),
        (&["-F", "photo", "http://h/"], "write NAME=CONTENT"),
        (&["-F", "a=<b;filename=c", "http://h/"], "write @FILE"),
        (&["-F", "a=b;c", "http://h/"], "or use --form-string"),
        (&["-I", "-d", "x", "http://h/"], "a HEAD request has no body"),
        (&["-F", "a=b;encoder=base64", "http://h/"], "encoder cannot be stored"),
        (&["-F", "a=b", "-d", "x", "http://h/"], "cannot be used with"),
        (&["-G", "-F", "a=b", "http://h/"], "cannot be used with"),
        (&["--cacert", "/nowhere/ca", "http://h/"], "the certificates' file '/nowhere/ca'"),
        (&["--netrc-file", "/dev/null", "http://h/"], "has no entry for h"),
        (&["--resolve", "h", "http://h/"], "host:port:address"),
        (&["--sign-secret", "whsec_abc", "http://h/"], "expected env:NAME"),
        (&["--http1.1", "--http2", "http://h/"], "cannot be used with"),
        (&["http://h/", "a b"], "%20"),
        (&["http://h/[1-20000]"], "one command stores 10000 at most"),
        (&["http://h/{a"], "-g where brackets are only brackets"),
        (
            &["--dedupe", "k", "http://h/{a,b}"],
            "--dedupe names one request, and the urls stand for 2",
        ),
        (&["-T", "a", "-T", "b", "http://h/"], "more files to upload than urls"),
        (&["-G", "-d", "a", "--url-query", "b", "http://h/"], "write it as --data-urlencode"),
        (&["-z", "soon", "http://h/"], "expected a file, or a time such as"),
        (
            &["-s", "--hsts", "x", "http://h/"],
            "'--hsts' cannot be stored: what earlier answers said",
        ),
        (&["-K", "/nowhere/config", "http://h/"], "the config file '/nowhere/config'"),
        (&["-H", "x: a\nb: c", "http://h/"], "line break"),
        (&["-H", "content-length: 1", "http://h/"], "leave it out"),
        (&["-d", "@/nowhere/body", "http://h/"], "'/nowhere/body'"),
    ];
    for (args, words) in table {
        let spool = Spool::new();
        let stored = spool.run([&["store"], *args].concat());
        assert_refused(&stored, words);
        assert!(!spool.path().exists(), "{args:?}");
    }
}

#[test]
fn a_url_or_header_that_is_no_utf8_is_refused_by_name() {
    let spool = Spool::new();
    let store = OsStr::new("store");
    let url = OsStr::from_bytes(b"http://h/\xff");
    assert_refused(&spool.run([store, url]), "the url is not UTF-8");
    let header = OsStr::from_bytes(b"x-foo: \xff");
    let stored = spool.run([store, OsStr::new("-H"), header, OsStr::new("http://h/")]);
    assert_refused(&stored, "'x-foo' is not UTF-8");
}

#[test]
fn a_spool_that_cannot_be_used_is_refused_and_left_alone() {
    let spool = Spool::new();
    std::fs::write(spool.path(), "a file").unwrap();
    let stored = spool.run(["store", "http://h/"]);
    assert_refused(&stored, "SPOOL is a file or a symbolic link; name the directory itself");
    assert_eq!(std::fs::read(spool.path()).unwrap(), b"a file");

    let elsewhere = spool.run(["--dir", "/nowhere/spool", "store", "http://h/"]);
    assert_refused(&elsewhere, "cannot make the directory /nowhere/spool: ");
}

#[test]
fn a_request_larger_than_the_spool_takes_is_refused() {
    let spool = Spool::new();
    spool.run(["init", "--record-max", "1KiB"]);
    let body = "x".repeat(2_000);
    assert_refused(&spool.run(["store", "-d", &body, "http://h/"]), "the limit is 1024");
    assert_eq!(spool.sums(), [0, 0, 0, 0]);
}

/// OpenSSL reads its settings when it starts, here from a pipe that is listened at.
#[test]
fn storing_starts_neither_libcurl_nor_tls_and_working_does() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    let pipe = spool.path().with_file_name("openssl.cnf");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let (send, opened) = std::sync::mpsc::channel();
    let path = pipe.clone();
    std::thread::spawn(move || {
        send.send(std::fs::OpenOptions::new().write(true).open(path).map(drop))
    });
    let mut store = spool.command(["store", &receiver.url("/")]);
    let stored = store.env("OPENSSL_CONF", &pipe).output().unwrap();
    assert_eq!(spool.tell(stored), ran(0, "", ""));
    assert!(opened.try_recv().is_err(), "it started TLS");
    let mut work = spool.command(["work"]);
    let worked = work.env("OPENSSL_CONF", &pipe).output().unwrap();
    assert_eq!(worked.status.code(), Some(0));
    assert!(opened.recv_timeout(PATIENCE).is_ok(), "it did not start TLS");
}

/// Fills a slot of one log in a spool of its own, and stores once more.
fn store_into_a_full_slot(on_full: &str) -> (Spool, Ran) {
    let spool = Spool::new();
    let (record, log) = ("--record-max=400", "--log-max=600");
    spool.run(["init", "--slots=1", "--logs=1", record, log, "--on-full", on_full]);
    let body = "x".repeat(300);
    let store = ["store", "-d", &body, "http://h/"];
    // One log is full, one waits sealed, then the waiting one has to go.
    spool.quietly(store);
    spool.quietly(store);
    let third = spool.run(store);
    (spool, third)
}

#[test]
fn overwriting_is_told_to_the_program_that_caused_it() {
    let (spool, third) = store_into_a_full_slot("overwrite");
    assert_eq!((third.code, &*third.out), (Some(0), ""), "{third:?}");
    let begin = "slipstream: overwrote 1 request of the oldest log (";
    let end = "), which nothing had delivered yet; is the worker running?\n";
    assert!(third.err.starts_with(begin) && third.err.ends_with(end), "{third:?}");
    assert_eq!(spool.status()["totals"]["overwritten"], 1);
}

#[test]
fn a_full_slot_of_a_spool_that_rejects_refuses() {
    let (spool, third) = store_into_a_full_slot("reject");
    assert_refused(&third, "SPOOL is full: slot 0 has 1 logs that wait");
    assert_eq!(spool.sums(), [2, 2, 0, 0]);
}
