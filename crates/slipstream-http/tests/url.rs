//! URLs of any text are taken apart as libcurl takes them apart, and redirects lead where libcurl would
//! go. `fuzz/targets/url.rs` says what is the same, and which spellings are refused here alone.
//! SLIPSTREAM_FUZZ_ROUNDS and PROPTEST_CASES make longer runs.
#![cfg(feature = "deliver")]

use proptest::prelude::*;

#[path = "../../../fuzz/replay.rs"]
mod replay;
#[path = "../../../fuzz/targets/url.rs"]
mod urls;

#[test]
fn a_url_that_a_fuzzer_found_is_read_as_libcurl_reads_it() {
    replay::vary("url", urls::check);
}

/// What means something in a URL, more often than what does not.
fn url() -> impl Strategy<Value = String> {
    let scheme = "(http|https|HTTP|tcp|mysql|file|ftp|imap|a+b|)(:|://|://|://|:/|:///|//|)";
    let host = "(h|[a-z0-9.~_-]{1,6}|[0-9x.]{1,9}|\\[[0-9a-f:.%]{0,9}\\]|[!-~]{0,4}|\u{fc}|)";
    let user = "(|||[a-z:@%;/?#]{0,4}@)";
    let port = "(|||:|:80|:443|:0|:00081|:[0-9]{1,6}|:[!-~]{0,3})";
    let path = "(/(a|b|\\.|\\.\\.|%2e|%2E\\.|%c3|%C|\u{fc}|[!-~]{0,3}|)){0,5}";
    let rest = "(|||\\?[!-~]{0,5})(|||#[!-~]{0,5})";
    [scheme, user, host, port, path, rest]
        .map(|part| part.prop_map(|it: String| it))
        .prop_map(|it| it.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_url_is_read_as_libcurl_reads_it(url in url(), more in "[ -~]{0,3}|\\PC{0,2}|[\\x00-\\x20]{0,1}", at: prop::sample::Index) {
        urls::check(url.as_bytes());
        let chars: Vec<_> = url.chars().collect();
        let (before, behind) = chars.split_at(at.index(chars.len() + 1));
        let longer: String = before.iter().copied().chain(more.chars()).chain(behind.iter().copied()).collect();
        urls::check(longer.as_bytes());
    }

    #[test]
    fn a_location_leads_where_libcurl_goes(
        base in "(http|HTTPS)://(u:p@|)(h|\\[::1\\])(|:81)(|/|(/(a|b|\\.\\.|%2e|%c3|\u{fc}|c;d)){1,3}/?)(|\\?[a-z/.%2]{0,5})(|#[a-z/?]{0,4})",
        location in "[ -~]{1,12}|[./?#a%2E]{1,9}|//[a-z/.]{1,6}|/{0,4}[\\x01-\\x20\u{fc}a-c/]{1,5}",
        other in url(),
    ) {
        for location in [&location, &other] {
            urls::check(format!("{base}\n{location}").as_bytes());
        }
    }
}
