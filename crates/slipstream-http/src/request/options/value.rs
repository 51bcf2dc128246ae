//! What a row of the table says of an option's value, as data: what it is about, what it takes, what is
//! shown of it.

use std::time::Duration;

/// What an option is about: the order of lists for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Topic {
    /// What is in the head and how the body is sent.
    Message,
    /// The sender's credentials.
    Credentials,
    /// Cookies.
    Cookies,
    /// Redirects.
    Redirects,
    /// The version of HTTP, and what is asked of the answer.
    Answer,
    /// The proxy.
    Proxy,
    /// Where the connection goes.
    Address,
    /// Certificates, keys and what they are checked for.
    Tls,
    /// Time-outs.
    Time,
}

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
