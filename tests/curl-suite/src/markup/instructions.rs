//! The instructions between `%`s in a test: variables, files to include, text that is encoded or
//! repeated.

use std::time::{SystemTime, UNIX_EPOCH};

use regex::bytes::{Captures, Regex};

use super::{Fill, known};

/// What is in a text between `%`s.
pub(super) struct Instructions<'f> {
    fill: &'f Fill,
    byte: Regex,
    base64: Regex,
    hex: Regex,
    repeat: Regex,
    days: Regex,
    include: Regex,
}

impl<'f> Instructions<'f> {
    pub(super) fn new(fill: &'f Fill) -> Self {
        Self {
            fill,
            byte: known("%([0-9A-Fa-f]{2})"),
            base64: known(r"(?s)%b64\[(.*?)\]b64%"),
            hex: known(r"(?s)%hex\[(.*?)\]hex%"),
            repeat: known(r"(?s)%repeat\[(\d+) x (.*?)\]%"),
            days: known(r"%days\[(.*?)\]"),
            include: known(r"%include(text)? ([^%]*)%[\r\n]+"),
        }
    }

    pub(super) fn carry_out(&self, line: Vec<u8>) -> Vec<u8> {
        if !line.contains(&b'%') {
            return line;
        }
        let line = self.named(line);
        let line = self.include.replace_all(&line, |found: &Captures<'_>| {
            let file = self.fill.folder.join(&*String::from_utf8_lossy(&found[2]));
            std::fs::read(file).unwrap_or_default()
        });
        let line = self.named(line.into_owned());
        let line = [
            ("%SP", " "),
            ("%TAB", "\t"),
            ("%CR", "\r"),
            ("%LT", "<"),
            ("%GT", ">"),
            ("%AMP", "&"),
        ]
        .iter()
        .fold(line, |line, (name, text)| replaced(&line, name, text));
        let line = self
            .base64
            .replace_all(&line, |it: &Captures<'_>| base64(&self.bytes(&it[1])).into_bytes());
        let line = self.hex.replace_all(&line, |it: &Captures<'_>| self.bytes(&it[1]));
        let line = self.repeat.replace_all(&line, |it: &Captures<'_>| {
            let times = String::from_utf8_lossy(&it[1]).parse().unwrap_or(0);
            self.bytes(&it[2]).repeat(times)
        });
        let line = self.days.replace_all(&line, |it: &Captures<'_>| {
            let days = String::from_utf8_lossy(&it[1]).parse::<u64>().unwrap_or(0);
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            ((days * 86_400 + now + 30) / 60 * 60).to_string().into_bytes()
        });
        line.into_owned()
    }

    fn named(&self, line: Vec<u8>) -> Vec<u8> {
        let variables = self.fill.variables.iter();
        variables.fold(line, |line, (name, text)| replaced(&line, &format!("%{name}"), text))
    }

    fn bytes(&self, text: &[u8]) -> Vec<u8> {
        let byte = |found: &Captures<'_>| {
            let digits = String::from_utf8_lossy(&found[1]).into_owned();
            vec![u8::from_str_radix(&digits, 16).unwrap_or_default()]
        };
        self.byte.replace_all(text, byte).into_owned()
    }
}

fn replaced(line: &[u8], from: &str, to: &str) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::with_capacity(line.len()), line);
    while let Some(at) = rest.windows(from.len()).position(|window| window == from.as_bytes()) {
        out.extend(&rest[..at]);
        out.extend(to.as_bytes());
        rest = &rest[at + from.len()..];
    }
    out.extend(rest);
    out
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let all = chunk
            .iter()
            .enumerate()
            .fold(0_u32, |all, (at, byte)| all | u32::from(*byte) << (16 - 8 * at));
        for place in 0..4 {
            let letter = LETTERS[(all >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}
