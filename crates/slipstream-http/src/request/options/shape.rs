//! The shapes of an option: what is stored of it, what represents it in a line of a batch, and what
//! may be shown of it.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_bytes::ByteBuf;
use slipstream_core::{Invalid, LEFT_OUT, Timeout, name_of_secret, read_seconds};

use super::value::{OptionValue, Redaction, ValueShape};
use crate::url::masked;

/// A shape of options.
pub(crate) trait Shape {
    type Stored: Default + PartialEq;
    type Json: Default;
    const VALUE: ValueShape;
    const REDACTION: Redaction;

    fn of_json(name: &str, json: Self::Json) -> Result<Self::Stored, Invalid>;

    /// Whether it holds a byte that would end it in C.
    fn holds_nul(_: &Self::Stored) -> bool {
        false
    }

    /// What is shown of a value that is not the default.
    fn shown(stored: &Self::Stored) -> String;

    /// The stored value, changed; nothing if that is no value for it.
    fn set(stored: Self::Stored, value: OptionValue) -> Option<Self::Stored>;
}

/// What is not stored.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Whether a value is allowed by its row.
pub(crate) fn passes<T: Default + PartialEq>(value: &T, is_good: fn(&T) -> bool) -> bool {
    is_default(value) || is_good(value)
}

/// The word that a setting is stored as.
fn word(setting: &impl Serialize) -> String {
    serde_json::to_string(setting).unwrap_or_default().trim_matches('"').to_owned()
}

fn of_word<T: DeserializeOwned>(word: String) -> Option<T> {
    serde_json::from_value(serde_json::Value::String(word)).ok()
}

/// What a shape takes, and how much of it is shown; without a type for JSON, JSON has what is stored.
macro_rules! takes {
    ($stored:ty, $value:expr, $redaction:ident) => {
        takes! { $stored => $stored, $value, $redaction }

        fn of_json(_: &str, json: Self::Json) -> Result<Self::Stored, Invalid> {
            Ok(json)
        }
    };
    ($stored:ty => $json:ty, $value:expr, $redaction:ident) => {
        type Stored = $stored;
        type Json = $json;
        const VALUE: ValueShape = $value;
        const REDACTION: Redaction = Redaction::$redaction;
    };
}

pub(crate) struct Flag;

impl Shape for Flag {
    takes! { bool, ValueShape::Flag, Shown }

    fn shown(stored: &bool) -> String {
        stored.to_string()
    }

    fn set(_: bool, value: OptionValue) -> Option<bool> {
        if let OptionValue::Flag(is) = value { Some(is) } else { None }
    }
}

/// Shapes of one text, which differ in what is shown.
macro_rules! texts {
    ($($(#[$doc:meta])* $shape:ident, $redaction:ident, $shown:expr;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $shape;

        impl Shape for $shape {
            takes! { Option<String>, ValueShape::Text, $redaction }

            fn holds_nul(stored: &Self::Stored) -> bool {
                stored.iter().any(|text| text.contains('\0'))
            }

            fn shown(stored: &Self::Stored) -> String {
                let shown: fn(&str) -> String = $shown;
                stored.as_deref().map(shown).unwrap_or_default()
            }

            fn set(_: Self::Stored, value: OptionValue) -> Option<Self::Stored> {
                if let OptionValue::Text(text) = value { Some(Some(text)) } else { None }
            }
        }
    )*};
}

texts! {
    Text, Shown, str::to_owned;
    Secret, Hidden, |_| LEFT_OUT.to_owned();
    Url, MaskedUrl, masked;
    SecretName, Shown, |name| name_of_secret(name).to_owned();
}

/// Shapes of several texts, which differ in what is shown.
macro_rules! lists {
    ($($shape:ident, $redaction:ident, $shown:expr;)*) => {$(
        pub(crate) struct $shape;

        impl Shape for $shape {
            takes! { Vec<String>, ValueShape::List, $redaction }

            fn holds_nul(stored: &Self::Stored) -> bool {
                stored.iter().any(|text| text.contains('\0'))
            }

            fn shown(stored: &Self::Stored) -> String {
                let shown: fn(&[String]) -> String = $shown;
                shown(stored)
            }

            fn set(mut stored: Self::Stored, value: OptionValue) -> Option<Self::Stored> {
                let OptionValue::Text(text) = value else { return None };
                stored.push(text);
                Some(stored)
            }
        }
    )*};
}

lists! {
    List, Shown, |all| all.join(" ");
    SecretList, Hidden, |_| LEFT_OUT.to_owned();
}

/// Cookies of hosts; that it is there says that the cookies of answers are taken, too.
pub(crate) struct Jar;

impl Shape for Jar {
    takes! { Option<Vec<String>>, ValueShape::List, Size }

    fn shown(stored: &Self::Stored) -> String {
        format!("{} cookies", stored.as_ref().map_or(0, Vec::len))
    }

    fn set(stored: Self::Stored, value: OptionValue) -> Option<Self::Stored> {
        List::set(stored.unwrap_or_default(), value).map(Some)
    }
}

/// Shapes of a PEM file's content, which differ in what is shown.
macro_rules! pems {
    ($($shape:ident, $redaction:ident, $shown:expr;)*) => {$(
        pub(crate) struct $shape;

        impl Shape for $shape {
            takes! { ByteBuf => Option<String>, ValueShape::Pem, $redaction }

            fn of_json(_: &str, json: Self::Json) -> Result<Self::Stored, Invalid> {
                Ok(ByteBuf::from(json.unwrap_or_default()))
            }

            fn shown(stored: &Self::Stored) -> String {
                let shown: fn(&[u8]) -> String = $shown;
                shown(stored)
            }

            fn set(_: Self::Stored, value: OptionValue) -> Option<Self::Stored> {
                if let OptionValue::Pem(pem) = value { Some(pem.into()) } else { None }
            }
        }
    )*};
}

pems! {
    Pem, Size, |pem| format!("{} bytes", pem.len());
    SecretPem, Hidden, |_| LEFT_OUT.to_owned();
}

pub(crate) struct Time;

impl Shape for Time {
    takes! { Option<Timeout> => Option<f64>, ValueShape::Time, Shown }

    fn of_json(name: &str, json: Self::Json) -> Result<Self::Stored, Invalid> {
        Ok(read_seconds(name, json)?.map(Timeout::from))
    }

    fn shown(stored: &Self::Stored) -> String {
        stored.map(|time| time.to_string()).unwrap_or_default()
    }

    fn set(_: Self::Stored, value: OptionValue) -> Option<Self::Stored> {
        if let OptionValue::Time(time) = value { Some(Some(time.into())) } else { None }
    }
}

pub(crate) struct Number;

impl Shape for Number {
    takes! { Option<u32>, ValueShape::Number, Shown }

    fn shown(stored: &Self::Stored) -> String {
        stored.map(|number| number.to_string()).unwrap_or_default()
    }

    fn set(_: Self::Stored, value: OptionValue) -> Option<Self::Stored> {
        if let OptionValue::Number(number) = value { Some(Some(number)) } else { None }
    }
}

/// What is stored as one of a few words.
pub(crate) trait Words: Serialize + DeserializeOwned + PartialEq {
    const WORDS: &'static [&'static str];
}

/// One of the words that `T` is stored as, or nothing.
pub(crate) struct Word<T>(PhantomData<T>);

impl<T: Words> Shape for Word<T> {
    takes! { Option<T>, ValueShape::Word(T::WORDS), Shown }

    fn shown(stored: &Self::Stored) -> String {
        stored.as_ref().map(word).unwrap_or_default()
    }

    fn set(_: Self::Stored, value: OptionValue) -> Option<Self::Stored> {
        if let OptionValue::Text(word) = value { of_word(word).map(Some) } else { None }
    }
}

/// The same, with one of the words as the default.
pub(crate) struct Choice<T>(PhantomData<T>);

impl<T: Words + Default> Shape for Choice<T> {
    takes! { T => Option<T>, ValueShape::Word(T::WORDS), Shown }

    fn of_json(_: &str, json: Self::Json) -> Result<Self::Stored, Invalid> {
        Ok(json.unwrap_or_default())
    }

    fn shown(stored: &Self::Stored) -> String {
        word(stored)
    }

    fn set(_: Self::Stored, value: OptionValue) -> Option<Self::Stored> {
        if let OptionValue::Text(word) = value { of_word(word) } else { None }
    }
}
