//! What `store` says of requests over HTTP, option by option.

use super::{Scene, transcript};

#[test]
fn urls_are_refused() {
    transcript(
        "store_refuses_urls",
        &[
            "slipstream store ''",
            "slipstream store ftp://h/",
            "slipstream store dict.example.com",
            "slipstream store example.com/a",
            "slipstream store http://",
            "slipstream store http:///a",
            "slipstream store 'http://h/a b'",
            "slipstream store http://h:0/",
            "slipstream store http://h:99999/",
            "slipstream store http://me:s3cret/x@h/",
            "slipstream store http://me@you@h/",
            "slipstream store 'http://a b/'",
            "slipstream store http://a..b/",
            "slipstream store http://münchen.example/",
            "slipstream store http://[::1%25eth0]/",
            "slipstream store http://[h]/",
            "slipstream store http://1.2.3/",
            "slipstream store http://h/ tcp://h:1",
            "slipstream store 'http://h/[1-'",
            "slipstream store 'http://h/{a'",
            "slipstream store 'http://h/{}'",
            "slipstream store 'http://h/[z-a]'",
            "slipstream store 'http://h/[1-9999999]'",
            "slipstream store 'http://h/[1-10000]/[1-10000]'",
            "slipstream store --url",
            "slipstream store -X GET --next http://h/",
            "slipstream store -d x --next",
        ],
    );
}

#[test]
fn what_is_sent_is_refused() {
    let mut scene = Scene::new();
    scene.file("bad.txt", b"\xff\xfe");
    scene.file("text.txt", "text");
    scene.types_all(&[
        "slipstream store -X 'GE T' http://h/",
        "slipstream store -X CONNECT http://h/",
        "slipstream store -I -d x http://h/",
        "slipstream store -H 'no colon' http://h/",
        "slipstream store -H 'a b: c' http://h/",
        "slipstream store -H @HERE/missing http://h/",
        "slipstream store -H @HERE/bad.txt http://h/",
        "slipstream store -H 'host: a' -H 'host: b' http://h/",
        "slipstream store -H 'transfer-encoding: gzip' -d x http://h/",
        "slipstream store -H 'content-length: 3' -d x http://h/",
        "slipstream store -H 'content-length;' http://h/",
        "slipstream store -H 'transfer-encoding: chunked' -H 'content-length: 1' -d x http://h/",
        "slipstream store -H 'transfer-encoding: chunked' -0 -d x http://h/",
        "slipstream store -H 'host:' http://h/",
        "slipstream store -H 'content-length:' -d x http://h/",
        "slipstream store -d @HERE/missing http://h/",
        "slipstream store -d @HERE http://h/",
        "slipstream store --json @HERE/missing http://h/",
        "slipstream store --data-urlencode @HERE/missing http://h/",
        "slipstream store --url-query @HERE/missing http://h/",
        "slipstream store -G -d @HERE/bad.txt http://h/",
        "slipstream store -G --url-query a=1 http://h/",
        "slipstream store -T HERE/missing http://h/",
        "slipstream store -T HERE/text.txt -T HERE/text.txt http://h/",
        "slipstream store -T HERE/text.txt -d x http://h/",
        "slipstream store -T HERE/text.txt -C 99 http://h/",
        "slipstream store -C half http://h/",
        "slipstream store -T HERE/text.txt -C - --retry 2 http://h/",
        "slipstream store -C - --retry 2 http://h/",
        "slipstream store -r '1 2' http://h/",
        "slipstream store -z sometime http://h/",
        "slipstream store --etag-compare HERE/bad.txt http://h/",
        "slipstream store --etag-compare HERE/text.txt http://h/a http://h/b",
        "slipstream store --etag-save HERE/none/tag http://h/",
        "slipstream store --request-target 'a b' http://h/",
        "slipstream store -b HERE/bad.txt http://h/",
        "slipstream store -b HERE/missing http://h/",
        "slipstream store -b a=1 -H 'cookie: b=2' http://h/",
        "slipstream store -c HERE/jar http://h/a http://h/b",
        "slipstream store --user-agent 'a\u{7f}b' http://h/",
    ]);
    scene.is("store_refuses_what_is_sent");
}

#[test]
fn forms_are_refused() {
    let mut scene = Scene::new();
    scene.file("bad.txt", b"\xff\xfe");
    scene.types_all(&[
        "slipstream store -F a http://h/",
        "slipstream store -F a=@HERE/missing http://h/",
        "slipstream store -F a=<HERE/bad.txt http://h/",
        "slipstream store -F a=(b http://h/",
        "slipstream store -F =) http://h/",
        "slipstream store -F 'a=<HERE/bad.txt;filename=x' http://h/",
        "slipstream store -F 'a=b;encoder=base64' http://h/",
        "slipstream store -F 'a=b;c' http://h/",
        "slipstream store -F 'a=b;headers=@HERE/bad.txt' http://h/",
        "slipstream store -F 'a=b;headers=none' http://h/",
        "slipstream store -F 'a=\"b\"c' http://h/",
        "slipstream store -F 'a=b;type=\"a\"' http://h/",
        "slipstream store -F 'a\u{7f}=b' http://h/",
        "slipstream store -F 'a=b;headers=\"x y: 1\"' http://h/",
        "slipstream store -F a=b -d c http://h/",
        "slipstream store -F a=@HERE/bad.txt --form-string b=c -F d http://h/",
    ]);
    scene.is("store_refuses_forms");
}

#[test]
fn how_it_is_sent_is_refused() {
    let mut scene = Scene::new();
    scene.file("text.txt", "text");
    scene.file("netrc", "machine other login me password s3cret");
    scene.file("open-netrc", "machine h login \"me");
    scene.types_all(&[
        "slipstream store -u me http://h/",
        "slipstream store -u me:s3cret --oauth2-bearer s3cret http://h/",
        "slipstream store -u me:s3cret -H 'authorization: s3cret' http://h/",
        "slipstream store --oauth2-bearer '' http://h/",
        "slipstream store --aws-sigv4 aws:amz http://h/",
        "slipstream store -u me:s3cret --aws-sigv4 '' http://h/",
        "slipstream store --netrc http://h/",
        "HOME=- slipstream store --netrc http://h/",
        "slipstream store --netrc-file HERE http://h/",
        "slipstream store --netrc-file HERE/missing http://h/",
        "slipstream store --netrc-file HERE/netrc http://h/",
        "slipstream store --netrc-file HERE/open-netrc http://h/",
        "slipstream store --netrc-file HERE/netrc -L http://h/",
        "slipstream store --max-redirs 2000 -L http://h/",
        "slipstream store --max-redirs -5 -L http://h/",
        "slipstream store -0 --http2 http://h/",
        "slipstream store -x ftp://p http://h/",
        "slipstream store -x http:// http://h/",
        "slipstream store -U me:s3cret http://h/",
        "slipstream store --proxy-header none -x http://p http://h/",
        "slipstream store --noproxy 'a\u{7f}b' -x http://p http://h/",
        "slipstream store --unix-socket run/app.sock http://h/",
        "slipstream store --unix-socket /run/app.sock -x http://p http://h/",
        "slipstream store --unix-socket /a --abstract-unix-socket b http://h/",
        "slipstream store --resolve none http://h/",
        "slipstream store --resolve h:80:nowhere http://h/",
        "slipstream store --connect-to none http://h/",
        "slipstream store --cacert HERE/missing https://h/",
        "slipstream store --cacert HERE/text.txt https://h/",
        "slipstream store --cert HERE/text.txt https://h/",
        "slipstream store --key HERE/text.txt https://h/",
        "slipstream store -m -1 http://h/",
        "slipstream store -m soon http://h/",
        "slipstream store -m 999999 http://h/",
        "slipstream store --connect-timeout 999999 http://h/",
        "slipstream store -y 999999 http://h/",
        "slipstream store --sign-secret s3cret http://h/",
        "slipstream store --sign-secret env:a-b http://h/",
        "slipstream store --sign-secret file:relative http://h/",
        "slipstream store --sign-secret env:KEY -H 'webhook-id: 1' http://h/",
        "slipstream store -K HERE/missing http://h/",
        "slipstream store --framing line http://h/",
        "slipstream store --query 'SELECT 1' http://h/",
    ]);
    scene.is("store_refuses_how_it_is_sent");
}

#[test]
fn options_of_curl_are_refused_each_with_what_to_do() {
    transcript(
        "store_refuses_options_of_curl",
        &[
            "slipstream store --hsts f http://h/",
            "slipstream store --http3 http://h/",
            "slipstream store --http0.9 http://h/",
            "slipstream store --ntlm http://h/",
            "slipstream store --cert-type DER http://h/",
            "slipstream store --capath d http://h/",
            "slipstream store --tlsv1.0 http://h/",
            "slipstream store --interface eth0 http://h/",
            "slipstream store --proxy-cacert f http://h/",
            "slipstream store --proto-default http http://h/",
            "slipstream store --proto =https http://h/",
            "slipstream store --proto gopher http://h/",
            "slipstream store --proto-redir '' http://h/",
            "slipstream store --limit-rate 1k http://h/",
            "slipstream store --max-filesize 9 http://h/",
            "slipstream store --ignore-content-length http://h/",
            "slipstream store --crlf http://h/",
            "slipstream store --no-clobber http://h/",
            "slipstream store --mail-from me http://h/",
            "slipstream store --ftp-port - http://h/",
            "slipstream store --max-time",
            "slipstream store -v -s -o f http://h/",
        ],
    );
}

#[test]
fn variables_and_files_of_options_are_refused() {
    let mut scene = Scene::new();
    for (name, text) in [
        ("text", "url = \"http://h/\" more\n"),
        ("value", "silent = yes\n"),
        ("unknown", "nothing-like-it = 1\n"),
        ("refused", "ntlm\n"),
        ("loop", "config = HERE/loop\n"),
    ] {
        let here = scene.spool.path();
        let here = here.parent().unwrap().to_str().unwrap();
        scene.file(name, text.replace("HERE", here));
        scene.types(&format!("slipstream store -K HERE/{name} http://h/"));
    }
    scene.types_all(&[
        "slipstream store --variable '' http://h/",
        "slipstream store --variable a http://h/",
        "slipstream store --variable %NOT_SET http://h/",
        "slipstream store --variable a[x]=b http://h/",
        "slipstream store --variable a[5]=b http://h/",
        "slipstream store --variable a=b --expand-data {{a:upper}} http://h/",
        "slipstream store --variable a@HERE/missing --expand-data {{a}} http://h/",
        "slipstream store --variable a=b --expand-nothing {{a}} http://h/",
    ]);
    scene.is("store_refuses_config_files_and_variables");
}
