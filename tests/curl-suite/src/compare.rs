//! Expected and received requests, made comparable.
//!
//! Left out of both are what the test says, and: the order of headers with different names, the
//! program's own name as user agent, the idempotency key, the case of percent-encoding in the
//! request line, and the random boundary of a form.

use anyhow::{Context, Result, bail};
use regex::bytes::{NoExpand, Regex};

use super::markup::{Document, regex};

/// How a test wants what arrived to be looked at.
pub(crate) struct Measure {
    wanted: Vec<Vec<u8>>,
    strip: Vec<Regex>,
    replace: Vec<(Regex, String)>,
    /// Whether the test rewrites digest credentials by a program, which is not run: they are left out.
    forgets_digest: bool,
}

impl Measure {
    pub(crate) fn of(document: &Document) -> Result<Self> {
        let protocol = document.part("verify", "protocol").context("it has no protocol")?;
        let mut measure = Self {
            wanted: protocol.lines_as_asked(),
            strip: Vec::new(),
            replace: Vec::new(),
            forgets_digest: false,
        };
        for pattern in document.words("verify", "strip") {
            measure.strip.push(regex(&pattern)?);
        }
        for rule in document.words("verify", "strippart") {
            match rule.strip_prefix("s/").map(sides) {
                Some(Some((from, to))) => measure.replace.push((regex(&from)?, to)),
                Some(None) => bail!("the rule {rule:?} cannot be read"),
                None => measure.forgets_digest = true,
            }
        }
        Ok(measure)
    }

    /// What should arrive.
    pub(crate) fn wanted(&self) -> Vec<String> {
        let kept = self.wanted.iter().filter(|line| !self.is_stripped(line));
        self.normal(&kept.cloned().collect::<Vec<_>>().concat())
    }

    /// What did.
    pub(crate) fn arrived(&self, arrived: &[u8]) -> Vec<String> {
        let lines = arrived.split_inclusive(|byte| *byte == b'\n');
        let mut kept = Vec::new();
        for line in lines.filter(|line| !self.is_stripped(line)) {
            let mut line = line.to_vec();
            for (from, to) in &self.replace {
                line = from.replace(&line, NoExpand(to.as_bytes())).into_owned();
            }
            kept.extend(line);
        }
        self.normal(&kept)
    }

    fn is_stripped(&self, line: &[u8]) -> bool {
        // A pattern's end is before the line's.
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        self.strip.iter().any(|pattern| pattern.is_match(line))
    }

    /// The lines in an order of their own, without what differs from one run to the next.
    fn normal(&self, text: &[u8]) -> Vec<String> {
        let text = heads_on_lines(&without_boundaries(text));
        let (mut lines, mut head): (Vec<String>, Option<Vec<String>>) = (Vec::new(), None);
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let shown = line.escape_ascii().to_string();
            match &mut head {
                Some(headers) if line.trim_ascii().is_empty() => {
                    lines.extend(sorted(headers));
                    lines.push(shown);
                    head = None;
                }
                Some(headers) => headers.extend(self.header(line, shown)),
                None if begins_a_head(line) => {
                    lines.push(capitals(&shown));
                    head = Some(Vec::new());
                }
                None => lines.push(shown),
            }
        }
        lines.extend(head.iter_mut().flat_map(sorted));
        lines
    }

    /// A header's line, if it counts.
    fn header(&self, line: &[u8], shown: String) -> Option<String> {
        let text = String::from_utf8_lossy(line);
        let (name, value) = text.split_once(':').unwrap_or((&text, ""));
        let value = value.trim();
        let own_name = value.starts_with("curl/") || value.starts_with("slipstream/");
        let counts = match &*name.to_ascii_lowercase() {
            "idempotency-key" => false,
            "user-agent" => !own_name,
            "authorization" | "proxy-authorization" => {
                !(self.forgets_digest && value.starts_with("Digest"))
            }
            _ => true,
        };
        counts.then_some(shown)
    }
}

/// Both sides of perl's `s/a/b/`.
fn sides(rule: &str) -> Option<(String, String)> {
    let (mut sides, mut escaped) = (vec![String::new()], false);
    for letter in rule.chars() {
        match letter {
            '/' if !escaped => sides.push(String::new()),
            letter => {
                let side = sides.last_mut()?;
                if escaped && letter != '/' {
                    side.push('\\');
                }
                if letter != '\\' || escaped {
                    side.push(letter);
                }
            }
        }
        escaped = letter == '\\' && !escaped;
    }
    match &sides[..] {
        [from, to, ..] => Some((from.clone(), to.clone())),
        _ => None,
    }
}

/// The text with a line break before each head that follows a body.
fn heads_on_lines(text: &[u8]) -> Vec<u8> {
    let behind =
        regex(r"([^\n])((?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|IGLOO) \S+ HTTP/1\.[01]\r?\n)");
    let behind = behind.expect("the pattern is good");
    behind.replace_all(text, &b"$1\n$2"[..]).into_owned()
}

fn begins_a_head(line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line);
    let mut words = line.trim_end().split(' ');
    let method = words.next().unwrap_or_default();
    !method.is_empty()
        && method.bytes().all(|byte| byte.is_ascii_alphabetic())
        && words.next_back().is_some_and(|last| last.starts_with("HTTP/"))
}

/// Headers in the order of their names; those of one name stay in theirs.
fn sorted(headers: &mut Vec<String>) -> Vec<String> {
    let name = |line: &String| line.split(':').next().unwrap_or_default().to_ascii_lowercase();
    headers.sort_by_key(name);
    std::mem::take(headers)
}

/// A request line with its percent-encoding in capitals.
fn capitals(line: &str) -> String {
    let mut pieces = line.split('%');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |begun, piece| {
        let length = if piece.is_char_boundary(2) { 2.min(piece.len()) } else { 0 };
        let (digits, rest) = piece.split_at(length);
        begun + "%" + &digits.to_uppercase() + rest
    })
}

/// The text with each of a form's boundaries put by its place among them.
fn without_boundaries(text: &[u8]) -> Vec<u8> {
    let pattern = regex("boundary=(-*[A-Za-z0-9]+)").expect("the pattern is good");
    let found = pattern.captures_iter(text).map(|found| found[1].to_vec());
    let mut text = text.to_vec();
    for (place, boundary) in found.collect::<Vec<_>>().into_iter().enumerate() {
        let from = regex(&regex::escape(&String::from_utf8_lossy(&boundary)));
        let from = from.expect("an escaped pattern is good");
        let to = format!("BOUNDARY{place}");
        text = from.replace_all(&text, NoExpand(to.as_bytes())).into_owned();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(wanted: &str, rules: &str) -> Measure {
        let text = format!("<verify>\n{rules}<protocol>\n{wanted}</protocol>\n</verify>\n");
        Measure::of(&Document::raw(text.as_bytes())).unwrap()
    }

    #[test]
    fn what_differs_from_run_to_run_is_not_compared() {
        let wanted = "GET /%2f HTTP/1.1\nHost: h\nUser-Agent: curl/8\nAccept: */*\n\nGET /2 HTTP/1.1\nA: 1\nA: 2\n\n";
        let it = measure(wanted, "");
        let arrived = "GET /%2F HTTP/1.1\nAccept: */*\nHost: h\nIdempotency-Key: 7\nUser-Agent: slipstream/1\n\nGET /2 HTTP/1.1\nA: 1\nA: 2\n\n";
        assert_eq!(it.arrived(arrived.as_bytes()), it.wanted());
        for other in [
            arrived.replace("A: 1\nA: 2", "A: 2\nA: 1"),
            arrived.replace("slipstream/1", "x"),
            arrived.replace("Host: h", "Host: i"),
            arrived.replace("/2 ", "/3 "),
            format!("{arrived}x"),
        ] {
            assert_ne!(it.arrived(other.as_bytes()), it.wanted(), "{other}");
        }
    }

    #[test]
    fn a_head_behind_a_body_is_one() {
        let it = measure("POST / HTTP/1.1\nB: 1\nA: 2\n\nxyzPOST /2 HTTP/1.1\nD: 1\nC: 2\n\n", "");
        let arrived = b"POST / HTTP/1.1\nA: 2\nB: 1\n\nxyzPOST /2 HTTP/1.1\nC: 2\nD: 1\n\n";
        assert_eq!(it.arrived(arrived), it.wanted());
    }

    #[test]
    fn lines_and_parts_are_left_out_as_a_test_says() {
        let rules = "<strip>\n^X-.*\n</strip>\n<strippart>\ns/^a=\\d+\\/b/c\\/d/\n</strippart>\n";
        let it = measure("c/d\nX-a: 1\n", rules);
        assert_eq!(it.wanted(), ["c/d\\n"]);
        assert_eq!(it.arrived(b"X-b\na=12/b\n"), it.wanted());
    }
}
