//! Framing: where a message ends on the stream, and where its answer does.
//!
//! # Invariants
//! Framing a message twice is the same as framing it once, but for octet counting, which counts
//! what it is given.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use slipstream_core::{Invalid, quoted};

/// Most bytes of an answer that may be asked for: what is read at most.
pub(crate) const REPLY_MAX: u64 = 64 * 1024;

/// What is put around the data, so that the peer sees where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Framing {
    /// Nothing: the data is sent as it is, and ends with our side of the connection.
    #[default]
    None,
    /// A line feed behind it, unless it ends in one.
    Line,
    /// Carriage return and line feed behind it, in place of the line break that it may end in.
    Crlf,
    /// Its length in bytes and a space before it: octet counting, as RFC 6587 has it for syslog.
    Octets,
}

impl Framing {
    /// The data as it goes onto the wire.
    pub fn frame<'a>(self, data: &'a [u8]) -> Cow<'a, [u8]> {
        match self {
            Self::None => data.into(),
            Self::Line if data.ends_with(b"\n") => data.into(),
            Self::Line => [data, b"\n"].concat().into(),
            Self::Crlf if data.ends_with(b"\r\n") => data.into(),
            Self::Crlf => [without_break(data), b"\r\n"].concat().into(),
            Self::Octets => [format!("{} ", data.len()).as_bytes(), data].concat().into(),
        }
    }
}

/// The same without the one line break that it ends in.
pub(crate) fn without_break(data: &[u8]) -> &[u8] {
    let Some(data) = data.strip_suffix(b"\n") else { return data };
    data.strip_suffix(b"\r").unwrap_or(data)
}

impl FromStr for Framing {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Ok(match text {
            "none" => Self::None,
            "line" => Self::Line,
            "crlf" => Self::Crlf,
            "octets" => Self::Octets,
            other => {
                return Err(Invalid::new(format!(
                    "invalid framing {}; expected none, line, crlf or octets",
                    quoted(other)
                )));
            }
        })
    }
}

impl fmt::Display for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Line => "line",
            Self::Crlf => "crlf",
            Self::Octets => "octets",
        })
    }
}

/// How far an answer is read. Whatever is asked for, 64 KiB are read at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Until {
    /// To the end: until the peer closes its side.
    Eof,
    /// Up to the first line feed, or to the end.
    Line,
    /// So many bytes.
    Bytes(u64),
}

impl FromStr for Until {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "eof" => Ok(Self::Eof),
            "line" => Ok(Self::Line),
            digits => digits.parse().map(Self::Bytes).map_err(|_| {
                Invalid::new(format!(
                    "invalid end of an answer {}; expected eof, line, or a number of bytes",
                    quoted(digits)
                ))
            }),
        }
    }
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Eof => f.write_str("eof"),
            Self::Line => f.write_str("line"),
            Self::Bytes(count) => count.fmt(f),
        }
    }
}

impl Serialize for Until {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bytes(count) => to.serialize_u64(*count),
            word => to.collect_str(word),
        }
    }
}

impl<'de> Deserialize<'de> for Until {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Word;

        impl Visitor<'_> for Word {
            type Value = Until;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("eof, line, or a number of bytes")
            }

            fn visit_u64<E: Error>(self, count: u64) -> Result<Until, E> {
                Ok(Until::Bytes(count))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Until, E> {
                text.parse().map_err(E::custom)
            }
        }

        from.deserialize_any(Word)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Framing; 4] = [Framing::None, Framing::Line, Framing::Crlf, Framing::Octets];

    #[test]
    fn data_is_framed_once_however_it_ends() {
        let table = [
            ("", ["", "\n", "\r\n", "0 "]),
            ("a", ["a", "a\n", "a\r\n", "1 a"]),
            ("a\n", ["a\n", "a\n", "a\r\n", "2 a\n"]),
            ("a\r\n", ["a\r\n", "a\r\n", "a\r\n", "3 a\r\n"]),
            ("a\n\n", ["a\n\n", "a\n\n", "a\n\r\n", "3 a\n\n"]),
            ("a\r", ["a\r", "a\r\n", "a\r\r\n", "2 a\r"]),
            ("ü", ["ü", "ü\n", "ü\r\n", "2 ü"]),
        ];
        for (data, framed) in table {
            let frame = |framing: Framing| framing.frame(data.as_bytes()).into_owned();
            assert_eq!(ALL.map(frame), framed.map(Vec::from), "{data:?}");
        }
    }

    #[test]
    fn words_read_back_and_others_are_refused() {
        for framing in ALL {
            assert_eq!(framing.to_string().parse(), Ok(framing));
        }
        for until in [Until::Eof, Until::Line, Until::Bytes(7)] {
            assert_eq!(until.to_string().parse(), Ok(until));
        }
        let error = "lf".parse::<Framing>().unwrap_err().to_string();
        assert!(error.contains("'lf'") && error.contains("octets"), "{error}");
        let error = "-1".parse::<Until>().unwrap_err().to_string();
        assert!(error.contains("'-1'") && error.contains("eof"), "{error}");
    }

    proptest! {
        #[test]
        fn a_receiver_finds_every_message_of_a_stream_again(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..50), 0..20)
        ) {
            let stream: Vec<u8> =
                messages.iter().flat_map(|m| Framing::Octets.frame(m).into_owned()).collect();
            let (mut rest, mut found) = (&stream[..], Vec::new());
            while !rest.is_empty() {
                let space = rest.iter().position(|b| *b == b' ').unwrap();
                let length: usize = std::str::from_utf8(&rest[..space]).unwrap().parse().unwrap();
                found.push(rest[space + 1..][..length].to_vec());
                rest = &rest[space + 1 + length..];
            }
            prop_assert_eq!(found, messages);
        }

        #[test]
        fn framing_by_a_line_break_changes_nothing_the_second_time(
            data in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), Just(b'x')], 0..8)
        ) {
            for framing in [Framing::None, Framing::Line, Framing::Crlf] {
                let once = framing.frame(&data).into_owned();
                prop_assert_eq!(framing.frame(&once), &once[..]);
            }
        }
    }
}
