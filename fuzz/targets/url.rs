//! A URL of any text, taken apart here and by libcurl: what is accepted here, libcurl accepts with the
//! same parts; what libcurl refuses is refused here; and what is refused here alone is one of a few
//! spellings. Likewise where a `Location` (the second line) leads from there.

use std::net::Ipv6Addr;

use slipstream_core::{Request, UrlParts, bare_host, resolved, unsendable, with_two_slashes};
use slipstream_http::HttpRequest;

#[path = "libcurl_url.rs"]
mod libcurl;

use libcurl::Url;

pub(crate) fn check(data: &[u8]) {
    let cut = data.iter().position(|byte| *byte == b'\n');
    let (url, location) = match cut {
        Some(at) => (&data[..at], Some(&data[at + 1..])),
        None => (data, None),
    };
    let url = String::from_utf8_lossy(url);
    read(&url);
    if let Some(location) = location.map(<[u8]>::trim_ascii).filter(|it| !it.is_empty()) {
        follow(&url, location);
    }
}

/// What both make of a URL's text.
fn read(text: &str) {
    if UrlParts::of(text).is_of("file") {
        // libcurl has rules of its own for files, and no kind has files.
        assert!(HttpRequest::get(text).check().is_err());
        return;
    }
    let theirs = Url::parse(text.as_bytes());
    let parts = UrlParts::guessed(text);
    let ours = parts.host_and_port().ok().filter(|_| unsendable(text).is_none());
    match (&ours, &theirs) {
        (None, None) => {}
        (Some((host, port)), Some(theirs)) => {
            same(&parts, host, theirs, text);
            assert_eq!(*port, theirs.port(), "{text:?}");
        }
        (Some(_), None) => panic!("libcurl refuses {text:?}, and we do not"),
        (None, Some(theirs)) => match with_two_slashes(text) {
            // One slash behind the scheme, or three. The command line makes two of them.
            two if two != text => read(&two),
            _ => assert!(is_refused_here_alone(text, theirs), "libcurl takes {text:?}"),
        },
    }
    // What is said of a URL holds of a request.
    let is_http = parts.is_of("http") || parts.is_of("https");
    let request = HttpRequest::get(text);
    assert_eq!(request.check().is_ok(), ours.is_some() && is_http, "{text:?}");
    if let (Some((host, _)), Some(theirs), true) = (ours, theirs, is_http) {
        let port = theirs.actual_port().unwrap();
        let to = format!("{}://{host}:{port}", theirs.scheme());
        assert_eq!(request.destination().as_str(), to);
    }
}

/// Where both go from a URL that leads somewhere.
fn follow(base: &str, location: &[u8]) {
    if HttpRequest::get(base).check().is_err() || location.contains(&0) {
        return;
    }
    let theirs = Url::parse(base.as_bytes()).expect("what is accepted here").follow(location);
    let ours = resolved(base, location);
    let shown = format!("{base:?} to {:?}, as {ours:?}", location.escape_ascii().to_string());
    let is_ours = HttpRequest::get(&*ours).check().is_ok();
    let Some(theirs) = theirs.filter(|it| ["http", "https"].contains(&&*it.scheme())) else {
        assert!(!is_ours, "libcurl goes nowhere from {shown}");
        return;
    };
    let parts = UrlParts::of(&ours);
    match parts.host_and_port() {
        Ok((host, port)) if is_ours => {
            // The fragment is never sent.
            let fragment = theirs.fragment();
            let parts = UrlParts { fragment: fragment.as_deref(), ..parts };
            same(&parts, &host, &theirs, &shown);
            assert_eq!(port, theirs.port(), "{shown}");
        }
        _ => {
            // Control characters, where a host is named, too. libcurl encodes those behind the host.
            let control = location.iter().any(u8::is_ascii_control);
            assert!(control || is_refused_here_alone(&ours, &theirs), "libcurl goes from {shown}");
        }
    }
}

fn same(ours: &UrlParts<'_>, host: &str, theirs: &Url, shown: &str) {
    if let Some(scheme) = ours.scheme {
        assert_eq!(scheme.to_ascii_lowercase(), theirs.scheme(), "{shown}");
    }
    let address = |host: &str| bare_host(host).parse::<Ipv6Addr>().ok();
    let other = theirs.host().to_ascii_lowercase();
    assert!(
        host == other || address(host).is_some_and(|it| Some(it) == address(&other)),
        "{shown}"
    );
    // Mail has more in its user than a user.
    let mail = ["imap", "pop3", "smtp"].iter().any(|it| theirs.scheme().starts_with(it));
    // What a redirect's has beyond ASCII, libcurl keeps, and decodes with the rest when it is used.
    let encoded = |user: &[u8]| {
        let byte = |byte: &u8| match byte {
            b'!'..=b'~' => char::from(*byte).to_string(),
            _ => format!("%{byte:02X}"),
        };
        user.iter().map(byte).collect::<String>()
    };
    let user = (ours.user().map(|it| encoded(it.as_bytes())), theirs.user().map(|it| encoded(&it)));
    assert!(mail || user.0 == user.1, "{shown}");
    let path = if ours.path.is_empty() { "/" } else { ours.path };
    assert_eq!(path, theirs.path(), "{shown}");
    assert_eq!(ours.query, theirs.query().as_deref(), "{shown}");
    // libcurl may take an empty fragment for none: it is never sent.
    let fragment = |it: Option<&str>| it.unwrap_or_default().to_owned();
    assert_eq!(fragment(ours.fragment), fragment(theirs.fragment().as_deref()), "{shown}");
}

/// The spellings that libcurl takes and that are refused here, for one host is to have one spelling,
/// and a name is to be no address.
fn is_refused_here_alone(text: &str, theirs: &Url) -> bool {
    let place = UrlParts::guessed(text).place().to_ascii_lowercase();
    let host = place.rsplit_once(':').map_or(&*place, |(host, _)| host);
    let labels = host.strip_suffix('.').unwrap_or(host);
    let is_number = |label: &str| match label.strip_prefix("0x") {
        Some(digits) => digits.bytes().all(|b| b.is_ascii_hexdigit()),
        None => label.bytes().all(|b| b.is_ascii_digit()),
    };
    // Nothing listens there.
    theirs.port() == Some(0)
        // Percent-encoded, or an IPv6 address with a zone.
        || place.contains('%')
        // In another alphabet, for which libcurl may have no library.
        || !place.is_ascii()
        // What a resolver refuses: empty labels, and a name that fits into no question.
        || labels.split('.').any(str::is_empty)
        || labels.len() > 253
        // An IPv4 address in an old spelling, or what looks like one.
        || labels.split('.').all(is_number)
}
