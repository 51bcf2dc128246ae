//! When a request may be tried, how often, and after which others.
//!
//! Terms belong to any kind of request, so they stand in the envelope, and all of them are
//! optional: a request without terms is tried at once, by the worker's own policy, beside
//! any other.
//!
//! # Non-goals
//! Durations that count from now. The storing program knows the time; what is stored says the same
//! whenever it is read.

use std::time::Duration;

use crate::{Invalid, Policy, Timestamp};

/// Longest key, in bytes.
const KEY_MAX: usize = 255;

/// On which terms a request is delivered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Terms {
    /// It is not tried before.
    pub not_before: Option<Timestamp>,
    /// It is not tried after this: it has expired then, and is counted as such.
    pub expires: Option<Timestamp>,
    /// Requests with the same order key are delivered one after another, in the order stored.
    /// One that is given up does not hold up those behind it.
    pub order: Option<String>,
    /// It is not stored at all if another one with the same key was, a moment ago.
    pub dedupe: Option<Dedupe>,
    /// What differs from the worker's own policy, as [`Policy::amended`] reads it.
    pub retry: Option<String>,
}

/// What makes a request a repeat of an earlier one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dedupe {
    /// Requests with the same key are repeats,
    pub key: String,
    /// if they are stored within this time.
    pub window: Duration,
}

impl Terms {
    /// Refuses what can never be kept.
    ///
    /// # Errors
    /// What is wrong, in words for the program's user.
    pub fn check(&self) -> Result<(), Invalid> {
        if let (Some(start), Some(end)) = (self.not_before, self.expires)
            && end <= start
        {
            return Err(Invalid::new(
                "the request expires before it may be sent; let it live longer, or send it earlier",
            ));
        }
        let dedupe = self.dedupe.as_ref().map(|dedupe| &dedupe.key);
        for (key, name) in [(self.order.as_ref(), "order"), (dedupe, "dedupe")] {
            let Some(key) = key else { continue };
            if key.is_empty() || key.len() > KEY_MAX {
                return Err(Invalid::new(format!(
                    "invalid {name} key of {} bytes; expected 1 to {KEY_MAX} (store a hash of a longer one)",
                    key.len()
                )));
            }
        }
        if let Some(text) = &self.retry {
            Policy::default().amended(text)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_that_can_never_be_kept_are_refused() {
        let at = Timestamp::from_millis;
        let key = |key: &str| Some(key.to_owned());
        let table = [
            (Terms::default(), None),
            (Terms { not_before: Some(at(2)), ..Terms::default() }, None),
            (Terms { not_before: Some(at(1)), expires: Some(at(2)), ..Terms::default() }, None),
            (
                Terms { not_before: Some(at(2)), expires: Some(at(2)), ..Terms::default() },
                Some("expires before it may be sent"),
            ),
            (Terms { order: key("customer-17"), ..Terms::default() }, None),
            (Terms { order: key(""), ..Terms::default() }, Some("invalid order key of 0 bytes")),
            (Terms { order: key(&"x".repeat(256)), ..Terms::default() }, Some("256 bytes")),
            (
                Terms {
                    dedupe: Some(Dedupe { key: String::new(), window: Duration::ZERO }),
                    ..Terms::default()
                },
                Some("invalid dedupe key"),
            ),
            (Terms { retry: key("attempts=5,every=1h"), ..Terms::default() }, None),
            (Terms { retry: key("attempts=many"), ..Terms::default() }, Some("attempts")),
        ];
        for (terms, expected) in table {
            let words = terms.check().err().map(|error| error.to_string());
            match expected {
                None => assert_eq!(words, None, "{terms:?}"),
                Some(part) => {
                    assert!(
                        words.clone().is_some_and(|w| w.contains(part)),
                        "{terms:?}: {words:?}"
                    );
                }
            }
        }
    }
}
