//! A request as one line of JSON, some of whose keys are somebody else's: those are put aside as
//! they are written, and the rest reads as a type that knows only its own.
//!
//! Guaranteed: an array is no object, although serde would read one field by field; what is wrong
//! is said in JSON's words, with the column.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::Invalid;

/// Keys that were put aside, each with the JSON of its value.
pub type Aside<'de> = Vec<(String, &'de str)>;

/// The value that this line holds, and what stood beside it under one of the keys `own`: as the
/// JSON that it is written in, in its order, and not looked at. `example` is a line that would be
/// right, for who wrote one that is not.
///
/// # Errors
/// What is wrong with the line, and at which column.
pub fn read_line<'de, T: Deserialize<'de>>(
    line: &'de [u8],
    own: &[&str],
    example: &str,
) -> Result<(T, Aside<'de>), Invalid> {
    read(line, own).map_err(|error| {
        // The position that serde adds counts lines within this one line.
        let text = error.to_string();
        let mut words = plain(text.split(" at line ").next().unwrap_or_default());
        if words.starts_with("unknown field ") {
            // It goes on with those that are known.
            words.extend(own.iter().map(|key| format!(", `{key}`")));
        }
        // A key that nobody knows is repeated, and may be anything.
        let words: String = words
            .chars()
            .map(|c| if c.is_control() { c.escape_debug().to_string() } else { c.to_string() })
            .collect();
        let at = error.column();
        Invalid::new(format!(
            "the line describes no request: {words} (column {at}); write one such as {example}"
        ))
    })
}

/// A time that a line gives in seconds under this name.
///
/// # Errors
/// That it is none.
pub fn read_seconds(name: &str, value: Option<f64>) -> Result<Option<Duration>, Invalid> {
    let time = |seconds| {
        Duration::try_from_secs_f64(seconds).map_err(|_| {
            Invalid::new(format!("the line's '{name}' is no time; write seconds, such as 2.5"))
        })
    };
    value.map(time).transpose()
}

/// What serde says is wrong, in JSON's words.
fn plain(words: &str) -> String {
    let kinds = words.strip_prefix("invalid type: ").and_then(|it| it.rsplit_once(", expected "));
    let Some((found, wanted)) = kinds else {
        return words.replacen("unknown variant", "unknown value", 1);
    };
    let found = match found {
        "sequence" => "an array",
        "map" => "an object",
        other => other,
    };
    format!("expected {wanted}, not {found}")
}

fn read<'de, T: Deserialize<'de>>(
    line: &'de [u8],
    own: &[&str],
) -> Result<(T, Aside<'de>), serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(line);
    let mut aside = Vec::new();
    let object = Object { own, aside: &mut aside, value: PhantomData };
    let value = reader.deserialize_map(object)?;
    reader.end()?;
    Ok((value, aside))
}

struct Object<'k, 'de, T> {
    own: &'k [&'k str],
    aside: &'k mut Aside<'de>,
    value: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<'_, 'de, T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        let rest = Rest { map, own: self.own, aside: self.aside };
        T::deserialize(MapAccessDeserializer::new(rest))
    }
}

/// The pairs that are not put aside.
struct Rest<'k, 'de, A> {
    map: A,
    own: &'k [&'k str],
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
                return seed.deserialize(key.into_deserializer()).map(Some);
            }
            let value = self.map.next_value::<&RawValue>()?;
            self.aside.push((key, value.get()));
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
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
        for (line, words) in [
            (
                r#"{"a":1,"b\n\u001b":2}"#,
                r"unknown field `b\n\u{1b}`, expected `a`, `own` (column 18)",
            ),
            (r#"{"a":"x"}"#, "expected u8, not string \"x\" (column 8)"),
            ("[1]", "expected an object, not an array (column 0)"),
        ] {
            let error = read_line::<Line>(line.as_bytes(), &["own"], "{\"a\":1}").unwrap_err();
            let expected =
                format!("the line describes no request: {words}; write one such as {{\"a\":1}}");
            assert_eq!(error.to_string(), expected);
        }
    }
}
