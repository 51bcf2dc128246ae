//! A stored request with its envelope, as bytes.
//!
//! Two MessagePack values, one behind the other: the envelope, a map that any kind of
//! request has, and the body, which only the kind's own driver understands. Maps carry
//! field names, unknown fields are ignored, and absent ones have defaults: so older
//! and newer programs, in any language, read each other's records.

use std::borrow::Cow;
use std::error::Error;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::invalid::Invalid;
use crate::request::Request;
use crate::request::delivery_options::{Dedupe, DeliveryOptions};
use crate::request::destination::Destination;
use crate::request::id::RecordId;

/// What is stored for one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its name from now on. It also holds when the request was stored.
    pub id: RecordId,
    /// Which kind of request the body is.
    pub kind: String,
    /// Its destination.
    pub destination: Destination,
    /// When and how often it may be tried.
    pub options: DeliveryOptions,
    /// The request in MessagePack.
    pub body: Vec<u8>,
}

/// A payload that is not a record.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The envelope is not what an envelope is.
    #[error("the envelope cannot be read")]
    Envelope(#[source] rmp_serde::decode::Error),
    /// The body is not a request of the kind that was asked for.
    #[error("invalid body of kind '{kind}'")]
    Body {
        /// The kind asked for.
        kind: &'static str,
        /// What serde makes of it.
        #[source]
        source: rmp_serde::decode::Error,
    },
    /// The record is of another kind than was asked for.
    #[error("the request is of kind '{found}', not '{wanted}'")]
    Kind {
        /// The record's kind.
        found: String,
        /// The kind asked for.
        wanted: &'static str,
    },
}

/// The envelope as it is written: field names are part of the format.
#[derive(Serialize, Deserialize)]
struct Envelope<'a> {
    #[serde(with = "serde_bytes")]
    id: [u8; 16],
    kind: Cow<'a, str>,
    to: Cow<'a, str>,
    /// Milliseconds since 1970, as all times here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    once: Option<Once<'a>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry: Option<Cow<'a, str>>,
}

/// A dedupe key, and its window in milliseconds.
#[derive(Serialize, Deserialize)]
struct Once<'a> {
    key: Cow<'a, str>,
    window: u64,
}

/// The head of a record, borrowed from its bytes, for looking at many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head<'a> {
    /// Its name, which also holds when it was stored.
    pub id: RecordId,
    /// Its destination.
    pub destination: &'a str,
}

/// The fields of an envelope that a [`Head`] needs. Others are ignored.
#[derive(Deserialize)]
struct HeadFields<'a> {
    #[serde(with = "serde_bytes")]
    id: [u8; 16],
    to: &'a str,
}

/// How deep an envelope may nest: a map of plain values, and room for what later versions
/// add. A stack must not follow a hostile length.
const ENVELOPE_DEPTH: usize = 8;

/// How deep a body may nest.
const BODY_DEPTH: usize = 64;

impl Record {
    /// A record of this request.
    ///
    /// # Errors
    /// When the request can never be delivered as it is, or serde cannot write it.
    pub fn new<R: Request>(request: &R, id: RecordId) -> Result<Self, Invalid> {
        request.check()?;
        let body = rmp_serde::to_vec_named(request)
            .map_err(|error| Invalid::new(format!("the request cannot be written: {error}")))?;
        let (kind, destination) = (R::KIND.to_owned(), request.destination());
        Ok(Self { id, kind, destination, options: DeliveryOptions::default(), body })
    }

    /// The same with these options.
    ///
    /// # Errors
    /// When they can never be kept.
    pub fn with_options(self, options: DeliveryOptions) -> Result<Self, Invalid> {
        options.check()?;
        Ok(Self { options, ..self })
    }

    /// Its bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64 + self.destination.as_str().len() + self.body.len());
        self.encode_to(&mut bytes);
        bytes
    }

    /// Adds its bytes to a buffer.
    pub fn encode_to(&self, bytes: &mut Vec<u8>) {
        let envelope = Envelope {
            id: *self.id.as_bytes(),
            kind: Cow::Borrowed(&self.kind),
            to: Cow::Borrowed(self.destination.as_str()),
            after: self.options.not_before.map(Timestamp::as_millis),
            until: self.options.expires.map(Timestamp::as_millis),
            order: self.options.order.as_deref().map(Cow::Borrowed),
            once: self.options.dedupe.as_ref().map(|Dedupe { key, window }| Once {
                key: Cow::Borrowed(key),
                window: u64::try_from(window.as_millis()).unwrap_or(u64::MAX),
            }),
            retry: self.options.retry.as_deref().map(Cow::Borrowed),
        };
        rmp_serde::encode::write_named(bytes, &envelope)
            .expect("an envelope is bytes and text, written to memory");
        bytes.extend_from_slice(&self.body);
    }

    /// The record that these bytes hold.
    ///
    /// # Errors
    /// [`DecodeError::Envelope`]. The body is not looked at.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut rest = bytes;
        let mut reader = rmp_serde::Deserializer::new(&mut rest);
        reader.set_max_depth(ENVELOPE_DEPTH);
        let envelope = Envelope::deserialize(&mut reader).map_err(DecodeError::Envelope)?;
        Ok(Self {
            id: RecordId::from_bytes(envelope.id),
            kind: envelope.kind.into_owned(),
            destination: Destination::new(envelope.to),
            options: DeliveryOptions {
                not_before: envelope.after.map(Timestamp::from_millis),
                expires: envelope.until.map(Timestamp::from_millis),
                order: envelope.order.map(Cow::into_owned),
                dedupe: envelope.once.map(|Once { key, window }| Dedupe {
                    key: key.into_owned(),
                    window: Duration::from_millis(window),
                }),
                retry: envelope.retry.map(Cow::into_owned),
            },
            body: rest.to_vec(),
        })
    }

    /// The head of the record that these bytes hold: costs no more for a large body.
    ///
    /// # Errors
    /// [`DecodeError::Envelope`].
    pub fn head(bytes: &[u8]) -> Result<Head<'_>, DecodeError> {
        let mut reader = rmp_serde::Deserializer::from_read_ref(bytes);
        reader.set_max_depth(ENVELOPE_DEPTH);
        let fields = HeadFields::deserialize(&mut reader).map_err(DecodeError::Envelope)?;
        Ok(Head { id: RecordId::from_bytes(fields.id), destination: fields.to })
    }

    /// The request that it holds.
    ///
    /// # Errors
    /// When it is of another kind, or its body does not read as that kind.
    pub fn request<R: Request>(&self) -> Result<R, DecodeError> {
        if self.kind != R::KIND {
            return Err(DecodeError::Kind { found: self.kind.clone(), wanted: R::KIND });
        }
        decode_body(&self.body)
    }
}

/// The request of kind `R` that a record's body holds.
///
/// # Errors
/// [`DecodeError::Body`] when it does not read as that kind.
pub fn decode_body<R: Request>(body: &[u8]) -> Result<R, DecodeError> {
    let mut reader = rmp_serde::Deserializer::from_read_ref(body);
    reader.set_max_depth(BODY_DEPTH);
    R::deserialize(&mut reader).map_err(|source| DecodeError::Body { kind: R::KIND, source })
}

/// The destination of the request of kind `R` that a record's body holds.
///
/// # Errors
/// When it does not read as that kind.
pub fn destination_of<R: Request>(body: &[u8]) -> Result<Destination, Invalid> {
    match decode_body::<R>(body) {
        Ok(request) => Ok(request.destination()),
        Err(error) => {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            Err(Invalid::new(format!("{error}{cause}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(kind: &str, body: &[u8]) -> Record {
        Record {
            id: RecordId::from_bytes([9; 16]),
            kind: kind.into(),
            destination: Destination::new("beep://speaker"),
            options: DeliveryOptions::default(),
            body: body.to_vec(),
        }
    }

    #[test]
    fn an_envelope_with_fields_from_a_later_version_still_reads() {
        #[derive(Serialize)]
        struct Later<'a> {
            id: &'a serde_bytes::Bytes,
            priority: Vec<u8>,
            kind: &'a str,
            to: &'a str,
        }
        let later = Later {
            id: serde_bytes::Bytes::new(&[9; 16]),
            priority: vec![1, 2, 3],
            kind: "beep",
            to: "beep://speaker",
        };
        let mut bytes = rmp_serde::to_vec_named(&later).unwrap();
        bytes.extend_from_slice(b"body");
        assert_eq!(Record::decode(&bytes).unwrap(), record("beep", b"body"));
        assert_eq!(Record::head(&bytes).unwrap().destination, "beep://speaker");
    }

    #[test]
    fn a_request_without_terms_takes_no_more_bytes_than_before_there_were_any() {
        let bytes = record("beep", b"").encode();
        assert_eq!(bytes[0], 0x83, "a map of id, kind and to");
    }

    #[test]
    fn a_deeply_nested_envelope_is_refused_without_using_the_stack() {
        // {"x": [[[[…: an unknown field is ignored, but not to any depth.
        let mut bytes = vec![0x81, 0xa1, b'x'];
        bytes.extend(std::iter::repeat_n(0x91, 1_000_000));
        assert!(Record::decode(&bytes).is_err());
    }

    #[test]
    fn a_length_that_the_bytes_do_not_hold_is_an_error() {
        // {"id": bin of 4 GiB}
        let bytes = [0x81, 0xa2, b'i', b'd', 0xc6, 0xff, 0xff, 0xff, 0xff];
        assert!(Record::decode(&bytes).is_err());
    }

    proptest! {
        #[test]
        fn a_record_reads_back(kind in ".{0,9}", body: Vec<u8>) {
            let record = record(&kind, &body);
            let bytes = record.encode();
            let head = Head { id: record.id, destination: record.destination.as_str() };
            prop_assert_eq!(Record::head(&bytes).unwrap(), head);
            prop_assert_eq!(Record::decode(&bytes).unwrap(), record);
        }

        #[test]
        fn its_terms_read_back(
            times: [Option<u64>; 2], order in proptest::option::of(".{1,9}"),
            once in proptest::option::of((".{1,9}", any::<u64>())),
            retry in proptest::option::of("attempts=[1-9]"),
        ) {
            let options = DeliveryOptions {
                not_before: times[0].map(Timestamp::from_millis),
                expires: times[1].map(Timestamp::from_millis),
                order,
                dedupe: once.map(|(key, window)| {
                    Dedupe { key, window: Duration::from_millis(window) }
                }),
                retry,
            };
            let record = Record { options, ..record("beep", b"body") };
            prop_assert_eq!(Record::decode(&record.encode()).unwrap(), record);
        }

        #[test]
        fn any_bytes_are_a_record_or_an_error(bytes: Vec<u8>) {
            let _ = (Record::decode(&bytes), Record::head(&bytes));
        }
    }
}
