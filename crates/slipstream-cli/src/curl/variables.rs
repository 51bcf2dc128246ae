//! curl's variables: `--variable NAME=TEXT`, and options whose values are put together of them,
//! `--expand-data 'id={{NAME:trim:url}}'`.
//!
//! # Invariants
//! - Files and the environment are read when the command line is; what is stored has their text in it.
//! - A name that is not set expands to nothing, as for curl; `\{{` and what names no variable stay
//!   as they are.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::curl::body;

/// Longest name of a variable, as curl has it.
const NAME_MAX: usize = 127;

#[derive(Debug, Default)]
pub(super) struct Variables(Vec<(String, Vec<u8>)>);

impl Variables {
    /// Sets one: `NAME=TEXT`, `NAME@FILE`, `%NAME` of the environment, `NAME[5-15]@FILE` for some bytes of it.
    pub(super) fn set(&mut self, said: &OsStr) -> Result<()> {
        let said = said.as_bytes();
        let (imports, rest) = match said.strip_prefix(b"%") {
            Some(rest) => (true, rest),
            None => (false, said),
        };
        let end = rest.iter().position(|byte| !is_of_a_name(*byte)).unwrap_or(rest.len());
        let (name, rest) = rest.split_at(end);
        let name = String::from_utf8_lossy(name).into_owned();
        if name.is_empty() || name.len() > NAME_MAX {
            bail!("'--variable' has no name; write NAME=TEXT, NAME@FILE or %NAME");
        }
        let (range, rest) = range(rest).with_context(|| {
            format!("invalid range of the variable '{name}'; expected [FIRST-LAST], such as [5-15]")
        })?;
        let text = match (std::env::var_os(&name).filter(|_| imports), rest) {
            (Some(text), _) => text.into_vec(),
            (None, [b'=', text @ ..]) => text.to_vec(),
            (None, [b'@', file @ ..]) => body::content(file)?,
            (None, []) if imports => {
                bail!(
                    "the variable '{name}' is not in the environment; set it, or write %{name}=TEXT"
                )
            }
            _ => bail!("the variable '{name}' has no text; write {name}=TEXT or {name}@FILE"),
        };
        let text = match range {
            Some((first, last)) => {
                let last = last.map_or(text.len(), |last| last.saturating_add(1).min(text.len()));
                text.get(first..last).unwrap_or_default().to_vec()
            }
            None => text,
        };
        self.0.retain(|(its, _)| *its != name);
        self.0.push((name, text));
        Ok(())
    }

    /// A text with its variables expanded.
    pub(super) fn expand(&self, text: &OsStr) -> Result<OsString> {
        let (mut out, mut rest) = (Vec::new(), text.as_bytes());
        while let Some(at) = find(rest, b"{{") {
            let Some(end) = find(&rest[at..], b"}}").map(|end| at + end) else { break };
            let inside = &rest[at + 2..end];
            let escaped = at > 0 && rest[at - 1] == b'\\';
            out.extend(&rest[..at - usize::from(escaped)]);
            match self.value(inside)? {
                Some(value) if !escaped => out.extend(value),
                _ => out.extend(&rest[at..end + 2]),
            }
            rest = &rest[end + 2..];
        }
        out.extend(rest);
        if out.contains(&0) {
            bail!(
                "the variables in an option stand for a NUL byte, which no option can hold; encode them, as in {{{{NAME:b64}}}}"
            );
        }
        Ok(OsString::from_vec(out))
    }

    /// What `NAME:FUNCTION:...` expands to; none if it names no variable.
    fn value(&self, inside: &[u8]) -> Result<Option<Vec<u8>>> {
        let mut words = inside.split(|byte| *byte == b':');
        let name = words.next().unwrap_or_default();
        if name.is_empty() || name.len() > NAME_MAX || !name.iter().all(|byte| is_of_a_name(*byte))
        {
            return Ok(None);
        }
        let found = self.0.iter().find(|(its, _)| its.as_bytes() == name);
        let mut value = found.map(|(_, text)| text.clone()).unwrap_or_default();
        for word in words {
            value = match word {
                b"trim" => value.trim_ascii().to_vec(),
                b"json" => json(&value),
                b"url" => body::percent_encoded(&value).into_bytes(),
                b"b64" => STANDARD.encode(&value).into_bytes(),
                b"64dec" => STANDARD.decode(&value).unwrap_or_else(|_| b"[64dec-fail]".to_vec()),
                _ => bail!(
                    "nothing is done to a variable by '{}'; write trim, json, url, b64 or 64dec",
                    String::from_utf8_lossy(word)
                ),
            };
        }
        Ok(Some(value))
    }
}

fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

type Range = Option<(usize, Option<usize>)>;

/// `[5-15]` or `[5-]` at a text's beginning, and what is behind it.
fn range(text: &[u8]) -> Option<(Range, &[u8])> {
    let Some(inside) = text.strip_prefix(b"[") else { return Some((None, text)) };
    let end = inside.iter().position(|byte| *byte == b']')?;
    let (first, last) = std::str::from_utf8(&inside[..end]).ok()?.split_once('-')?;
    let first = first.parse().ok()?;
    let last = if last.is_empty() { None } else { Some(last.parse().ok()?) };
    last.is_none_or(|last| first <= last).then_some((Some((first, last)), &inside[end + 1..]))
}

/// Text as it is written between a JSON string's quotation marks.
fn json(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for &byte in text {
        match byte {
            b'\\' | b'"' => out.extend([b'\\', byte]),
            0x08 => out.extend(b"\\b"),
            0x0c => out.extend(b"\\f"),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            0..0x20 => out.extend(format!("\\u{byte:04x}").bytes()),
            _ => out.push(byte),
        }
    }
    out
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|window| window == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Variables {
        let mut variables = Variables::default();
        for said in
            ["a= x\"y ", "b=white", "c[2-4]=0123456789", "d[8-20]=0123456789", "e=eA==", "n=\u{1}"]
        {
            variables.set(OsStr::new(said)).unwrap();
        }
        variables.set(OsStr::new("%SLIPSTREAM_NOT_SET=default")).unwrap();
        variables
    }

    #[test]
    fn a_text_is_put_together_as_curl_does_it() {
        let variables = variables();
        for (text, expected) in [
            ("1{{a}}2", "1 x\"y 2"),
            ("{{a:trim}}{{b}}", "x\"ywhite"),
            ("{{a:trim:json}}|{{n:json}}", "x\\\"y|\\u0001"),
            ("{{a:url}}{{b:b64}}", "%20x%22y%20d2hpdGU="),
            ("{{e:64dec}}{{a:64dec}}", "x[64dec-fail]"),
            ("{{c}}{{d}}", "23489"),
            ("{{SLIPSTREAM_NOT_SET}}{{other}}", "default"),
            ("\\{{b}}{{not.good}}{{}}{{b", "{{b}}{{not.good}}{{}}{{b"),
        ] {
            assert_eq!(variables.expand(OsStr::new(text)).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_sets_or_means_nothing_is_refused() {
        for said in
            ["", "=a", "a", "%SLIPSTREAM_NOT_SET", "a[3-1]=x", "a[x]=y", "a@/nowhere/at/all"]
        {
            assert!(Variables::default().set(OsStr::new(said)).is_err(), "{said}");
        }
        assert!(variables().expand(OsStr::new("{{a:upper}}")).is_err());
        let mut nul = Variables::default();
        nul.set(OsStr::new("z=AA==")).unwrap();
        assert!(nul.expand(OsStr::new("{{z:64dec}}")).is_err());
    }
}
