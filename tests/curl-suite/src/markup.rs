//! The files of curl's tests: conditions and instructions carried out, variables filled in, and the
//! sections of what results.
//!
//! The rules are those of curl's docs/tests/FILEFORMAT.md. Text is kept as bytes.

mod instructions;

use std::path::PathBuf;

use regex::bytes::{Regex, RegexBuilder};

use self::instructions::Instructions;

/// What a test's text is filled in with.
pub(crate) struct Fill {
    /// Names without their `%`, and their values.
    pub(crate) variables: Vec<(&'static str, String)>,
    pub(crate) features: Vec<String>,
    /// Where files to include are looked for.
    pub(crate) folder: PathBuf,
}

/// A test's text, ready to be taken apart.
pub(crate) struct Document {
    lines: Vec<Vec<u8>>,
}

/// A part of a document: its text, and what its opening mark says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Part {
    pub(crate) lines: Vec<Vec<u8>>,
    attributes: Vec<(String, String)>,
}

/// A regular expression as perl has it, over bytes.
pub(crate) fn regex(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).unicode(false).build()
}

fn known(pattern: &str) -> Regex {
    regex(pattern).expect("the pattern is good")
}

impl Document {
    /// Reads a text as it is written.
    pub(crate) fn raw(text: &[u8]) -> Self {
        Self { lines: text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect() }
    }

    /// Reads a text, and fills it in.
    pub(crate) fn filled(text: &[u8], fill: &Fill) -> Self {
        let instructions = Instructions::new(fill);
        let (mut lines, mut shown, mut crlf) = (Vec::new(), Vec::new(), Crlf::No);
        let mut headers = false;
        for line in Self::raw(text).lines {
            let text = String::from_utf8_lossy(&line);
            let word = text.trim();
            if let Some(condition) = word.strip_prefix("%if ") {
                let is_set = |name: &str| fill.features.iter().any(|it| it == name);
                let holds = match condition.strip_prefix('!') {
                    Some(name) => !is_set(name),
                    None => is_set(condition),
                };
                shown.push(holds);
                continue;
            }
            if word.starts_with("%else") {
                shown.last_mut().into_iter().for_each(|holds| *holds = !*holds);
                continue;
            }
            if word.starts_with("%endif") {
                shown.pop();
                continue;
            }
            if shown.contains(&false) {
                continue;
            }
            if word.starts_with("<data") || word.starts_with("<connect") {
                crlf = Crlf::of(word);
            } else if word.starts_with("</data") || word.starts_with("</connect") {
                crlf = Crlf::No;
            }
            let line = instructions.carry_out(line);
            // An instruction may have put in several.
            for mut line in Self::raw(&line).lines {
                crlf.apply(&mut line, &mut headers);
                lines.push(line);
            }
        }
        Self { lines }
    }

    /// A part of a section, if it is there.
    pub(crate) fn part(&self, section: &str, part: &str) -> Option<Part> {
        let (open, close) = (format!("<{part}"), format!("</{part}>"));
        let (section_open, section_close) = (format!("<{section}>"), format!("</{section}>"));
        let mut lines = self.lines.iter();
        lines.by_ref().find(|line| line.trim_ascii() == section_open.as_bytes())?;
        let opening = lines.by_ref().take_while(|it| it.trim_ascii() != section_close.as_bytes());
        let opening = { opening }.find(|line| {
            let rest = line.trim_ascii_start().strip_prefix(open.as_bytes());
            rest.is_some_and(|rest| matches!(rest.first(), Some(b' ' | b'>')))
        })?;
        let closes = |line: &&Vec<u8>| line.trim_ascii_start().starts_with(close.as_bytes());
        let lines = lines.take_while(|line| !closes(line)).cloned().collect();
        let attributes = known(r#"([a-z]+) *= *(?:"([^"]*)"|'([^']*)')"#);
        let text = |it: Option<regex::bytes::Match<'_>>| {
            it.map(|it| String::from_utf8_lossy(it.as_bytes()).into_owned()).unwrap_or_default()
        };
        let attributes = attributes.captures_iter(opening);
        let attributes =
            attributes.map(|it| (text(it.get(1)), text(it.get(2).or(it.get(3))))).collect();
        Some(Part { lines, attributes })
    }

    /// The lines of a part that say something, as text.
    pub(crate) fn words(&self, section: &str, part: &str) -> Vec<String> {
        let part = self.part(section, part).unwrap_or_default();
        let lines = part.lines.iter().map(|line| String::from_utf8_lossy(line).trim().to_owned());
        lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
    }
}

impl Part {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(its, _)| its == name).map(|(_, value)| &**value)
    }

    /// The text, with the line ends that the attributes ask for.
    pub(crate) fn text(&self) -> Vec<u8> {
        self.lines_as_asked().concat()
    }

    /// The same, not yet joined.
    pub(crate) fn lines_as_asked(&self) -> Vec<Vec<u8>> {
        let crlf = match self.attribute("crlf") {
            Some("headers") => Crlf::Headers,
            Some(_) => Crlf::Yes,
            None => Crlf::No,
        };
        let (mut lines, mut headers) = (self.lines.clone(), false);
        if self.attribute("nonewline").is_some()
            && let Some(last) = lines.last_mut()
            && last.last() == Some(&b'\n')
        {
            last.pop();
        }
        for line in &mut lines {
            crlf.apply(line, &mut headers);
        }
        lines
    }
}

/// Which lines end with a carriage return, too.
#[derive(Clone, Copy, PartialEq)]
enum Crlf {
    No,
    Yes,
    Headers,
}

impl Crlf {
    fn of(mark: &str) -> Self {
        match () {
            () if mark.contains("crlf=\"yes\"") => Self::Yes,
            () if mark.contains("crlf=\"headers\"") => Self::Headers,
            () => Self::No,
        }
    }

    /// Ends a line as asked. `headers` says whether the line before was one of a head.
    fn apply(self, line: &mut Vec<u8>, headers: &mut bool) {
        let ends = match self {
            Self::No => false,
            Self::Yes => true,
            Self::Headers if is_of_a_head(line) => {
                *headers = true;
                true
            }
            Self::Headers => std::mem::take(headers) && line == b"\n",
        };
        if ends && line.last() == Some(&b'\n') {
            while matches!(line.last(), Some(b'\n' | b'\r')) {
                line.pop();
            }
            line.extend(b"\r\n");
        }
    }
}

fn is_of_a_head(line: &[u8]) -> bool {
    thread_local! {
        static HEAD: Regex = known(
            r"^(HTTP/(1.1|1.0|2|3) ([1-5]|9)[^\r]*$|(GET|HEAD|POST|PUT|DELETE|CONNECT) \S+ HTTP/\d+(\.\d+)?|(?i:[a-z0-9_-]+: )[^\r]*$)",
        );
    }
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    HEAD.with(|head| head.is_match(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Document {
        let fill = Fill {
            variables: vec![("HOSTIP", "127.0.0.1".to_owned())],
            features: vec!["cookies".to_owned()],
            folder: PathBuf::new(),
        };
        Document::filled(text.as_bytes(), &fill)
    }

    fn part_of(text: &str) -> Vec<u8> {
        let document = filled(&format!("<verify>\n<protocol>\n{text}</protocol>\n</verify>\n"));
        document.part("verify", "protocol").unwrap().text()
    }

    #[test]
    fn instructions_are_carried_out_as_curl_s_runner_does() {
        for (text, expected) in [
            ("%HOSTIP%CR\n", &b"127.0.0.1\r\n"[..]),
            ("%b64[a:%HOSTIP]b64%\n", b"YToxMjcuMC4wLjE=\n"),
            ("%hex[%00x%ff]hex%\n", b"\0x\xff\n"),
            ("%repeat[3 x a%20]%\n", b"a a a \n"),
            ("%LTa%GT%AMP\n", b"<a>&\n"),
            ("%if cookies\na\n%else\nb\n%endif\n", b"a\n"),
            ("%if !cookies\na\n%if x\nb\n%endif\n%else\nc\n%endif\n", b"c\n"),
        ] {
            assert_eq!(part_of(text), expected, "{text}");
        }
    }

    #[test]
    fn line_ends_are_those_that_a_part_asks_for() {
        let document = filled(
            "<reply>\n<data crlf=\"headers\">\nHTTP/1.1 200 OK\nA: b\n\nx\n\ny\n</data>\n<data1 nonewline=\"yes\">\na\n</data1>\n</reply>\n",
        );
        let part = |name| document.part("reply", name).map(|part| part.text());
        assert_eq!(part("data").unwrap(), b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nx\n\ny\n");
        assert_eq!(part("data1").unwrap(), b"a");
        assert_eq!(part("data2"), None);
    }
}
