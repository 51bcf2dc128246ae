//! The beginning of an answer, kept for the operator when an attempt failed.
//!
//! Guarantees: at most [`HEAD_MAX`] bytes of the head and [`BODY_MAX`] of the body, whatever
//! a server sends; nothing of a 2xx, which costs no more than a look at its status line.
//!
//! Absent on purpose: headers that say nothing about a failure (`Set-Cookie` may hold a
//! secret), and any escaping. It is kept as it came, and whoever shows it must escape it.

/// Most of a head that is kept.
const HEAD_MAX: usize = 2 * 1024;

/// Longest header that is kept whole; a longer one is cut.
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
    head: Vec<u8>,
    body: Vec<u8>,
}

impl Answer {
    /// Forgets everything, before a request.
    pub(crate) fn clear(&mut self) {
        self.keeps = false;
        self.head.clear();
        self.body.clear();
    }

    /// Whether this answer is one to look at.
    pub(crate) fn keeps(&self) -> bool {
        self.keeps
    }

    /// A status line: an answer begins, and those before were not the last.
    pub(crate) fn begin(&mut self, line: &[u8]) {
        self.clear();
        let status = line.split(|b| *b == b' ').nth(1);
        self.keeps = !status.is_some_and(|status| status.starts_with(b"2"));
        if self.keeps {
            self.push(line);
        }
    }

    /// A header, by its name and the whole line.
    pub(crate) fn header(&mut self, name: &[u8], line: &[u8]) {
        if KEPT.iter().any(|kept| kept.as_bytes().eq_ignore_ascii_case(name)) {
            self.push(line);
        }
    }

    /// A piece of the body.
    pub(crate) fn body(&mut self, piece: &[u8]) {
        let room = BODY_MAX - self.body.len();
        self.body.extend_from_slice(&piece[..piece.len().min(room)]);
    }

    fn push(&mut self, line: &[u8]) {
        let line = line.trim_ascii_end();
        let line = &line[..line.len().min(LINE_MAX)];
        if self.head.len() + line.len() < HEAD_MAX {
            self.head.extend_from_slice(line);
            self.head.push(b'\n');
        }
    }

    /// What there is of it: the head, an empty line and the body.
    pub(crate) fn text(&self) -> Option<String> {
        if self.head.is_empty() {
            return None;
        }
        let mut text = String::from_utf8_lossy(&self.head).into_owned();
        if !self.body.is_empty() {
            text.push('\n');
            text.push_str(&String::from_utf8_lossy(&self.body));
        }
        Some(text)
    }
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
                answer.header(name.as_bytes(), line.as_bytes());
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
            kept.text().unwrap(),
            "HTTP/1.1 503 Busy\nContent-TYPE: text/plain\nX-Request-Id: 17\n\ntry \u{fffd} later"
        );
        assert_eq!(answer(&["HTTP/2 404 \r\n"], b"").text().unwrap(), "HTTP/2 404\n");
        assert_eq!(answer(&[], b"").text(), None);
    }

    #[test]
    fn nothing_is_kept_of_a_success() {
        for line in ["HTTP/1.1 200 OK\r\n", "HTTP/2 204 \r\n"] {
            let kept = answer(&["HTTP/1.1 401 No\r\n", line], b"");
            assert!(!kept.keeps());
            assert_eq!(kept.text(), None);
        }
    }

    #[test]
    fn an_answer_of_any_size_takes_a_few_kilobytes() {
        let long = format!("Location: {}\r\n", "x".repeat(100_000));
        let mut lines = vec!["HTTP/1.1 500 X\r\n"];
        lines.extend(std::iter::repeat_n(long.as_str(), 1_000));
        let mut kept = answer(&lines, &[b'y'; 100_000]);
        kept.body(&[b'y'; 100_000]);
        let text = kept.text().unwrap();
        assert!(text.len() <= HEAD_MAX + BODY_MAX + 1, "{}", text.len());
        assert_eq!(text.matches('y').count(), BODY_MAX);
        kept.begin(b"HTTP/1.1 500 Y\r\n");
        assert_eq!(kept.text().unwrap(), "HTTP/1.1 500 Y\n");
    }
}
