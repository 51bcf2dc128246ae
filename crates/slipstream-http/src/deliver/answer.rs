//! The beginning of an answer, kept for the operator when an attempt failed.
//!
//! # Invariants
//! - At most [`HEAD_MAX`] bytes of the head and [`BODY_MAX`] of the body, whatever a server sends.
//! - Nothing of a 2xx, which costs no more than a look at its status line.
//! - Of every URL in it user, password and query values are left out before it is kept: where a
//!   redirect leads may be all that it takes to be another user there.
//!
//! # Non-goals
//! Headers that say nothing about a failure (`Set-Cookie` may hold a secret), the body of a
//! redirect, which repeats its `Location`, and any escaping. But for URLs it is kept as it came,
//! and what shows it must escape it.

use std::io::Read;

use flate2::read::{GzDecoder, ZlibDecoder};

use crate::request::masked::{ends_a_url, location_masked, urls_masked};

/// Most of a head that is kept.
const HEAD_MAX: usize = 2 * 1024;

/// Longest header that is kept whole; a longer header is cut.
const LINE_MAX: usize = 512;

/// Most of a body that is kept.
const BODY_MAX: usize = 1024;

/// Headers that matter, lower case.
const KEPT: [&str; 12] = [
    "content-type",
    "content-length",
    "retry-after",
    "location",
    "www-authenticate",
    "server",
    "date",
    "x-request-id",
    "request-id",
    "x-correlation-id",
    "x-amzn-requestid",
    "cf-ray",
];

/// What was kept so far.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    keeps: bool,
    redirects: bool,
    packed: Option<Packed>,
    head: Vec<u8>,
    body: Vec<u8>,
}

/// How a body was compressed.
#[derive(Debug, Clone, Copy)]
enum Packed {
    Gzip,
    Deflate,
}

impl Answer {
    /// Forgets everything, before a request.
    pub(crate) fn clear(&mut self) {
        self.keeps = false;
        self.redirects = false;
        self.packed = None;
        self.head.clear();
        self.body.clear();
    }

    /// Whether this answer is to be looked at.
    pub(crate) fn keeps(&self) -> bool {
        self.keeps
    }

    /// A status line: an answer begins, and the answers before were not the last.
    pub(crate) fn begin(&mut self, line: &[u8]) {
        self.clear();
        let status = line.split(|b| *b == b' ').nth(1);
        self.keeps = !status.is_some_and(|status| status.starts_with(b"2"));
        self.redirects = status.is_some_and(|status| status.starts_with(b"3"));
        if self.keeps {
            self.push(&urls_masked(&String::from_utf8_lossy(line)));
        }
    }

    /// A header, by its name and its value.
    pub(crate) fn header(&mut self, name: &[u8], value: &[u8]) {
        if name.eq_ignore_ascii_case(b"content-encoding") {
            self.packed = match value.trim_ascii().to_ascii_lowercase().as_slice() {
                b"gzip" | b"x-gzip" => Some(Packed::Gzip),
                b"deflate" => Some(Packed::Deflate),
                _ => None,
            };
        }
        if KEPT.iter().any(|kept| kept.as_bytes().eq_ignore_ascii_case(name)) {
            let value = String::from_utf8_lossy(value.trim_ascii());
            // Before it is cut: what follows may show what is a password.
            let value = match name.eq_ignore_ascii_case(b"location") {
                true => location_masked(&value),
                false => urls_masked(&value),
            };
            self.push(&format!("{}: {value}", String::from_utf8_lossy(name)));
        }
    }

    /// A piece of the body.
    pub(crate) fn body(&mut self, piece: &[u8]) {
        let room = if self.redirects { 0 } else { BODY_MAX - self.body.len() };
        self.body.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    fn push(&mut self, line: &str) {
        let line = line.trim_ascii_end().as_bytes();
        let line = &line[..line.len().min(LINE_MAX)];
        if self.head.len() + line.len() < HEAD_MAX {
            self.head.extend_from_slice(line);
            self.head.push(b'\n');
        }
    }

    /// What there is of it: the head, an empty line and the body. `decoded` says that the
    /// body came here as text already.
    pub(crate) fn text(&self, decoded: bool) -> Option<String> {
        if self.head.is_empty() {
            return None;
        }
        let mut text = String::from_utf8_lossy(&self.head).into_owned();
        let body = match self.packed.filter(|_| !decoded) {
            None => self.body.clone(),
            Some(Packed::Gzip) => unpacked(GzDecoder::new(&*self.body)),
            Some(Packed::Deflate) => unpacked(ZlibDecoder::new(&*self.body)),
        };
        if !body.is_empty() {
            text.push('\n');
            text.push_str(&body_masked(&body));
        }
        Some(text)
    }
}

/// The beginning of a body as text, without what its URLs may hold.
fn body_masked(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let mut shown = urls_masked(&text);
    // A URL that is cut may have lost the '@' that would show a password.
    if body.len() >= BODY_MAX
        && let Some(at) = shown.rfind("://").filter(|at| !shown[*at..].contains(ends_a_url))
    {
        shown.truncate(at + 3);
    }
    shown
}

/// As much as can be decoded of a beginning.
fn unpacked(decoder: impl Read) -> Vec<u8> {
    let mut body = Vec::new();
    // It ends in an error where what was kept ends; what came before is good.
    let _ = decoder.take(BODY_MAX as u64).read_to_end(&mut body);
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(lines: &[&str], body: &[u8]) -> Answer {
        let mut answer = Answer::default();
        for line in lines {
            if line.starts_with("HTTP/") {
                answer.begin(line.as_bytes());
            } else {
                let name = line.split(':').next().unwrap();
                let value = line.split(": ").nth(1).unwrap().as_bytes();
                answer.header(name.as_bytes(), value);
            }
        }
        answer.body(body);
        answer
    }

    #[test]
    fn what_matters_of_an_answer_is_kept() {
        let lines = [
            "HTTP/1.1 100 Continue\r\n",
            "Server: gone\r\n",
            "HTTP/1.1 503 Busy\r\n",
            "Content-TYPE: text/plain\r\n",
            "Set-Cookie: sid=sesame\r\n",
            "X-Request-Id: 17\r\n",
        ];
        let kept = answer(&lines, b"try \xff later");
        assert!(kept.keeps());
        assert_eq!(
            kept.text(false).unwrap(),
            "HTTP/1.1 503 Busy\nContent-TYPE: text/plain\nX-Request-Id: 17\n\ntry \u{fffd} later"
        );
        assert_eq!(answer(&["HTTP/2 404 \r\n"], b"").text(false).unwrap(), "HTTP/2 404\n");
        assert_eq!(answer(&[], b"").text(false), None);
    }

    #[test]
    fn what_a_url_of_an_answer_may_hold_is_not_kept() {
        for (location, kept) in [
            ("https://u:sesame@h/a?t=sesame#sesame", "https://***@h/a?t=***"),
            ("//u:sesame@h/a", "//***@h/a"),
            ("/a;jsessionid=sesame/b?sesame", "/a;jsessionid=***/b?***"),
            ("?a=sesame&b=sesame", "?a=***&b=***"),
        ] {
            let location = format!("LOCATION: {location}\r\n");
            let lines = ["HTTP/1.1 302 Go to http://h/?t=sesame\r\n", &location];
            let kept_of = answer(&lines, b"<a href='/a?sesame'>sesame</a>").text(false).unwrap();
            let first = "HTTP/1.1 302 Go to http://h/?t=***";
            assert_eq!(kept_of, format!("{first}\nLOCATION: {kept}\n"));
        }
        let lines = [
            "HTTP/1.1 401 No\r\n",
            "WWW-Authenticate: Bearer realm=\"https://h/?t=sesame\", error=\"invalid_token\"\r\n",
        ];
        let body = r#"{"see": "https:\/\/u:sesame@h\/x?t=sesame&amp;u=sesame", "or": "/l?t=sesame", "why": "no: a?b"}"#;
        assert_eq!(
            answer(&lines, body.as_bytes()).text(false).unwrap(),
            "HTTP/1.1 401 No\nWWW-Authenticate: Bearer realm=\"https://h/?t=***\", error=\"invalid_token\"\n\n\
             {\"see\": \"https://***@h/x?t=***&amp;u=***\", \"or\": \"/l?t=***\", \"why\": \"no: a?b\"}"
        );
    }

    #[test]
    fn of_a_url_that_is_cut_nothing_is_kept_that_might_be_a_password() {
        let user = "sesame".repeat(200);
        for body in [format!("see http://{user}@h/"), format!("see http:\\/\\/{user}@h/")] {
            let kept = answer(&["HTTP/1.1 500 X\r\n"], body.as_bytes()).text(false).unwrap();
            assert_eq!(kept, "HTTP/1.1 500 X\n\nsee http://");
        }
        let location = format!("Location: http://{user}@h/a\r\n");
        let kept = answer(&["HTTP/1.1 302 X\r\n", &location], b"").text(false).unwrap();
        assert_eq!(kept, "HTTP/1.1 302 X\nLocation: http://***@h/a\n");
    }

    #[test]
    fn nothing_is_kept_of_a_success() {
        for line in ["HTTP/1.1 200 OK\r\n", "HTTP/2 204 \r\n"] {
            let kept = answer(&["HTTP/1.1 401 No\r\n", line], b"");
            assert!(!kept.keeps());
            assert_eq!(kept.text(false), None);
        }
    }

    #[test]
    fn an_answer_of_any_size_takes_a_few_kilobytes() {
        let long = format!("Location: {}\r\n", "x".repeat(100_000));
        let mut lines = vec!["HTTP/1.1 500 X\r\n"];
        lines.extend(std::iter::repeat_n(long.as_str(), 1_000));
        let mut kept = answer(&lines, &[b'y'; 100_000]);
        kept.body(&[b'y'; 100_000]);
        let text = kept.text(false).unwrap();
        assert!(text.len() <= HEAD_MAX + BODY_MAX + 1, "{}", text.len());
        assert_eq!(text.matches('y').count(), BODY_MAX);
        kept.begin(b"HTTP/1.1 500 Y\r\n");
        assert_eq!(kept.text(false).unwrap(), "HTTP/1.1 500 Y\n");
    }

    #[test]
    fn a_compressed_body_is_kept_as_text() {
        use std::io::Write;

        use flate2::Compression;
        use flate2::write::{GzEncoder, ZlibEncoder};

        let words = "no room ".repeat(10_000);
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(words.as_bytes()).unwrap();
        let mut deflate = ZlibEncoder::new(Vec::new(), Compression::fast());
        deflate.write_all(words.as_bytes()).unwrap();
        for (name, body) in [("X-GZIP", gzip.finish()), ("deflate", deflate.finish())] {
            let encoding = format!("Content-Encoding: {name}\r\n");
            let kept = answer(&["HTTP/1.1 500 X\r\n", &encoding], &body.unwrap());
            assert_eq!(
                kept.text(false).unwrap(),
                format!("HTTP/1.1 500 X\n\n{}", &words[..BODY_MAX])
            );
        }
        // What says that it is compressed need not be.
        let lines = ["HTTP/1.1 500 X\r\n", "Content-Encoding: gzip\r\n"];
        assert_eq!(answer(&lines, b"no room").text(false).unwrap(), "HTTP/1.1 500 X\n");
        assert_eq!(answer(&lines, b"no room").text(true).unwrap(), "HTTP/1.1 500 X\n\nno room");
    }
}
