//! The shapes of an option: what is stored of it, what stands for it in a line of a batch, and what
//! may be shown of it.

use std::marker::PhantomData;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_bytes::ByteBuf;
use slipstream_core::{Invalid, read_seconds};

use crate::url::masked;

/// What is shown in place of a secret.
const LEFT_OUT: &str = "***";

/// What an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ValueShape {
    /// Nothing: it is set, or not.
    Flag,
    /// A text.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Texts, one for each time that it is given.
    List,
    /// The content of a PEM file.
    Pem,
    /// A time: seconds in a batch, milliseconds as stored.
    Time,
    /// A whole number.
    Number,
}

/// How much of an option listings show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Redaction {
    /// All of it.
    Shown,
    /// That it is set.
    Hidden,
    /// A URL without user, password and the values of its query.
    MaskedUrl,
    /// How large it is.
    Size,
}

/// A value for an option that is set by its row.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptionValue {
    /// For [`ValueShape::Flag`].
    Flag(bool),
    /// For [`ValueShape::Text`] and [`ValueShape::Word`]; one more of a [`ValueShape::List`].
    Text(String),
    /// For [`ValueShape::Pem`].
    Pem(Vec<u8>),
    /// For [`ValueShape::Time`].
    Time(Duration),
    /// For [`ValueShape::Number`].
    Number(u32),
}

pub(crate) trait Shape {
    type Stored: Default + PartialEq;
    type Json: Default;
    const VALUE: ValueShape;
    const REDACTION: Redaction;

    fn of_json(name: &str, json: Self::Json) -> Result<Self::Stored, Invalid>;

    /// What is shown of a value that is not the default.
    fn shown(stored: &Self::Stored) -> String;

    /// The stored value, changed; nothing if that is no value for it.
    fn set(stored: Self::Stored, value: OptionValue) -> Option<Self::Stored>;
}

/// Times beyond what a `u64` of milliseconds holds are refused by the check all the same.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The word that a setting is stored as.
fn word(setting: &impl Serialize) -> String {
    serde_json::to_string(setting).unwrap_or_default().trim_matches('"').to_owned()
}

fn of_word<T: DeserializeOwned>(word: String) -> Option<T> {
    serde_json::from_value(serde_json::Value::String(word)).ok()
}

pub(crate) struct Flag;

impl Shape for Flag {
    type Stored = bool;
    type Json = bool;
    const VALUE: ValueShape = ValueShape::Flag;
    const REDACTION: Redaction = Redaction::Shown;

    fn of_json(_: &str, json: bool) -> Result<bool, Invalid> {
        Ok(json)
    }

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
            type Stored = Option<String>;
            type Json = Option<String>;
            const VALUE: ValueShape = ValueShape::Text;
            const REDACTION: Redaction = Redaction::$redaction;

            fn of_json(_: &str, json: Self::Json) -> Result<Self::Stored, Invalid> {
                Ok(json)
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
    /// Names the place of a secret. What does not was taken for the place of the secret itself.
    SecretName, Shown, |name| {
        let is_name = name.starts_with("env:") || name.starts_with("file:");
        if is_name { name } else { LEFT_OUT }.to_owned()
    };
}

/// Shapes of several texts, which differ in what is shown.
macro_rules! lists {
    ($($shape:ident, $redaction:ident, $shown:expr;)*) => {$(
        pub(crate) struct $shape;

        impl Shape for $shape {
            type Stored = Vec<String>;
            type Json = Vec<String>;
            const VALUE: ValueShape = ValueShape::List;
            const REDACTION: Redaction = Redaction::$redaction;

            fn of_json(_: &str, json: Self::Json) -> Result<Self::Stored, Invalid> {
                Ok(json)
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

/// Cookies of hosts; that it is there says that those of answers are taken, too.
pub(crate) struct Jar;

impl Shape for Jar {
    type Stored = Option<Vec<String>>;
    type Json = Option<Vec<String>>;
    const VALUE: ValueShape = ValueShape::List;
    const REDACTION: Redaction = Redaction::Size;

    fn of_json(_: &str, json: Self::Json) -> Result<Self::Stored, Invalid> {
        Ok(json)
    }

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
            type Stored = ByteBuf;
            type Json = Option<String>;
            const VALUE: ValueShape = ValueShape::Pem;
            const REDACTION: Redaction = Redaction::$redaction;

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

/// In milliseconds.
pub(crate) struct Time;

impl Shape for Time {
    type Stored = Option<u64>;
    type Json = Option<f64>;
    const VALUE: ValueShape = ValueShape::Time;
    const REDACTION: Redaction = Redaction::Shown;

    fn of_json(name: &str, json: Self::Json) -> Result<Self::Stored, Invalid> {
        Ok(read_seconds(name, json)?.map(millis))
    }

    fn shown(stored: &Self::Stored) -> String {
        stored.map(|ms| format!("{:?}", Duration::from_millis(ms))).unwrap_or_default()
    }

    fn set(_: Self::Stored, value: OptionValue) -> Option<Self::Stored> {
        if let OptionValue::Time(time) = value { Some(Some(millis(time))) } else { None }
    }
}

pub(crate) struct Number;

impl Shape for Number {
    type Stored = Option<u32>;
    type Json = Option<u32>;
    const VALUE: ValueShape = ValueShape::Number;
    const REDACTION: Redaction = Redaction::Shown;

    fn of_json(_: &str, json: Self::Json) -> Result<Self::Stored, Invalid> {
        Ok(json)
    }

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
    type Stored = Option<T>;
    type Json = Option<T>;
    const VALUE: ValueShape = ValueShape::Word(T::WORDS);
    const REDACTION: Redaction = Redaction::Shown;

    fn of_json(_: &str, json: Self::Json) -> Result<Self::Stored, Invalid> {
        Ok(json)
    }

    fn shown(stored: &Self::Stored) -> String {
        stored.as_ref().map(word).unwrap_or_default()
    }

    fn set(_: Self::Stored, value: OptionValue) -> Option<Self::Stored> {
        if let OptionValue::Text(word) = value { of_word(word).map(Some) } else { None }
    }
}

/// The same, one of which is the default.
pub(crate) struct Choice<T>(PhantomData<T>);

impl<T: Words + Default> Shape for Choice<T> {
    type Stored = T;
    type Json = Option<T>;
    const VALUE: ValueShape = ValueShape::Word(T::WORDS);
    const REDACTION: Redaction = Redaction::Shown;

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
