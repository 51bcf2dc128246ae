//! A request as one line of JSON, some of whose keys belong to another reader: these keys are put
//! aside as they are written, and the rest is read as a type that has only its own.
//!
//! # Invariants
//! - An array is not an object, although serde would read an array field by field.
//! - Errors use JSON's words, and name the column.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::invalid::Invalid;

/// The bytes that the value of this key holds in base64.
///
/// # Errors
/// That it is not base64.
pub fn read_base64(key: &str, text: &str) -> Result<Vec<u8>, Invalid> {
    STANDARD.decode(text).map_err(|error| {
        Invalid::new(format!(
            "the line's \"{key}\": invalid base64: {}; expected the usual alphabet, with padding",
            error.to_string().to_lowercase().trim_end_matches('.')
        ))
    })
}

/// Keys that were put aside, each with the JSON of its value.
pub type Aside<'de> = Vec<(String, &'de str)>;

/// The value that this line holds, and what was beside it under one of the keys `own`: as the JSON
/// that it is written in, in its order, and not looked at. `example` is a line that would be right,
/// for the author of a wrong line.
///
/// # Errors
/// What is wrong with the line, and at which column.
pub fn read_line<'de, T: Deserialize<'de>>(
    line: &'de [u8],
    own: &[&str],
    example: &str,
) -> Result<(T, Aside<'de>), Invalid> {
    let mut key = None;
    read(line, own, &mut key).map_err(|error| {
        // The position that serde adds counts lines within this one line.
        let text = error.to_string();
        let mut words = plain(text.split(" at line ").next().unwrap_or_default());
        if words.starts_with("unknown field ") {
            // It goes on with the known keys.
            words.extend(own.iter().map(|key| format!(", `{key}`")));
        }
        // An unknown key is repeated, and may be anything.
        let words: String = words
            .chars()
            .map(|c| if c.is_control() { c.escape_debug().to_string() } else { c.to_string() })
            .collect();
        let at = error.column();
        Invalid::new(match (key, error.classify()) {
            (Some(key), Category::Data) => format!("the line's \"{key}\": {words} (column {at})"),
            (_, Category::Data) => format!(
                "the line describes no request: {words} (column {at}); write one such as {example}"
            ),
            _ => format!(
                "the line is invalid JSON: {words} (column {at}); write one such as {example}"
            ),
        })
    })
}

/// A time that a line gives in seconds under this name.
///
/// # Errors
/// That it is not a time.
pub fn read_seconds(name: &str, value: Option<f64>) -> Result<Option<Duration>, Invalid> {
    let time = |seconds| {
        Duration::try_from_secs_f64(seconds).map_err(|_| {
            Invalid::new(format!(
                "the line's \"{name}\": invalid time; expected seconds, such as 2.5"
            ))
        })
    };
    value.map(time).transpose()
}

/// Serde's error, in JSON's words.
fn plain(words: &str) -> String {
    let kinds = ["invalid type: ", "invalid value: "]
        .iter()
        .find_map(|kind| words.strip_prefix(kind).and_then(|it| it.rsplit_once(", expected ")));
    let Some((found, wanted)) = kinds else {
        if let Some(key) = words.strip_prefix("missing field ") {
            return format!("the key {key} is missing");
        }
        if words.starts_with("duplicate field ") {
            return "it is there twice; leave one out".to_owned();
        }
        return match words {
            "expected ident" | "expected value" => "expected a value".to_owned(),
            words if words.starts_with("EOF ") => "it ends too early".to_owned(),
            words => words.replacen("unknown variant", "unknown value", 1),
        };
    };
    let found = match found {
        "sequence" => "an array",
        "map" => "an object",
        other => other,
    };
    format!("expected {}, not {found}", in_words(wanted))
}

/// The JSON name of a Rust type.
fn in_words(wanted: &str) -> String {
    let whole = |most: u64| format!("a whole number from 0 to {most}");
    match wanted {
        "f32" | "f64" => "a number".to_owned(),
        "u8" => whole(u8::MAX.into()),
        "u16" => whole(u16::MAX.into()),
        "u32" => whole(u32::MAX.into()),
        "u64" | "usize" => whole(u64::MAX),
        "i64" => "a whole number".to_owned(),
        "a sequence" => "an array".to_owned(),
        other => other.to_owned(),
    }
}

/// `key` is the key whose value is being read.
fn read<'de, T: Deserialize<'de>>(
    line: &'de [u8],
    own: &[&str],
    key: &mut Option<String>,
) -> Result<(T, Aside<'de>), serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(line);
    let mut aside = Vec::new();
    let object = Object { own, key, aside: &mut aside, value: PhantomData };
    let value = reader.deserialize_map(object)?;
    reader.end()?;
    Ok((value, aside))
}

struct Object<'k, 'de, T> {
    own: &'k [&'k str],
    key: &'k mut Option<String>,
    aside: &'k mut Aside<'de>,
    value: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<'_, 'de, T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        let rest = Rest { map, own: self.own, key: self.key, aside: self.aside };
        T::deserialize(MapAccessDeserializer::new(rest))
    }
}

/// The pairs that are not put aside.
struct Rest<'k, 'de, A> {
    map: A,
    own: &'k [&'k str],
    key: &'k mut Option<String>,
    aside: &'k mut Aside<'de>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Rest<'_, 'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        while let Some(key) = self.map.next_key::<String>()? {
            if !self.own.contains(&&*key) {
                let known = seed.deserialize(key.as_str().into_deserializer())?;
                *self.key = Some(key);
                return Ok(Some(known));
            }
            let value = self.map.next_value::<&RawValue>()?;
            self.aside.push((key, value.get()));
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        let value = self.map.next_value_seed(seed)?;
        *self.key = None;
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Line {
        #[serde(rename = "a")]
        _a: u8,
    }

    #[test]
    fn what_is_wrong_is_said_on_one_line_with_its_column() {
        let such = "; write one such as {\"a\":1}";
        for (line, words) in [
            (
                r#"{"a":1,"b\n\u001b":2}"#,
                format!(r"the line describes no request: unknown field `b\n\u{{1b}}`, expected `a`, `own` (column 18){such}"),
            ),
            (
                r#"{"a":"x"}"#,
                "the line's \"a\": expected a whole number from 0 to 255, not string \"x\" (column 8)".to_owned(),
            ),
            (
                r#"{"a":256}"#,
                "the line's \"a\": expected a whole number from 0 to 255, not integer `256` (column 8)".to_owned(),
            ),
            (r#"{"a":1,"a":1}"#, "the line's \"a\": it is there twice; leave one out (column 10)".to_owned()),
            ("[1]", format!("the line describes no request: expected an object, not an array (column 0){such}")),
            (r#"{"own":1}"#, format!("the line describes no request: the key `a` is missing (column 9){such}")),
            ("teapot", format!("the line is invalid JSON: expected a value (column 2){such}")),
            (r#"{"a":1"#, format!("the line is invalid JSON: it ends too early (column 6){such}")),
        ] {
            let error = read_line::<Line>(line.as_bytes(), &["own"], "{\"a\":1}").unwrap_err();
            assert_eq!(error.to_string(), words);
        }
    }
}
