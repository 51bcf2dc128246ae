//! A value that is given to a statement in place of one of its question marks.
//!
//! # Invariants
//! - What is stored reads back as the same value.
//! - `Debug` shows its type alone: values are what requests carry, and may be secrets.
//!
//! # Non-goals
//! Dates and decimals. The server reads both from text.

use std::fmt;

use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use slipstream_core::{Invalid, quoted};

/// A typed value.
#[derive(Clone, PartialEq)]
pub enum Param {
    /// NULL.
    Null,
    /// A truth value; to the server 1 or 0.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number that may be too large for [`Param::Int`]; a number that is not reads back as
    /// that.
    UInt(u64),
    /// A floating-point number.
    Float(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// JSON, as the text that it is written in.
    Json(String),
}

impl Param {
    /// JSON, which must be some.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn json(text: impl Into<String>) -> Result<Self, Invalid> {
        let text = text.into();
        match serde_json::from_str::<de::IgnoredAny>(&text) {
            Ok(_) => Ok(Self::Json(text)),
            Err(error) => Err(Invalid::new(format!(
                "invalid json of a parameter ({error}); expected a value such as {{\"n\":1}}"
            ))),
        }
    }

    /// A value from its text: `null`, `int:5`, `uint:5`, `float:1.5`, `bool:true`, `json:[1]`,
    /// `base64:AP8=`, `text:…`. Anything else is text as it is.
    ///
    /// # Errors
    /// When what follows the type is not a value of that type.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text == "null" {
            return Ok(Self::Null);
        }
        let Some((kind, value)) = text.split_once(':') else {
            return Ok(text.into());
        };
        // The value is not shown: it may be a secret.
        let wrong = |what: &str, example: &str| {
            Invalid::new(format!(
                "a parameter that begins with {} is {what}; write one such as {example}, or text:{kind}:… for text",
                quoted(&format!("{kind}:"))
            ))
        };
        match kind {
            "null" if value.is_empty() => Ok(Self::Null),
            "null" => Err(wrong("nothing else", "null:")),
            "int" => value
                .parse()
                .map(Self::Int)
                .map_err(|_| wrong("a whole number of 64 bits", "int:-5")),
            "uint" => {
                let number = value.parse::<u64>();
                number.map(Self::from).map_err(|_| wrong("a whole number from 0", "uint:5"))
            }
            "float" => {
                let number = value.parse().ok().filter(|number: &f64| number.is_finite());
                number.map(Self::Float).ok_or_else(|| wrong("a number", "float:1.5"))
            }
            "bool" => match value {
                "true" | "1" => Ok(Self::Bool(true)),
                "false" | "0" => Ok(Self::Bool(false)),
                _ => Err(wrong("true or false", "bool:true")),
            },
            "json" => Self::json(value),
            "base64" => from_base64(value).map(Self::Bytes),
            "text" => Ok(value.into()),
            _ => Ok(text.into()),
        }
    }

    /// The type's name, and for text and bytes their size: what may be shown of it.
    pub fn masked(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(_) => "bool".to_owned(),
            Self::Int(_) => "int".to_owned(),
            Self::UInt(_) => "uint".to_owned(),
            Self::Float(_) => "float".to_owned(),
            Self::Text(text) => format!("text of {} bytes", text.len()),
            Self::Bytes(bytes) => format!("{} bytes", bytes.len()),
            Self::Json(text) => format!("json of {} bytes", text.len()),
        }
    }

    /// Refuses what no server takes.
    pub(crate) fn check(&self) -> Result<(), Invalid> {
        match self {
            Self::Float(number) if !number.is_finite() => Err(Invalid::new(
                "a parameter is infinite or not a number, and the server has no such value; give null instead",
            )),
            Self::Json(text) => Self::json(text.as_str()).map(drop),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Param {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

impl From<&str> for Param {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Param {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<u8>> for Param {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<bool> for Param {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<i32> for Param {
    fn from(number: i32) -> Self {
        Self::Int(number.into())
    }
}

impl From<i64> for Param {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<u64> for Param {
    fn from(number: u64) -> Self {
        i64::try_from(number).map_or(Self::UInt(number), Self::Int)
    }
}

impl From<f64> for Param {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl<T: Into<Self>> From<Option<T>> for Param {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// As MessagePack's own types; JSON as a map of `json` to its text.
impl Serialize for Param {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(truth) => serializer.serialize_bool(*truth),
            Self::Int(number) => serializer.serialize_i64(*number),
            Self::UInt(number) => serializer.serialize_u64(*number),
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Self::Json(text) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("json", text)?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Param {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Stored)
    }
}

struct Stored;

impl<'de> Visitor<'de> for Stored {
    type Value = Param;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a parameter")
    }

    fn visit_unit<E>(self) -> Result<Param, E> {
        Ok(Param::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Param, E> {
        Ok(Param::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Param, E> {
        Ok(Param::Int(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Param, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Param, E> {
        Ok(Param::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Param, E> {
        Ok(text.into())
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Param, E> {
        Ok(bytes.to_vec().into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Param, A::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<String>()? {
            if key == "json" {
                found = Some(Param::Json(map.next_value()?));
            } else {
                map.next_value::<de::IgnoredAny>()?;
            }
        }
        found.ok_or_else(|| de::Error::missing_field("json"))
    }
}

/// Bytes from their base64. The error does not show it.
pub(crate) fn from_base64(text: &str) -> Result<Vec<u8>, Invalid> {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    STANDARD.decode(text).map_err(|_| {
        Invalid::new("invalid base64 of a parameter; expected the usual alphabet, with padding")
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_parameter_is_read_by_its_type_and_is_text_without_one() {
        let table = [
            ("null", Param::Null),
            ("null:", Param::Null),
            ("int:-5", Param::Int(-5)),
            ("uint:5", Param::Int(5)),
            ("uint:18446744073709551615", Param::UInt(u64::MAX)),
            ("float:1.5", Param::Float(1.5)),
            ("bool:true", Param::Bool(true)),
            ("bool:0", Param::Bool(false)),
            ("json:{\"a\": [1]}", Param::Json("{\"a\": [1]}".into())),
            ("base64:AP8=", Param::Bytes(vec![0, 255])),
            ("text:int:5", "int:5".into()),
            ("text:", "".into()),
            ("", "".into()),
            ("5", "5".into()),
            ("http://example.com/", "http://example.com/".into()),
        ];
        for (text, value) in table {
            assert_eq!(Param::parse(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn a_parameter_that_is_not_of_its_type_is_refused_without_being_shown() {
        for text in [
            "int:sesame",
            "uint:-777",
            "float:NaN",
            "float:inf",
            "bool:sesame",
            "json:{sesame",
            "base64:sesame!",
            "null:sesame",
        ] {
            let error = Param::parse(text).unwrap_err().to_string();
            assert!(!error.contains("sesame") && !error.contains("777"), "{error}");
        }
    }

    #[test]
    fn the_value_is_not_in_what_is_shown() {
        let params = [Param::from("sesame"), b"sesame".to_vec().into(), Param::Int(777)];
        let shown = format!("{params:?}");
        assert_eq!(shown, "[text of 6 bytes, 6 bytes, int]");
    }

    fn any_param() -> impl Strategy<Value = Param> {
        prop_oneof![
            Just(Param::Null),
            any::<bool>().prop_map(Param::from),
            any::<i64>().prop_map(Param::from),
            any::<u64>().prop_map(Param::from),
            any::<f64>().prop_filter("a number", |n| n.is_finite()).prop_map(Param::from),
            ".*".prop_map(Param::Text),
            any::<Vec<u8>>().prop_map(Param::from),
            Just(Param::Json("{\"a\":[1,null]}".into())),
        ]
    }

    proptest! {
        #[test]
        fn a_stored_parameter_reads_back(param in any_param()) {
            let bytes = rmp_serde::to_vec_named(&param).unwrap();
            prop_assert_eq!(rmp_serde::from_slice::<Param>(&bytes).unwrap(), param);
        }
    }
}
