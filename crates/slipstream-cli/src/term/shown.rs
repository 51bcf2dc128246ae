//! Any MessagePack as JSON, field by field, unchanged.
//!
//! # Invariants
//! - Nothing is lost but what JSON has no word for (a number such as NaN).
//! - Bytes are text when they are UTF-8, else `{"base64": …}`.
//! - An extension is its type and its bytes.
//! - Depth is bounded, and no length is believed before its bytes are there.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// As deep as a request's body may nest.
const DEPTH: usize = 64;

/// A value that can be shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shown {
    Null,
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Shown>),
    Map(Vec<(Shown, Shown)>),
}

impl Shown {
    /// The one value that these bytes are; none if they are not one, or something is behind it.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let mut reader = rmp_serde::Deserializer::new(&mut rest);
        reader.set_max_depth(DEPTH);
        let shown = Self::deserialize(&mut reader).ok()?;
        rest.is_empty().then_some(shown)
    }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => to.serialize_unit(),
            Self::Bool(value) => to.serialize_bool(*value),
            Self::Signed(value) => to.serialize_i64(*value),
            Self::Unsigned(value) => to.serialize_u64(*value),
            Self::Float(value) => to.serialize_f64(*value),
            Self::Text(value) => to.serialize_str(value),
            Self::Bytes(value) => match std::str::from_utf8(value) {
                Ok(text) => to.serialize_str(text),
                Err(_) => {
                    let mut map = to.serialize_map(Some(1))?;
                    map.serialize_entry("base64", &STANDARD.encode(value))?;
                    map.end()
                }
            },
            Self::List(values) => to.collect_seq(values),
            Self::Map(pairs) => to.collect_map(pairs.iter().map(|(key, value)| (name(key), value))),
        }
    }
}

/// A key as JSON has them: text, or the JSON text of what is not a text.
fn name(key: &Shown) -> String {
    match key {
        Shown::Text(text) => text.clone(),
        other => serde_json::to_string(other).unwrap_or_default(),
    }
}

impl<'de> Deserialize<'de> for Shown {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Shown;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Shown, E> {
        Ok(Shown::Null)
    }

    fn visit_none<E>(self) -> Result<Shown, E> {
        Ok(Shown::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Shown, D::Error> {
        Shown::deserialize(from)
    }

    /// An extension.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<Shown, D::Error> {
        Shown::deserialize(from)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Shown, E> {
        Ok(Shown::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Shown, E> {
        Ok(Shown::Signed(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Shown, E> {
        Ok(Shown::Unsigned(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Shown, E> {
        Ok(Shown::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Shown, E> {
        Ok(Shown::Text(value.to_owned()))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Shown, E> {
        Ok(Shown::Bytes(value.to_vec()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Shown, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = from.next_element()? {
            values.push(value);
        }
        Ok(Shown::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Shown, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = from.next_entry()? {
            pairs.push(pair);
        }
        Ok(Shown::Map(pairs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sort_of_value_has_its_json() {
        let table: &[(&[u8], &str)] = &[
            (b"\xc0", "null"),
            (b"\xc3", "true"),
            (b"\xff", "-1"),
            (b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615"),
            (b"\xcb\x3f\xf8\0\0\0\0\0\0", "1.5"),
            (b"\xa2hi", "\"hi\""),
            (b"\xa1\xff", r#"{"base64":"/w=="}"#),
            (b"\xc4\x02hi", "\"hi\""),
            (b"\xc4\x02\xff\xfe", r#"{"base64":"//4="}"#),
            (b"\x92\x01\x91\xc0", "[1,[null]]"),
            (b"\x83\xa1z\x01\xa1a\x02\x07\x03", r#"{"z":1,"a":2,"7":3}"#),
            (b"\xd4\x05\xff", r#"[5,{"base64":"/w=="}]"#),
        ];
        for (bytes, json) in table {
            let shown = Shown::of(bytes).unwrap_or_else(|| panic!("{bytes:x?}"));
            assert_eq!(serde_json::to_string(&shown).unwrap(), *json);
        }
    }

    #[test]
    fn what_is_no_value_or_more_than_one_or_too_deep_is_none() {
        let endless = [0x91; 1_000_000];
        let deep = [&[0x91; 100][..], b"\xc0"].concat();
        let claim = b"\xdd\xff\xff\xff\xff\x01";
        for bytes in [&b""[..], b"\xc1", b"\x01\x02", b"\xc4\xff", claim, &endless, &deep] {
            assert_eq!(Shown::of(bytes), None);
        }
    }
}
